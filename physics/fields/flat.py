"""Fields and operators laid flat: one long row of boxes with room for a neighbour at both ends.

In a row the neighbours of box i along an axis are i + stride and i - stride. A face that does not
exist has conductance 0, so that nothing need be asked about where the row wraps round; the margins
hold zeros. An application is then one pass over plain slices, which compiles to a vector loop: on a
million boxes less than half the time of padding along three axes.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.fields.stencil import Faces

Shape = tuple[int, int, int]


class FlatFaces(NamedTuple):
    """Coefficients of the faces beyond every box, with a margin before; None along one box."""

    x: Array | None  # (margin + boxes,)
    y: Array | None
    z: Array | None


def compute_strides(shape: Shape) -> Shape:
    """Steps in the row from a box to the next one along x, y and z."""
    return (shape[1] * shape[2], shape[2], 1)


def compute_margin(shape: Shape) -> int:
    """Zeros at each end of a row: as many as the longest step."""
    return compute_strides(shape)[0]


def lay_flat(field: Array) -> Array:
    """Lay a field (nx, ny, nz) flat, with its margins."""
    return jnp.pad(field.ravel(), compute_margin((field.shape[0], field.shape[1], field.shape[2])))


def raise_up(row: Array, shape: Shape) -> Array:
    """Make a field (nx, ny, nz) of a row again."""
    return take_middle(row, shape).reshape(shape)


def take_middle(row: Array, shape: Shape) -> Array:
    """Take the boxes of a row without its margins."""
    margin = compute_margin(shape)
    return row[margin : row.shape[0] - margin]


def lay_faces_flat(faces: Faces, shape: Shape) -> FlatFaces:
    """Lay the coefficients of the inner faces flat."""
    rows: list[Array | None] = []
    for axis in range(3):
        if shape[axis] == 1:
            rows.append(None)
            continue
        beyond = [(0, 1 if a == axis else 0) for a in range(3)]
        rows.append(jnp.pad(jnp.pad(faces[axis], beyond).ravel(), (compute_margin(shape), 0)))
    return FlatFaces(*rows)


def gather_neighbours(faces: FlatFaces, row: Array, shape: Shape) -> Array | float:
    """Sum over each box's faces of coefficient times the value beyond, (boxes,)."""
    margin, boxes = compute_margin(shape), shape[0] * shape[1] * shape[2]
    total: Array | float = 0.0
    for stride, coefficient in zip(compute_strides(shape), faces, strict=True):
        if coefficient is None:
            continue
        for step, face in ((stride, margin), (-stride, margin - stride)):
            there = row[margin + step : margin + step + boxes]
            total = total + coefficient[face : face + boxes] * there
    return total


def apply_flat(diagonal: Array, faces: FlatFaces, row: Array, shape: Shape) -> Array:
    """Apply an operator of `diagonal` (boxes,) and conductances `faces` to a row."""
    image = diagonal * take_middle(row, shape) - gather_neighbours(faces, row, shape)
    return jnp.pad(image, compute_margin(shape))
