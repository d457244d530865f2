"""The slow half of the controller: AlF3 and heat over days, every few hours, a cell at a time.

It plans the AlF3 addition and the mean gap over 48 to 72 h, so that the bath's chemistry comes to
its target and superheat and ledge stay within their bounds until then. The addition is a setpoint.
The gap is handed to the fast half as a floor: what heat the cell will want in two days cannot be
seen in six hours.
"""

import warnings
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective

Floats = NDArray[np.float64]

# places in the outputs of a day model
SUPERHEAT, LEDGE, ALF3, TEMPERATURE, ENERGY = range(5)
OUTPUT_COUNT: Final = 6
PLAUSIBLE_SHARE: Final = 1e4  # design value: a response beyond is no prediction
GAP_ALLOWANCE_CM: Final = 0.1  # design value: what the fast half may go below the planned mean
STANDING: Final = 3  # in the last third of the horizon nothing is moved any more
_ACD_SCALE_CM: Final = 0.1  # of a scaled move
_ALF3_SCALE: Final = 10.0  # kg/day of a scaled move
_SCALES: Final = np.array([_ACD_SCALE_CM, _ALF3_SCALE])


class DayStatus(Enum):
    """How a plan ended; the value is the operator's sentence."""

    PLANNED = "the plan is optimal"
    INACCURATE = "the plan is nearly optimal"
    UNSOLVED = "the solver found no plan"
    BAD_INPUT = "the estimate is not usable"

    @property
    def has_plan(self) -> bool:
        """Whether there is something to act on."""
        return self in (DayStatus.PLANNED, DayStatus.INACCURATE)


@dataclass(frozen=True, slots=True)
class DayLinear:
    """One cell over one step: x' = A x + B u + c, y = C x' + D u + d; u is gap and addition.

    Attributes:
        state: temperature, ledge and AlF3 to begin from, (3,).
        A: (3, 3); B: (3, 2); c: (3,); C: (6, 3); D: (6, 2); d: (6,).
    """

    state: Floats
    A: Floats
    B: Floats
    c: Floats
    C: Floats
    D: Floats
    d: Floats


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What is planned for a cell.

    Attributes:
        status: how it ended; without a plan the addition stays and there is no floor.
        alf3_kg_per_day: to be in force until the next plan.
        acd_floor_cm: for the fast half; minus infinity where there is no plan.
        inputs: (N, 2) planned gap and addition of every step; empty without a plan.
        outputs: (N, 6) expected at the end of every step; empty without a plan.
        reason: a sentence with its numbers in `figures`.
    """

    status: DayStatus
    alf3_kg_per_day: float
    acd_floor_cm: float
    inputs: Floats
    outputs: Floats
    reason: str
    figures: dict[str, float]


class DayPlanner:
    """Plans for one cell after the other with one compiled problem.

    Not for several threads at once.

    Args:
        objective: bounds, and the weights of the days.
    """

    def __init__(self, objective: ControlObjective) -> None:
        self.objective = objective
        self._day = objective.day
        count = self._day.steps
        self._moves = cp.Variable((count, 2), name="moves")
        outputs = cp.Variable((count, OUTPUT_COUNT), name="outputs")
        below = cp.Variable((count, 2), nonneg=True, name="below")
        above = cp.Variable((count, 2), nonneg=True, name="above")
        self._gain = cp.Parameter((count * OUTPUT_COUNT, count * 2), name="gain")
        self._free = cp.Parameter(count * OUTPUT_COUNT, name="free")
        self._low = cp.Parameter((count, 2), name="low")
        self._high = cp.Parameter((count, 2), name="high")
        self._rate = cp.Parameter(2, nonneg=True, name="rate")
        self._target = cp.Parameter(name="target")
        change = self._moves - cp.vstack([np.zeros((1, 2)), self._moves[:-1]])
        bounded = outputs[:, [SUPERHEAT, LEDGE]]
        lows = np.tile([objective.superheat_low_c, objective.ledge_low_cm], (count, 1))
        highs = np.tile([objective.superheat_high_c, objective.ledge_high_cm], (count, 1))
        miss = outputs[:, ALF3] - self._target
        day = self._day
        cost = (
            day.alf3_weight * cp.sum_squares(miss)
            + day.energy_weight * _ACD_SCALE_CM * cp.sum(self._moves[:, 0])
            + day.alf3_move_weight * cp.sum_squares(change[:, 1])
            + day.acd_move_weight * cp.sum_squares(change[:, 0])
            + day.bound_weight * (cp.sum(below + above) + cp.sum_squares(below + above))
        )
        self._problem = cp.Problem(
            cp.Minimize(cost),
            [
                cp.vec(outputs, order="C") == self._free + self._gain @ cp.vec(self._moves, "C"),
                bounded + below >= lows,
                bounded - above <= highs,
                self._moves >= self._low,
                self._moves <= self._high,
                cp.abs(change[:, 0]) <= self._rate[0],
                cp.abs(change[:, 1]) <= self._rate[1],
                # Else the gap closes at the end, where nobody sees what the cold does after.
                change[count - max(count // STANDING, 1) :, :] == 0.0,
            ],
        )

    @property
    def is_parametrised(self) -> bool:
        """Whether the problem is compiled once for all numbers (CVXPY's DPP)."""
        return bool(self._problem.is_dcp(dpp=True))

    def plan(self, model: DayLinear, inputs: Floats, alf3_target_wt_pct: float) -> DayPlan:
        """Plan for one cell.

        Args:
            model: of the cell.
            inputs: gap in cm and addition in kg/day in force, (2,).
            alf3_target_wt_pct: where the bath's excess AlF3 is wanted.
        """
        free, gain = _predict(model, inputs, self._day.steps)
        numbers = [*free, *gain.ravel(), *inputs, alf3_target_wt_pct]
        if not np.all(np.isfinite(numbers)) or np.max(np.abs(free)) > PLAUSIBLE_SHARE:
            return _no_plan(DayStatus.BAD_INPUT, inputs)
        count, day = self._day.steps, self._day
        low = np.array([self.objective.acd_low_cm, day.alf3_low_kg_per_day])
        high = np.array([self.objective.acd_high_cm, day.alf3_high_kg_per_day])
        rates = [day.acd_rate_cm, day.alf3_step_kg_per_day]
        self._gain.value, self._free.value = gain, free
        # A cell that stands outside its gap's bounds comes back as fast as it may, not at once.
        self._low.value = np.tile(np.minimum((low - inputs) / _SCALES, 0.0), (count, 1))
        self._high.value = np.tile(np.maximum((high - inputs) / _SCALES, 0.0), (count, 1))
        self._rate.value = np.array(rates) / _SCALES
        self._target.value = alf3_target_wt_pct
        status = self._solve()
        if not status.has_plan:
            return _no_plan(status, inputs)
        moves = np.asarray(self._moves.value)
        planned = inputs + moves * _SCALES
        planned[:, 1] = np.clip(planned[:, 1], low[1], high[1])
        outputs = (free + gain @ moves.ravel()).reshape(count, OUTPUT_COUNT)
        return self._describe(status, inputs, planned, outputs, alf3_target_wt_pct)

    def _solve(self) -> DayStatus:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the status says it as well
            try:
                self._problem.solve(
                    solver=cp.OSQP, warm_start=True, eps_abs=1e-4, eps_rel=1e-4, max_iter=20_000
                )
            except cp.error.SolverError:
                return DayStatus.UNSOLVED
        return {
            cp.OPTIMAL: DayStatus.PLANNED,
            cp.OPTIMAL_INACCURATE: DayStatus.INACCURATE,
        }.get(self._problem.status, DayStatus.UNSOLVED)

    def _describe(
        self, status: DayStatus, inputs: Floats, planned: Floats, outputs: Floats, target: float
    ) -> DayPlan:
        dose = self._day.alf3_resolution_kg_per_day
        addition = float(np.round(planned[0, 1] / dose) * dose)
        last, lowest_c = outputs[-1], float(np.min(outputs[:, SUPERHEAT]))
        hours = self._day.steps * self._day.step_h
        figures: dict[str, Any] = {
            "alf3_addition_kg_per_day": addition,
            "alf3_target_wt_pct": target,
            "alf3_end_wt_pct": float(last[ALF3]),
            "superheat_lowest_c": lowest_c,
            "superheat_end_c": float(last[SUPERHEAT]),
            "bath_temperature_end_c": float(last[TEMPERATURE]),
            "ledge_end_cm": float(last[LEDGE]),
            "energy_end_kwh_per_kg": float(last[ENERGY]),
            "acd_planned_cm": float(planned[0, 0]),
        }
        reason = (
            f"AlF3 from {inputs[1]:.0f} to {addition:.0f} kg/day: in {hours:g} h the bath has "
            f"{last[ALF3]:.1f} wt% (wanted {target:.1f}) at {last[TEMPERATURE]:.0f} degC, "
            f"superheat {last[SUPERHEAT]:.1f} degC (lowest {lowest_c:.1f}), ledge "
            f"{last[LEDGE]:.1f} cm, with a gap of {planned[0, 0]:.2f} cm."
        )
        return DayPlan(
            status=status,
            alf3_kg_per_day=addition,
            acd_floor_cm=float(planned[0, 0]) - GAP_ALLOWANCE_CM,
            inputs=planned,
            outputs=outputs,
            reason=reason,
            figures=figures,
        )


def _predict(model: DayLinear, inputs: Floats, count: int) -> tuple[Floats, Floats]:
    """Return outputs if nothing is moved, (N * 6,), and per scaled move, (N * 6, N * 2)."""
    free_state = np.array(model.state, dtype=np.float64)
    sensitivity = np.zeros((3, count, 2))
    free = np.empty((count, OUTPUT_COUNT))
    gain = np.zeros((count, OUTPUT_COUNT, count, 2))
    with np.errstate(all="ignore"):
        drift = model.B @ inputs + model.c
        for step in range(count):
            free_state = model.A @ free_state + drift
            sensitivity = np.einsum("ij,jkl->ikl", model.A, sensitivity)
            sensitivity[:, step] += model.B * _SCALES
            free[step] = model.C @ free_state + model.D @ inputs + model.d
            gain[step] = np.einsum("ij,jkl->ikl", model.C, sensitivity)
            gain[step, :, step] += model.D * _SCALES
    return free.ravel(), gain.reshape(count * OUTPUT_COUNT, count * 2)


def _no_plan(status: DayStatus, inputs: Floats) -> DayPlan:
    return DayPlan(
        status=status,
        alf3_kg_per_day=float(inputs[1]),
        acd_floor_cm=-np.inf,
        inputs=np.empty((0, 2)),
        outputs=np.empty((0, OUTPUT_COUNT)),
        reason=f"{status.value}; the AlF3 addition stays.".capitalize(),
        figures={},
    )
