"""The current of the line: it wanders about its setpoint, and now and then the line is cut back."""

import jax.numpy as jnp
from jax import Array

from physics.plant.disturbances import SECONDS_PER_DAY
from physics.plant.parameters import PlantParameters
from physics.plant.state import LineState
from physics.plant.streams import Draws


def move_line_current(
    parameters: PlantParameters, t_s: Array, dt_s: Array, drawn: Draws, line: LineState
) -> LineState:
    """Run the rectifier for a substep; all cells have the same current."""
    world = parameters.disturbances
    hazard = world["current_steps_per_day"] * dt_s / SECONDS_PER_DAY
    is_over = t_s >= line.cut_until_s
    cuts = is_over & (drawn.cut_begins < hazard)
    length_s = world["current_step_shortest_s"] + drawn.cut_length * (
        world["current_step_longest_s"] - world["current_step_shortest_s"]
    )
    fresh_ka = world["current_step_share"] * drawn.cut_depth * parameters.built.line_current_ka
    cut_ka = jnp.where(cuts, fresh_ka, jnp.where(is_over, 0.0, line.cut_ka))

    keep = jnp.exp(-dt_s / world["current_wander_s"])
    kick = jnp.sqrt(1.0 - keep**2) * drawn.current
    wander_ka = line.current_ka - (parameters.built.line_current_ka - line.cut_ka)
    wander_ka = keep * wander_ka + world["current_wander_ka"] * kick
    return LineState(
        current_ka=parameters.built.line_current_ka - cut_ka + wander_ka,
        cut_ka=cut_ka,
        cut_until_s=jnp.where(cuts, t_s + length_s, line.cut_until_s),
    )
