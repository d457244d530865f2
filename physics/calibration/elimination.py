"""Solves the normal equations of a fit, window by window.

Every window touches the common unknowns and its neighbours in time alone, so the matrix is a block
tridiagonal one with a border. Windows are eliminated from the last to the first; time and memory
grow with their number, where a dense solver's grow with its cube and its square.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Bordered(NamedTuple):
    """A symmetric, positive definite matrix of common unknowns (c) and K windows of N each.

    Attributes:
        common: (c, c).
        mixed: (K, c, N) common unknowns with those of each window.
        own: (K, N, N) of each window with itself.
        following: (K - 1, N, N) of each window with the next.
    """

    common: Array
    mixed: Array
    own: Array
    following: Array


def damp(matrix: Bordered, damping: Array) -> Bordered:
    """Multiply the diagonal by 1 + damping."""

    def grow(block: Array) -> Array:
        return block * (1.0 + damping * jnp.eye(block.shape[-1]))

    return matrix._replace(common=grow(matrix.common), own=jax.vmap(grow)(matrix.own))


def solve(matrix: Bordered, side_common: Array, side_windows: Array) -> tuple[Array, Array, Array]:
    """Solve matrix x = side.

    Args:
        matrix: of the equations.
        side_common: (c,).
        side_windows: (K, N).

    Returns:
        x as (c,) and (K, N), and the matrix (c + N, c + N) that is left for the common unknowns and
        the first window when all others have been eliminated: their joint information.
    """

    def eliminate(
        carry: tuple[Array, Array, Array, Array, Array], blocks: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array, Array, Array, Array], tuple[Array, ...]]:
        common, side, mixed, own, side_own = carry
        mixed_before, own_before, link, side_before = blocks
        factor = jnp.linalg.cholesky(own)
        rows = jnp.concatenate([mixed, link, side_own[None, :]])  # each times own^-1/2 below
        half = jax.scipy.linalg.solve_triangular(factor, rows.T, lower=True).T
        count = mixed.shape[0]
        of_mixed, of_link, of_side = half[:count], half[count:-1], half[-1]
        following = (
            common - of_mixed @ of_mixed.T,
            side - of_mixed @ of_side,
            mixed_before - of_mixed @ of_link.T,
            own_before - of_link @ of_link.T,
            side_before - of_link @ of_side,
        )
        return following, (factor, mixed, link, side_own)

    first = (matrix.common, side_common, matrix.mixed[-1], matrix.own[-1], side_windows[-1])
    before = (matrix.mixed[:-1], matrix.own[:-1], matrix.following, side_windows[:-1])
    (common, side, mixed, own, side_own), kept = jax.lax.scan(
        eliminate, first, before, reverse=True
    )
    left = jnp.block([[common, mixed], [mixed.T, own]])
    solved = jax.scipy.linalg.cho_solve(
        jax.scipy.linalg.cho_factor(left, lower=True), jnp.concatenate([side, side_own])
    )
    count = common.shape[0]
    x_common, x_first = solved[:count], solved[count:]

    def insert(x_before: Array, blocks: tuple[Array, ...]) -> tuple[Array, Array]:
        factor, mixed, link, side_own = blocks
        x = jax.scipy.linalg.cho_solve(
            (factor, True), side_own - mixed.T @ x_common - link.T @ x_before
        )
        return x, x

    _, x_others = jax.lax.scan(insert, x_first, kept)
    return x_common, jnp.concatenate([x_first[None], x_others]), left
