"""Divides a length into boxes that end on every edge and are finest where it matters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 400  # of the wanted width in each stretch, for its integral


class Stretch(NamedTuple):
    """A length of one make-up, and the fewest boxes that resolve it."""

    name: str
    length_m: float
    least: int


class Fineness(NamedTuple):
    """Wanted width of a box: the finest within a zone, growing with distance up to the widest."""

    zone_from_m: float
    zone_to_m: float
    finest_m: float
    growth: float  # of the width over the distance
    widest_m: float

    def density(self, at_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes over length."""
        away_m = np.maximum(np.maximum(self.zone_from_m - at_m, at_m - self.zone_to_m), 0.0)
        return 1.0 / np.minimum(self.finest_m + self.growth * away_m, self.widest_m)


def divide(
    stretches: Sequence[Stretch], fineness: Fineness, count: int, axis: str
) -> NDArray[np.float64]:
    """Divide stretches that lie one after another into boxes.

    Args:
        stretches: from 0 upwards.
        fineness: wanted widths, up to one common factor.
        count: of boxes in all.
        axis: its name, for the message.

    Returns:
        Widths, (count,), m; every stretch is a whole number of them.

    Raises:
        ValueError: `count` is too small for the stretches.
    """
    least = sum(stretch.least for stretch in stretches)
    if count < least:
        of_each: dict[str, int] = {}
        for stretch in stretches:
            of_each[stretch.name] = of_each.get(stretch.name, 0) + stretch.least
        needs = ", ".join(f"{boxes} for {name}" for name, boxes in of_each.items())
        raise ValueError(
            f"{count} boxes along {axis} do not resolve this cell, which needs {least}: {needs}. "
            f"Remedy: ask for {least} or more along {axis}"
        )
    edges = np.concatenate([[0.0], np.cumsum([stretch.length_m for stretch in stretches])])
    samples = [np.linspace(low, high, _SAMPLES) for low, high in pairwise(edges)]
    wanted = [_accumulate(fineness.density(at_m), at_m) for at_m in samples]
    counts = [stretch.least for stretch in stretches]
    for _ in range(count - least):
        # To whoever is worst off: the stretch whose boxes are too wide by the largest factor.
        too_wide = [sums[-1] / n for sums, n in zip(wanted, counts, strict=True)]
        counts[int(np.argmax(too_wide))] += 1
    widths = [
        np.diff(np.interp(np.linspace(0.0, sums[-1], n + 1), sums, at_m))
        for sums, at_m, n in zip(wanted, samples, counts, strict=True)
    ]
    return np.concatenate(widths)


def _accumulate(density: NDArray[np.float64], at_m: NDArray[np.float64]) -> NDArray[np.float64]:
    pieces = 0.5 * (density[1:] + density[:-1]) * np.diff(at_m)
    return np.concatenate([[0.0], np.cumsum(pieces)])
