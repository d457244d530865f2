"""Boxes of a rectangular domain: their widths along x, y and z.

A field is an array (nx, ny, nz) of one value in each box. Of a cell, x runs across it from its
centre line to the shell, y along it from its middle, z upwards. One box along y makes a transverse
slice: the same code, with no face in that direction.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike


class Grid(NamedTuple):
    """Widths of the boxes; traced, so that grids of one shape share one compilation."""

    width_x_m: Array  # (nx,)
    width_y_m: Array  # (ny,)
    width_z_m: Array  # (nz,)

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many boxes there are in each direction."""
        return (self.width_x_m.shape[0], self.width_y_m.shape[0], self.width_z_m.shape[0])


def make_grid(width_x_m: ArrayLike, width_y_m: ArrayLike, width_z_m: ArrayLike) -> Grid:
    """Make a grid of the widths of its boxes.

    Args:
        width_x_m: (nx,), each above 0.
        width_y_m: (ny,), each above 0.
        width_z_m: (nz,), each above 0.

    Returns:
        The grid.

    Raises:
        ValueError: no boxes in a direction, or a width that is not above 0.
    """
    widths = [np.asarray(width, dtype=float) for width in (width_x_m, width_y_m, width_z_m)]
    for name, width in zip("xyz", widths, strict=True):
        if width.ndim != 1 or width.size == 0 or not np.all(np.isfinite(width) & (width > 0.0)):
            raise ValueError(
                f"widths along {name} are {width}: they must be one or more lengths above 0 m. "
                "Remedy: correct the grid"
            )
    return Grid(*(jnp.asarray(width) for width in widths))


def make_equal_grid(lengths_m: tuple[float, float, float], boxes: tuple[int, int, int]) -> Grid:
    """Divide a domain of `lengths_m` into equal boxes."""
    return make_grid(
        *(np.full(count, length / count) for length, count in zip(lengths_m, boxes, strict=True))
    )


def compute_volumes_m3(grid: Grid) -> Array:
    """Volume of every box, (nx, ny, nz)."""
    x, y, z = grid.width_x_m, grid.width_y_m, grid.width_z_m
    return x[:, None, None] * y[None, :, None] * z[None, None, :]


def compute_areas_m2(grid: Grid) -> tuple[Array, Array, Array]:
    """Areas of the boxes' sides across x, y and z; each broadcasts to (nx, ny, nz)."""
    x, y, z = grid.width_x_m, grid.width_y_m, grid.width_z_m
    return (
        y[None, :, None] * z[None, None, :],
        x[:, None, None] * z[None, None, :],
        x[:, None, None] * y[None, :, None],
    )


def compute_centres_m(grid: Grid) -> tuple[Array, Array, Array]:
    """Coordinates of the boxes' centres, (nx,), (ny,) and (nz,), from the domain's corner."""
    return (
        jnp.cumsum(grid.width_x_m) - 0.5 * grid.width_x_m,
        jnp.cumsum(grid.width_y_m) - 0.5 * grid.width_y_m,
        jnp.cumsum(grid.width_z_m) - 0.5 * grid.width_z_m,
    )
