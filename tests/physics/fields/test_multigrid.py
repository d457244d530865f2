"""Multigrid as preconditioner, and how boxes are joined."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.fields.coarsening import (
    gather_pairs,
    join_pairs,
    plan_by_shape,
    plan_coarsening,
    spread_pairs,
)
from physics.fields.grid import make_equal_grid, make_grid
from physics.fields.multigrid import build_hierarchy, precondition
from physics.fields.smoother import compute_coefficients
from physics.fields.stencil import Stencil, apply_stencil, compute_conductances

SHAPE = (5, 4, 7)
BOXES = 140


def _stencil(shape: tuple[int, int, int]) -> Stencil:
    """Layers that conduct from 0.1 to 100, with a pinned box and one that stands alone."""
    layers = jnp.asarray([0.1, 80.0, 1.0, 100.0, 0.3, 20.0, 5.0])
    conductivity = jnp.broadcast_to(layers, shape).at[2, 1, 3].set(0.0)
    grid = make_equal_grid((1.0, 0.9, 1.1), shape)
    loss = jnp.full(shape, 0.01).at[1, 2, 2].set(1e12)
    return Stencil(loss, compute_conductances(grid, conductivity))


@pytest.fixture(scope="module")
def matrices() -> tuple[np.ndarray, np.ndarray]:
    """The operator and its approximate inverse, column by column."""
    plan = plan_by_shape(SHAPE)

    @jax.jit
    def apply_both(stencil: Stencil) -> tuple[Array, Array]:
        hierarchy = build_hierarchy(stencil, plan)

        def invert(unit: Array) -> Array:
            return precondition(hierarchy, plan, SHAPE, unit.ravel()).reshape(SHAPE)

        units = jnp.eye(BOXES).reshape(BOXES, *SHAPE)
        return jax.vmap(lambda unit: apply_stencil(stencil, unit))(units), jax.vmap(invert)(units)

    operator, inverse = apply_both(_stencil(SHAPE))
    return np.asarray(operator).reshape(BOXES, -1), np.asarray(inverse).reshape(BOXES, -1)


def test_the_preconditioner_is_symmetric_and_positive(
    matrices: tuple[np.ndarray, np.ndarray],
) -> None:
    _, inverse = matrices
    root = np.sqrt(np.diag(inverse))
    scaled = inverse / root[:, None] / root[None, :]
    np.testing.assert_allclose(scaled, scaled.T, atol=1e-5)
    assert np.linalg.eigvalsh(scaled).min() > 0.0


def test_the_preconditioner_is_near_the_inverse(matrices: tuple[np.ndarray, np.ndarray]) -> None:
    operator, inverse = matrices
    eigenvalues = np.linalg.eigvals(inverse @ operator).real
    assert eigenvalues.min() > 0.1
    assert eigenvalues.max() < 2.0


def test_the_coarse_operator_is_never_below_the_galerkin_one() -> None:
    # layers across the joined axis, so that all rows have the same weights
    shape, axis = (7, 3, 2), 0
    layers = jnp.asarray([0.1, 50.0, 50.0, 0.2, 3.0, 100.0, 1.0])
    conductivity = jnp.broadcast_to(layers[:, None, None], shape)
    conductances = compute_conductances(make_equal_grid((1.0, 0.5, 0.4), shape), conductivity)
    beyond = [
        np.pad(face, [(0, int(a == along)) for a in range(3)])
        for along, face in enumerate(conductances)
    ]
    stack = jnp.asarray(np.stack([np.full(shape, 0.3), *beyond]))
    coarse, pairs = jax.jit(join_pairs, static_argnums=1)(stack, axis)

    def energy(stack: Array, field: Array) -> Array:
        total = (stack[0] * field**2).sum()
        for along in range(3):
            size = field.shape[along]
            face = jax.lax.slice_in_dim(stack[1 + along], 0, size - 1, axis=along)
            total = total + (face * jnp.diff(field, axis=along) ** 2).sum()
        return total

    @jax.jit
    def compare(field: Array) -> tuple[Array, Array]:
        fine = spread_pairs(pairs, field, axis, shape[axis])
        return energy(coarse, field), energy(stack, fine)

    random = np.random.default_rng(0)
    for _ in range(20):
        above, galerkin = compare(jnp.asarray(random.standard_normal((4, 3, 2))))
        assert above >= galerkin
    # what is the same everywhere costs the same in both
    constant = compare(jnp.ones((4, 3, 2)))
    np.testing.assert_allclose(*constant, rtol=1e-12)


def test_gathering_is_the_transpose_of_spreading() -> None:
    random = np.random.default_rng(7)

    @jax.jit
    def compare(stack: Array, fine: Array, coarse: Array) -> tuple[Array, Array]:
        _, pairs = join_pairs(stack, 1)
        gathered = jnp.vdot(gather_pairs(pairs, fine, 1), coarse)
        return gathered, jnp.vdot(fine, spread_pairs(pairs, coarse, 1, 5))

    shapes = ((4, 3, 5, 2), (3, 5, 2), (3, 3, 2))
    np.testing.assert_allclose(*compare(*(jnp.asarray(random.uniform(size=s)) for s in shapes)))


def test_a_plan_joins_short_sides_first() -> None:
    shape = (16, 16, 16)
    assert plan_coarsening(make_equal_grid((1.0, 1.0, 1.0), shape)) == plan_by_shape(shape)
    thin = plan_coarsening(make_equal_grid((1.0, 1.0, 0.1), shape))
    assert thin[:3] == ((2,), (2,), (2,))
    slice_of_cell = plan_coarsening(make_grid(np.full(24, 0.04), [1.0], np.full(17, 0.03)))
    assert slice_of_cell == ((0, 2), (0, 2))
    assert plan_by_shape((3, 2, 4)) == ()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_smoothing_lessens_what_is_rough_and_amplifies_nothing(degree: int) -> None:
    coefficients = compute_coefficients(degree, 0.3)
    eigenvalues = np.linspace(1e-3, 2.0, 200)
    powers = [c * eigenvalues ** (k + 1) for k, c in enumerate(coefficients)]
    left = np.abs(1.0 - np.sum(powers, axis=0))
    assert left.max() < 1.0
    rough = left[eigenvalues >= 0.3].max()
    # the least that a polynomial of this degree can leave
    best = 1.0 / np.cosh(degree * np.arccosh(2.3 / 1.7))
    np.testing.assert_allclose(rough, best, rtol=1e-2)
