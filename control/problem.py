"""The optimisation problem of a cell: written once in CVXPY, compiled once, solved by OSQP.

All cells share one compiled form; what differs from cell to cell and from decision to decision is a
parameter (disciplined parametrised programming: Agrawal et al. 2019, arXiv 1910.12430). Compiling
yields a map from parameters to the arrays of the quadratic program; each cell keeps its own OSQP
workspace (Stellato et al. 2020, DOI 10.1007/s12532-020-00179-2), which is updated and warm-started,
never rebuilt.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import cvxpy as cp
import numpy as np
import osqp
import scipy.sparse as sp
from cvxpy.atoms.quad_form import quad_form
from numpy.typing import NDArray

from control.objective import ControlObjective
from control.prediction import BOUNDED

Floats = NDArray[np.float64]
ALUMINA: Final = 0
ACD: Final = 2
RHO: Final = 1.0  # of the splitting; fixed, so that a solve does not depend on the machine


class SolverStatus(Enum):
    """How a solve ended; the value is the operator's sentence."""

    SOLVED = "the plan is optimal"
    INACCURATE = "the plan is nearly optimal"
    ITERATION_LIMIT = "the solver reached its iteration limit"
    TIME_LIMIT = "the solver reached its deadline"
    PRIMAL_INFEASIBLE = "the limits leave no plan"
    DUAL_INFEASIBLE = "the plan has no best value"
    NON_CONVEX = "the problem lost its shape"
    BAD_INPUT = "the estimate or the setpoints are not usable"
    UNSETTLED = "the plant is not where the last plan put it"
    BAD_PLAN = "the solver's plan is outside the limits"
    UNSOLVED = "the solver did not run"

    @property
    def has_plan(self) -> bool:
        """Whether the solver's result may be used."""
        return self in (SolverStatus.SOLVED, SolverStatus.INACCURATE)


_STATUS_OF: Final = {
    "OSQP_SOLVED": SolverStatus.SOLVED,
    "OSQP_SOLVED_INACCURATE": SolverStatus.INACCURATE,
    "OSQP_MAX_ITER_REACHED": SolverStatus.ITERATION_LIMIT,
    "OSQP_TIME_LIMIT_REACHED": SolverStatus.TIME_LIMIT,
    "OSQP_PRIMAL_INFEASIBLE": SolverStatus.PRIMAL_INFEASIBLE,
    "OSQP_PRIMAL_INFEASIBLE_INACCURATE": SolverStatus.PRIMAL_INFEASIBLE,
    "OSQP_DUAL_INFEASIBLE": SolverStatus.DUAL_INFEASIBLE,
    "OSQP_DUAL_INFEASIBLE_INACCURATE": SolverStatus.DUAL_INFEASIBLE,
    "OSQP_NON_CVX": SolverStatus.NON_CONVEX,
}


@dataclass(frozen=True, slots=True)
class Instance:
    """The numbers of one solve; M planned moves of 2 setpoints, P output points of 3 outputs.

    Attributes:
        gain: outputs per scaled move, (P * 3, M * 2), output innermost.
        offset: what the low bounds ask of the moves, `low - free`, (P * 3,).
        room: `high - low`, (P * 3,).
        miss: alumina of the free response minus its target, (P,).
        low, high: bounds of the scaled moves, (M * 2,).
    """

    gain: Floats
    offset: Floats
    room: Floats
    miss: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver said.

    Attributes:
        status: how it ended.
        moves: scaled moves, (M * 2,); only to be used where the status has a plan.
        slack: how far soft bounds are missed, (P * 3,).
        solve_ms: the solver's own run time; `iterations`: its count.
    """

    status: SolverStatus
    moves: Floats
    slack: Floats
    solve_ms: float
    iterations: int


class CellProblem:
    """The compiled problem and one solver workspace for each cell.

    Not for several threads at once: give each thread its own.

    Args:
        objective: weights, bounds and solver limits.
        step_limit: largest scaled change between two neighbouring planned moves, (2,).
    """

    def __init__(self, objective: ControlObjective, step_limit: Floats) -> None:
        count = len(objective.move_blocks)
        points = count * BOUNDED
        self._objective = objective
        self._moves = cp.Variable(count * 2, name="moves")
        self._outputs = cp.Variable(points, name="outputs")
        self._slack = cp.Variable(points, name="slack")
        self._miss_left = cp.Variable(count, name="miss_left")
        self._change = cp.Variable(count * 2, name="change")
        self._gain = cp.Parameter((points, count * 2), name="gain")
        self._offset = cp.Parameter(points, name="offset")
        self._room = cp.Parameter(points, name="room")
        self._miss = cp.Parameter(count, name="miss")
        self._low = cp.Parameter(count * 2, name="low")
        self._high = cp.Parameter(count * 2, name="high")
        self.compilations = 0
        self.setups = 0
        self._solvers: dict[Hashable, osqp.OSQP] = {}
        self._compile(step_limit)

    def _compile(self, step_limit: Floats) -> None:
        """Turn the problem into a map from parameters to arrays; done once."""
        objective = self._objective
        blocks = np.array(objective.move_blocks, dtype=np.float64)
        count = len(blocks)
        alumina = self._outputs[ALUMINA::BOUNDED]
        acd = self._outputs[ACD::BOUNDED]
        before = np.eye(count * 2, k=-2)
        limits = np.tile(step_limit, count)
        weights = np.tile([objective.feed_move_weight, objective.beam_move_weight], count)
        slack_weights = objective.bound_weight * np.repeat(blocks, BOUNDED)
        cost = (
            quad_form(self._miss_left, np.diag(objective.alumina_weight * blocks))
            + objective.energy_weight * (blocks @ acd)
            + quad_form(self._change, np.diag(weights))
            + slack_weights @ self._slack
            + quad_form(self._slack, np.diag(slack_weights))
        )
        constraints = [
            self._outputs == self._gain @ self._moves,
            self._miss_left == alumina + self._miss,
            self._change == self._moves - before @ self._moves,
            self._slack >= 0.0,
            self._outputs - self._offset + self._slack >= 0.0,
            self._offset + self._room - self._outputs + self._slack >= 0.0,
            self._moves - self._low >= 0.0,
            self._high - self._moves >= 0.0,
            limits - self._change >= 0.0,
            limits + self._change >= 0.0,
        ]
        problem = cp.Problem(cp.Minimize(cost), constraints)
        for parameter in problem.parameters():
            parameter.value = np.zeros(parameter.shape)
        data, _, _ = problem.get_problem_data(cp.OSQP)
        self._program = data[cp.settings.PARAM_PROB]
        self._column_of = self._program.var_id_to_col
        self._map_parameters()
        self.compilations += 1

    def _map_parameters(self) -> None:
        """Find out once where each parameter stands in the arrays: all of them act linearly, and
        the objective has none. CVXPY's own way takes four times as long as a solve, each time.
        """
        zeros = {p.id: np.zeros(p.size) for p in (self._gain, *self._sides())}
        quadratic, self._linear, _, self._matrix, self._side = self._apply(zeros)
        self._quadratic = sp.csc_matrix(sp.triu(quadratic, format="csc"))
        # Each entry of the gain stands at one place, so that its number finds it.
        numbers = np.arange(1.0, self._gain.size + 1.0)
        coded = self._apply(zeros | {self._gain.id: numbers})[3].data - self._matrix.data
        self._gain_at = np.flatnonzero(coded)
        self._gain_from = np.abs(coded[self._gain_at]).astype(np.intp) - 1
        self._gain_sign = np.sign(coded[self._gain_at])
        columns = []
        for parameter in self._sides():
            for one in np.eye(parameter.size):
                columns.append(self._apply(zeros | {parameter.id: one})[4] - self._side)
        self._side_map = sp.csr_matrix(np.column_stack(columns))

    def _sides(self) -> tuple[Any, ...]:
        """Return the parameters that stand in the sides of the constraints."""
        return self._offset, self._room, self._miss, self._low, self._high

    def _apply(self, values: dict[int, Floats]) -> tuple[Any, Floats, Any, Any, Floats]:
        quadratic, linear, offset, matrix, side = self._program.apply_parameters(
            values, keep_zeros=True, quad_obj=True
        )
        return quadratic, linear, offset, sp.csc_matrix(matrix), side

    def solve(
        self, cell: Hashable, instance: Instance, guess: Floats, time_limit_s: float
    ) -> Solution:
        """Solve one cell's problem, warm-started.

        Args:
            cell: whose workspace is used.
            instance: the numbers.
            guess: scaled moves to start from, (M * 2,).
            time_limit_s: the solver stops there.
        """
        quadratic, linear, matrix, low, high = self._arrays(instance)
        solver = self._solvers.get(cell)
        if solver is None:
            solver = osqp.OSQP()
            solver.setup(
                quadratic,
                linear,
                matrix,
                low,
                high,
                verbose=False,
                eps_abs=self._objective.tolerance,
                eps_rel=self._objective.tolerance,
                max_iter=self._objective.max_iterations,
                rho=RHO,
                adaptive_rho=False,
                scaling=0,  # outputs and moves are of order one already
                polishing=False,
                time_limit=max(time_limit_s, 1e-6),
            )
            self._solvers[cell] = solver
            self.setups += 1
        else:
            solver.update(q=linear, l=low, u=high, Ax=matrix.data)
            solver.update_settings(time_limit=max(time_limit_s, 1e-6))
        solver.warm_start(x=self._start(instance, guess))
        result = solver.solve(raise_error=False)
        status = _STATUS_OF.get(_name_of(result.info.status_val), SolverStatus.UNSOLVED)
        if not status.has_plan:
            del self._solvers[cell]
        return Solution(
            status=status,
            moves=self._part(result.x, self._moves),
            slack=self._part(result.x, self._slack),
            solve_ms=float(result.info.run_time) * 1e3,
            iterations=int(result.info.iter),
        )

    def _arrays(
        self, instance: Instance
    ) -> tuple[sp.csc_matrix, Floats, sp.csc_matrix, Floats, Floats]:
        """Return P, q, A, l, u of OSQP for these numbers, with the structure of the first time."""
        matrix = self._matrix.copy()
        gains = np.ravel(instance.gain, order="F")[self._gain_from]
        matrix.data[self._gain_at] += self._gain_sign * gains
        sides = (instance.offset, instance.room, instance.miss, instance.low, instance.high)
        constant = self._side + self._side_map @ np.concatenate(sides)
        equal = self._program.cone_dims.zero
        low = -constant
        high = np.full(len(constant), np.inf)
        high[:equal] = low[:equal]
        return self._quadratic, self._linear, matrix, low, high

    def _start(self, instance: Instance, guess: Floats) -> Floats:
        """Return a full point of the program from a guess of the moves."""
        outputs = instance.gain @ guess
        below = instance.offset - outputs
        above = outputs - instance.offset - instance.room
        known = {
            self._moves.id: guess,
            self._outputs.id: outputs,
            self._slack.id: np.maximum(np.maximum(below, above), 0.0),
            self._miss_left.id: outputs[ALUMINA::BOUNDED] + instance.miss,
            self._change.id: guess - np.concatenate([np.zeros(2), guess[:-2]]),
        }
        start = np.zeros(self._program.x.size)
        for identity, value in known.items():
            column = self._column_of[identity]
            start[column : column + len(value)] = value
        return start

    def _part(self, point: Any, variable: Any) -> Floats:
        column = self._column_of[variable.id]
        return np.array(point[column : column + variable.size], dtype=np.float64)


def _name_of(status_value: int) -> str:
    return str(osqp.SolverStatus(status_value).name)
