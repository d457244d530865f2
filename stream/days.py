"""The slow half of the controller in a running line: days planned for the cells that are due.

What is planned stands until the next plan. Its addition of AlF3 is proposed with every decision, so
that a cell that comes to AUTO, or was held, gets it too; its gap is a floor for the fast half.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Final

import msgspec
import numpy as np

from control.day_desk import DayDesk, DayStanding
from control.day_plan import DayPlanner
from physics.design import PlantDesign
from physics.reduced.day_model import DAY_STATES, DayBeliefs, linearise_day
from physics.signals import ALF3_SETPOINT
from stream.estimate import SAMPLED_COLUMN
from stream.frames import F64, EstimateFrame
from stream.records import Proposal

_MOST_PLANS: Final = 8  # at one decision, which has its deadline; the rest come at the next
_NEEDED: Final = (*DAY_STATES, "acd_cm", "line_current_ka", "added_resistance_uohm")
NO_SAMPLE: Final = (
    "The AlF3 addition stays as it is: no laboratory sample of the cell has been taken in yet."
)


@dataclass(frozen=True, slots=True)
class DayBrain:
    """What plans days. Not for two threads, but for `warm_up`.

    Attributes:
        planner: the problem.
        design: of the plant.
        ready: set once all is compiled; before that nothing is planned, for it takes many seconds.
    """

    planner: DayPlanner
    design: PlantDesign
    ready: Event = field(default_factory=Event)


def warm_up(brain: DayBrain, sizes: Iterable[int]) -> None:
    """Compile what plans days, for sections of so many cells; in a thread of its own."""
    step_s = brain.planner.objective.day.step_h * 3600.0
    for size in sizes:
        any_cell = np.ones(size)
        beliefs = DayBeliefs(any_cell, any_cell, any_cell, any_cell)
        linearise_day(brain.design, np.ones((size, 3)), np.ones((size, 2)), beliefs, step_s)
    brain.ready.set()


def plan_days(
    brain: DayBrain, standing: Mapping[str, DayStanding], estimate: EstimateFrame
) -> dict[str, DayStanding]:
    """Plan for the cells of a section that are due.

    A cell without a laboratory sample is not planned: what its bath holds would be a guess. Its
    first sample makes it due at once.

    Args:
        brain: compiled.
        standing: cell number (as text) -> what stands.
        estimate: of the section.

    Returns:
        What stands from now on.
    """
    if not brain.ready.is_set():
        return dict(standing)
    desk = DayDesk(brain.planner, brain.design, {int(cell): one for cell, one in standing.items()})
    known = np.logical_and.reduce([np.isfinite(estimate.values[name]) for name in _NEEDED])
    sampled = estimate.values[SAMPLED_COLUMN] > 0.0
    desk.plan_due(estimate.cells, estimate.t_plant_s, estimate.values, known & sampled, _MOST_PLANS)
    return {str(cell): one for cell, one in desk.standing.items()}


def gap_floors_cm(standing: Mapping[str, DayStanding], cells: tuple[int, ...]) -> F64:
    """Return the least gap that the plans ask for, (C,); minus infinity where there is none."""
    floors = [standing[str(n)].acd_floor_cm if str(n) in standing else -np.inf for n in cells]
    return np.array(floors)


def add_addition(proposal: Proposal, standing: Mapping[str, DayStanding]) -> Proposal:
    """Return the proposal with the AlF3 addition that stands, and why; one that moves nothing,
    because its cell has no estimate or no plan, stays as it is."""
    if not proposal.setpoints:
        return proposal
    stands = standing.get(str(proposal.cell))
    if stands is None:
        return msgspec.structs.replace(proposal, reason=f"{proposal.reason} {NO_SAMPLE}")
    addition = stands.alf3_kg_per_day
    why = stands.reason or f"The AlF3 addition stays at {addition:g} kg/day: no plan of the days."
    return msgspec.structs.replace(
        proposal,
        setpoints=proposal.setpoints | {ALF3_SETPOINT: addition},
        reason=f"{proposal.reason} {why}",
        figures=proposal.figures | {f"day_{name}": x for name, x in stands.figures.items()},
    )
