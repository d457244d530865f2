"""The square-root filter's two steps against dense algebra, and where covariances break down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from physics.square_root import absorb_scalar, expect_variance, spread_factor

STATES, BELOW = 4, 3
F64 = np.ndarray
SPREAD = jax.jit(spread_factor)
ABSORB = jax.jit(absorb_scalar)
TAKE = jax.jit(lambda factor, row, variance: absorb_scalar(factor, row @ factor[:STATES], variance))


def make_factor(rng: np.random.Generator, below: int = BELOW) -> F64:
    factor = rng.standard_normal((STATES + below, STATES))
    factor[:STATES] = np.tril(factor[:STATES])
    return factor


def test_time_spreads_states_and_what_is_remembered_of_them() -> None:
    rng = np.random.default_rng(1)
    factor, F = make_factor(rng), rng.standard_normal((STATES, STATES))
    noise_sd = rng.uniform(0.1, 1.0, STATES)
    after, forgotten = SPREAD(jnp.asarray(factor), jnp.asarray(F), jnp.asarray(noise_sd))
    S, G = factor[:STATES], factor[STATES:]
    new_S, new_G = np.asarray(after)[:STATES], np.asarray(after)[STATES:]
    assert np.allclose(new_S @ new_S.T, F @ S @ S.T @ F.T + np.diag(noise_sd**2), rtol=1e-12)
    assert np.allclose(new_G @ new_S.T, G @ S.T @ F.T, rtol=1e-12)
    assert np.allclose(new_G @ new_G.T + forgotten @ forgotten.T, G @ G.T, rtol=1e-12)
    assert np.all(np.triu(new_S, 1) == 0.0)
    assert np.all(np.diag(new_S) > 0.0)


def test_a_measurement_conditions_all_of_the_joint_factor() -> None:
    """Of a state and of what is remembered at once, which is known beside the states by W."""
    rng = np.random.default_rng(2)
    factor, C = make_factor(rng), rng.standard_normal((BELOW, BELOW))
    row, variance = rng.standard_normal(STATES + BELOW), 0.3
    W = C @ C.T
    joint = factor @ factor.T
    joint[STATES:, STATES:] += W
    own = W @ row[STATES:]
    after, gain = ABSORB(
        jnp.asarray(factor),
        jnp.asarray(row @ factor),
        jnp.asarray(variance + row[STATES:] @ own),
        jnp.asarray(np.concatenate([np.zeros(STATES), own])),
    )
    expected = variance + row @ joint @ row
    wanted = joint - np.outer(joint @ row, joint @ row) / expected
    assert np.allclose(gain, joint @ row / expected, rtol=1e-11)
    states = np.asarray(after)[:STATES]
    assert np.allclose(np.asarray(after) @ states.T, wanted[:, :STATES], rtol=1e-10, atol=1e-12)
    assert np.all(np.triu(states, 1) == 0.0)


def test_a_measurement_of_nothing_changes_nothing() -> None:
    factor = jnp.asarray(make_factor(np.random.default_rng(3)))
    after, gain = ABSORB(factor, jnp.zeros(STATES), jnp.asarray(1.0))
    assert np.array_equal(after, factor)
    assert np.all(np.asarray(gain) == 0.0)


SCALES = st.floats(-4.0, 4.0)
ROWS = hnp.arrays(np.float64, (6, STATES), elements=st.floats(-1.0, 1.0))


def run_covariance(covariance: F64, rows: F64, variance: np.float32) -> F64:
    """The textbook's update P - K H P, in the precision of its arguments."""
    for row in rows:
        spread = covariance @ row
        gain = spread / (row @ spread + variance)
        covariance = covariance - np.outer(gain, spread)
    return covariance


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, STATES, elements=SCALES), ROWS, st.floats(-6.0, 0.0))
def test_no_scale_and_no_precision_makes_a_variance_negative(
    scale: F64, rows: F64, noise: float
) -> None:
    """In single precision, with states that differ by eight powers of ten."""
    sd = (10.0**scale).astype(np.float32)
    factor = jnp.asarray(np.diag(sd))
    variance = jnp.asarray(np.float32(10.0**noise))
    for row in rows.astype(np.float32):
        assert float(expect_variance(factor, jnp.asarray(row), variance)) >= float(variance)
        factor = TAKE(factor, jnp.asarray(row), variance).factor
        assert factor.dtype == jnp.float32
    S = np.asarray(factor, dtype=np.float64)
    assert np.all(np.isfinite(S))
    assert np.all(np.triu(S, 1) == 0.0)
    assert np.all(np.diag(S) >= 0.0)
    assert np.all(np.sum(S**2, axis=1) <= np.asarray(sd, dtype=np.float64) ** 2 * 1.001)


def test_a_covariance_loses_what_its_factor_keeps() -> None:
    """States from 1e3 down to 1e-2 by measurements of all of them at once: single precision."""
    rng = np.random.default_rng(4)
    sd, variance = np.full(STATES, 1e3), 1e-4
    broken = 0
    for _ in range(20):
        rows = rng.uniform(0.5, 1.0, (2 * STATES, STATES))
        exact = run_covariance(np.diag(sd**2), rows, np.float64(variance))
        single = run_covariance(
            np.diag(sd**2).astype(np.float32), rows.astype(np.float32), np.float32(variance)
        )
        factor = jnp.asarray(np.diag(sd).astype(np.float32))
        for row in rows.astype(np.float32):
            factor = TAKE(factor, jnp.asarray(row), jnp.asarray(np.float32(variance))).factor
        S = np.asarray(factor, dtype=np.float64)
        broken += np.linalg.eigvalsh((single + single.T).astype(np.float64)).min() < 0.0
        assert np.linalg.eigvalsh(S @ S.T).min() > 0.0
        kept = np.sqrt(np.sum(S**2, axis=1))
        assert kept == pytest.approx(np.sqrt(np.diag(exact)), rel=0.02)
    assert broken > 10, "the covariance of most sequences is none any more"
