"""The anode effect: it begins where alumina runs out; shots and time end it."""

import jax.numpy as jnp
from jax import Array

from physics.plant.parameters import PlantParameters
from physics.plant.state import PlantState
from physics.plant.streams import Draws


def follow_anode_effect(
    parameters: PlantParameters,
    drawn: Draws,
    alumina_wt_pct: Array,
    critical_wt_pct: Array,
    state: PlantState,
) -> PlantState:
    """Begin and end anode effects.

    Args:
        parameters: of the line.
        drawn: random numbers.
        alumina_wt_pct: in solution, (C,).
        critical_wt_pct: below which the present current density is too much, (C,).
        state: before.

    Returns:
        The state after.
    """
    world = parameters.disturbances
    begins = ~state.anode_effect & (alumina_wt_pct < critical_wt_pct)
    treated = state.t_s - state.anode_effect_since_s >= world["quench_s"]
    is_fed = alumina_wt_pct > critical_wt_pct + world["quench_margin_wt_pct"]
    volts = world["anode_effect_lowest_v"] + drawn.anode_effect * (
        world["anode_effect_highest_v"] - world["anode_effect_lowest_v"]
    )
    return state._replace(
        anode_effect=(state.anode_effect | begins) & ~(treated & is_fed),
        anode_effect_since_s=jnp.where(begins, state.t_s, state.anode_effect_since_s),
        anode_effect_v=jnp.where(begins, volts, state.anode_effect_v),
    )
