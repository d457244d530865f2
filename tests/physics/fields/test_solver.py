"""Solving stencils: few iterations, whatever the materials, the boxes and what is pinned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.fields.coarsening import plan_coarsening
from physics.fields.grid import Grid, compute_volumes_m3, make_equal_grid, make_grid
from physics.fields.krylov import Solution, SolveStatus
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Faces, Stencil, apply_stencil, compute_conductances

SHAPE = (13, 9, 11)
MOST = 15


def _stencil(grid: Grid, loss: float = 1e3) -> Stencil:
    """Layers that conduct from 0.3 to 100, the lowest boxes given to the last material."""
    layers = jnp.asarray([0.3, 12.0, 80.0, 30.0, 1.5, 0.3, 5.0])
    steps = jnp.arange(grid.shape[2]) * layers.size // grid.shape[2]
    conductivity = jnp.broadcast_to(layers[steps], grid.shape)
    conductivity = conductivity.at[-2:].set(1.5)
    return Stencil(loss * compute_volumes_m3(grid), compute_conductances(grid, conductivity))


def _solve(stencil: Stencil, tolerance: float = 1e-8, grid: Grid | None = None) -> Solution:
    """Solve for a right side at random, and check the residual apart from the solver."""
    right = jax.random.normal(jax.random.key(5), stencil.loss.shape) * (stencil.loss > 0.0)
    plan = None if grid is None else plan_coarsening(grid)
    solution = solve_stencil(stencil, right, jnp.zeros_like(right), tolerance, plan=plan)
    assert int(solution.status) == SolveStatus.SOLVED
    left = right - jax.jit(apply_stencil)(stencil, solution.field)
    assert jnp.linalg.norm(left.ravel()) <= 2.0 * tolerance * jnp.linalg.norm(right.ravel())
    return solution


@pytest.fixture(scope="module")
def cell() -> Stencil:
    return _stencil(make_equal_grid((1.3, 0.9, 1.1), SHAPE))


@pytest.mark.parametrize("faster", [1e-6, 1.0, 1e6])
def test_materials_and_steps_do_not_matter(cell: Stencil, faster: float) -> None:
    assert int(_solve(cell._replace(loss=faster * cell.loss)).iterations) <= MOST


def test_single_precision_inside_does_not_limit_the_solution(cell: Stencil) -> None:
    assert int(_solve(cell, 1e-12).iterations) <= 20


def test_pinned_boxes(cell: Stencil) -> None:
    is_pinned = jax.random.bernoulli(jax.random.key(6), 0.2, SHAPE)
    pinned = cell._replace(loss=jnp.where(is_pinned, 1e15, cell.loss))
    assert int(_solve(pinned).iterations) <= MOST


def test_boxes_that_stand_alone_are_nothing(cell: Stencil) -> None:
    is_alone = jax.random.bernoulli(jax.random.key(6), 0.2, SHAPE)
    grid = make_equal_grid((1.3, 0.9, 1.1), SHAPE)
    conductances = compute_conductances(grid, jnp.where(is_alone, 0.0, 5.0))
    alone = Stencil(jnp.where(is_alone, 0.0, cell.loss), conductances)
    solution = _solve(alone)
    assert int(solution.iterations) <= MOST
    np.testing.assert_array_equal(jnp.where(is_alone, solution.field, 0.0), 0.0)


def test_a_wall_through_everything(cell: Stencil) -> None:
    faces = cell.conductance
    wall = Faces(faces.x.at[4].set(0.0), faces.y.at[:, 3].set(1e-9), faces.z)
    assert int(_solve(Stencil(cell.loss, wall)).iterations) <= MOST


def test_a_slice() -> None:
    grid = make_grid(np.full(24, 0.05), [1.0], 0.03 * 1.05 ** np.arange(17))
    assert int(_solve(_stencil(grid)).iterations) <= MOST


def test_flat_boxes_by_a_plan() -> None:
    grid = make_grid(np.full(8, 0.05), np.full(6, 0.3), np.full(12, 0.02))
    assert int(_solve(_stencil(grid), grid=grid).iterations) <= MOST


def test_one_compilation_serves_a_shape(cell: Stencil, compilations: list[str]) -> None:
    start = jnp.zeros(SHAPE)
    solve_stencil(cell, cell.loss, start, 1e-8)
    jax.block_until_ready(jax.jit(lambda field: field + 1.0)(start))
    assert compilations
    numbers = [cell._replace(loss=factor * cell.loss) for factor in (2.0, 3.0)]
    compilations.clear()
    for stencil, tolerance in zip(numbers, (1e-6, 1e-10), strict=True):
        solve_stencil(stencil, stencil.loss, start, tolerance)
    assert not compilations
