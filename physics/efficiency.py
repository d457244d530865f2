"""Current efficiency and what follows from it by Faraday's law: metal, oxide, specific energy."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.parameters import CellParameters


def compute_efficiency(
    parameters: CellParameters,
    temperature_c: ArrayLike,
    alumina_wt_pct: ArrayLike,
    acd_cm: ArrayLike,
    noise_mv: ArrayLike,
    current_ka: ArrayLike,
) -> Array:
    """Share of the current that ends as metal.

    Args:
        parameters: the regression's coefficients.
        temperature_c: bath temperature, degC.
        alumina_wt_pct: dissolved alumina.
        acd_cm: anode-cathode distance, cm.
        noise_mv: standard deviation of the cell voltage, mV.
        current_ka: cell current, kA, above 0.

    Returns:
        Current efficiency, a fraction, within the regression's limits.

    Source:
        Design value: no validated closed form is published. The signs follow what is: hotter baths
        and more dissolved alumina cost efficiency, more excess AlF3 and a longer gap gain it.
    """
    noise_uohm = jnp.asarray(noise_mv) / jnp.asarray(current_ka)
    value = (
        parameters.efficiency_reference
        + parameters.efficiency_per_c
        * (jnp.asarray(temperature_c) - parameters.efficiency_reference_temperature_c)
        + parameters.efficiency_per_alumina_wt_pct
        * (jnp.asarray(alumina_wt_pct) - parameters.efficiency_reference_alumina_wt_pct)
        + parameters.efficiency_per_excess_alf3_wt_pct
        * (parameters.excess_alf3_wt_pct - parameters.efficiency_reference_excess_alf3_wt_pct)
        + parameters.efficiency_acd_gain
        * jnp.tanh(jnp.asarray(acd_cm) - parameters.efficiency_reference_acd_cm)
        + parameters.efficiency_per_noise_uohm
        * jnp.maximum(noise_uohm - parameters.efficiency_noise_free_uohm, 0.0)
    )
    return jnp.clip(value, parameters.efficiency_low, parameters.efficiency_high)


def compute_oxide_use_kg_per_s(
    parameters: CellParameters, current_ka: ArrayLike, efficiency: ArrayLike
) -> Array:
    """Oxide that electrolysis consumes net of the back reaction, kg/s (Faraday's law)."""
    return parameters.oxide_kg_per_coulomb * jnp.asarray(current_ka) * 1e3 * jnp.asarray(efficiency)


def compute_metal_kg_per_s(
    parameters: CellParameters, current_ka: ArrayLike, efficiency: ArrayLike
) -> Array:
    """Metal made, kg/s (Faraday's law; 300 kA at 0.945: 2283 kg a day of aluminium)."""
    return parameters.metal_kg_per_coulomb * jnp.asarray(current_ka) * 1e3 * jnp.asarray(efficiency)


def compute_energy_kwh_per_kg(
    parameters: CellParameters, cell_voltage_v: ArrayLike, efficiency: ArrayLike
) -> Array:
    """Direct-current energy for a kilogram of metal, kWh/kg (aluminium: 2.97998 V / CE)."""
    per_volt = 1.0 / (3.6e6 * parameters.metal_kg_per_coulomb)
    return per_volt * jnp.asarray(cell_voltage_v) / jnp.asarray(efficiency)
