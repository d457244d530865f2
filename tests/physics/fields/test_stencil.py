"""The operator that all fields share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.fields.grid import Grid, compute_volumes_m3, make_equal_grid, make_grid
from physics.fields.krylov import SolveStatus
from physics.fields.solver import solve_stencil
from physics.fields.stencil import (
    Stencil,
    apply_stencil,
    compute_conductances,
    compute_diagonal,
    gather_outflow,
)

SHAPE = (4, 3, 5)


def _grid() -> Grid:
    return make_grid(0.1 * 1.3 ** np.arange(4), [0.2, 0.1, 0.3], 0.05 * 1.5 ** np.arange(5))


def _stencil(loss: float = 0.0) -> Stencil:
    conductivity = jax.random.uniform(jax.random.key(1), SHAPE, minval=0.1, maxval=10.0)
    conductances = compute_conductances(_grid(), conductivity)
    return Stencil(jnp.full(SHAPE, loss), conductances)


def _matrix(stencil: Stencil) -> np.ndarray:
    unit = jnp.eye(60).reshape((60, *SHAPE))
    columns = jax.vmap(lambda field: apply_stencil(stencil, field))(unit)
    return np.asarray(columns).reshape(60, 60)


def test_the_operator_is_symmetric_and_positive() -> None:
    matrix = _matrix(_stencil(loss=0.5))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-15)
    assert np.linalg.eigvalsh(matrix).min() >= 0.5 - 1e-12
    np.testing.assert_allclose(np.diag(matrix), np.ravel(compute_diagonal(_stencil(0.5))))


def test_nothing_is_lost_between_boxes() -> None:
    field = jax.random.normal(jax.random.key(2), SHAPE)
    assert abs(float(apply_stencil(_stencil(), field).sum())) < 1e-12
    np.testing.assert_allclose(apply_stencil(_stencil(), jnp.ones(SHAPE)), 0.0, atol=1e-15)


def test_layers_in_series_add_their_resistances() -> None:
    grid = make_grid([0.2, 0.1], [1.0], [2.0])
    conductivity = jnp.array([4.0, 0.5]).reshape(2, 1, 1)
    conductance = compute_conductances(grid, conductivity).x
    np.testing.assert_allclose(conductance, 2.0 / (0.1 / 4.0 + 0.05 / 0.5), rtol=1e-15)


def test_what_does_not_conduct_is_a_wall() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (3, 1, 1))
    conductance = compute_conductances(grid, jnp.array([1.0, 0.0, 1.0]).reshape(3, 1, 1)).x
    np.testing.assert_array_equal(conductance, 0.0)


def test_a_slice_has_no_face_along_the_cell() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (3, 1, 4))
    faces = compute_conductances(grid, jnp.ones(grid.shape))
    assert faces.y.shape == (3, 0, 4)
    assert gather_outflow(faces).shape == grid.shape


def test_the_solution_is_that_of_the_matrix() -> None:
    stencil = _stencil(loss=0.5)
    right = jax.random.normal(jax.random.key(3), SHAPE)
    solution = solve_stencil(stencil, right, jnp.zeros(SHAPE), 1e-12)
    assert int(solution.status) == SolveStatus.SOLVED
    exact = np.linalg.solve(_matrix(stencil), np.ravel(right)).reshape(SHAPE)
    np.testing.assert_allclose(solution.field, exact, rtol=1e-9)
    at_once = solve_stencil(stencil, right, solution.field, 1e-10)
    assert int(at_once.iterations) == 0


def test_a_failure_is_a_status() -> None:
    stencil = _stencil(loss=0.5)
    right = jax.random.normal(jax.random.key(3), SHAPE)
    start = jnp.zeros(SHAPE)
    few = solve_stencil(stencil, right, start, 1e-12, 0.0, 1)
    assert int(few.status) == SolveStatus.NOT_CONVERGED
    assert int(few.iterations) == 1
    spoilt = solve_stencil(stencil, right.at[0, 0, 0].set(jnp.nan), start)
    assert int(spoilt.status) == SolveStatus.NOT_FINITE
    negative = Stencil(-100.0 * stencil.loss, stencil.conductance)
    assert int(solve_stencil(negative, right, start).status) == SolveStatus.NOT_POSITIVE
    for status in SolveStatus:
        assert status.sentence


def test_volumes_add_up() -> None:
    volumes = compute_volumes_m3(_grid())
    assert volumes.shape == SHAPE
    total = np.prod([float(width.sum()) for width in _grid()])
    np.testing.assert_allclose(volumes.sum(), total)


@pytest.mark.parametrize("widths", [[], [0.0, 1.0], [-1.0], [np.nan], [[1.0]]])
def test_a_width_that_is_none_is_refused(widths: list[float]) -> None:
    with pytest.raises(ValueError, match="widths along y"):
        make_grid([1.0], widths, [1.0])
