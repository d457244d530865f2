"""Joins boxes in pairs: what the coarse boxes conduct, and how values pass between fine and coarse.

The value of a fine box lies between that of its own pair and that of the pair beyond, at the place
that its resistances give it, as in a chain of resistors that carries one current. Coarse
conductances along the pairs are the resistances from middle to middle in series; all else (losses,
conductances across) is shared out by the same weights. By convexity the coarse operator is then not
below the Galerkin one where rows side by side have the same weights, and not far below elsewhere.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from physics.fields.flat import Shape
from physics.fields.grid import Grid

Plan = tuple[tuple[int, ...], ...]  # of each level, the axes along which pairs are joined

COARSEST_BOXES: Final = 100  # few enough for an explicit inverse
WEAK_SHARE: Final = 0.25  # of the strongest axis' conductance, below which an axis is not joined
LEAST_CONDUCTANCE: Final = 1e-18  # of the largest; a wall inside a pair


class Pairs(NamedTuple):
    """Weights of joining along one axis; a coarse box has a lower and an upper fine box."""

    lower: Array  # share that the lower box takes from the pair before
    upper: Array  # share that the upper box takes from the pair beyond


def coarsen_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """Shape after joining along `axes`; a box that is left over stays alone."""
    x, y, z = ((count + 1) // 2 if a in axes else count for a, count in enumerate(shape))
    return (x, y, z)


def plan_by_shape(shape: Shape) -> Plan:
    """Plan that joins along all axes until few boxes are left."""
    levels: list[tuple[int, ...]] = []
    while np.prod(shape) > COARSEST_BOXES:
        levels.append(tuple(axis for axis in range(3) if shape[axis] > 1))
        shape = coarsen_shape(shape, levels[-1])
    return tuple(levels)


def plan_coarsening(grid: Grid, well_conducting: Grid | None = None) -> Plan:
    """Plan that joins along the short sides of boxes first, until they are about as long as wide.

    Args:
        grid: with numbers, not traced: the plan is part of what is compiled.
        well_conducting: the part of it that conducts by far the best, whose boxes then decide.

    Returns:
        The plan, for `solve_stencil`. A box exchanges with the square of its closeness.
    """
    counts = grid.shape
    deciding = well_conducting or grid
    strength = np.array([np.exp(-2.0 * np.log(np.asarray(width)).mean()) for width in deciding])
    levels: list[tuple[int, ...]] = []
    while np.prod(counts) > COARSEST_BOXES:
        joinable = np.array(counts) > 1
        strong = joinable & (strength >= WEAK_SHARE * strength[joinable].max())
        axes = tuple(int(axis) for axis in np.flatnonzero(strong))
        levels.append(axes)
        counts = coarsen_shape(counts, axes)
        strength[strong] *= 0.25
    return tuple(levels)


def join_pairs(stack: Array, axis: int) -> tuple[Array, Pairs]:
    """Join pairs of boxes along one axis.

    Args:
        stack: (4, nx, ny, nz), loss and the conductances beyond each box along x, y and z.
        axis: along which to join.

    Returns:
        The same of the coarse boxes, and the weights.
    """
    inside, between = _split(stack[1 + axis], axis)
    half = 0.5 / jnp.maximum(inside, LEAST_CONDUCTANCE)
    joined = between / (1.0 + between * (half + _shift_down(half, axis)))
    pairs = Pairs(lower=half * _shift_up(joined, axis), upper=half * joined)
    stacked = Pairs(pairs.lower[None], pairs.upper[None])
    along = joined + _compute_skew(stack, pairs, axis)
    return gather_pairs(stacked, stack, 1 + axis).at[1 + axis].set(along), pairs


def _compute_skew(stack: Array, pairs: Pairs, axis: int) -> Array:
    """What the faces across add along the pairs, where rows side by side have other weights.

    A difference from pair to pair is then one from row to row as well; it costs the square of how
    far the weights differ. Beside a wall that costs more than all else: without it one box alone
    amid metal makes the preconditioner a hundred times too large.
    """
    total = jnp.zeros_like(pairs.lower)
    for across in range(3):
        if across == axis or stack.shape[1 + across] == 1:
            continue
        lower, upper = _split(stack[1 + across], axis)
        # half of it to each of both rows
        below = 0.5 * lower * (pairs.lower - _shift_down(pairs.lower, across)) ** 2
        above = 0.5 * upper * (pairs.upper - _shift_down(pairs.upper, across)) ** 2
        skew = above + _shift_down(below, axis)
        total = total + skew + _shift_up(skew, across)
    return total


def gather_pairs(pairs: Pairs, field: Array, axis: int) -> Array:
    """Share a fine field out to the coarse boxes: the transpose of `spread_pairs`."""
    lower, upper = _split(field, axis)
    before, beyond = pairs.lower * lower, pairs.upper * upper
    own = (lower - before) + (upper - beyond)
    return own + _shift_up(beyond, axis) + _shift_down(before, axis)


def spread_pairs(pairs: Pairs, field: Array, axis: int, count: int) -> Array:
    """Interpolate a coarse field to `count` fine boxes along an axis."""
    lower = field + pairs.lower * (_shift_up(field, axis) - field)
    upper = field + pairs.upper * (_shift_down(field, axis) - field)
    both = jnp.stack([lower, upper], axis + 1)
    shape = list(field.shape)
    shape[axis] *= 2
    return _take(both.reshape(shape), axis, slice(0, count))


def _split(field: Array, axis: int) -> tuple[Array, Array]:
    """The lower and the upper ones of all pairs; zeros where one is missing."""
    count = field.shape[axis]
    if count % 2:
        field = _pad(field, axis, (0, 1))
    shape = list(field.shape)
    shape[axis : axis + 1] = [(count + 1) // 2, 2]
    pairs = field.reshape(shape)
    return _take(pairs, axis + 1, 0), _take(pairs, axis + 1, 1)


def _take(field: Array, axis: int, which: int | slice) -> Array:
    return field[(slice(None),) * axis + (which,)]


def _pad(field: Array, axis: int, ends: tuple[int, int]) -> Array:
    return jnp.pad(field, [ends if a == axis else (0, 0) for a in range(field.ndim)])


def _shift_up(field: Array, axis: int) -> Array:
    """What the box before has; 0 in the first one."""
    return _pad(_take(field, axis, slice(0, -1)), axis, (1, 0))


def _shift_down(field: Array, axis: int) -> Array:
    """What the box beyond has; 0 in the last one."""
    return _pad(_take(field, axis, slice(1, None)), axis, (0, 1))
