"""Levenberg and Marquardt's method on figures and window states, with exact derivatives.

`init_fit` makes the first state, `step_fit` moves it on; what they call is compiled once for each
length of history.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.calibration.elimination import Bordered, damp, solve
from physics.calibration.windows import Problem, Windows, follow_unknowns
from physics.precision import strengthen

MOST_STEPS: Final = 60  # design value: a fit that is well takes 5 to 15
_CLOSE: Final = 2e-3  # design value: half the squared way to the optimum, in sd: a sixteenth of one
_NEAR: Final = 0.05  # design value: the same where no step helps, at a kink: a third of an sd
_TOLERANCE_SD: Final = 4.0  # design value, as that of the estimator
_DAMPING_FIRST: Final = 1e-2  # design values of the method, as usual, next too
_DAMPING_LOWEST: Final = 1e-10
_DAMPING_HIGHEST: Final = 1e10


class FitStatus(IntEnum):
    """How a fit stands or ended."""

    RUNNING = 0
    CONVERGED = 1
    NOT_CONVERGED = 2  # steps or damping ran out
    NOT_FINITE = 3  # the model could not be run from where it began
    TOO_LITTLE_HISTORY = 4

    @property
    def sentence(self) -> str:
        """For a person."""
        return {
            FitStatus.RUNNING: "The fit is running.",
            FitStatus.CONVERGED: "The fit converged.",
            FitStatus.NOT_CONVERGED: (
                "The fit did not converge: take the figures for none. Look at the residuals for a "
                "stretch that the model cannot follow, and leave it out."
            ),
            FitStatus.NOT_FINITE: (
                "The model could not be run on this history: a measurement is far from what the "
                "plant file describes."
            ),
            FitStatus.TOO_LITTLE_HISTORY: (
                "There is too little history for a fit. Give 12 hours or more."
            ),
        }[self]


class Normal(NamedTuple):
    """The cost and its quadratic model at a point.

    Attributes:
        cost: half the sum of squared residuals, priors and jumps included; less for outliers.
        by_common: (P + 1,) its gradient.
        by_starts: (K, N) its gradient.
        curvature: by Gauss and Newton.
        shown: (K, M, channels) what the channels of `CHANNELS` show there.
        states: (K, M, N).
    """

    cost: Array
    by_common: Array
    by_starts: Array
    curvature: Bordered
    shown: Array
    states: Array


class FitState(NamedTuple):
    """A fit on its way.

    Attributes:
        common: (P + 1,) figures and the thermocouple's error, in prior sd.
        starts: (K, N) states when windows begin, from nominal, in `state_sd`.
        normal: at these.
        damping: of the next step.
        steps: made so far.
        status: a `FitStatus`.
    """

    common: Array
    starts: Array
    normal: Normal
    damping: Array
    steps: Array
    status: Array


def init_fit(problem: Problem, common: Array, starts: Array) -> FitState:
    """Begin a fit at given unknowns; their scales are in `FitState`."""
    normal = _build_normal(problem, common, starts)
    return strengthen(
        FitState(
            common=common,
            starts=starts,
            normal=normal,
            damping=jnp.asarray(_DAMPING_FIRST),
            steps=jnp.zeros((), dtype=jnp.int64),
            status=jnp.where(_is_finite(normal), FitStatus.RUNNING, FitStatus.NOT_FINITE),
        )
    )


def step_fit(problem: Problem, state: FitState) -> FitState:
    """Try one step; it is taken if the cost falls. A fit that has ended stays as it is."""
    common, starts, to_gain = _move(state)
    normal = _build_normal(problem, common, starts)
    following: FitState = _judge(state, common, starts, normal, to_gain)
    return following


@jax.jit
def _move(state: FitState) -> tuple[Array, Array, Array]:
    """Where the next step leads, and what is to gain of the cost by the quadratic model."""
    normal = state.normal
    damped = damp(normal.curvature, state.damping)
    common, starts, _ = solve(damped, normal.by_common, normal.by_starts)
    whole_common, whole_starts, _ = solve(normal.curvature, normal.by_common, normal.by_starts)
    to_gain = 0.5 * (
        jnp.vdot(normal.by_common, whole_common) + jnp.vdot(normal.by_starts, whole_starts)
    )
    return state.common - common, state.starts - starts, to_gain


@jax.jit
def _judge(
    state: FitState, common: Array, starts: Array, normal: Normal, to_gain: Array
) -> FitState:
    """Take a step or leave it."""
    is_better = _is_finite(normal) & (normal.cost < state.normal.cost)
    damping = jnp.where(is_better, state.damping / 5.0, state.damping * 8.0)
    steps = state.steps + 1
    is_stuck = (steps >= MOST_STEPS) | (damping > _DAMPING_HIGHEST)
    status = jnp.where(
        (to_gain < _CLOSE) | (is_stuck & (to_gain < _NEAR)),
        FitStatus.CONVERGED,
        jnp.where(is_stuck, FitStatus.NOT_CONVERGED, FitStatus.RUNNING),
    )
    damping = jnp.maximum(damping, _DAMPING_LOWEST)
    tried = FitState(common, starts, normal, damping, steps, status)
    kept = state._replace(damping=damping, steps=steps, status=status)
    is_running = state.status == FitStatus.RUNNING
    following: FitState = jax.tree.map(
        lambda new, same, old: jnp.where(is_running, jnp.where(is_better, new, same), old),
        tried,
        kept,
        state,
    )
    return following


def count_compilations() -> int:
    """How often the parts of a step have been compiled here: three for each length of history."""
    parts = (_build_normal, _move, _judge)
    sizes = [int(part._cache_size()) for part in parts]  # type: ignore[attr-defined]
    return sum(sizes)


def _is_finite(normal: Normal) -> Array:
    leaves = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(normal)]
    return jnp.stack(leaves).all()


@jax.jit
def measure_information(state: FitState) -> Array:
    """What is known together of the common unknowns and the first state, priors included.

    Args:
        state: a fit that converged.

    Returns:
        (P + 1 + N, P + 1 + N), one over squared prior sd: the identity would be the priors alone.
    """
    normal = state.normal
    return solve(normal.curvature, normal.by_common, normal.by_starts)[2]


@jax.jit
def _build_normal(problem: Problem, common: Array, starts: Array) -> Normal:
    """The cost about given unknowns.

    Residuals: what was measured, over its sd; the figures and the first state, over their priors;
    the jumps between windows, over what cells wander.
    """
    count, states = common.shape[0], starts.shape[1]

    def one(start: Array, window: Windows) -> tuple[tuple[Array, ...], ...]:
        def run(unknown: Array) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
            followed = follow_unknowns(problem, unknown[:count], unknown[count:], window)
            shown, _, end = followed
            return (shown * window.weight, end), followed

        slopes, (shown, passed, end) = jax.jacfwd(run, has_aux=True)(
            jnp.concatenate([common, start])
        )
        slope = slopes[0].reshape(-1, count + states)
        residual = ((shown - window.measured) * window.weight).reshape(-1)
        # Residuals beyond the tolerance count in proportion, no longer with their square.
        stretch = jnp.sqrt(1.0 + (residual / _TOLERANCE_SD) ** 2)
        leaning = slope / stretch[:, None]
        return (
            (
                _TOLERANCE_SD**2 * jnp.sum(stretch - 1.0),
                leaning.T @ residual,
                leaning.T @ slope,
            ),
            (end, slopes[1][:, :count], slopes[1][:, count:]),
            (shown, passed),
        )

    (costs, gradients, curvatures), (ends, by_common, by_start), (shown, passed) = jax.vmap(one)(
        starts, problem.windows
    )
    # Jumps: how far each window ends from where the next begins.
    weight = 1.0 / problem.jump_share
    jump = (ends[:-1] - starts[1:]) * weight
    by_common, by_start = by_common[:-1] * weight[..., None], by_start[:-1] * weight[..., None]
    by_next = -jax.vmap(jnp.diag)(weight)

    cost = (
        costs.sum()
        + 0.5 * jnp.sum(common**2)
        + 0.5 * jnp.sum(starts[0] ** 2)
        + 0.5 * jnp.sum(jump**2)
    )
    g_common = common + gradients[:, :count].sum(0) + jnp.einsum("kic,ki->c", by_common, jump)
    g_starts = gradients[:, count:].at[0].add(starts[0])
    g_starts = g_starts.at[:-1].add(jnp.einsum("kis,ki->ks", by_start, jump))
    g_starts = g_starts.at[1:].add(-jump * weight)

    h_common = (
        jnp.eye(count)
        + curvatures[:, :count, :count].sum(0)
        + jnp.einsum("kic,kid->cd", by_common, by_common)
    )
    h_mixed = curvatures[:, :count, count:]  # (K, P + 1, N)
    h_mixed = h_mixed.at[:-1].add(jnp.einsum("kic,kis->kcs", by_common, by_start))
    h_mixed = h_mixed.at[1:].add(jnp.einsum("kic,kis->kcs", by_common, by_next))
    h_own = curvatures[:, count:, count:].at[0].add(jnp.eye(states))
    h_own = h_own.at[:-1].add(jnp.einsum("kis,kit->kst", by_start, by_start))
    h_own = h_own.at[1:].add(by_next**2)
    h_next = jnp.einsum("kis,kit->kst", by_start, by_next)  # (K - 1, N, N)

    return Normal(
        cost=cost,
        by_common=g_common,
        by_starts=g_starts,
        curvature=Bordered(h_common, h_mixed, h_own, h_next),
        shown=shown,
        states=passed,
    )
