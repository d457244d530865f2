"""The frozen ledge on the side wall: a slab that grows and melts at the liquidus temperature."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.parameters import CellParameters

_THINNEST_LEDGE_CM = 0.1  # design value: a bare wall keeps a film, so the equation stays regular


def compute_side_flux_w_per_m2(
    parameters: CellParameters, ledge_cm: ArrayLike, liquidus_c: ArrayLike
) -> Array:
    """Heat that the ledge and the lining behind it conduct to the outside, W/m2.

    Args:
        parameters: conductivity of the ledge, resistance of lining and outer film.
        ledge_cm: thickness, cm.
        liquidus_c: temperature of the ledge's face, degC.

    Returns:
        Heat flux, W/m2.
    """
    metres = jnp.maximum(jnp.asarray(ledge_cm), _THINNEST_LEDGE_CM) / 100.0
    resistance = (
        metres / parameters.ledge_conductivity_w_per_m_k + parameters.lining_resistance_m2_k_per_w
    )
    return (jnp.asarray(liquidus_c) - parameters.ambient_temperature_c) / resistance


def compute_ledge_cm_per_s(
    parameters: CellParameters, ledge_cm: ArrayLike, superheat_c: ArrayLike, liquidus_c: ArrayLike
) -> Array:
    """Growth of the ledge: what is conducted away less what the bath brings, over latent heat.

    Args:
        parameters: as for the flux, with heat transfer from the bath and latent heat.
        ledge_cm: thickness, cm.
        superheat_c: bath above liquidus, K.
        liquidus_c: degC.

    Returns:
        Growth, cm/s; never negative on a bare wall.

    Source:
        Stefan condition with a convective bath, quasi-steady ledge.
    """
    thickness = jnp.asarray(ledge_cm)
    brought = parameters.bath_to_ledge_w_per_m2_k * jnp.asarray(superheat_c)
    conducted = compute_side_flux_w_per_m2(parameters, thickness, liquidus_c)
    growth = 100.0 * (conducted - brought) / parameters.ledge_heat_j_per_m3
    return jnp.where(thickness <= _THINNEST_LEDGE_CM, jnp.maximum(growth, 0.0), growth)


def compute_steady_ledge_cm(
    parameters: CellParameters, superheat_c: ArrayLike, liquidus_c: ArrayLike
) -> Array:
    """Thickness at which the ledge neither grows nor melts.

    Args:
        parameters: of the cell.
        superheat_c: bath above liquidus, K, above 0.
        liquidus_c: degC.

    Returns:
        Thickness, cm; 0 where the bath melts it all.
    """
    flux = parameters.bath_to_ledge_w_per_m2_k * jnp.asarray(superheat_c)
    driving = jnp.asarray(liquidus_c) - parameters.ambient_temperature_c
    metres = parameters.ledge_conductivity_w_per_m_k * (
        driving / flux - parameters.lining_resistance_m2_k_per_w
    )
    return jnp.maximum(100.0 * metres, 0.0)
