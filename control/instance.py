"""The numbers of one solve: bounds and limits of a cell, seen from where it stands now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.limits import SetpointLimits
from control.objective import ControlObjective
from control.prediction import ACD, ALUMINA, COUNT, NAMES, UNITS, VOLTAGE, Prediction, Uncertainty
from physics.signals import SETPOINTS

Floats = NDArray[np.float64]
FEED: Final = SETPOINTS.index("alumina_feed_rate_kg_per_h")
BEAM: Final = SETPOINTS.index("beam_position_mm")
SMALLEST_ROOM_CM: Final = 0.1  # design value: between a floor that a day plan sets and the ceiling
MOST_ASKED_V: Final = 0.5  # design value: of a change of voltage, for the sake of its bounds


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
    objective: ControlObjective,
    limits: MoveLimits,
    cell: int,
    prediction: Prediction,
    applied: Floats,
    uncertainty: Uncertainty,
    t_plant_s: float,
) -> Instance:
    """Return the numbers of one cell's problem.

    Args:
        objective: targets and bounds.
        limits: of the moves.
        cell: its number, for the phase of its target.
        prediction: of the cell.
        applied: setpoints in force, (2,), inside their hard bounds.
        uncertainty: raises the low bounds.
        t_plant_s: now.
    """
    count = len(objective.move_blocks)
    ends = np.array(objective.block_starts) + np.array(objective.move_blocks)
    targets = objective.alumina_targets_wt_pct(cell, t_plant_s + ends * objective.step_s)
    floors, ceilings = bounds_in_force(objective, prediction, uncertainty)
    free = prediction.free
    low = np.tile((limits.low - applied) / limits.step, count)
    high = np.tile((limits.high - applied) / limits.step, count)
    reach_low, reach_high = limits.reach(applied)
    low[:2] = (reach_low - applied) / limits.step
    high[:2] = (reach_high - applied) / limits.step
    return Instance(
        gain=(prediction.gain / UNITS[:, None]).reshape(count * COUNT, count * 2),
        offset=((floors - free) / UNITS).ravel(),
        room=((ceilings - floors) / UNITS).ravel(),
        miss=free[:, ALUMINA] - targets,
        risk=objective.risk_alumina_wt_pct - free[:, ALUMINA],
        low=low,
        high=high,
        change=np.tile(limits.block / limits.step, count),
    )


def bounds_in_force(
    objective: ControlObjective, prediction: Prediction, uncertainty: Uncertainty
) -> tuple[Floats, Floats]:
    """Return the low and the high soft bounds of every output at every point, (P, Q) each.

    Those of the voltage give way to a voltage that is far outside: it is made by something else
    than the gap (an anode effect, a bad contact), and the gap cannot make up for it.

    Args:
        objective: gives the bounds.
        prediction: gives the voltage that comes by itself.
        uncertainty: raises the low bounds of alumina and ACD.
    """
    pairs = np.array([objective.bounds(name) for name in NAMES])
    floors = np.tile(pairs[:, 0], (len(prediction.free), 1))
    ceilings = np.tile(pairs[:, 1], (len(prediction.free), 1))
    floors[:, ALUMINA] = objective.alumina_floor_wt_pct(uncertainty.alumina_sd_wt_pct)
    floors[:, ACD] = objective.acd_floor_cm(uncertainty.acd_sd_cm, uncertainty.noise_mv)
    free_v = prediction.free[:, VOLTAGE]
    floors[:, VOLTAGE] = np.minimum(floors[:, VOLTAGE], free_v + MOST_ASKED_V)
    ceilings[:, VOLTAGE] = np.maximum(ceilings[:, VOLTAGE], free_v - MOST_ASKED_V)
    return floors, ceilings
