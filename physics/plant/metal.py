"""The metal pad: what is made raises it, what is tapped lowers it, and the anodes follow.

The crew that taps lowers the anodes behind the sinking metal and sets the mark anew from which the
beam's position counts: so the reported position stays, and the gap ends where it was, give or take
a few tenths of a millimetre.
"""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.anodes import compute_metal_rise_cm
from physics.plant.parameters import PlantParameters
from physics.plant.state import MetalState
from physics.plant.streams import Draws

_TAP_S: Final = 480.0  # design value: how long the siphon runs for what is made between tappings
_FOLLOW_S: Final = 60.0  # design value: how far behind the metal the anodes are lowered


def tap_metal(
    parameters: PlantParameters,
    t_s: Array,
    dt_s: Array,
    drawn: Draws,
    may_tap: Array,
    made_kg: Array,
    metal: MetalState,
) -> tuple[MetalState, Array, Array]:
    """Add what is made, take what is tapped, and lower the anodes behind it.

    Args:
        parameters: of the line.
        t_s: plant time.
        dt_s: substep.
        drawn: random numbers.
        may_tap: where the crew may begin, (C,); elsewhere the tapping waits.
        made_kg: metal of the substep, (C,).
        metal: before.

    Returns:
        The pad after; by how much it rose, cm, (C,); and by how much the crew raised the anodes,
        cm, (C,), below 0 where they follow the metal down.
    """
    world = parameters.disturbances
    due = may_tap & (t_s >= metal.next_tap_s)
    left_kg = jnp.where(
        due, jnp.maximum(metal.metal_kg - parameters.nature.metal_low_kg, 0.0), metal.tap_left_kg
    )
    usual_kg = 2.0 * (parameters.built.metal_kg - parameters.nature.metal_low_kg)
    poured_kg = jnp.minimum(left_kg, usual_kg * dt_s / _TAP_S)
    owed_mm = metal.owed_mm + jnp.where(due, world["tap_error_mm"] * drawn.tap, 0.0)
    owed_mm = owed_mm + 10.0 * compute_metal_rise_cm(parameters, poured_kg)
    reach_mm = parameters.built.beam_speed_mm_per_s * dt_s
    lowered_mm = jnp.clip(owed_mm * (1.0 - jnp.exp(-dt_s / _FOLLOW_S)), -reach_mm, reach_mm)
    after = MetalState(
        metal_kg=metal.metal_kg + made_kg - poured_kg,
        made_kg=metal.made_kg + made_kg,
        tapped_kg=metal.tapped_kg + poured_kg,
        tap_left_kg=left_kg - poured_kg,
        owed_mm=owed_mm - lowered_mm,
        next_tap_s=jnp.where(due, metal.next_tap_s + world["tap_s"], metal.next_tap_s),
    )
    return after, compute_metal_rise_cm(parameters, made_kg - poured_kg), -lowered_mm / 10.0
