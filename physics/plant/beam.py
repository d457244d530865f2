"""The anode beam: it runs to its target at limited speed, and the anodes follow behind its play."""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.parameters import PlantParameters
from physics.plant.state import PlantInputs, PlantState

_TRAVEL_MM: Final = 400.0  # design value: full travel of the beam


def move_beam(
    parameters: PlantParameters, inputs: PlantInputs, dt_s: Array, state: PlantState
) -> tuple[PlantState, Array]:
    """Run for a substep.

    Args:
        parameters: of the line.
        inputs: the target; where it is not finite the beam stays.
        dt_s: substep.
        state: before.

    Returns:
        The state with the beam moved, and by how much the anodes were raised, cm, (C,).
    """
    asked = jnp.asarray(inputs.beam_target_mm, dtype=state.beam_mm.dtype)
    asked = jnp.clip(jnp.where(jnp.isfinite(asked), asked, state.beam_mm), 0.0, _TRAVEL_MM)
    resolution = parameters.built.beam_resolution_mm
    target = jnp.round(asked / resolution) * resolution
    reach = parameters.built.beam_speed_mm_per_s * dt_s
    beam_mm = state.beam_mm + jnp.clip(target - state.beam_mm, -reach, reach)
    play = parameters.built.beam_backlash_mm / 2.0
    anode_mm = jnp.clip(state.anode_mm, beam_mm - play, beam_mm + play)
    raised_cm = (anode_mm - state.anode_mm) / 10.0
    return state._replace(beam_mm=beam_mm, anode_mm=anode_mm), raised_cm
