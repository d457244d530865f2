"""Model-predictive step of one cell: from an estimate to setpoints, or to a named fallback.

The ladder when the solver gives no plan is that of `control.fallback`. Where the estimate or what
is measured of the setpoints is not usable, it is hold at once. Nor is anything proposed while the
beam is far from where it has just been: then a person or the treatment of an anode effect has moved
it, and a proposal made of that measurement would make the passing position the setpoint. A decision
never proposes a value that is not finite, or outside the hard bounds, or further from the present
setpoint than one step or the rate allow.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.decision import CellDecision, Fallback
from control.explain import Expecter, explain
from control.fallback import stand_in_decision, step_down
from control.instance import BEAM, FEED, Instance, MoveLimits, make_instance
from control.limits import SetpointLimits
from control.objective import ControlObjective
from control.outlook import Outlook, make_outlook
from control.plan import Plan
from control.prediction import CellModel, Uncertainty, predict
from control.problem import CellProblem, Solution, SolverStatus
from control.shots import Shots
from physics.signals import SETPOINTS

Floats = NDArray[np.float64]
MISFIT: Final = 0.02  # scaled moves beyond their bounds by more than this are no plan
SETTLING_S: Final = 900.0  # design value: longer than an anode effect and its treatment last


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
        self._expecter = Expecter(objective, self._limits)

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
        objective, limits = self._objective, self._limits
        is_usable = previous is not None and previous.is_usable(objective, t_plant_s)
        followed = previous if is_usable else None
        planned = None if followed is None else followed.shifted(objective, t_plant_s)
        applied = self._standing(applied, planned)
        low, high = limits.reach(applied)
        is_known = np.all(np.isfinite(applied)) and np.isfinite(uncertainty.noise_mv)
        if not is_known or np.any(low > high):
            return _hold(SolverStatus.BAD_INPUT, previous)
        if followed is not None and self._is_unsettled(applied, followed, t_plant_s):
            return stand_in_decision(SolverStatus.UNSETTLED, Fallback.HOLD, followed)
        prediction = predict(model, state, applied, limits.step, objective)
        if not prediction.is_plausible:
            return _hold(SolverStatus.BAD_INPUT, previous)
        outlook = make_outlook(objective, model, prediction, applied, uncertainty)
        instance = make_instance(objective, limits, cell, outlook, t_plant_s)
        guess = np.zeros_like(instance.low)
        if planned is not None:
            guess = ((planned - applied) / limits.step).ravel()
        solution = self._problem.solve(cell, instance, guess, time_limit_s)
        status = solution.status
        if status.has_plan:
            moves = np.clip(solution.moves, instance.low, instance.high)
            if np.all(np.abs(moves - solution.moves) <= MISFIT):
                values = applied + moves.reshape(-1, 2) * limits.step
                values = np.clip(values, limits.low, limits.high)
                plan = self._carry_out(values, outlook, followed, planned, t_plant_s)
                return self._planned(plan, outlook, instance, solution)
            status = SolverStatus.BAD_PLAN
        stand_in = step_down(
            objective,
            limits,
            status,
            applied,
            model.nominal_feed_kg_per_h,
            previous,
            t_plant_s,
        )
        return replace(stand_in, solve_ms=solution.solve_ms, iterations=solution.iterations)

    def _standing(self, measured: Floats, planned: Floats | None) -> Floats:
        """Return the setpoints in force, (2,).

        A proposal is not a move: the cell may be in ADVISORY, a person or the guard may have held
        it or allowed a part of it. So what is measured counts. Only where that is nearer to the
        plan's own value than the smallest move there is (for feed: than the swing that single shots
        give to a measured rate) has the plant visibly followed, and the plan's value counts, so
        that plans do not chase what noise there is and spend travel on it. A feed rate measured
        outside its bounds is that of a treatment and counts as at the bound.
        """
        limits = self._limits
        measured = measured.copy()
        measured[FEED] = np.clip(measured[FEED], limits.low[FEED], limits.high[FEED])
        if planned is None:
            return measured
        with np.errstate(invalid="ignore", over="ignore"):
            is_followed = np.abs(planned[0] - measured) < limits.followed
            return np.where(is_followed, planned[0], measured)

    def _is_unsettled(self, standing: Floats, previous: Plan, t_plant_s: float) -> bool:
        """Whether the beam has just been moved by somebody else."""
        planned = previous.shifted(self._objective, t_plant_s)
        is_recent = t_plant_s - previous.t_plant_s < SETTLING_S
        return is_recent and abs(standing[BEAM] - planned[0, BEAM]) > self._limits.step[BEAM]

    def _carry_out(
        self,
        values: Floats,
        outlook: Outlook,
        previous: Plan | None,
        planned: Floats | None,
        t_plant_s: float,
    ) -> Plan:
        """Return the plan with a first move that the actuators can make, and are worth moving for:
        a beam move above the deadband, feed in whole shots.
        """
        limits, applied = self._limits, outlook.applied
        wanted = float(values[0, FEED])
        still = np.abs(values[0] - applied) < limits.deadband
        shots = Shots(outlook.model.shot_kg, self._objective.step_s)
        owed_kg = 0.0
        if np.isfinite(shots.shot_kg):
            still[FEED] = False
            present = applied[FEED]
            if previous is not None and planned is not None:
                # The measured rate comes late: the one that was asked for counts, unless what is
                # measured is more than a shot from it.
                is_near = abs(applied[FEED] - planned[0, FEED]) < (
                    limits.followed[FEED] + shots.kg_per_h
                )
                if is_near:
                    present = planned[0, FEED]
                    owed_kg = shots.owed_kg(
                        previous.owed_kg,
                        previous.wanted_feed_kg_per_h,
                        present,
                        t_plant_s - previous.t_plant_s,
                    )
            low, high = limits.reach(applied)
            values[0, FEED] = shots.round_rate(wanted, present, owed_kg, low[FEED], high[FEED])
        values[0] = np.where(still, applied, values[0])
        return Plan(t_plant_s, values, wanted, owed_kg)

    def _planned(
        self, plan: Plan, outlook: Outlook, instance: Instance, solution: Solution
    ) -> CellDecision:
        prices = self._problem.prices(solution)
        expected = self._expecter.expect(outlook, instance, plan.values, prices)
        reason, figures = explain(self._objective, plan.values[0], outlook.applied, expected)
        figures["feed_wanted_kg_per_h"] = plan.wanted_feed_kg_per_h
        figures["feed_owed_kg"] = plan.owed_kg
        is_near = solution.status is SolverStatus.INACCURATE
        return CellDecision(
            setpoints=dict(zip(SETPOINTS, plan.values[0].tolist(), strict=True)),
            status=solution.status,
            fallback=Fallback.RELAXED_TOLERANCE if is_near else None,
            solve_ms=solution.solve_ms,
            iterations=solution.iterations,
            reason=reason,
            figures=figures,
            plan=plan,
        )


def _hold(status: SolverStatus, previous: Plan | None) -> CellDecision:
    """Propose nothing; only that nominal feed has stood in is remembered, lest it do so again."""
    is_baseline = previous is not None and previous.is_baseline
    return stand_in_decision(status, Fallback.HOLD, previous if is_baseline else None)
