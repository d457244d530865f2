"""What a decision says of a cell, and what may stand in for the optimiser."""

from dataclasses import dataclass
from enum import StrEnum

from control.plan import Plan
from control.problem import SolverStatus


class Fallback(StrEnum):
    """What stood in for the optimal plan, from the first step of the ladder to the last."""

    RELAXED_TOLERANCE = "relaxed_tolerance"  # a plan, but only nearly optimal
    PREVIOUS_PLAN = "previous_plan"  # shifted to now
    BASELINE = "baseline"  # nominal feed, the beam where it is
    HOLD = "hold"  # nothing; if it lasts, the guard hands the cell to its local control


@dataclass(frozen=True, slots=True)
class CellDecision:
    """What the controller would have of a cell.

    Attributes:
        setpoints: by name; empty in a hold.
        status: how the solver ended; `fallback`: what stood in, if anything.
        solve_ms: the solver's own run time; `iterations`: its count.
        reason: for the operator, with its numbers in `figures`.
        plan: absolute setpoints, to be handed to the next decision; None if there is none.
    """

    setpoints: dict[str, float]
    status: SolverStatus
    fallback: Fallback | None
    solve_ms: float
    iterations: int
    reason: str
    figures: dict[str, float]
    plan: Plan | None
