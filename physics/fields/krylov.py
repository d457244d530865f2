"""Conjugate gradients with a preconditioner, for symmetric positive operators without a matrix.

Failure is a value: the status says why a solution is not what was asked for.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


class SolveStatus(IntEnum):
    """How a solve ended."""

    SOLVED = 0
    NOT_CONVERGED = 1  # the iterations were used up
    NOT_FINITE = 2  # a number that is none, in the operator or on the right
    NOT_POSITIVE = 3  # the operator or the preconditioner is not positive

    @property
    def sentence(self) -> str:
        """The status in words."""
        return {
            SolveStatus.SOLVED: "solved",
            SolveStatus.NOT_CONVERGED: "the iterations were used up before the tolerance was met",
            SolveStatus.NOT_FINITE: "a number in the equations is not finite",
            SolveStatus.NOT_POSITIVE: "the equations are not positive definite",
        }[self]


class Solution(NamedTuple):
    """What a solve gives back."""

    field: Array
    status: Array  # scalar, of SolveStatus
    iterations: Array  # scalar
    relative_residual: Array  # scalar, 2-norm of b - A x over that of b


class _State(NamedTuple):
    field: Array
    residual: Array
    residual_before: Array
    direction: Array
    projection: Array  # residual . preconditioned residual
    norm: Array
    iterations: Array
    is_positive: Array


def solve_conjugate_gradients(
    apply: Callable[[Array], Array],
    right: Array,
    start: Array,
    precondition: Callable[[Array], Array],
    tolerance: ArrayLike,
    most_iterations: ArrayLike,
    floor: ArrayLike = 0.0,
) -> Solution:
    """Solve A x = b.

    Args:
        apply: A, symmetric and positive.
        right: b, of any shape.
        start: first guess of x.
        precondition: approximate inverse of A, symmetric and positive.
        tolerance: of the residual's 2-norm, relative to that of b.
        most_iterations: how many at most.
        floor: residual's 2-norm below which all is solved, in the unit of b; for a right side that
            is nearly nothing.

    Returns:
        The solution, and how it went.

    Source:
        Polak-Ribiere form of the preconditioned conjugate gradients (Golub and Ye 1999), which a
        preconditioner of low precision does not upset.
    """
    norm_right = jnp.sqrt(jnp.vdot(right, right))
    goal = jnp.maximum(jnp.asarray(tolerance) * norm_right, jnp.asarray(floor))
    residual = right - apply(start)
    nothing = jnp.zeros_like(residual)
    first = _State(
        field=start,
        residual=residual,
        residual_before=nothing,
        direction=nothing,
        projection=jnp.ones((), residual.dtype),
        norm=jnp.sqrt(jnp.vdot(residual, residual)),
        iterations=jnp.asarray(0),
        is_positive=jnp.asarray(True),
    )

    def goes_on(state: _State) -> Array:
        return (state.norm > goal) & (state.iterations < most_iterations) & state.is_positive

    # preconditioning comes first, so that it is compiled once and not done after the last step
    def step(state: _State) -> _State:
        preconditioned = precondition(state.residual)
        projection = jnp.vdot(state.residual, preconditioned)
        change = projection - jnp.vdot(state.residual_before, preconditioned)
        direction = preconditioned + change / state.projection * state.direction
        image = apply(direction)
        curvature = jnp.vdot(direction, image)
        is_positive = (curvature > 0.0) & (projection > 0.0)
        length = jnp.where(is_positive, jnp.vdot(state.residual, direction) / curvature, 0.0)
        residual = state.residual - length * image
        return _State(
            field=state.field + length * direction,
            residual=residual,
            residual_before=state.residual,
            direction=direction,
            projection=projection,
            norm=jnp.sqrt(jnp.vdot(residual, residual)),
            iterations=state.iterations + 1,
            is_positive=is_positive,
        )

    last = jax.lax.while_loop(goes_on, step, first)
    finite = jnp.isfinite(last.norm) & jnp.isfinite(norm_right)
    solved = last.norm <= goal
    status = jnp.where(
        ~finite,
        int(SolveStatus.NOT_FINITE),
        jnp.where(
            solved,
            int(SolveStatus.SOLVED),
            jnp.where(
                last.is_positive, int(SolveStatus.NOT_CONVERGED), int(SolveStatus.NOT_POSITIVE)
            ),
        ),
    )
    relative = last.norm / jnp.where(norm_right > 0.0, norm_right, 1.0)
    return Solution(last.field, status, last.iterations, relative)
