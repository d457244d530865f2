"""Feeders over the bath: which boxes what they drop falls into."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from physics.fields.grid import Grid, compute_centres_m, compute_volumes_m3


def make_feeder_shares(
    grid: Grid,
    is_bath: ArrayLike,
    feeders_m: ArrayLike,
    radius_m: float,
) -> Array:
    """Spread what each feeder drops over the bath below it.

    Args:
        grid: (nx, ny, nz) boxes.
        is_bath: (nx, ny, nz), whether a box holds bath.
        feeders_m: (F, 2), positions along x and y from the grid's corner.
        radius_m: of the hole in the crust and the splash around it, 0 or above.

    Returns:
        (F, nx, ny, nz): each feeder's share of every box by volume, of sum 1. A feeder whose
        radius holds no centre of a bath box drops into the column of bath nearest to it.

    Raises:
        ValueError: positions of another shape or outside the grid, a negative radius, or no bath.
    """
    bath_m3 = np.where(np.asarray(is_bath, dtype=bool), np.asarray(compute_volumes_m3(grid)), 0.0)
    positions = np.asarray(feeders_m, dtype=float)
    ends = [float(np.sum(width)) for width in grid[:2]]
    if positions.ndim != 2 or positions.shape[1] != 2 or not _are_within(positions, ends):
        raise ValueError(
            f"the feeders stand at {positions.tolist()}: each needs an x within 0 and {ends[0]} m "
            f"and a y within 0 and {ends[1]} m. Remedy: correct their positions"
        )
    if not (radius_m >= 0.0 and bath_m3.any()):
        raise ValueError(
            f"feeders of radius {radius_m} m over {bath_m3.sum()} m3 of bath: the radius must be "
            "0 or above and there must be bath. Remedy: correct the radius or the bath's mask"
        )
    x, y, _ = (np.asarray(one) for one in compute_centres_m(grid))
    has_bath = bath_m3.any(axis=2)
    shares = []
    for at_x, at_y in positions:
        distance_m = np.hypot(x[:, None] - at_x, y[None, :] - at_y)
        reach_m = max(radius_m, distance_m[has_bath].min())
        below = np.where((distance_m <= reach_m)[..., None], bath_m3, 0.0)
        shares.append(below / below.sum())
    return jnp.asarray(np.stack(shares))


def spread_feed(shares: Array, feeder_kg_per_s: Array) -> Array:
    """Feed of every box, (nx, ny, nz), of shares (F, nx, ny, nz) and rates (F,), in kg/s."""
    return jnp.tensordot(feeder_kg_per_s, shares, axes=1)


def reach_liquid(shares: Array, liquid_share: Array) -> Array:
    """Move what falls on frozen boxes to what is liquid below: a feeder breaks through its crust.

    Args:
        shares: (nx, ny, nz), of what is fed.
        liquid_share: of the boxes.

    Returns:
        Shares of the same sum; as they were where all of the boxes are frozen.
    """
    reached = shares * liquid_share
    total = jnp.sum(reached)
    is_open = total > 0.0
    scale = jnp.sum(shares) / jnp.where(is_open, total, 1.0)
    return jnp.where(is_open, reached * scale, shares)


def _are_within(positions: np.ndarray, ends: list[float]) -> bool:
    return bool(np.all((positions >= 0.0) & (positions <= np.asarray(ends))))
