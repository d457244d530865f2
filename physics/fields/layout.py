"""Where the parts of a quarter cell lie along x, y and z, from its geometry.

x runs across the cell from its centre line, y along it from its middle, z upwards from the bottom
of the shell.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physics.design import CellDesign
from physics.fields.grading import Fineness, Stretch, divide

_SAME_M: Final = 1e-6  # edges nearer than this are one edge
# Widths wanted at the finest place, their growth with the distance from it, and the widest: design
# values. The ledge takes the finest boxes across and along, the gap under the anodes upwards.
_ACROSS: Final = (0.012, 0.15, 0.12)
_ALONG: Final = (0.02, 0.15, 0.3)
_UPWARDS: Final = (0.012, 0.2, 0.1)


class Span(NamedTuple):
    """From where to where, m."""

    low_m: float
    high_m: float

    def holds(self, at_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of some places lie inside."""
        inside: NDArray[np.bool_] = (at_m > self.low_m) & (at_m < self.high_m)
        return inside


class Layout(NamedTuple):
    """Spans of the parts of a quarter cell, and the distances of its outer layers."""

    anode_x: Span
    anodes_y: tuple[Span, ...]  # from the middle outwards; the first may be half an anode
    half_width_m: float  # of the cavity, along x
    half_length_m: float  # of the cavity, along y
    toe_m: float
    side_wall_m: float
    shell_m: float
    # levels along z, upwards
    insulation_from_m: float
    refractory_from_m: float
    cathode_from_m: float
    metal_from_m: float
    bath_from_m: float
    anode_from_m: float
    crust_from_m: float
    anode_to_m: float
    top_m: float


def make_layout(cell: CellDesign) -> Layout:
    """Lay a cell out at its nominal gap.

    Raises:
        ValueError: an odd number of anodes, anodes that do not reach into the bath, or out of it.
    """
    geometry, lining, count = cell.geometry, cell.lining, cell.electrodes.anode_count
    acd_m = cell.nominal.acd_cm / 100.0
    if count < 2 or count % 2:
        raise ValueError(
            f"{count} anodes do not stand in two equal rows. Remedy: correct anode_count"
        )
    immersion_m = geometry.bath_height_m - acd_m
    if not 0.0 < immersion_m < geometry.anode_height_m:
        raise ValueError(
            f"bath of {geometry.bath_height_m} m and a gap of {acd_m} m wet {immersion_m:.3f} m of "
            f"anodes {geometry.anode_height_m} m high. Remedy: correct bath_height_m"
        )
    if geometry.end_channel_m(count) <= 0.0:
        raise ValueError(
            f"{count // 2} anodes in a row are longer than the cavity of "
            f"{geometry.cavity_length_m} m. Remedy: correct anode_width_m or cavity_length_m"
        )
    thicknesses = (
        lining.shell_m,
        lining.insulation_m,
        lining.refractory_m,
        lining.cathode_block_m,
        geometry.metal_height_m,
        acd_m,
        immersion_m,
        geometry.anode_height_m - immersion_m,
        geometry.anode_cover_m,
    )
    return Layout(
        anode_x=Span(
            0.5 * geometry.centre_channel_m,
            0.5 * geometry.centre_channel_m + geometry.anode_length_m,
        ),
        anodes_y=_place_anodes(count // 2, geometry.anode_width_m, geometry.anode_gap_m),
        half_width_m=0.5 * geometry.cavity_width_m,
        half_length_m=0.5 * geometry.cavity_length_m,
        toe_m=geometry.toe_m,
        side_wall_m=lining.side_wall_m,
        shell_m=lining.shell_m,
        **dict(zip(_LEVELS, np.cumsum(thicknesses).tolist(), strict=True)),
    )


_LEVELS: Final = (
    "insulation_from_m",
    "refractory_from_m",
    "cathode_from_m",
    "metal_from_m",
    "bath_from_m",
    "anode_from_m",
    "crust_from_m",
    "anode_to_m",
    "top_m",
)


def _place_anodes(in_a_row: int, width_m: float, gap_m: float) -> tuple[Span, ...]:
    pitch_m = width_m + gap_m
    first_m = 0.0 if in_a_row % 2 else 0.5 * pitch_m  # an odd row has one in the very middle
    centres_m = [first_m + place * pitch_m for place in range((in_a_row + 1) // 2)]
    return tuple(
        Span(max(0.0, centre - 0.5 * width_m), centre + 0.5 * width_m) for centre in centres_m
    )


def divide_across(layout: Layout, count: int) -> NDArray[np.float64]:
    """Widths along x, (count,), m."""
    half_m = layout.half_width_m
    parts = [
        ("the centre channel", layout.anode_x.low_m, 2),
        ("the anode", layout.anode_x.high_m, 4),
        ("the side channel", half_m, 5),
        ("the side wall", half_m + layout.side_wall_m, 2),
        ("the shell", half_m + layout.side_wall_m + layout.shell_m, 1),
    ]
    stretches = _stretch(parts, ("the toe", half_m - layout.toe_m, 1))
    return divide(stretches, Fineness(layout.anode_x.high_m, half_m, *_ACROSS), count, "x")


def divide_along(layout: Layout, count: int) -> NDArray[np.float64]:
    """Widths along y, (count,), m; one box is a slice as long as half a row's anodes together."""
    if count == 1:
        return np.array([sum(span.high_m - span.low_m for span in layout.anodes_y)])
    half_m = layout.half_length_m
    parts = []
    for span in layout.anodes_y:
        if span.low_m > 0.0:
            parts.append(("the gaps between anodes", span.low_m, 1))
        parts.append(("the anodes", span.high_m, 2 if span.low_m > 0.0 else 1))
    parts += [
        ("the end channel", half_m, 4),
        ("the end wall", half_m + layout.side_wall_m, 2),
        ("the shell", half_m + layout.side_wall_m + layout.shell_m, 1),
    ]
    stretches = _stretch(parts, ("the toe", half_m - layout.toe_m, 1))
    return divide(stretches, Fineness(layout.anodes_y[-1].high_m, half_m, *_ALONG), count, "y")


def divide_upwards(layout: Layout, count: int) -> NDArray[np.float64]:
    """Widths along z, (count,), m; the boxes of the gap add up to the anode-cathode distance."""
    parts = [
        ("the shell", layout.insulation_from_m, 1),
        ("the insulation", layout.refractory_from_m, 2),
        ("the refractory", layout.cathode_from_m, 1),
        ("the cathode", layout.metal_from_m, 3),
        ("the metal", layout.bath_from_m, 2),
        ("the gap", layout.anode_from_m, 3),
        ("the bath around the anodes", layout.crust_from_m, 2),
        ("the anodes above the bath", layout.anode_to_m, 2),
        ("the cover", layout.top_m, 2),
    ]
    fineness = Fineness(layout.bath_from_m, layout.anode_from_m, *_UPWARDS)
    return divide(_stretch(parts), fineness, count, "z")


def _stretch(
    parts: list[tuple[str, float, int]], cut: tuple[str, float, int] | None = None
) -> list[Stretch]:
    """Turn upper ends into lengths, in order; `cut` ends a part early, wherever it falls."""
    ends = list(parts)
    if cut is not None and all(abs(cut[1] - end) > _SAME_M for _, end, _ in parts):
        place = next(i for i, (_, end, _) in enumerate(ends) if end > cut[1])
        name, end, least = ends[place]
        ends[place : place + 1] = [(name, cut[1], max(1, least - cut[2])), (cut[0], end, cut[2])]
    stretches, low_m = [], 0.0
    for name, end, least in ends:
        stretches.append(Stretch(name, end - low_m, least))
        low_m = end
    return stretches
