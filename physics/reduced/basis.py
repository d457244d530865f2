"""A basis for fields that vary together: the mean and the leading directions of snapshots."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


class Basis(NamedTuple):
    """Directions in which a field varies, orthonormal under the weights."""

    mean: Array  # (N,)
    modes: Array  # (N, R)
    weight: Array  # (N,), positive
    share: Array  # (R,) of the snapshots' squared deviation that each mode has
    left_out: Array  # scalar, share of the snapshots' squared deviation that the modes leave out


def make_basis(snapshots: ArrayLike, weight: ArrayLike, mode_count: int) -> Basis:
    """Find the basis that leaves out least of some snapshots (proper orthogonal decomposition).

    Args:
        snapshots: (S, N), S above `mode_count`.
        weight: (N,) of each entry in the norm, above 0: volumes, say.
        mode_count: R, 1 or more.

    Returns:
        The basis.

    Raises:
        ValueError: shapes that do not belong together, or too few snapshots.

    Source:
        Sirovich 1987, method of snapshots, through the singular value decomposition.
    """
    taken, weights = jnp.asarray(snapshots), jnp.asarray(weight)
    if taken.ndim != 2 or taken.shape[1:] != weights.shape:
        raise ValueError(
            f"snapshots of shape {taken.shape} and weights of shape {weights.shape} do not belong "
            "together. Remedy: one row a snapshot, one weight an entry"
        )
    if not 1 <= mode_count < min(taken.shape):
        raise ValueError(
            f"{taken.shape[0]} snapshots of {taken.shape[1]} entries give no {mode_count} modes. "
            "Remedy: ask for fewer modes or give more snapshots"
        )
    mean = taken.mean(axis=0)
    root = jnp.sqrt(weights)
    scaled = (taken - mean[None, :]) * root[None, :]
    _, strength, directions = jnp.linalg.svd(scaled, full_matrices=False)
    energy = strength**2
    total = energy.sum()
    of_all = energy / jnp.where(total > 0.0, total, 1.0)
    modes = directions[:mode_count].T / root[:, None]
    return Basis(mean, modes, weights, of_all[:mode_count], of_all[mode_count:].sum())


def keep_leading(basis: Basis, mode_count: int) -> Basis:
    """The first so many modes of a basis.

    Raises:
        ValueError: the basis has fewer.
    """
    if not 1 <= mode_count <= basis.modes.shape[1]:
        raise ValueError(
            f"a basis of {basis.modes.shape[1]} modes has no leading {mode_count}. Remedy: make it "
            "with more modes"
        )
    return basis._replace(
        modes=basis.modes[:, :mode_count],
        share=basis.share[:mode_count],
        left_out=basis.left_out + basis.share[mode_count:].sum(),
    )


def project(basis: Basis, field: Array) -> Array:
    """Coordinates (..., R) of fields (..., N)."""
    deviation = field - jnp.broadcast_to(basis.mean, field.shape)
    return (jnp.broadcast_to(basis.weight, field.shape) * deviation) @ basis.modes


def reconstruct(basis: Basis, coordinates: Array) -> Array:
    """Fields (..., N) of coordinates (..., R)."""
    deviation = coordinates @ basis.modes.T
    return deviation + jnp.broadcast_to(basis.mean, deviation.shape)


def relative_error(basis: Basis, field: Array, exact: Array, level: ArrayLike = 0.0) -> Array:
    """Weighted 2-norm of the error over that of the exact field above `level`; (...,)."""
    weight = jnp.broadcast_to(basis.weight, exact.shape)
    error = (weight * (field - exact) ** 2).sum(axis=-1)
    size = (weight * (exact - jnp.asarray(level)) ** 2).sum(axis=-1)
    return jnp.sqrt(error / size)
