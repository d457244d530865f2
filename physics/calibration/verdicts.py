"""What a fit may claim of each figure: how well this history tells it, and what it hides behind.

What the history says of a figure is what is left of its variance when its own prior is taken away
again; the priors of the others stay. A figure that is told no better than the plant file told it
beforehand is not identifiable from this history, whatever value the fit gives it.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physics.calibration.figures import FIGURES, Figure, read_figure
from physics.calibration.windows import STATES
from physics.design import PlantDesign

F64 = NDArray[np.float64]

TOLERANCE: Final = 0.05  # required: a figure is recovered within 5 %
NORMAL_95: Final = 1.959964  # of the normal distribution, both sides
THERMOCOUPLE: Final = "error of the thermocouple"
GAP: Final = "gap at the start"
_LINKED: Final = 0.3  # design value: correlation from which on a figure is told as a partner
_MOST: Final = 4  # partners are named
_NOTHING: Final = 1e-7  # of information, over the prior's


class Verdict(IntEnum):
    """What a history says of a figure."""

    IDENTIFIED = 0  # to within the tolerance, at 95 %
    NARROWED = 1  # better than was known before, not to within the tolerance
    NOT_IDENTIFIABLE = 2  # no better than was known before

    @property
    def words(self) -> str:
        """For a person."""
        return {
            Verdict.IDENTIFIED: "identified",
            Verdict.NARROWED: "narrowed only",
            Verdict.NOT_IDENTIFIABLE: "not identifiable from this history",
        }[self]


class FigureResult(NamedTuple):
    """What a fit says of one figure.

    Attributes:
        figure: which.
        before: value in the plant file.
        value: most likely, with history and plant file.
        low, high: 95 % interval, with history and plant file.
        history_share: half width of the 95 % interval by the history without the figure's own
            prior, as a share of the value; infinite where the history says nothing.
        verdict: on it.
        partners: what it can be exchanged for without this history noticing.
    """

    figure: Figure
    before: float
    value: float
    low: float
    high: float
    history_share: float
    verdict: Verdict
    partners: tuple[str, ...]


def judge_figures(
    design: PlantDesign, chosen: Sequence[Figure], common: F64, information: F64
) -> tuple[FigureResult, ...]:
    """Judge every figure that was fitted.

    Args:
        design: the plant file's.
        chosen: what was fitted.
        common: (P + 1,) figures and the thermocouple's error at the optimum, in prior sd.
        information: (P + 1 + N, P + 1 + N) from `measure_information`.

    Returns:
        One result for each, in the order of the table.
    """
    variance = np.diag(np.linalg.inv(information))
    # Of the first state only the gap stands for a figure; the others are told within hours.
    names = [*(f.key for f in FIGURES), THERMOCOUPLE] + [
        GAP if name == "acd_cm" else "" for name in STATES
    ]
    links = _correlate(information)
    results = []
    for at, figure in enumerate(FIGURES):
        if figure not in chosen:
            continue
        before = read_figure(design, figure)
        sd = figure.prior_sd * np.sqrt(variance[at])
        told = 1.0 / variance[at] - 1.0
        history_sd = figure.prior_sd / np.sqrt(told) if told > _NOTHING else np.inf
        half = NORMAL_95 * history_sd
        is_told = history_sd < figure.prior_sd
        verdict = (
            Verdict.NOT_IDENTIFIABLE
            if not is_told
            else Verdict.IDENTIFIED
            if half <= TOLERANCE
            else Verdict.NARROWED
        )
        ends = before * np.exp(
            figure.prior_sd * common[at] + NORMAL_95 * sd * np.array([-1.0, 1.0])
        )
        results.append(
            FigureResult(
                figure=figure,
                before=before,
                value=float(before * np.exp(figure.prior_sd * common[at])),
                low=float(ends.min()),
                high=float(ends.max()),
                history_share=float(half),
                verdict=verdict,
                partners=() if verdict is Verdict.IDENTIFIED else _partners(at, links, names),
            )
        )
    return tuple(results)


def _correlate(information: F64) -> F64:
    """How the history links the unknowns, when no prior keeps them apart: (U, U) correlations."""
    of_history, directions = np.linalg.eigh(information - np.eye(len(information)))
    covariance = (directions / np.maximum(of_history, _NOTHING)) @ directions.T
    sd = np.sqrt(np.diag(covariance))
    correlation: F64 = covariance / np.outer(sd, sd)
    return correlation


def _partners(at: int, links: F64, names: Sequence[str]) -> tuple[str, ...]:
    order = np.argsort(-np.abs(links[at]))
    return tuple(names[i] for i in order if i != at and names[i] and abs(links[at, i]) >= _LINKED)[
        :_MOST
    ]
