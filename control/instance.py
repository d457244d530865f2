"""The numbers of one solve: bounds and limits of a cell, seen from where it stands now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.limits import SetpointLimits
from control.objective import ControlObjective
from control.outlook import Outlook
from control.prediction import ALUMINA, COUNT, UNITS
from physics.signals import SETPOINTS

Floats = NDArray[np.float64]
FEED: Final = SETPOINTS.index("alumina_feed_rate_kg_per_h")
BEAM: Final = SETPOINTS.index("beam_position_mm")


@dataclass(frozen=True, slots=True)
class MoveLimits:
    """What the moves of a plan may be; each array (2,), in the order of `SETPOINTS` and its units.

    Attributes:
        low, high: hard bounds.
        step: largest single move, the size of one scaled move.
        first: how far the first move of a plan may go from the present setpoint.
        block: how far each later one may go from the one before.
        deadband: a first move smaller than this is left out.
        followed: a measurement nearer than this to what was planned is that plan's own value.
    """

    low: Floats
    high: Floats
    step: Floats
    first: Floats
    block: Floats
    deadband: Floats
    followed: Floats

    @classmethod
    def of(cls, objective: ControlObjective, limits: Mapping[str, SetpointLimits]) -> "MoveLimits":
        """Return the limits of a plant file for plans of this objective.

        Raises:
            ValueError: a setpoint has no limits.
        """
        missing = [name for name in SETPOINTS if name not in limits]
        if missing:
            raise ValueError(
                f"no limits for {', '.join(missing)}. Remedy: add [[setpoints]] to the plant file"
            )
        rows = [limits[name] for name in SETPOINTS]
        step = np.array([row.max_step for row in rows])
        rate_per_s = np.array([row.max_rate_per_h for row in rows]) / 3600.0
        decisions = max(objective.step_s / objective.control_period_s, 1.0)
        first = np.minimum(step, rate_per_s * objective.control_period_s)
        least = np.array([objective.feed_deadband_kg_per_h, objective.beam_deadband_mm])
        deadband = np.minimum(least, 0.5 * first)
        return cls(
            low=np.array([row.low for row in rows]),
            high=np.array([row.high for row in rows]),
            step=step,
            first=first,
            block=np.minimum(step * decisions, rate_per_s * objective.step_s),
            deadband=deadband,
            followed=np.array([objective.feed_ripple_kg_per_h, deadband[BEAM]]),
        )

    def reach(self, applied: Floats) -> tuple[Floats, Floats]:
        """Return how far the first move may go, (2,) and (2,); low above high where nowhere."""
        return (
            np.maximum(self.low, applied - self.first),
            np.minimum(self.high, applied + self.first),
        )


@dataclass(frozen=True, slots=True)
class Instance:
    """The numbers of one solve; M planned moves of 2 setpoints, P = M points of Q outputs.

    Outputs in `control.prediction.UNITS`, moves in units of their largest step.

    Attributes:
        gain: outputs per scaled move, (P * Q, M * 2), output innermost.
        offset: what the low bounds ask of the moves, `low - free`, (P * Q,).
        room: `high - low`, (P * Q,).
        miss: alumina of the free response minus its target, (P,).
        risk: level below which alumina is a risk, minus that of the free response, (P,).
        low, high: bounds of the scaled moves, (M * 2,).
        change: largest change from each scaled move to the next, (M * 2,).
    """

    gain: Floats
    offset: Floats
    room: Floats
    miss: Floats
    risk: Floats
    low: Floats
    high: Floats
    change: Floats


def make_instance(
    objective: ControlObjective, limits: MoveLimits, cell: int, outlook: Outlook, t_plant_s: float
) -> Instance:
    """Return the numbers of one cell's problem.

    Args:
        objective: targets.
        limits: of the moves.
        cell: its number, for the phase of its target.
        outlook: of the cell; its setpoints in force inside their hard bounds.
        t_plant_s: now.
    """
    count = len(objective.move_blocks)
    ends = np.array(objective.block_starts) + np.array(objective.move_blocks)
    targets = objective.alumina_targets_wt_pct(cell, t_plant_s + ends * objective.step_s)
    free, applied = outlook.prediction.free, outlook.applied
    low = np.tile((limits.low - applied) / limits.step, count)
    high = np.tile((limits.high - applied) / limits.step, count)
    reach_low, reach_high = limits.reach(applied)
    low[:2] = (reach_low - applied) / limits.step
    high[:2] = (reach_high - applied) / limits.step
    return Instance(
        gain=(outlook.prediction.gain / UNITS[:, None]).reshape(count * COUNT, count * 2),
        offset=((outlook.floors - free) / UNITS).ravel(),
        room=((outlook.ceilings - outlook.floors) / UNITS).ravel(),
        miss=free[:, ALUMINA] - targets,
        risk=objective.risk_alumina_wt_pct - free[:, ALUMINA],
        low=low,
        high=high,
        change=np.tile(limits.block / limits.step, count),
    )
