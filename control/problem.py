"""The solver of the cells' problems: one OSQP workspace a cell, updated and warm-started.

Source: Stellato et al. 2020, DOI 10.1007/s12532-020-00179-2. A workspace is made once and never
rebuilt, but after a failure, whose traces it would carry.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import osqp
from numpy.typing import NDArray

from control.instance import Instance
from control.objective import ControlObjective
from control.program import Arrays, CellProgram

Floats = NDArray[np.float64]
# Of the splitting: fixed, so that a solve does not depend on the machine; tuned on recorded cells.
# In a line's closed loop a solve takes 90 to 100 iterations.
RHO: Final = 2.0
RELAXATION: Final = 1.8
CHECK_EVERY: Final = 10  # iterations
RELAXED_BY: Final = 10.0  # of the tolerance, once the iterations are used up
_SHORTEST_S: Final = 1e-6  # a time limit of 0 would be none


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
    BAD_DATA = "the prediction is not finite"
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
_STATUS_BY_VALUE: Final = {
    int(member): _STATUS_OF.get(member.name, SolverStatus.UNSOLVED) for member in osqp.SolverStatus
}


@dataclass(frozen=True, slots=True)
class Prices:
    """Shadow prices: what the optimum would cost less per unit by which a limit is eased.

    In units of the objective per scaled unit; none is below 0, beyond what the tolerance leaves.

    Attributes:
        floor, ceiling: of the soft bounds at each point, (P, Q).
        low, high: of the bounds of the moves, (M, 2).
        change: of the largest change from move to move, (M, 2).
    """

    floor: Floats
    ceiling: Floats
    low: Floats
    high: Floats
    change: Floats

    @classmethod
    def of(cls, slopes: dict[str, Floats], points: int) -> "Prices":
        """Return the prices behind the slopes of the optimum by the sides of an `Instance`."""
        # A floor is raised with its ceiling standing: more offset, less room.
        return cls(
            floor=(slopes["offset"] - slopes["room"]).reshape(points, -1),
            ceiling=-slopes["room"].reshape(points, -1),
            low=slopes["low"].reshape(-1, 2),
            high=-slopes["high"].reshape(-1, 2),
            change=-slopes["change"].reshape(-1, 2),
        )


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver said.

    Attributes:
        status: how it ended.
        moves: scaled moves, (M * 2,); only to be used where the status has a plan.
        slack: how far soft bounds are missed, (P * Q,).
        multipliers: of the rows of the program, (R,); prices are made of them.
        solve_ms: the solver's own run time; `iterations`: its count.
    """

    status: SolverStatus
    moves: Floats
    slack: Floats
    multipliers: Floats
    solve_ms: float
    iterations: int


class CellProblem:
    """The compiled problem and one solver workspace for each cell.

    Not for several threads at once: give each thread its own.

    Args:
        objective: weights, bounds and solver limits.
    """

    def __init__(self, objective: ControlObjective) -> None:
        self._objective = objective
        self.program = CellProgram(objective)
        self.compilations = 1
        self.setups = 0
        self._solvers: dict[Hashable, osqp.OSQP] = {}

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
        program = self.program
        arrays = program.arrays(instance)
        if not (arrays.is_usable and np.isfinite(guess).all()):
            return _unsolved(SolverStatus.BAD_DATA, guess, instance)
        solver = self._workspace(cell, arrays, max(time_limit_s, _SHORTEST_S))
        solver.warm_start(x=program.start(instance, guess))
        result = solver.solve(raise_error=False)
        status = _status_of(result)
        solve_ms, iterations = float(result.info.run_time) * 1e3, int(result.info.iter)
        if status is SolverStatus.ITERATION_LIMIT and 1e-3 * solve_ms < time_limit_s:
            result = self._go_on(solver, time_limit_s - 1e-3 * solve_ms)
            solve_ms += float(result.info.run_time) * 1e3
            iterations += int(result.info.iter)
            is_near = _status_of(result) is SolverStatus.SOLVED
            status = SolverStatus.INACCURATE if is_near else _status_of(result)
        if not status.has_plan:
            del self._solvers[cell]
        return Solution(
            status=status,
            moves=program.moves(result.x),
            slack=program.slack(result.x),
            multipliers=result.y,
            solve_ms=solve_ms,
            iterations=iterations,
        )

    def prices(self, solution: Solution) -> Prices:
        """Return the prices of the limits in a solution that has a plan."""
        slopes = self.program.slopes(solution.multipliers)
        return Prices.of(slopes, len(self._objective.move_blocks))

    def _go_on(self, solver: Any, time_limit_s: float) -> Any:
        """Let a solver that has come to its limit go on to a relaxed tolerance."""
        tolerance = self._objective.tolerance
        relaxed = tolerance * RELAXED_BY
        solver.update_settings(eps_abs=relaxed, eps_rel=relaxed, time_limit=time_limit_s)
        result = solver.solve(raise_error=False)
        solver.update_settings(eps_abs=tolerance, eps_rel=tolerance)
        return result

    def _workspace(self, cell: Hashable, arrays: Arrays, time_limit_s: float) -> Any:
        """Return the cell's solver with these numbers in it."""
        solver = self._solvers.get(cell)
        if solver is not None:
            solver.update(l=arrays.l, u=arrays.u, Ax=arrays.Ax)
            if not time_limit_s <= solver.settings.time_limit <= 1.1 * time_limit_s:
                solver.update_settings(time_limit=time_limit_s)
            return solver
        solver = osqp.OSQP()
        solver.setup(
            arrays.P,
            arrays.q,
            arrays.matrix,
            arrays.l,
            arrays.u,
            verbose=False,
            eps_abs=self._objective.tolerance,
            eps_rel=self._objective.tolerance,
            max_iter=self._objective.max_iterations,
            rho=RHO,
            alpha=RELAXATION,
            check_termination=CHECK_EVERY,
            adaptive_rho=False,
            scaling=0,  # outputs and moves are of order one already
            polishing=False,
            time_limit=time_limit_s,
        )
        self._solvers[cell] = solver
        self.setups += 1
        return solver


def _status_of(result: Any) -> SolverStatus:
    return _STATUS_BY_VALUE.get(result.info.status_val, SolverStatus.UNSOLVED)


def _unsolved(status: SolverStatus, guess: Floats, instance: Instance) -> Solution:
    moves, slack = np.full_like(guess, np.nan), np.full_like(instance.room, np.nan)
    return Solution(status, moves, slack, multipliers=np.empty(0), solve_ms=0.0, iterations=0)
