"""The solver of the normal equations against a dense one."""

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from physics.calibration.elimination import Bordered, damp, solve

COMMON, WINDOWS, STATES = 3, 5, 2


def random_matrix(seed: int) -> tuple[Bordered, NDArray[np.float64]]:
    """A positive definite matrix of that shape, as blocks and dense."""
    random = np.random.default_rng(seed)
    size = COMMON + WINDOWS * STATES
    rows = []
    for k in range(WINDOWS):
        row = np.zeros((4, size))
        row[:, :COMMON] = random.normal(size=(4, COMMON))
        row[:, COMMON + k * STATES : COMMON + (k + 2) * STATES] = random.normal(
            size=(4, min(2, WINDOWS - k) * STATES)
        )
        rows.append(row)
    slope = np.concatenate(rows)
    dense = slope.T @ slope + np.eye(size)
    windows = dense[COMMON:, COMMON:].reshape(WINDOWS, STATES, WINDOWS, STATES)
    place = np.arange(WINDOWS)
    blocks = Bordered(
        common=jnp.asarray(dense[:COMMON, :COMMON]),
        mixed=jnp.asarray(dense[:COMMON, COMMON:].reshape(COMMON, WINDOWS, STATES).swapaxes(0, 1)),
        own=jnp.asarray(windows[place, :, place, :]),
        following=jnp.asarray(windows[place[:-1], :, place[1:], :]),
    )
    return blocks, dense


def test_it_solves_what_a_dense_solver_solves() -> None:
    blocks, dense = random_matrix(1)
    side = np.random.default_rng(2).normal(size=len(dense))
    common, windows, left = solve(
        blocks, jnp.asarray(side[:COMMON]), jnp.asarray(side[COMMON:].reshape(WINDOWS, STATES))
    )
    found = np.concatenate([np.asarray(common), np.asarray(windows).reshape(-1)])
    np.testing.assert_allclose(found, np.linalg.solve(dense, side), rtol=1e-10)
    # What is left for the common unknowns and the first window is their joint information.
    kept = COMMON + STATES
    np.testing.assert_allclose(
        np.linalg.inv(np.asarray(left)), np.linalg.inv(dense)[:kept, :kept], rtol=1e-10
    )


def test_damping_grows_the_diagonal_alone() -> None:
    blocks, _ = random_matrix(3)
    grown = damp(blocks, jnp.asarray(0.5))
    np.testing.assert_allclose(jnp.diag(grown.common), 1.5 * jnp.diag(blocks.common))
    np.testing.assert_allclose(grown.common[0, 1], blocks.common[0, 1])
    np.testing.assert_allclose(grown.own[2, 1, 1], 1.5 * blocks.own[2, 1, 1])
    np.testing.assert_array_equal(grown.following, blocks.following)
