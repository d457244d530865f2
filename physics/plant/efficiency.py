"""Current efficiency of the simulated cells, by a law of their own.

The reduced model takes a line through its reference point. Here what is lost is a mass transfer of
dissolved metal: factors multiply, and the signs are those of the literature.
"""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.bath import BathView
from physics.plant.parameters import PlantParameters
from physics.plant.state import BathState

_PER_C: Final = 0.028  # design value: more metal dissolves in a hotter bath
_PER_ALUMINA_WT_PCT: Final = 0.06  # design value
_PER_ALF3_WT_PCT: Final = -0.045  # design value: less metal dissolves in a more acid bath
_GAP_POWER: Final = -0.5  # design value: a longer way back to the gas
_PER_ROLL_UOHM: Final = 0.36  # design value: a rolling pad stirs; 2 % for 1 uohm


def compute_plant_efficiency(
    parameters: PlantParameters, bath: BathState, view: BathView, gap_cm: Array, roll_mv: Array
) -> Array:
    """Share of the current that ends as metal.

    Args:
        parameters: of the line.
        bath: temperature of every bath.
        view: composition of the same baths.
        gap_cm: mean gap, (C,).
        roll_mv: sd of the voltage by the rolling metal pad, (C,).

    Returns:
        Current efficiency, (C,). Source: design value, no validated closed form is published.
    """
    cell = parameters.cell
    exponent = (
        _PER_C * (bath.bath_temperature_c - cell.efficiency_reference_temperature_c)
        + _PER_ALUMINA_WT_PCT
        * (view.composition.alumina_wt_pct - cell.efficiency_reference_alumina_wt_pct)
        + _PER_ALF3_WT_PCT
        * (view.composition.alf3_wt_pct - cell.efficiency_reference_excess_alf3_wt_pct)
        + _GAP_POWER * jnp.log(gap_cm / cell.efficiency_reference_acd_cm)
    )
    rolling = 1.0 + _PER_ROLL_UOHM * roll_mv / parameters.built.line_current_ka
    loss = parameters.nature.loss_reference * jnp.exp(exponent) * rolling
    return jnp.clip(1.0 - loss, cell.efficiency_low, cell.efficiency_high)
