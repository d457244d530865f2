"""Basis and learnt operators, on cases whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.reduced.basis import keep_leading, make_basis, project, reconstruct, relative_error
from physics.reduced.inference import (
    compute_rates,
    fit_operators,
    integrate_features,
    make_products,
)

WEIGHT = jnp.linspace(0.5, 2.0, 30)


def _snapshots(directions: int, count: int = 40) -> Array:
    shapes = jax.random.normal(jax.random.key(1), (directions, 30))
    strengths = jax.random.normal(jax.random.key(2), (count, directions))
    return 5.0 + strengths @ shapes


def test_fields_of_three_directions_need_three_modes() -> None:
    snapshots = _snapshots(3)
    basis = make_basis(snapshots, WEIGHT, 3)
    assert float(basis.left_out) < 1e-20
    np.testing.assert_allclose(reconstruct(basis, project(basis, snapshots)), snapshots)
    gram = basis.modes.T @ (WEIGHT[:, None] * basis.modes)
    np.testing.assert_allclose(gram, np.eye(3), atol=1e-12)


def test_what_is_left_out_is_the_error() -> None:
    snapshots = _snapshots(6)
    basis = make_basis(snapshots, WEIGHT, 4)
    back = reconstruct(basis, project(basis, snapshots))
    error = float((WEIGHT[None, :] * (back - snapshots) ** 2).sum())
    deviation = float((WEIGHT[None, :] * (snapshots - snapshots.mean(axis=0)[None, :]) ** 2).sum())
    assert error / deviation == pytest.approx(float(basis.left_out))
    assert relative_error(basis, back, snapshots).shape == (40,)
    np.testing.assert_allclose(relative_error(basis, snapshots, snapshots, 5.0), 0.0)


def test_the_leading_modes_are_the_basis_of_fewer_modes() -> None:
    snapshots = _snapshots(6)
    few, kept = make_basis(snapshots, WEIGHT, 2), keep_leading(make_basis(snapshots, WEIGHT, 5), 2)
    for made, left in zip(few, kept, strict=True):
        np.testing.assert_allclose(left, made, rtol=1e-12, atol=1e-15)
    with pytest.raises(ValueError, match="no leading 3"):
        keep_leading(few, 3)


@pytest.mark.parametrize(("modes", "weights"), [(0, 30), (40, 30), (3, 29)])
def test_what_gives_no_basis_is_refused(modes: int, weights: int) -> None:
    with pytest.raises(ValueError, match="Remedy"):
        make_basis(_snapshots(3), jnp.ones(weights), modes)


def _features(state: Array, drive: Array) -> Array:
    return jnp.concatenate([jnp.ones(1), state, drive[None], make_products(state)])


def _true_rates(state: Array, drive: Array) -> Array:
    x, y = state[0], state[1]
    return jnp.stack([-0.1 * x + 0.02 * y + 0.05 * drive, 0.03 - 0.05 * y - 0.01 * x * y])


def test_a_quadratic_system_is_found_from_its_trajectory() -> None:
    dt_s = 0.2
    drives = jnp.sin(0.05 * jnp.arange(3001.0)) + 0.5 * jnp.sin(0.013 * jnp.arange(3001.0))

    def step(state: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        before, after = pair
        middle = 0.5 * (before + after)
        k1 = _true_rates(state, before)
        k2 = _true_rates(state + 0.5 * dt_s * k1, middle)
        k3 = _true_rates(state + 0.5 * dt_s * k2, middle)
        k4 = _true_rates(state + dt_s * k3, after)
        return state + dt_s / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), state

    last, states = jax.lax.scan(step, jnp.array([1.0, 0.5]), (drives[:-1], drives[1:]))
    states = jnp.concatenate([states, last[None]])
    features = jax.vmap(_features)(states, drives)
    interval_s = jnp.full(3000, dt_s)
    integrals = integrate_features(features, interval_s)
    operators = fit_operators(integrals, jnp.diff(states, axis=0), interval_s, 1e-12)
    for state, drive in (([0.3, 0.4], 0.2), ([0.5, 0.6], -0.7)):
        exact = _true_rates(jnp.array(state), jnp.array(drive))
        found = compute_rates(operators, _features(jnp.array(state), jnp.array(drive)))
        np.testing.assert_allclose(found, exact, rtol=0.01, atol=2e-5)
    heavy = fit_operators(integrals, jnp.diff(states, axis=0), interval_s, 10.0)
    assert float(jnp.abs(heavy.weight[1:]).sum()) < float(jnp.abs(operators.weight[1:]).sum())
