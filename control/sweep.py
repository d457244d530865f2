"""The convex sweep of a trade-off: a weighted sum of objectives, for every combination of weights.

Around a point it is a quadratic program as that of the controller: objectives to second order,
their curvature made convex, bounds to first order and soft with an exact penalty. It is compiled
once by CVXPY in disciplined parameters, solved by OSQP, and made again around each new point until
that stays: so it ends where the weighted sum of the true objectives has a minimum. Where the front
is not convex no weights lead to a point; that is what a genetic search is for.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cvxpy as cp
import numpy as np
from cvxpy.atoms.sum_squares import sum_squares
from numpy.typing import NDArray

from control.operation import KEPT, Operation
from control.rating import OBJECTIVES, TARGETS

F64 = NDArray[np.float64]

_REACH: Final = np.array([0.2, 0.3, 0.2, 0.5])  # of the first trust region, by target
_PASSES: Final = 60
_STILL: Final = 1e-4  # of a trust region: a step that moves a point no further
_PENALTY: Final = 10.0  # times the steepest slope of what is minimised
_DIFFERENCE: Final = 1e-3  # of a target, cm or wt%
_EXACT: Final = 1e-7
_ITERATIONS: Final = 20_000


def list_weights(parts: int) -> F64:
    """Return all weights of three objectives in steps of 1 / `parts`, (n, 3); each sums up to 1."""
    rows = [
        (first, second, parts - first - second)
        for first in range(parts + 1)
        for second in range(parts + 1 - first)
    ]
    return np.array(rows, dtype=np.float64) / parts


class Sweep:
    """The weighted sum of the objectives, minimised by a quadratic program made again and again.

    Compiles when made. Not for several threads at once.

    Args:
        operation: at the plant.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        count, kept = len(TARGETS), len(KEPT)
        self._step = cp.Variable(count, name="step")
        self._missed = cp.Variable(kept, name="missed")
        self._curvature = cp.Parameter((count, count), name="curvature")
        self._gradient = cp.Parameter(count, name="gradient")
        self._slopes = cp.Parameter((kept, count), name="slopes")
        self._beyond = cp.Parameter(kept, name="beyond")
        self._down, self._up = cp.Parameter(count, name="down"), cp.Parameter(count, name="up")
        cost = (
            0.5 * sum_squares(self._curvature @ self._step)
            + self._gradient @ self._step
            + np.ones(kept) @ self._missed
        )
        self._problem = cp.Problem(
            cp.Minimize(cost),
            [
                self._missed >= 0.0,
                self._slopes @ self._step + self._beyond <= self._missed,
                self._step >= self._down,
                self._step <= self._up,
            ],
        )

    @property
    def is_parametrised(self) -> bool:
        """Whether the program is compiled once and for all numbers."""
        return bool(self._problem.is_dpp())

    def run(self, parts: int, watch: Callable[[int, int], object]) -> F64:
        """Return the best point for every combination of weights, (n, 4).

        The three objectives by themselves come first; the range between their points is what
        weights count in.

        Args:
            parts: weights go in steps of one of so many.
            watch: told how many of how many weights are done.
        """
        start = np.clip(self._operation.nominal, self._operation.low, self._operation.high)
        size = self._operation.judge(start[None])[0][0]
        weights = list_weights(parts)
        total = len(OBJECTIVES) + len(weights)
        alone = []
        for one, unit in enumerate(np.eye(len(OBJECTIVES))):
            # A little of the others, so that of points that are equal in one the better is taken.
            alone.append(self.minimise((unit + 1e-3) / size, start))
            watch(one + 1, total)
        values, _ = self._operation.judge(np.array(alone))
        span = np.maximum(values.max(axis=0) - values.min(axis=0), 1e-4 * size)
        points = list(alone)
        for one, weight in enumerate(weights):
            points.append(self.minimise((weight + 1e-3) / span, points[-1]))
            watch(len(alone) + one + 1, total)
        return np.array(points)

    def minimise(self, weights: F64, start: F64) -> F64:
        """Return the targets, (4,), at which the objectives weighted by (3,) have a minimum."""
        here = self._expand(weights, start)
        # Above any price that a bound can have here, so that none is missed for the sake of it.
        penalty = _PENALTY * float(np.max(np.abs(here.gradient)))
        reach = 1.0
        for _ in range(_PASSES):
            step = self._solve(here, penalty, reach)
            if step is None or np.all(np.abs(step) <= _STILL * _REACH):
                break
            low, high = self._operation.low, self._operation.high
            tried = self._expand(weights, np.clip(here.point + step, low, high))
            if tried.merit(penalty) < here.merit(penalty):
                here, reach = tried, min(2.0 * reach, 2.0)
            else:
                reach *= 0.4
        return here.point

    def _expand(self, weights: F64, point: F64) -> "_Expansion":
        """Expand around a point, by central differences of one batch of points: JAX needs a minute
        to compile second derivatives of a cell at rest, and the batch is compiled anyhow."""
        count = len(TARGETS)
        moves = _stencil(count)
        values, beyond = self._operation.judge(point + moves)
        cost = values @ weights
        gradient, slopes = np.empty(count), np.empty((len(KEPT), count))
        hessian = np.empty((count, count))
        pair = 2 * count + 1  # where the moves of two targets begin
        for i in range(count):
            up, down = 2 * i + 1, 2 * i + 2
            gradient[i] = (cost[up] - cost[down]) / (2.0 * _DIFFERENCE)
            slopes[:, i] = (beyond[up] - beyond[down]) / (2.0 * _DIFFERENCE)
            hessian[i, i] = (cost[up] - 2.0 * cost[0] + cost[down]) / _DIFFERENCE**2
            for j in range(i):
                same, other = cost[pair : pair + 2].sum(), cost[pair + 2 : pair + 4].sum()
                hessian[i, j] = hessian[j, i] = (same - other) / (4.0 * _DIFFERENCE**2)
                pair += 4
        return _Expansion(point, float(cost[0]), gradient, hessian, beyond[0], slopes)

    def _solve(self, here: "_Expansion", penalty: float, reach: float) -> F64 | None:
        eigenvalues, vectors = np.linalg.eigh(here.hessian)
        scale = penalty  # the program's numbers are of order 1, as its tolerance expects
        curvature = np.sqrt(np.maximum(eigenvalues, 0.0) / scale)[:, None] * vectors.T
        self._curvature.value = curvature
        self._gradient.value = here.gradient / scale
        self._slopes.value, self._beyond.value = here.slopes, here.beyond
        self._down.value = np.maximum(-reach * _REACH, self._operation.low - here.point)
        self._up.value = np.minimum(reach * _REACH, self._operation.high - here.point)
        with warnings.catch_warnings():
            # A step that is nearly the best one is as good: whether it helps is judged anyhow.
            warnings.simplefilter("ignore", UserWarning)
            try:
                self._problem.solve(
                    solver=cp.OSQP, eps_abs=_EXACT, eps_rel=_EXACT, max_iter=_ITERATIONS
                )
            except cp.SolverError:
                return None
        if self._step.value is None:
            return None
        return np.asarray(self._step.value)


@dataclass(frozen=True, slots=True)
class _Expansion:
    """The weighted objectives and the bounds, to second and to first order around a point."""

    point: F64
    cost: float
    gradient: F64
    hessian: F64
    beyond: F64
    slopes: F64

    def merit(self, penalty: float) -> float:
        """The cost with what missed bounds add."""
        return self.cost + penalty * float(np.sum(np.maximum(self.beyond, 0.0)))


def _stencil(count: int) -> F64:
    """Return the moves of central differences: none; each target up and down; of each pair of
    targets both up, both down, one up and one down, and that the other way round."""
    unit = _DIFFERENCE * np.eye(count)
    moves = [np.zeros(count)]
    for row in unit:
        moves += [row, -row]
    for i in range(count):
        for j in range(i):
            same, other = unit[i] + unit[j], unit[i] - unit[j]
            moves += [same, -same, other, -other]
    return np.array(moves)
