"""Covariance kept as a triangular factor: P = S S^T cannot lose its symmetry or become negative.

Through time the factor goes by one QR decomposition of [F S, sqrt(Q)]. A scalar measurement goes in
by Carlson's form, which keeps the factor triangular; its recursion over columns is written as sums
over the columns behind, so that there is no loop. Compared: Potter's form costs the same and leaves
the factor full, so that each scan would need a second QR; an array update (QR again) costs a QR for
each measurement; both are as accurate. A covariance squares the range of numbers that it has to
hold: what is known to 1e-8 of its start is lost to it in double precision, what is known to 1e-4 in
single, whatever the form of its update.

Below the N rows of a factor there may be R more, of quantities that are known through the N states
and beside them: the joint factor is [[S, 0], [G, C]], and W = C C^T is what stays unknown of them
if the states are known. Scans change S and G, and only ever add to W.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class ScalarUpdate(NamedTuple):
    """What a scalar measurement does: factor (N + R, N) after, and gain (N + R,)."""

    factor: Array
    gain: Array


def spread_factor(factor: Array, transition: Array, noise_sd: Array) -> tuple[Array, Array]:
    """Carry a factor through time.

    Args:
        factor: (N + R, N), its first N rows lower triangular.
        transition: (N, N) F.
        noise_sd: (N,) square roots of the diagonal of Q.

    Returns:
        The factor after, its diagonal not negative, and E (R, ...): W grows by E E^T.

    Source:
        Kaminski, Bryson, Schmidt 1971 (array form of the time update).
    """
    count = transition.shape[0]
    below = factor[count:]
    moved = jnp.concatenate([transition @ factor[:count], below])
    added = jnp.concatenate([jnp.diag(noise_sd), jnp.zeros_like(below)])
    upper = jnp.linalg.qr(jnp.concatenate([moved, added], axis=1).T, mode="r")
    sign = jnp.where(jnp.diagonal(upper)[:count] < 0.0, -1.0, 1.0).astype(upper.dtype)
    return upper[:count].T * sign[None, :], upper[count:, count:].T


def expect_variance(factor: Array, row: Array, variance: Array) -> Array:
    """Variance of a scalar measurement before it is made: row P row^T + variance.

    Args:
        factor: (N + R, N).
        row: (N,) how the measurement depends on the states.
        variance: of its noise, and of all that it depends on beside the states.
    """
    return variance + jnp.sum((row @ factor[: row.shape[0]]) ** 2)


def absorb_scalar(
    factor: Array, shared: Array, variance: Array, beside: Array | None = None
) -> ScalarUpdate:
    """Take a scalar measurement into a factor.

    Args:
        factor: (N + R, N), its first N rows lower triangular.
        shared: (N,) how the measurement depends on the columns of the factor: S^T row, and G^T row
            where it depends on the rows below as well. Zeros change nothing.
        variance: above 0, of its noise and of all else that it depends on.
        beside: (N + R,) its covariance with the rows apart from the columns; nothing if left out.

    Returns:
        The factor after, its first N rows still lower triangular, and the gain.

    Source:
        Carlson 1973, DOI 10.2514/3.50627; for a lower triangular factor, from its last column on.
    """
    count = shared.shape[0]
    behind = jnp.tril(jnp.ones((count, count), dtype=factor.dtype), -1)  # columns after this one
    squares = shared**2
    before = variance + squares @ behind
    after = before + squares
    weighted = factor * shared[None, :]
    known = weighted @ behind
    if beside is not None:
        known = known + beside[:, None]
    kept = factor * jnp.sqrt(before / after)[None, :]
    taken = known * (shared / jnp.sqrt(before * after))[None, :]
    gain = (weighted[:, 0] + known[:, 0]) / after[0]
    return ScalarUpdate(kept - taken, gain)
