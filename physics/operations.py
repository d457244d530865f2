"""What is done to the simulated cells in a substep: current, beam, feeder, anode effect."""

from typing import Final

import jax
import jax.numpy as jnp
from jax import Array

from physics.disturbances import SECONDS_PER_DAY, Draws
from physics.plant_state import PlantInputs, PlantParameters, PlantState

_BEAM_TRAVEL_MM: Final = 400.0  # design value: full travel of the beam


def move_line_current(parameters: PlantParameters, dt_s: Array, state: PlantState) -> PlantState:
    """The line's current wanders about its setpoint, for all cells alike."""
    world = parameters.disturbances
    following, key = jax.random.split(state.line_key)
    keep = jnp.exp(-dt_s / world["current_wander_s"])
    kick = world["current_wander_ka"] * jnp.sqrt(1.0 - keep**2) * jax.random.normal(key)
    deviation = state.line_current_ka - parameters.line_current_ka
    return state._replace(
        line_key=following,
        line_current_ka=parameters.line_current_ka + keep * deviation + kick,
    )


def move_beam(
    parameters: PlantParameters, inputs: PlantInputs, dt_s: Array, state: PlantState
) -> PlantState:
    """The beam runs to its target at limited speed; the anodes follow behind its backlash."""
    asked = jnp.asarray(inputs.beam_target_mm, dtype=state.beam_mm.dtype)
    asked = jnp.clip(jnp.where(jnp.isfinite(asked), asked, state.beam_mm), 0.0, _BEAM_TRAVEL_MM)
    resolution = parameters.beam_resolution_mm
    target = jnp.round(asked / resolution) * resolution
    reach = parameters.beam_speed_mm_per_s * dt_s
    beam_mm = state.beam_mm + jnp.clip(target - state.beam_mm, -reach, reach)
    play = parameters.beam_backlash_mm / 2.0
    anode_mm = jnp.clip(state.anode_mm, beam_mm - play, beam_mm + play)
    lifted_cm = (anode_mm - state.anode_mm) / 10.0
    return state._replace(
        beam_mm=beam_mm,
        anode_mm=anode_mm,
        cell=state.cell._replace(acd_cm=state.cell.acd_cm + lifted_cm),
    )


def drop_shots(
    parameters: PlantParameters,
    inputs: PlantInputs,
    dt_s: Array,
    drawn: Draws,
    state: PlantState,
) -> tuple[PlantState, Array]:
    """Turn feed demand into whole shots, some of which fall short or stay in the crust."""
    world = parameters.disturbances
    asked = jnp.asarray(inputs.feed_rate_kg_per_h, dtype=state.feed_rate_kg_per_h.dtype)
    rate = jnp.where(jnp.isfinite(asked), asked, state.feed_rate_kg_per_h)
    rate = jnp.clip(rate, 0.0, parameters.feed_highest_kg_per_h)
    quench_kg_per_s = jnp.where(
        state.anode_effect, world["quench_shots_per_min"] * parameters.shot_kg / 60.0, 0.0
    )
    due = state.feed_due_kg + dt_s * (rate / 3600.0 + quench_kg_per_s)
    shots = jnp.floor(due / parameters.shot_kg + 1e-9)
    said_kg = shots * parameters.shot_kg

    hazard = world["faults_per_cell_day"] * dt_s / SECONDS_PER_DAY
    begins = (drawn.fault_begins < hazard) & (state.t_s >= state.fault_until_s)
    length_s = world["fault_shortest_s"] + drawn.fault_length * (
        world["fault_longest_s"] - world["fault_shortest_s"]
    )
    fault_until_s = jnp.where(begins, state.t_s + length_s, state.fault_until_s)

    share = jnp.where(state.t_s < fault_until_s, world["fault_share"], 1.0)
    dosed_kg = said_kg * share + world["shot_sd_kg"] * jnp.sqrt(shots) * drawn.shot
    dosed_kg = jnp.maximum(dosed_kg, 0.0)
    held_kg = world["holdback_highest"] * drawn.holdback * dosed_kg
    freed_kg = state.crust_kg * dt_s / world["crust_return_s"]
    state = state._replace(
        feed_due_kg=due - said_kg,
        feed_rate_kg_per_h=rate,
        fed_kg=state.fed_kg + said_kg,
        arrived_kg=state.arrived_kg + dosed_kg,
        crust_kg=state.crust_kg + held_kg - freed_kg,
        fault_until_s=fault_until_s,
    )
    return state, (dosed_kg - held_kg + freed_kg) / dt_s


def follow_anode_effect(parameters: PlantParameters, drawn: Draws, state: PlantState) -> PlantState:
    """It begins when alumina runs out; shots and time of the cell's own treatment end it."""
    world = parameters.disturbances
    w = state.cell.alumina_wt_pct
    threshold = parameters.cell.anode_effect_alumina_wt_pct
    begins = ~state.anode_effect & (w < threshold)
    treated = state.t_s - state.anode_effect_since_s >= world["quench_s"]
    ends = state.anode_effect & treated & (w > threshold + world["quench_margin_wt_pct"])
    volts = world["anode_effect_lowest_v"] + drawn.anode_effect * (
        world["anode_effect_highest_v"] - world["anode_effect_lowest_v"]
    )
    return state._replace(
        anode_effect=(state.anode_effect | begins) & ~ends,
        anode_effect_since_s=jnp.where(begins, state.t_s, state.anode_effect_since_s),
        anode_effect_v=jnp.where(begins, volts, state.anode_effect_v),
    )
