"""The one linear operator that all fields share: boxes that exchange something with neighbours.

    (A u)_i = loss_i u_i + sum over the faces of i of g (u_i - u_neighbour)

symmetric, and positive where some loss is. Heat, charge and dissolved matter all end here: `g` is a
conductance of a face, `loss` what a box gives to its past, its surroundings or its electrode. No
matrix is ever built.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.fields.grid import Grid, compute_areas_m2


class Faces(NamedTuple):
    """One value for each inner face; face i along x lies between the boxes i and i + 1."""

    x: Array  # (nx - 1, ny, nz)
    y: Array  # (nx, ny - 1, nz)
    z: Array  # (nx, ny, nz - 1)


class Halves(NamedTuple):
    """Resistance over area of half of every box, along each axis."""

    x: Array  # (nx, ny, nz)
    y: Array  # (nx, ny, nz)
    z: Array  # (nx, ny, nz)


class Stencil(NamedTuple):
    """The operator of the module's text."""

    loss: Array  # (nx, ny, nz), 0 or above
    conductance: Faces  # 0 or above; 0 is a wall


def compute_conductances(grid: Grid, conductivity: Array, film: Faces | None = None) -> Faces:
    """Conductance of every inner face: half a box, the film between, half the next box, in series.

    Args:
        grid: (nx, ny, nz) boxes.
        conductivity: (nx, ny, nz), in W/m/K, S/m or m2/s; 0 insulates.
        film: resistance of the face itself over its area, in m2 over the conductance's unit.

    Returns:
        Conductances, in W/K, S or m3/s: face area over the resistances in series.
    """
    half = [0.5 * width for width in grid]
    along = [half[0][:, None, None], half[1][None, :, None], half[2][None, None, :]]
    # resistance of half a box over its area; infinite where nothing conducts
    halves = Halves(*(width / conductivity for width in along))
    return join_halves(grid, halves, halves, film)


def join_halves(grid: Grid, before: Halves, beyond: Halves, film: Faces | None = None) -> Faces:
    """Conductance of every inner face, of boxes that do not conduct alike towards all their faces.

    Args:
        grid: (nx, ny, nz) boxes.
        before: from a box's centre to its face towards the box before it.
        beyond: from a box's centre to its face towards the box beyond it.
        film: resistance of the face itself over its area.

    Returns:
        Conductances: face area over the resistances in series.
    """
    areas = compute_areas_m2(grid)
    result = []
    for axis in range(3):
        between = lower_side(beyond[axis], axis) + upper_side(before[axis], axis)
        if film is not None:
            between = between + film[axis]
        area = jnp.broadcast_to(areas[axis], before[axis].shape)
        result.append(lower_side(area, axis) / between)
    return Faces(*result)


def compute_differences(field: Array) -> Faces:
    """Across every inner face: the value beyond it less the value before it."""
    return Faces(*(upper_side(field, axis) - lower_side(field, axis) for axis in range(3)))


def gather_outflow(flow: Faces) -> Array:
    """What leaves every box through its inner faces, of flows that count along x, y and z.

    Args:
        flow: through each face, positive in the direction of its axis.

    Returns:
        (nx, ny, nz); its sum over all boxes is 0.
    """
    outflow: Array | float = 0.0
    for axis in range(3):
        before = [(0, 0)] * 3
        after = [(0, 0)] * 3
        before[axis], after[axis] = (1, 0), (0, 1)
        outflow = outflow + jnp.pad(flow[axis], after) - jnp.pad(flow[axis], before)
    return jnp.asarray(outflow)


def apply_stencil(stencil: Stencil, field: Array) -> Array:
    """A u of the module's text, (nx, ny, nz)."""
    differences = compute_differences(field)
    flow = Faces(*(-g * d for g, d in zip(stencil.conductance, differences, strict=True)))
    return stencil.loss * field + gather_outflow(flow)


def compute_diagonal(stencil: Stencil) -> Array:
    """The operator's diagonal, (nx, ny, nz)."""
    diagonal = stencil.loss
    for axis in range(3):
        before = [(0, 0)] * 3
        after = [(0, 0)] * 3
        before[axis], after[axis] = (1, 0), (0, 1)
        g = stencil.conductance[axis]
        diagonal = diagonal + jnp.pad(g, after) + jnp.pad(g, before)
    return diagonal


def lower_side(field: Array, axis: int) -> Array:
    """Of every inner face across an axis: the value of the box before it."""
    return field[tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))]


def upper_side(field: Array, axis: int) -> Array:
    """Of every inner face across an axis: the value of the box beyond it."""
    return field[tuple(slice(1, None) if a == axis else slice(None) for a in range(3))]
