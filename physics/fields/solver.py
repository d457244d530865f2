"""Solves a stencil: conjugate gradients, preconditioned by multigrid."""

from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coarsening import Plan, plan_by_shape
from physics.fields.flat import apply_flat, compute_margin, hold, lay_faces_flat
from physics.fields.krylov import Solution, solve_conjugate_gradients
from physics.fields.multigrid import build_hierarchy, precondition
from physics.fields.stencil import Stencil, compute_diagonal

MOST_ITERATIONS: Final = 200


@partial(jax.jit, static_argnames="plan")
def solve_stencil(
    stencil: Stencil,
    right: Array,
    start: Array,
    tolerance: ArrayLike = 1e-8,
    floor: ArrayLike = 0.0,
    most_iterations: ArrayLike = MOST_ITERATIONS,
    plan: Plan | None = None,
) -> Solution:
    """Solve A x = b for the operator of a stencil.

    Args:
        stencil: A, of (nx, ny, nz) boxes.
        right: b, (nx, ny, nz). Not looked at in a box without loss and faces, where x is 0.
        start: first guess of x, (nx, ny, nz).
        tolerance: of the residual's 2-norm, relative to that of b.
        floor: residual's 2-norm below which all is solved, in the unit of b.
        most_iterations: how many at most.
        plan: how to coarsen, of `plan_coarsening`, for boxes or materials that conduct much better
            along one axis than along another; None joins along all axes.

    Returns:
        The solution, and how it went.
    """
    shape = (right.shape[0], right.shape[1], right.shape[2])
    if plan is None:
        plan = plan_by_shape(shape)
    alone = compute_diagonal(stencil) == 0.0
    stencil = hold(stencil._replace(loss=jnp.where(alone, 1.0, stencil.loss)))
    diagonal = hold(compute_diagonal(stencil)).ravel()
    faces = hold(lay_faces_flat(stencil.conductance, shape))
    hierarchy = hold(build_hierarchy(stencil, plan))
    margin = compute_margin(shape)
    solution = solve_conjugate_gradients(
        lambda row: apply_flat(diagonal, faces, hold(jnp.pad(row, margin)), shape),
        jnp.where(alone, 0.0, right).ravel(),
        start.ravel(),
        lambda row: precondition(hierarchy, plan, shape, row),
        tolerance,
        most_iterations,
        floor,
    )
    return solution._replace(field=solution.field.reshape(shape))
