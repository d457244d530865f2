"""Approximate inverse of a stencil by geometric multigrid: a V-cycle in single precision.

Every level is scaled to a diagonal of 1, which keeps numbers near 1 whatever their unit and spares
the smoother an array. The cycle is symmetric and positive, as conjugate gradients ask of it.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.fields.coarsening import (
    Pairs,
    Plan,
    coarsen_shape,
    gather_pairs,
    join_pairs,
    spread_pairs,
)
from physics.fields.flat import (
    MOST_MARGINS,
    FlatFaces,
    Shape,
    apply_flat,
    compute_margin,
    compute_strides,
    hold,
    lay_flat,
    narrow,
    raise_up,
    take_middle,
)
from physics.fields.smoother import compute_coefficients, smooth
from physics.fields.stencil import Faces, Stencil, compute_diagonal, lower_side, upper_side

PINNED_LOSS: Final = 30.0  # of a box's conductances, above which it is pinned; design value
RIDGE: Final = 1e-12  # on the coarsest diagonal of 1, for where nothing is lost anywhere
COEFFICIENTS: Final = compute_coefficients(degree=2, lowest=0.3)  # design value


class Level(NamedTuple):
    """One level's scaled operator, and how it passes to the next coarser one."""

    faces: FlatFaces
    root: Array  # (nx, ny, nz), of the diagonal; 0 where nothing is passed to coarser levels
    inverse_root: Array  # (nx, ny, nz); 0 where nothing comes from finer levels
    pairs: tuple[Pairs, ...]  # of each axis joined; none on the coarsest level


class Hierarchy(NamedTuple):
    """All levels, the finest first."""

    inverse_root: Array  # row without margins, of the finest diagonal in its own unit
    levels: tuple[Level, ...]
    inverse: Array  # (boxes, boxes), of the coarsest scaled operator


def build_hierarchy(stencil: Stencil, plan: Plan) -> Hierarchy:
    """Coarsen an operator level by level.

    Args:
        stencil: of (nx, ny, nz) boxes; every diagonal above 0.
        plan: of each level, along which axes to join.

    Returns:
        The levels, in single precision.
    """
    finest = _invert_root(compute_diagonal(stencil)).astype(jnp.float32)
    stack = _stack(_release_pinned(stencil))
    levels: list[Level] = []
    for axes in (*plan, ()):
        faces, root, inverse_root = _scale(stack)
        weights: list[Pairs] = []
        for axis in axes:
            stack, pairs = join_pairs(stack, axis)
            weights.append(pairs)
        levels.append(Level(faces, root, inverse_root, tuple(weights)))
    coarsest = (stack.shape[1], stack.shape[2], stack.shape[3])
    inverse = _invert(_make_matrix(levels[-1].faces, coarsest)).astype(jnp.float32)
    return Hierarchy(finest.ravel(), tuple(levels), inverse)


def precondition(hierarchy: Hierarchy, plan: Plan, shape: Shape, residual: Array) -> Array:
    """Apply the approximate inverse.

    Args:
        hierarchy: of an operator of `shape` boxes.
        plan: which it was built by.
        shape: (nx, ny, nz).
        residual: row of it without margins, of any precision.

    Returns:
        Row of the correction without margins, of the same precision.
    """
    scaled = hold(hierarchy.inverse_root * residual.astype(jnp.float32)).reshape(shape)
    correction = hierarchy.inverse_root * _cycle(hierarchy, plan, 0, shape, scaled)
    return hold(correction.astype(residual.dtype))


def _cycle(hierarchy: Hierarchy, plan: Plan, depth: int, shape: Shape, right: Array) -> Array:
    """One V-cycle from a level downwards, from a start of 0; of a field, to a row of no margin."""
    if depth == len(plan):
        return hierarchy.inverse @ right.ravel()
    level, coarse_level = hierarchy.levels[depth : depth + 2]
    unit = jnp.ones((), right.dtype)

    def apply(row: Array) -> Array:
        return apply_flat(unit, level.faces, row, shape)

    def shrink(row: Array) -> Array:
        return narrow(row, shape)

    right = hold(lay_flat(right, MOST_MARGINS))
    field = hold(smooth(apply, shrink, right, COEFFICIENTS))  # two margins are left
    residual = shrink(shrink(right)) - apply(field)
    residual = hold(level.root * raise_up(residual, shape))
    for axis, pairs in zip(plan[depth], level.pairs, strict=True):
        residual = hold(gather_pairs(pairs, residual, axis))
    coarse_shape = coarsen_shape(shape, plan[depth])
    coarse = _cycle(hierarchy, plan, depth + 1, coarse_shape, coarse_level.inverse_root * residual)
    correction = coarse_level.inverse_root * coarse.reshape(coarse_shape)
    for axis, pairs in zip(plan[depth][::-1], level.pairs[::-1], strict=True):
        correction = hold(spread_pairs(pairs, correction, axis, shape[axis]))
    field = hold(field + hold(lay_flat(hold(level.root * correction), 2)))
    residual = hold(shrink(shrink(right)) - apply(field))
    return hold(take_middle(field, shape) + smooth(apply, shrink, residual, COEFFICIENTS))


def _release_pinned(stencil: Stencil) -> Stencil:
    """Take boxes that are pinned, or alone, out; to their neighbours they are a loss.

    Returns:
        The operator of the others, over its largest diagonal without losses.
    """
    nothing = jnp.zeros_like(stencil.loss)
    given = compute_diagonal(stencil._replace(loss=nothing))
    free = stencil.loss <= PINNED_LOSS * given
    kept = Faces(
        *(
            jnp.where(lower_side(free, axis) & upper_side(free, axis), face, 0.0)
            for axis, face in enumerate(stencil.conductance)
        )
    )
    lost = given - compute_diagonal(Stencil(nothing, kept))
    largest = jnp.max(given)
    over = 1.0 / jnp.where(largest > 0.0, largest, 1.0)
    loss = jnp.where(free, stencil.loss + lost, 0.0)
    return Stencil(over * loss, Faces(*(over * face for face in kept)))


def _stack(stencil: Stencil) -> Array:
    """Loss and the conductances beyond each box along x, y and z, (4, nx, ny, nz)."""
    beyond = (
        jnp.pad(face, [(0, 1 if a == axis else 0) for a in range(3)])
        for axis, face in enumerate(stencil.conductance)
    )
    return jnp.stack([stencil.loss, *beyond]).astype(jnp.float32)


def _scale(stack: Array) -> tuple[FlatFaces, Array, Array]:
    """Scale an operator to a diagonal of 1; with the root of its diagonal and the inverse of it."""
    shape = (stack.shape[1], stack.shape[2], stack.shape[3])
    margin, boxes = compute_margin(shape), shape[0] * shape[1] * shape[2]
    flat = stack.reshape(4, boxes)
    faces = jnp.pad(flat[1:], [(0, 0), (margin, 0)])
    diagonal = flat[0]
    for axis, stride in enumerate(compute_strides(shape)):
        if shape[axis] > 1:
            diagonal = diagonal + flat[1 + axis] + faces[axis, margin - stride : -stride]
    inverse_root = _invert_root(diagonal)
    row = jnp.pad(inverse_root, margin)
    scaled = [
        jnp.pad(
            flat[1 + axis] * inverse_root * row[margin + stride : margin + stride + boxes],
            MOST_MARGINS * margin,
        )
        if shape[axis] > 1
        else None
        for axis, stride in enumerate(compute_strides(shape))
    ]
    return FlatFaces(*scaled), (diagonal * inverse_root).reshape(shape), inverse_root.reshape(shape)


def _invert_root(diagonal: Array) -> Array:
    """One over the root; 0 where there is none."""
    return jnp.where(diagonal > 0.0, jax.lax.rsqrt(jnp.where(diagonal > 0.0, diagonal, 1.0)), 0.0)


def _make_matrix(faces: FlatFaces, shape: Shape) -> Array:
    """Matrix of a scaled operator, in the precision of the outer solve."""
    boxes = shape[0] * shape[1] * shape[2]
    matrix = (1.0 + RIDGE) * jnp.eye(boxes)
    for stride, coefficient in zip(compute_strides(shape), faces, strict=True):
        if coefficient is not None:
            inner = take_middle(coefficient, shape)[: boxes - stride]
            beside = jnp.diag(inner.astype(matrix.dtype), stride)
            matrix = matrix - beside - beside.T
    return matrix


def _invert(matrix: Array) -> Array:
    """Inverse by Gauss and Jordan; a positive matrix needs no pivoting.

    For these sizes it takes less time than a library's, whose threads wait for each other.
    """

    def eliminate(k: int, matrix: Array) -> Array:
        row = (matrix[k] / matrix[k, k]).at[k].set(1.0 / matrix[k, k])
        column = matrix[:, k].at[k].set(-1.0)
        return (matrix.at[:, k].set(0.0) - column[:, None] * row[None, :]).at[k].set(row)

    inverse: Array = jax.lax.fori_loop(0, matrix.shape[0], eliminate, matrix)
    return inverse
