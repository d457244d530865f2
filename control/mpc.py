"""Model-predictive step of one cell: from an estimate to setpoints, or to a named fallback.

The ladder when the solver gives no plan: the previous plan, shifted to now; or hold, which proposes
nothing, so that nothing is written. Where the estimate or what is measured of the setpoints is not
usable, it is hold at once. Nor is anything proposed while the beam is far from where it has just
been: then a person or the treatment of an anode effect has moved it, and a proposal made of that
measurement would make the passing position the setpoint. A decision never proposes a value
that is not finite, or outside the hard bounds, or further from the present setpoint than one step
or the rate allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.explain import expectation_of, explain
from control.instance import BEAM, FEED, Instance, MoveLimits, make_instance
from control.limits import SetpointLimits
from control.objective import ControlObjective
from control.plan import Plan
from control.prediction import CellModel, Prediction, Uncertainty, predict
from control.problem import CellProblem, Solution, SolverStatus
from physics.signals import SETPOINTS

Floats = NDArray[np.float64]
MISFIT: Final = 0.02  # scaled moves beyond their bounds by more than this are no plan
SETTLING_S: Final = 900.0  # design value: longer than an anode effect and its treatment last


class Fallback(StrEnum):
    """What stood in for the optimiser."""

    PREVIOUS_PLAN = "previous_plan"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class CellDecision:
    """What the controller would have of a cell.

    Attributes:
        setpoints: by name; empty in a hold.
        status: how the solver ended; `fallback`: what stood in, if anything.
        solve_ms: the solver's own run time; `iterations`: its count.
        reason: one sentence for the operator, with its numbers in `figures`.
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


class CellController:
    """Decides for the cells of a section, one after the other.

    Compiles its problem when made, which takes a second; a decision takes milliseconds. Not for
    several threads at once.

    Args:
        objective: the [control] table.
        limits: by setpoint name.

    Raises:
        ValueError: a setpoint has no limits.
    """

    def __init__(self, objective: ControlObjective, limits: Mapping[str, SetpointLimits]) -> None:
        self._objective = objective
        self._limits = MoveLimits.of(objective, limits)
        self._problem = CellProblem(objective)

    @property
    def compilations(self) -> int:
        """How often the problem has been compiled: once."""
        return self._problem.compilations

    @property
    def setups(self) -> int:
        """How many solver workspaces have been made: one a cell, and one after each failure."""
        return self._problem.setups

    def decide(
        self,
        cell: int,
        model: CellModel,
        state: Floats,
        applied: Floats,
        uncertainty: Uncertainty,
        previous: Plan | None,
        t_plant_s: float,
        time_limit_s: float,
    ) -> CellDecision:
        """Decide for one cell.

        Args:
            cell: its number.
            model: linear, around where the cell is now.
            state: estimate, (N,).
            applied: setpoints as measured, (2,), in the order of `physics.signals.SETPOINTS`; where
                the plant is seen to be where the previous plan would have it, the plan's own value
                stands for it.
            uncertainty: of the estimate.
            previous: plan of the decision before.
            t_plant_s: plant time, s.
            time_limit_s: for the solver.
        """
        limits = self._limits
        applied = self._standing(applied, previous, t_plant_s)
        low, high = limits.reach(applied)
        is_known = np.all(np.isfinite(applied)) and np.isfinite(uncertainty.noise_mv)
        if not is_known or np.any(low > high):
            return self._hold(SolverStatus.BAD_INPUT, None)
        if self._is_unsettled(applied, previous, t_plant_s):
            return self._hold(SolverStatus.UNSETTLED, previous)
        prediction = predict(model, state, applied, limits.step, self._objective)
        if not prediction.is_plausible:
            return self._hold(SolverStatus.BAD_INPUT, None)
        instance = make_instance(
            self._objective, limits, cell, prediction, applied, uncertainty, t_plant_s
        )
        guess = self._guess(applied, previous, t_plant_s)
        solution = self._problem.solve(cell, instance, guess, time_limit_s)
        status = solution.status
        if status.has_plan:
            moves = np.clip(solution.moves, instance.low, instance.high)
            if np.all(np.abs(moves - solution.moves) <= MISFIT):
                values = applied + moves.reshape(-1, 2) * limits.step
                values = np.clip(values, limits.low, limits.high)
                still = np.abs(values[0] - applied) < limits.deadband
                values[0] = np.where(still, applied, values[0])
                return self._planned(
                    values, applied, model, prediction, instance, solution, uncertainty, t_plant_s
                )
            status = SolverStatus.BAD_PLAN
        return self._fall_back(
            status, applied, previous, t_plant_s, solution.solve_ms, solution.iterations
        )

    def _standing(self, measured: Floats, previous: Plan | None, t_plant_s: float) -> Floats:
        """Return the setpoints in force, (2,).

        A proposal is not a move: the cell may be in ADVISORY, a person or the guard may have held
        it or allowed a part of it. So what is measured counts. Only where that is nearer to the
        plan's own value than the smallest move there is (for feed: than the swing that single shots
        give to a measured rate) has the plant visibly followed, and the plan's value counts, so
        that plans do not chase what noise there is and spend travel on it. A feed rate measured
        outside its bounds is that of a treatment and counts as at the bound.
        """
        measured = measured.copy()
        measured[FEED] = np.clip(measured[FEED], self._limits.low[FEED], self._limits.high[FEED])
        if previous is None or not previous.is_usable(self._objective, t_plant_s):
            return measured
        planned = previous.shifted(self._objective, t_plant_s)[0]
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(np.abs(planned - measured) < self._limits.followed, planned, measured)

    def _is_unsettled(self, standing: Floats, previous: Plan | None, t_plant_s: float) -> bool:
        """Whether the beam has just been moved by somebody else."""
        if previous is None or not previous.is_usable(self._objective, t_plant_s):
            return False
        planned = previous.shifted(self._objective, t_plant_s)[0]
        is_recent = t_plant_s - previous.t_plant_s < SETTLING_S
        return is_recent and abs(standing[BEAM] - planned[BEAM]) > self._limits.step[BEAM]

    def _guess(self, applied: Floats, previous: Plan | None, t_plant_s: float) -> Floats:
        """Return scaled moves to start from: the previous plan shifted, or none."""
        if previous is None or not previous.is_usable(self._objective, t_plant_s):
            return np.zeros(len(self._objective.move_blocks) * 2)
        shifted = previous.shifted(self._objective, t_plant_s)
        return np.asarray(((shifted - applied) / self._limits.step).ravel())

    def _planned(
        self,
        values: Floats,
        applied: Floats,
        model: CellModel,
        prediction: Prediction,
        instance: Instance,
        solution: Solution,
        uncertainty: Uncertainty,
        t_plant_s: float,
    ) -> CellDecision:
        assert solution.prices is not None, "a solution with a plan has prices"
        expected = expectation_of(
            self._objective,
            self._limits,
            model,
            prediction,
            instance,
            values,
            applied,
            solution.prices,
            uncertainty,
        )
        reason, figures = explain(self._objective, values[0], applied, expected)
        return CellDecision(
            setpoints=_by_name(values[0]),
            status=solution.status,
            fallback=None,
            solve_ms=solution.solve_ms,
            iterations=solution.iterations,
            reason=reason,
            figures=figures,
            plan=Plan(t_plant_s, values),
        )

    def _fall_back(
        self,
        status: SolverStatus,
        applied: Floats,
        previous: Plan | None,
        t_plant_s: float,
        solve_ms: float,
        iterations: int,
    ) -> CellDecision:
        """Step down the ladder: the previous plan, else hold."""
        if previous is None or not previous.is_usable(self._objective, t_plant_s):
            return self._hold(status, None, solve_ms, iterations)
        low, high = self._limits.reach(applied)
        values = np.clip(previous.shifted(self._objective, t_plant_s)[0], low, high)
        return CellDecision(
            setpoints=_by_name(values),
            status=status,
            fallback=Fallback.PREVIOUS_PLAN,
            solve_ms=solve_ms,
            iterations=iterations,
            reason=f"{status.value}; the previous plan goes on.".capitalize(),
            figures={},
            plan=previous,
        )

    def _hold(
        self,
        status: SolverStatus,
        plan: Plan | None,
        solve_ms: float = 0.0,
        iterations: int = 0,
    ) -> CellDecision:
        """Propose nothing."""
        return CellDecision(
            setpoints={},
            status=status,
            fallback=Fallback.HOLD,
            solve_ms=solve_ms,
            iterations=iterations,
            reason=f"{status.value}; setpoints stay.".capitalize(),
            figures={},
            plan=plan,
        )


def _by_name(values: Floats) -> dict[str, float]:
    return {name: float(value) for name, value in zip(SETPOINTS, values, strict=True)}
