"""What the estimator estimates: the reduced model's states, and what drifts slowly beside them.

The beam is measured and no estimate. In its place stand two disturbances that no model foresees:

`added_resistance_uohm`, what the cell's own resistances are beyond the design's, counted as the
anodes'. It cannot be told from the gap by level, only by how it comes and goes: fresh anodes are
covered with frozen bath and carry little for a day. Without it gap and alumina would explain what
neither has done.

`added_heat_kw`, what the bath gains beyond the heat balance; below 0 while fresh anodes warm up,
which takes 100 kW and more for hours. Without it alumina that dissolves would explain the cold.

A ledge that grows is cryolite: what stays molten is richer in AlF3 and alumina by as much as there
is less of it. Over hours that moves the liquidus more than any addition.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.cell import CellOutputs
from physics.parameters import CellParameters
from physics.reduced.model import ALF3, ALUMINA, BEAM, LEDGE, STATES, TEMPERATURE, advance, evaluate

ESTIMATED: Final = (*STATES[:BEAM], "added_resistance_uohm", "added_heat_kw")
RESISTANCE: Final = ESTIMATED.index("added_resistance_uohm")
HEAT: Final = ESTIMATED.index("added_heat_kw")
THINNEST_LEDGE_CM: Final = 0.1  # design value: a bare wall keeps a film, and melts no more
_RESISTANCE_RETURN_S: Final = 8.0 * 3600.0  # design value: fresh anodes are free within a day
_HEAT_RETURN_S: Final = 3.0 * 3600.0  # design value: and hot before that


class FilterModel(NamedTuple):
    """Nominal parameters, and the share of the bath that a centimetre of ledge holds; scalars."""

    cell: CellParameters
    bath_share_per_cm: Array


def advance_estimate(
    model: FilterModel,
    x: Array,
    feed_kg_per_h: ArrayLike,
    current_ka: ArrayLike,
    dt_s: Array,
    extra_voltage_v: ArrayLike = 0.0,
) -> Array:
    """Move an estimate on by one short step.

    Args:
        model: nominal.
        x: (N,) in the order of `ESTIMATED`.
        feed_kg_per_h: commanded, scalar.
        current_ka: scalar.
        dt_s: scalar.
        extra_voltage_v: across the bath in an anode effect, scalar.

    Returns:
        (N,) after.
    """
    own, states = _split(model.cell, x)
    after = advance(own, states, feed_kg_per_h, current_ka, dt_s, extra_voltage_v)
    kept = x[BEAM:] * jnp.exp(-dt_s / jnp.array([_RESISTANCE_RETURN_S, _HEAT_RETURN_S]))
    warmer_c = 1e3 * x[HEAT] * dt_s / model.cell.heat_capacity_j_per_k
    after = after.at[LEDGE].set(jnp.maximum(after[LEDGE], THINNEST_LEDGE_CM))
    frozen_share = model.bath_share_per_cm * (after[LEDGE] - x[LEDGE])
    change = jnp.zeros_like(after).at[TEMPERATURE].set(warmer_c)
    for dissolved in (ALUMINA, ALF3):
        change = change.at[dissolved].set(frozen_share * x[dissolved])
    return jnp.concatenate([(after + change)[:BEAM], kept])


def evaluate_estimate(parameters: CellParameters, x: Array, current_ka: ArrayLike) -> CellOutputs:
    """Everything one cell shows at an estimate (N,), with no feed falling."""
    own, states = _split(parameters, x)
    return evaluate(own, states, current_ka)


def _split(parameters: CellParameters, x: Array) -> tuple[CellParameters, Array]:
    own = parameters._replace(
        anode_resistance_uohm=parameters.anode_resistance_uohm + x[RESISTANCE]
    )
    return own, jnp.concatenate([x[:BEAM], jnp.zeros_like(x[:1])])
