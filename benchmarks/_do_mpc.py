"""The problem of a cell without linearisation, as do-mpc states it and IPOPT solves it."""

import warnings
from typing import Any

import casadi as ca
import numpy as np
from _casadi_cell import translate
from numpy.typing import NDArray

from control.instance import MoveLimits
from control.objective import ControlObjective
from control.prediction import ACD, ALUMINA, COUNT, LEDGE, SUPERHEAT, UNITS, VOLTAGE
from physics.design import PlantDesign
from physics.reduced import model as reduced

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what is not installed beside it
    import do_mpc

F64 = NDArray[np.float64]


class NonlinearCell:
    """One cell's problem: the same model, integrator, horizon, blocks, bounds and objective.

    Args:
        design, objective, limits: of the plant.
        current_ka: of the line.
        tolerance: of IPOPT; None for its own.
    """

    def __init__(
        self,
        design: PlantDesign,
        objective: ControlObjective,
        limits: MoveLimits,
        current_ka: float,
        tolerance: float | None,
    ) -> None:
        self._blocks = objective.move_blocks
        self._starts = objective.block_starts
        self._slopes, self._shown = _cell_functions(design, current_ka)
        model = self._model(objective.step_s)
        self._mpc = do_mpc.controller.MPC(model)
        self._state(objective, limits, tolerance)

    def _model(self, step_s: float) -> Any:
        model = do_mpc.model.Model("discrete", "SX")
        x = model.set_variable("_x", "x", shape=(len(reduced.STATES), 1))
        u = model.set_variable("_u", "u", shape=(2, 1))
        model.set_variable("_u", "slack", shape=(COUNT, 1))
        for name, size in (("targets", len(self._blocks)), ("floors", COUNT), ("ceilings", COUNT)):
            model.set_variable("_p", name, shape=(size, 1))
        model.set_rhs("x", self._step(x, u, step_s))
        model.setup()
        return model

    def _step(self, x: ca.SX, u: ca.SX, step_s: float) -> ca.SX:
        """One step as `reduced.step_state` takes it."""
        rows = ca.vertsplit(x)
        rows[reduced.ACD] += (u[1] - rows[reduced.BEAM]) / 10.0
        rows[reduced.BEAM] = u[1]
        x, h = ca.vertcat(*rows), step_s / reduced.LINEARISE_SUBSTEPS
        for _ in range(reduced.LINEARISE_SUBSTEPS):
            x = x + h * self._slopes(x + 0.5 * h * self._slopes(x, u[0]), u[0])
        return x

    def _state(
        self, objective: ControlObjective, limits: MoveLimits, tolerance: float | None
    ) -> None:
        """State bounds and objective, at the ends of blocks, as `control.program` does."""
        mpc = self._mpc
        mpc.settings.n_horizon = objective.steps
        mpc.settings.t_step = objective.step_s
        mpc.settings.store_full_solution = False
        mpc.settings.supress_ipopt_output()
        if tolerance is not None:
            mpc.settings.nlpsol_opts |= {"ipopt.tol": tolerance}
        nothing = ca.DM(0)
        mpc.set_objective(mterm=nothing, lterm=nothing)
        mpc.set_rterm(u=0.0, slack=0.0)
        mpc.bounds["lower", "_u", "u"] = limits.low
        mpc.bounds["upper", "_u", "u"] = limits.high
        mpc.bounds["lower", "_u", "slack"] = 0.0
        self._parameters = mpc.get_p_template(1)
        mpc.set_p_fun(lambda _: self._parameters)
        mpc.prepare_nlp()
        given = mpc.opt_p["_p", 0]
        targets, floors, ceilings = ca.vertsplit(
            given, [0, len(self._blocks), len(self._blocks) + COUNT, len(self._blocks) + 2 * COUNT]
        )
        before, units = mpc.opt_p["_u_prev"][:2], ca.DM(UNITS)
        weights = ca.DM([objective.feed_move_weight, objective.beam_move_weight])
        for block, (start, length) in enumerate(zip(self._starts, self._blocks, strict=True)):
            u = mpc.opt_x["_u", start, 0, "u"]
            most = limits.first if block == 0 else limits.block
            self._demand((u - before) / limits.step, -most / limits.step, most / limits.step)
            mpc.nlp_obj += ca.dot(weights, ((u - before) / limits.step) ** 2)
            for step in range(start + 1, start + length):
                self._demand(mpc.opt_x["_u", step, 0, "u"] - u, np.zeros(2), np.zeros(2))
            before, end = u, start + length
            shown = self._shown(mpc.opt_x["_x", end, 0, -1])
            slack = mpc.opt_x["_u", end - 1, 0, "slack"]
            anything = np.full(COUNT, np.inf)
            self._demand((shown - floors) / units + slack, np.zeros(COUNT), anything)
            self._demand((ceilings - shown) / units + slack, np.zeros(COUNT), anything)
            alumina = shown[ALUMINA]
            lean = ca.fmax(objective.risk_alumina_wt_pct - alumina, 0.0)
            mpc.nlp_obj += length * (
                objective.alumina_weight * (alumina - targets[block]) ** 2
                + objective.risk_weight * lean**2
                + objective.energy_weight * shown[ACD]
                + objective.bound_weight * ca.sum1(slack + slack**2)
            )
        mpc.create_nlp()
        for step in range(objective.steps):  # slack at the ends of blocks only
            if step + 1 not in {s + n for s, n in zip(self._starts, self._blocks, strict=True)}:
                mpc.ub_opt_x["_u", step, 0, "slack"] = 0.0

    def _demand(self, expression: Any, low: F64, high: F64) -> None:
        self._mpc.nlp_cons.append(expression)
        self._mpc.nlp_cons_lb.append(ca.DM(low))
        self._mpc.nlp_cons_ub.append(ca.DM(high))

    def begin(self, state: F64, applied: F64) -> None:
        """Start anew, from a cell that is left as it is."""
        self._mpc.reset_history()
        self._mpc.x0, self._mpc.u0 = state, np.concatenate([applied, np.zeros(COUNT)])
        self._mpc.set_initial_guess()

    def solve(
        self, state: F64, applied: F64, targets: F64, floors: F64, ceilings: F64
    ) -> tuple[F64, bool]:
        """Return the plan, (M, 2), and whether IPOPT calls it optimal; from the plan before."""
        self._parameters["_p", 0] = np.concatenate([targets, floors, ceilings])
        self._mpc.u0 = np.concatenate([applied, np.zeros(COUNT)])
        self._mpc.make_step(state)
        rows = [np.ravel(self._mpc.opt_x_num["_u", start, 0, "u"].full()) for start in self._starts]
        return np.array(rows), bool(self._mpc.solver_stats["success"])


def _cell_functions(design: PlantDesign, current_ka: float) -> tuple[ca.Function, ca.Function]:
    """Return slopes(x, feed) and outputs(x), in the order of `control.prediction.OUTPUTS`."""
    parameters = reduced.make_reduced_parameters(design)
    x, feed = ca.SX.sym("x", len(reduced.STATES)), ca.SX.sym("feed")
    states = ca.vertsplit(x)
    slopes = translate(
        lambda x, feed: reduced.derivative(parameters, x, feed, current_ka), states, feed
    )
    shown = dict(
        zip(
            reduced.OUTPUTS,
            translate(lambda x: reduced.outputs(parameters, x, current_ka), states),
            strict=True,
        )
    )
    outputs: list[Any] = [None] * COUNT
    outputs[ALUMINA], outputs[ACD] = states[reduced.ALUMINA], states[reduced.ACD]
    outputs[LEDGE] = states[reduced.LEDGE]
    outputs[SUPERHEAT], outputs[VOLTAGE] = shown["superheat_c"], shown["cell_voltage_v"]
    return (
        ca.Function("slopes", [x, feed], [ca.vertcat(*slopes)]),
        ca.Function("outputs", [x], [ca.vertcat(*outputs)]),
    )
