"""Fields and operators laid flat: one long row of boxes with room for neighbours at both ends.

In a row the neighbours of box i along an axis are i + stride and i - stride. A face that does not
exist has conductance 0, so that nothing need be asked about where the row wraps round; the margins
hold zeros. An application is then one pass over plain slices, which compiles to a vector loop: on a
million boxes less than half the time of padding along three axes.

A margin is as long as the longest stride, and an application takes one off at each end. A row that
is to be applied to three times is given three margins at once: giving one back after each pass
would cost more than the pass.
"""

from typing import Final, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from physics.fields.stencil import Faces

Shape = tuple[int, int, int]

MOST_MARGINS: Final = 3  # of a row that an operator is applied to

_Rows = TypeVar("_Rows")


class FlatFaces(NamedTuple):
    """Coefficients of the faces beyond every box, with `MOST_MARGINS`; None along one box."""

    x: Array | None
    y: Array | None
    z: Array | None


def hold(rows: _Rows) -> _Rows:
    """Have rows computed once and kept, before anything reads them.

    A compiler would rather compute a row anew for each of its readers, and an application is seven
    of them: that takes longer than to write it down.
    """
    held: _Rows = jax.lax.optimization_barrier(rows)  # type: ignore[no-untyped-call]
    return held


def count_boxes(shape: Shape) -> int:
    """How many boxes there are."""
    return shape[0] * shape[1] * shape[2]


def compute_strides(shape: Shape) -> Shape:
    """Steps in the row from a box to the next one along x, y and z."""
    return (shape[1] * shape[2], shape[2], 1)


def compute_margin(shape: Shape) -> int:
    """Length of a margin: as many boxes as the longest step."""
    return compute_strides(shape)[0]


def lay_flat(field: Array, margins: int) -> Array:
    """Lay a field (nx, ny, nz) flat, with so many margins at each end."""
    shape = (field.shape[0], field.shape[1], field.shape[2])
    return jnp.pad(field.ravel(), margins * compute_margin(shape))


def raise_up(row: Array, shape: Shape) -> Array:
    """Make a field (nx, ny, nz) of a row again, whatever its margins."""
    return take_middle(row, shape).reshape(shape)


def take_middle(row: Array, shape: Shape) -> Array:
    """Take the boxes of a row, whatever its margins."""
    cut = (row.shape[0] - count_boxes(shape)) // 2
    return row[cut : row.shape[0] - cut]


def narrow(row: Array, shape: Shape) -> Array:
    """Take one margin off a row at each end, as an application does."""
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
        rows.append(lay_flat(jnp.pad(faces[axis], beyond), MOST_MARGINS))
    return FlatFaces(*rows)


def gather_neighbours(faces: FlatFaces, row: Array, shape: Shape) -> Array | float:
    """Sum over each box's faces of coefficient times the value beyond, one margin less."""
    first = compute_margin(shape)
    count = row.shape[0] - 2 * first
    # coefficients have more margins in front than the row
    ahead = MOST_MARGINS * first - (row.shape[0] - count_boxes(shape)) // 2
    total: Array | float = 0.0
    for stride, coefficient in zip(compute_strides(shape), faces, strict=True):
        if coefficient is None:
            continue
        for step, face in ((stride, first), (-stride, first - stride)):
            there = row[first + step : first + step + count]
            total = total + coefficient[ahead + face : ahead + face + count] * there
    return total


def apply_flat(diagonal: Array, faces: FlatFaces, row: Array, shape: Shape) -> Array:
    """Apply an operator of `diagonal` and conductances `faces`.

    Args:
        diagonal: scalar, or a row with one margin less than `row`.
        faces: of the same boxes.
        row: with one margin to `MOST_MARGINS`.
        shape: (nx, ny, nz).

    Returns:
        A row with one margin less.
    """
    return diagonal * narrow(row, shape) - gather_neighbours(faces, row, shape)
