"""The ladder: what stands in for a plan that the optimiser does not give.

A plan that is only nearly optimal is used, and named. Without any, the previous plan goes on,
shifted to now, for as long as a plan lives. Then nominal feed with the beam where it is, for as
long again: it keeps a cell fed, but knows nothing of it. Then hold, which proposes nothing: the
guard hands a cell that is held for long to its own local control.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.decision import CellDecision, Fallback
from control.instance import FEED, MoveLimits
from control.objective import ControlObjective
from control.plan import Plan
from control.problem import SolverStatus
from physics.signals import SETPOINTS

Floats = NDArray[np.float64]
_WORDS: Final = {
    Fallback.PREVIOUS_PLAN: "the previous plan goes on",
    Fallback.BASELINE: "nominal feed, the beam where it is",
    Fallback.HOLD: "setpoints stay",
}


def step_down(
    objective: ControlObjective,
    limits: MoveLimits,
    status: SolverStatus,
    applied: Floats,
    nominal_feed_kg_per_h: float,
    previous: Plan | None,
    t_plant_s: float,
) -> CellDecision:
    """Return the first step of the ladder that bears, when there is no plan.

    Args:
        objective: says how long a plan lives.
        limits: of the moves.
        status: how the solver ended.
        applied: setpoints in force, (2,).
        nominal_feed_kg_per_h: of the cell; NaN where it is not known.
        previous: what the decision before left behind.
        t_plant_s: now.
    """
    low, high = limits.reach(applied)
    if previous is not None and previous.is_usable(objective, t_plant_s):
        values = np.clip(previous.shifted(objective, t_plant_s)[0], low, high)
        stand_in = Fallback.BASELINE if previous.is_baseline else Fallback.PREVIOUS_PLAN
        return stand_in_decision(status, stand_in, previous, values)
    is_used_up = previous is not None and previous.is_baseline and previous.t_plant_s <= t_plant_s
    if is_used_up or not np.isfinite(nominal_feed_kg_per_h):
        return stand_in_decision(status, Fallback.HOLD, previous if is_used_up else None)
    values = applied.copy()
    values[FEED] = nominal_feed_kg_per_h
    values = np.clip(values, low, high)
    steady = np.tile(values, (len(objective.move_blocks), 1))
    plan = Plan(t_plant_s, steady, nominal_feed_kg_per_h, is_baseline=True)
    return stand_in_decision(status, Fallback.BASELINE, plan, values)


def stand_in_decision(
    status: SolverStatus,
    fallback: Fallback,
    plan: Plan | None,
    values: Floats | None = None,
) -> CellDecision:
    """Return a decision that the optimiser did not make.

    Args:
        status: how the solver ended, or why it was not asked.
        fallback: what stands in.
        plan: for the next decision.
        values: setpoints, (2,); None for none.
    """
    chosen = [] if values is None else values.tolist()
    return CellDecision(
        setpoints=dict(zip(SETPOINTS, chosen, strict=False)),
        status=status,
        fallback=fallback,
        solve_ms=0.0,
        iterations=0,
        reason=f"{status.value}; {_WORDS[fallback]}.".capitalize(),
        figures={},
        plan=plan,
    )
