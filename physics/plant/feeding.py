"""Alumina feeders: demand becomes whole shots, some of which fall short or stay in the crust."""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.disturbances import SECONDS_PER_DAY, SECONDS_PER_HOUR
from physics.plant.parameters import PlantParameters
from physics.plant.state import FeederState, PlantInputs
from physics.plant.streams import Draws

_HIGHEST_FACTOR: Final = 5.0  # design value: what a feeder can do at most, times nominal


def drop_shots(
    parameters: PlantParameters,
    inputs: PlantInputs,
    t_s: Array,
    dt_s: Array,
    drawn: Draws,
    anode_effect: Array,
    feeder: FeederState,
) -> tuple[FeederState, Array]:
    """Feed for a substep.

    Args:
        parameters: of the line.
        inputs: the demanded rate; where it is not finite the one in force stays.
        t_s: plant time.
        dt_s: substep.
        drawn: random numbers.
        anode_effect: where the cell's own treatment feeds at once, (C,) bool.
        feeder: before.

    Returns:
        The feeder after, and what fell into the bath, kg, (C,).
    """
    world = parameters.disturbances
    asked = jnp.asarray(inputs.feed_rate_kg_per_h, dtype=feeder.rate_kg_per_h.dtype)
    rate = jnp.where(jnp.isfinite(asked), asked, feeder.rate_kg_per_h)
    rate = jnp.clip(rate, 0.0, _HIGHEST_FACTOR * parameters.built.feed_kg_per_h)
    quench_kg_per_s = jnp.where(
        anode_effect, world["quench_shots_per_min"] * parameters.built.shot_kg / 60.0, 0.0
    )
    due_kg = feeder.due_kg + dt_s * (rate / SECONDS_PER_HOUR + quench_kg_per_s)
    shots = jnp.floor(due_kg / parameters.built.shot_kg + 1e-9)
    said_kg = shots * parameters.built.shot_kg

    hazard = world["faults_per_cell_day"] * dt_s / SECONDS_PER_DAY
    begins = (drawn.fault_begins < hazard) & (t_s >= feeder.fault_until_s)
    length_s = world["fault_shortest_s"] + drawn.fault_length * (
        world["fault_longest_s"] - world["fault_shortest_s"]
    )
    fault_until_s = jnp.where(begins, t_s + length_s, feeder.fault_until_s)

    # The treatment breaks the crust at every feeding point, so a fault takes nothing from it.
    share = jnp.where(anode_effect, 1.0, feed_share(parameters, t_s, fault_until_s))
    dosed_kg = said_kg * share + world["shot_sd_kg"] * jnp.sqrt(shots) * drawn.shot
    dosed_kg = jnp.maximum(dosed_kg, 0.0)
    held_kg = world["holdback_highest"] * drawn.holdback * dosed_kg
    freed_kg = feeder.crust_kg * dt_s / world["crust_return_s"]
    after = FeederState(
        due_kg=due_kg - said_kg,
        rate_kg_per_h=rate,
        crust_kg=feeder.crust_kg + held_kg - freed_kg,
        fault_until_s=fault_until_s,
        fed_kg=feeder.fed_kg + said_kg,
        arrived_kg=feeder.arrived_kg + dosed_kg,
    )
    return after, dosed_kg - held_kg + freed_kg


def feed_share(parameters: PlantParameters, t_s: Array, fault_until_s: Array) -> Array:
    """Share of a commanded shot that leaves the feeder at a time, (C,)."""
    return jnp.where(t_s < fault_until_s, parameters.disturbances["fault_share"], 1.0)
