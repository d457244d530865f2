"""Lets a reduced cell run, and measures what it misses of the full-order one."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.reduced.basis import project, relative_error
from physics.reduced.field_cell import (
    FieldCell,
    Shown,
    advance,
    decode_ledge_m,
    decode_temperature_c,
    show,
)
from physics.reduced.snapshots import Samples

# What the requirement tolerates; a size is judged by the worst share of these.
BARS: Final = {
    "field": 0.01,
    "bath_temperature_c": 1.0,
    "ledge_mm": 3.0,
    "alumina_wt_pct": 0.05,
    "voltage_mv": 10.0,
}


class Errors(NamedTuple):
    """How far a reduced trajectory is from the full-order one, over all its samples."""

    field: Array  # root of the mean square of the relative error, above ambient
    bath_temperature_c: Array  # root mean square, as the others
    ledge_mm: Array  # of its mean over the side
    alumina_wt_pct: Array
    voltage_mv: Array
    ledge_rows_mm: Array  # of its thickness in every row of boxes


def encode(cell: FieldCell, samples: Samples) -> Array:
    """The reduced states (S, X) of a full-order trajectory."""
    return jnp.concatenate(
        [
            samples.masses_kg,
            samples.bath_temperature_c[:, None],
            project(cell.ledge, samples.ledge_m),
            project(cell.temperature, samples.temperature_c),
        ],
        axis=1,
    )


@jax.jit
def step_cells(
    cell: FieldCell, states: Array, before: Array, after: Array, every_s: Array
) -> Array:
    """Move the states (C, X) of all cells of a line over an interval, drives (C, 5) on a line."""
    moved: Array = jax.vmap(advance, in_axes=(None, 0, 0, 0, None))(
        cell, states, before, after, every_s
    )
    return moved


@jax.jit
def replay(cell: FieldCell, start: Array, drives: Array, every_s: Array) -> Array:
    """Run the reduced cell from a state (X,) under drives (S, 5): states (S, X), start first."""

    def step(state: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        moved = advance(cell, state, *pair, every_s)
        return moved, moved

    _, moved = jax.lax.scan(step, start, (drives[:-1], drives[1:]))
    return jnp.concatenate([start[None], moved])


@jax.jit
def measure_errors(cell: FieldCell, samples: Samples, every_s: Array) -> Errors:
    """Let the reduced cell run from the first sample on, and compare every sample.

    Args:
        cell: the reduced cell.
        samples: what the full-order cell did under the same drives.
        every_s: between samples.

    Returns:
        The errors; not finite where the reduced cell does not stay finite.
    """
    states = replay(cell, encode(cell, samples)[0], samples.drives, every_s)
    shown: Shown = jax.vmap(show, in_axes=(None, 0, 0))(cell, states, samples.drives)
    fields = jax.vmap(decode_temperature_c, in_axes=(None, 0))(cell, states)
    ledges = jax.vmap(decode_ledge_m, in_axes=(None, 0))(cell, states)
    missed = relative_error(
        cell.temperature, fields, samples.temperature_c, cell.parameters.ambient_temperature_c
    )

    def mean_error(found: Array, exact: Array) -> Array:
        return jnp.sqrt(jnp.mean((found - exact) ** 2))

    return Errors(
        field=jnp.sqrt(jnp.mean(missed**2)),
        bath_temperature_c=mean_error(shown.bath_temperature_c, samples.bath_temperature_c),
        ledge_mm=1e3 * mean_error(ledges.mean(axis=1), samples.ledge_m.mean(axis=1)),
        alumina_wt_pct=mean_error(shown.alumina_wt_pct, samples.alumina_wt_pct),
        voltage_mv=1e3 * mean_error(shown.cell_voltage_v, samples.cell_voltage_v),
        ledge_rows_mm=1e3 * mean_error(ledges, samples.ledge_m),
    )


def measure_each(cell: FieldCell, trajectories: Sequence[Samples], every_s: float) -> Errors:
    """The errors (T,) of each of some trajectories of one length."""
    together = jax.tree.map(lambda *runs: jnp.stack(runs), *trajectories)
    found: Errors = _measure_each(cell, together, jnp.asarray(every_s))
    return found


_measure_each = jax.jit(jax.vmap(measure_errors, in_axes=(None, 0, None)))
