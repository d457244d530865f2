"""What a domain gives to its surroundings through its six sides: convection and radiation.

    q = (T - T_s) / r = h (T_s - T_amb) + eps sigma (T_s^4 - T_amb^4)

with the surface temperature T_s eliminated: r is the resistance from the outermost box's centre to
its side. A side with neither convection nor emissivity is insulated, or a plane of symmetry.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.grid import Grid, compute_areas_m2
from physics.fields.stencil import Halves
from physics.properties import ZERO_CELSIUS_K

STEFAN_BOLTZMANN_W_PER_M2_K4: Final = 5.670374419e-8  # CODATA 2018, exact

_SURFACE_ROUNDS = 5  # of Newton, from above on a convex function: each doubles the digits


class Sides(NamedTuple):
    """One value for each outermost face of the domain."""

    x_low: Array  # (ny, nz)
    x_high: Array  # (ny, nz)
    y_low: Array  # (nx, nz)
    y_high: Array  # (nx, nz)
    z_low: Array  # (nx, ny)
    z_high: Array  # (nx, ny)


class Films(NamedTuple):
    """How the sides lose heat."""

    convection_w_per_m2_k: Sides
    emissivity: Sides


class SideLoss(NamedTuple):
    """What every box loses through the sides, (nx, ny, nz)."""

    outflow_w: Array
    slope_w_per_k: Array  # its derivative by the box's temperature, 0 or above


def make_sides(
    grid: Grid,
    x_low: ArrayLike = 0.0,
    x_high: ArrayLike = 0.0,
    y_low: ArrayLike = 0.0,
    y_high: ArrayLike = 0.0,
    z_low: ArrayLike = 0.0,
    z_high: ArrayLike = 0.0,
) -> Sides:
    """Spread a value for each side, a scalar or of the side's shape, over its faces."""
    nx, ny, nz = grid.shape
    shapes = ((ny, nz), (nx, nz), (nx, ny))
    values = (x_low, x_high, y_low, y_high, z_low, z_high)
    return Sides(
        *(
            jnp.broadcast_to(jnp.asarray(value, dtype=float), shapes[side // 2])
            for side, value in enumerate(values)
        )
    )


def compute_side_loss(
    grid: Grid,
    films: Films,
    ambient_c: Sides,
    temperature_c: Array,
    before: Halves,
    beyond: Halves,
) -> SideLoss:
    """Heat through the sides.

    Args:
        grid: (nx, ny, nz) boxes.
        films: convection and emissivity.
        ambient_c: temperature of the surroundings, degC.
        temperature_c: of the boxes, (nx, ny, nz).
        before: resistance over area from a box's centre to its side at the lower end, m2 K/W.
        beyond: the same to its side at the upper end.

    Returns:
        Outflow of every box and its slope.

    Source:
        Newton's and Stefan's laws.
    """
    areas = [jnp.broadcast_to(area, grid.shape) for area in compute_areas_m2(grid)]
    # all faces in one row: one loop for the six sides
    flux, slope = _lose(
        _lay([temperature_c] * 3, [temperature_c] * 3),
        _lay(list(before), list(beyond)),
        _join(films.convection_w_per_m2_k),
        _join(films.emissivity) * STEFAN_BOLTZMANN_W_PER_M2_K4,
        _join(ambient_c),
    )
    area = _lay(areas, areas)
    return SideLoss(_gather(flux * area, grid), _gather(slope * area, grid))


def _lose(
    inner_c: Array, resistance: Array, convection: Array, radiation: Array, ambient_c: Array
) -> tuple[Array, Array]:
    """Flux, W/m2, and its slope by the inner temperature, W/m2/K."""
    inner_k, ambient_k = inner_c + ZERO_CELSIUS_K, ambient_c + ZERO_CELSIUS_K

    def compute_flux(surface_k: Array) -> tuple[Array, Array]:
        flux = convection * (surface_k - ambient_k) + radiation * (surface_k**4 - ambient_k**4)
        return flux, convection + 4.0 * radiation * surface_k**3

    def improve(_: int, surface_k: Array) -> Array:
        flux, slope = compute_flux(surface_k)
        return surface_k - (surface_k - inner_k + resistance * flux) / (1.0 + resistance * slope)

    start = jnp.maximum(inner_k, ambient_k)
    flux, slope = compute_flux(jax.lax.fori_loop(0, _SURFACE_ROUNDS, improve, start))
    return flux, slope / (1.0 + resistance * slope)


def _plane(field: Array, axis: int, at: int) -> Array:
    return jax.lax.index_in_dim(field, at, axis, keepdims=False)


def _lay(at_low_end: list[Array], at_high_end: list[Array]) -> Array:
    """Values of the outermost boxes in one row, side by side."""
    planes = [
        _plane(field, axis, at)
        for axis in range(3)
        for field, at in ((at_low_end[axis], 0), (at_high_end[axis], -1))
    ]
    return _join(Sides(*planes))


def _join(sides: Sides) -> Array:
    return jnp.concatenate([side.ravel() for side in sides])


def _gather(row: Array, grid: Grid) -> Array:
    """Sum what passes through the sides of every box, (nx, ny, nz)."""
    nx, ny, nz = grid.shape
    result = jnp.zeros(grid.shape)
    start = 0
    for axis, shape in enumerate(((ny, nz), (nx, nz), (nx, ny))):
        for at in (0, -1):
            plane = row[start : start + shape[0] * shape[1]].reshape(shape)
            start += shape[0] * shape[1]
            index = tuple(at if a == axis else slice(None) for a in range(3))
            result = result.at[index].add(plane)
    return result
