"""The random numbers of the plant: one stream for each cell, and one for the line.

Every stream is folded from the seed and a constant that only the plant knows, so nothing that is
drawn elsewhere with the same seed has anything to do with it. Every cell draws from its own key:
cell 7 is the same cell whatever the length of the line.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

_PLANT: Final = 0x504C414E  # "PLAN": keeps the plant's streams apart from all others
_LEAST: Final = 1e-16  # keeps a normal number finite


class Draws(NamedTuple):
    """Independent random numbers of one substep, each (C,) or, for the line, a scalar."""

    shot: Array  # normal, as are the next
    gap: Array
    first_anode: Array
    second_anode: Array
    tap: Array
    current: Array
    fault_begins: Array  # uniform, as are the next
    fault_length: Array
    holdback: Array
    anode_effect: Array
    frozen: Array
    change: Array
    cut_begins: Array
    cut_depth: Array
    cut_length: Array


class Readings(NamedTuple):
    """Independent random numbers of one scan, each (C,) or, for the line, a scalar."""

    bubbles: Array  # normal, as are the next
    roll: Array
    roll_quadrature: Array
    temperature: Array
    drift: Array
    noise: Array
    current: Array
    sample_temperature: Array
    sample_alf3: Array
    sample_alumina: Array
    sample_delay: Array  # uniform


_DRAWN_NORMAL: Final = Draws._fields.index("fault_begins")
_READ_NORMAL: Final = Readings._fields.index("sample_delay")


def make_keys(seed: Array, cell_count: int) -> Array:
    """Random keys of the line and its cells.

    Args:
        seed: of the whole plant, an integer.
        cell_count: C.

    Returns:
        (1 + C,) keys: first that of the line, then one for each cell.
    """
    root = jax.random.fold_in(jax.random.key(seed), _PLANT)
    return jax.vmap(lambda number: jax.random.fold_in(root, number))(jnp.arange(cell_count + 1))


def draw_numbers(keys: Array, normals: int, uniforms: int) -> tuple[Array, Array]:
    """Draw from every key and move it on.

    Args:
        keys: (K,).
        normals: how many standard normal numbers.
        uniforms: how many numbers between 0 and 1 after them.

    Returns:
        New keys (K,), and the numbers (normals + uniforms, K).
    """

    def draw_one(key: Array) -> tuple[Array, Array]:
        following, now = jax.random.split(key)
        return following, jax.random.uniform(now, (normals + uniforms,), minval=_LEAST)

    following, uniform = jax.vmap(draw_one, out_axes=(0, 1))(keys)
    normal = jnp.sqrt(2.0) * jax.lax.erf_inv(2.0 * uniform[:normals] - 1.0)
    # Without the barrier the compiler works every number out anew wherever it is used.
    numbers: Array = jax.lax.optimization_barrier(  # type: ignore[no-untyped-call]
        jnp.concatenate([normal, uniform[normals:]])
    )
    return following, numbers


def draw(keys: Array) -> tuple[Array, Draws, Draws]:
    """Draw what one substep needs.

    Args:
        keys: (1 + C,).

    Returns:
        New keys (1 + C,), the draws of the line (scalars) and those of the cells (C,).
    """
    following, numbers = draw_numbers(keys, _DRAWN_NORMAL, len(Draws._fields) - _DRAWN_NORMAL)
    return following, Draws(*numbers[:, 0]), Draws(*numbers[:, 1:])


def draw_readings(keys: Array) -> tuple[Array, Readings, Readings]:
    """Draw what one scan needs: as `draw`."""
    following, numbers = draw_numbers(keys, _READ_NORMAL, len(Readings._fields) - _READ_NORMAL)
    return following, Readings(*numbers[:, 0]), Readings(*numbers[:, 1:])
