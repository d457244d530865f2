"""Feeders at fault, as the estimate has them: told as a fault begins and as it ends."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from stream.frames import EstimateFrame

# Design values: between the two whoever is told of stays told of.
_BEGINS_BELOW: Final = 0.7
_ENDS_ABOVE: Final = 0.85
_SURELY_SD: Final = 2.0


@dataclass(frozen=True, slots=True)
class FeederTold:
    """What an event `feeder_at_fault` says of a cell.

    Attributes:
        active: whether it lasts.
        share_pct: of the alumina asked for, how much is believed to arrive.
    """

    cell: int
    active: bool
    share_pct: int


def tell_feeders(
    estimate: EstimateFrame, told_before: Collection[int]
) -> tuple[list[FeederTold], tuple[int, ...]]:
    """Say which faults begin and which end with an estimate.

    A fault begins where the estimate is below 70 %, and below 85 % by two standard deviations; it
    ends above 85 %. An estimate that is no number changes nothing.

    Args:
        estimate: of a section.
        told_before: cells whose fault stands told, as the section's state has it.

    Returns:
        What to tell, and the cells whose fault stands told after it.
    """
    shares = estimate.values["feeder_efficiency"]
    sds = estimate.values["feeder_efficiency_sd"]
    news, standing = [], []
    for cell, share, sd in zip(estimate.cells, shares, sds, strict=True):
        was_told = cell in told_before
        begins = share < _BEGINS_BELOW and share + _SURELY_SD * sd < _ENDS_ABOVE
        stands = not share > _ENDS_ABOVE if was_told else bool(begins)
        if stands != was_told:
            news.append(FeederTold(cell, stands, round(100.0 * float(share))))
        if stands:
            standing.append(cell)
    return news, tuple(standing)
