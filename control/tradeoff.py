"""The trade-off between objectives: what a point must keep, which are best, and a convex sweep.

The sweep minimises a weighted sum of the objectives over the operating targets. Around a point it
is a quadratic program as that of the controller: objectives to second order, their curvature made
convex, bounds to first order and soft with an exact penalty. It is compiled once by CVXPY in
disciplined parameters, solved by OSQP, and made again around each new point until that stays: so it
ends where the weighted sum of the true objectives has a minimum. Where the front is not convex no
weights lead to a point; that is what a genetic search is for.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np
from cvxpy.atoms.sum_squares import sum_squares
from jax import Array
from numpy.typing import NDArray

from control.limits import SetpointLimits
from control.objective import ControlObjective
from control.rating import ALUMINA, BATCH, GAP, OBJECTIVES, SWING, TARGETS, Rater
from control.whatif import THIN_LEDGE_CM
from physics.design import oxide_kg_per_h_and_ka
from physics.signals import SETPOINTS

F64 = NDArray[np.float64]

KEPT: Final = (
    "superheat_low",
    "superheat_high",
    "alumina_low",
    "alumina_high",
    "noise",
    "ledge",
    "feed_low",
    "feed_high",
)
GAP_SD_CM: Final = 0.08  # design value: of a settled estimate; lifts the floor of the gap
_WIDEST_SWING_WT_PCT: Final = 1.0  # design value
_REACH: Final = np.array([0.2, 0.3, 0.2, 0.5])  # of the first trust region, by target
_PASSES: Final = 60
_STILL: Final = 1e-4  # of a trust region: a step that moves a point no further
_PENALTY: Final = 10.0  # times the steepest slope of what is minimised
_DIFFERENCE: Final = 1e-3  # of a target, cm or wt%
_EXACT: Final = 1e-7
_ITERATIONS: Final = 20_000
_KEPT_WITHIN: Final = 1e-3


class Operation:
    """What may be set at a plant, and what an operating point must keep.

    Args:
        rater: of the plant.
        objective: its soft bounds.
        limits: of its setpoints, by name.
        alf3_reach_wt_pct: how far from the plant file's excess AlF3 is studied.
    """

    def __init__(
        self,
        rater: Rater,
        objective: ControlObjective,
        limits: Mapping[str, SetpointLimits],
        alf3_reach_wt_pct: float = 1.0,
    ) -> None:
        self.rater, self.objective = rater, objective
        self._feed = limits[SETPOINTS[0]]
        cell = rater.design.cell
        alf3 = cell.bath.excess_alf3_wt_pct
        self.low = np.array(
            [
                objective.acd_floor_cm(GAP_SD_CM, 0.0),
                objective.alumina_low_wt_pct,
                0.0,
                max(alf3 - alf3_reach_wt_pct, 0.0),
            ]
        )
        self.high = np.array(
            [
                objective.acd_high_cm,
                objective.alumina_high_wt_pct,
                _WIDEST_SWING_WT_PCT,
                alf3 + alf3_reach_wt_pct,
            ]
        )
        self.nominal = np.array(
            [
                cell.nominal.acd_cm,
                objective.alumina_target_wt_pct,
                objective.alumina_swing_wt_pct,
                alf3,
            ]
        )
        self._judge = jax.jit(jax.vmap(lambda z: (rater.objectives(z), self.beyond(z))))

    def beyond(self, targets: Array) -> Array:
        """How far a point is beyond each of `KEPT`, (8,); not above 0 where it is kept.

        In degC, wt%, cm, tens of mV and hundreds of kg/h, so that all are of order 1.
        """
        objective, line = self.objective, self.rater.design.line
        steady = self.rater.steady(targets)
        alumina, swing = targets[ALUMINA], targets[SWING]
        use_kg_per_h = (
            oxide_kg_per_h_and_ka(self.rater.design.cell.metal)
            * line.current_ka
            * steady.current_efficiency
        )
        # A triangle goes up and down by twice its swing within a period.
        slope_wt_pct_per_h = 4.0 * swing / objective.alumina_swing_period_h
        swung_kg_per_h = slope_wt_pct_per_h * self.rater.design.cell.bath.mass_kg / 100.0
        straying = objective.certainty_factor * steady.deviate_wt_pct
        return jnp.stack(
            [
                objective.superheat_low_c - steady.superheat_c,
                steady.superheat_c - objective.superheat_high_c,
                objective.alumina_low_wt_pct - (alumina - swing),
                alumina + swing + straying - objective.alumina_high_wt_pct,
                (steady.voltage_noise_mv - objective.noise_limit_mv) / 10.0,
                THIN_LEDGE_CM - steady.ledge_cm,
                (self._feed.low - use_kg_per_h + swung_kg_per_h) / 100.0,
                (use_kg_per_h + swung_kg_per_h - self._feed.high) / 100.0,
            ]
        )

    def judge(self, targets: F64) -> tuple[F64, F64]:
        """Return the objectives, (n, 3), and how far each point is beyond its bounds, (n, 8)."""
        count = len(targets)
        padded = np.resize(targets, (-(-count // BATCH) * BATCH, len(TARGETS)))
        parts = [self._judge(jnp.asarray(part)) for part in np.split(padded, len(padded) // BATCH)]
        values, beyond = (np.concatenate([np.asarray(p[i]) for p in parts]) for i in (0, 1))
        return values[:count], beyond[:count]

    def is_kept(self, targets: F64) -> NDArray[np.bool_]:
        """Whether each point keeps every bound, (n,)."""
        _, beyond = self.judge(targets)
        return np.asarray(np.all(beyond <= _KEPT_WITHIN, axis=1))

    def present(self) -> F64:
        """Return the targets of the plant file, with the gap where its controller would have it:
        as small as superheat and the floor allow, (4,)."""
        gaps = np.linspace(self.low[GAP], self.high[GAP], 4 * BATCH)
        points = np.tile(self.nominal, (len(gaps), 1))
        points[:, GAP] = gaps
        _, beyond = self.judge(points)
        allowed = np.flatnonzero(beyond[:, KEPT.index("superheat_low")] <= _KEPT_WITHIN)
        return points[allowed[0]] if len(allowed) else self.nominal


def find_front(values: F64) -> NDArray[np.intp]:
    """Return the rows of `values`, (n, k), that no other row is at least as good as in everything
    and better in something; of equal rows the first."""
    kept = []
    for row, value in enumerate(values):
        no_worse = np.all(values <= value, axis=1)
        better = no_worse & np.any(values < value, axis=1)
        same_before = no_worse[:row] & np.all(values[:row] == value, axis=1)
        if not better.any() and not same_before.any():
            kept.append(row)
    return np.array(kept, dtype=np.intp)


def find_knee(values: F64) -> int:
    """Return the row of a front, (n, k), that is nearest to the best of everything, each objective
    counted in its range on the front."""
    low, high = values.min(axis=0), values.max(axis=0)
    scaled = (values - low) / np.maximum(high - low, 1e-12)
    return int(np.argmin(np.linalg.norm(scaled, axis=1)))


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
                self._problem.solve(  # type: ignore[no-untyped-call]
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
