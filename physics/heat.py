"""Heat balance of bath and metal: what the current brings, the reaction takes and the walls lose.

The metal pad shares the bath's temperature and counts in its heat capacity. The sensible heat of
bath that freezes or melts is left out: at 1 mm/h of ledge it is 0.2 kW of 576 kW.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.parameters import CellParameters


class HeatParts(NamedTuple):
    """Heat flows of a cell, W; positive in the direction of the name. Scalars or (C,)."""

    internal_w: Array  # electric power without the external busbar
    reaction_w: Array  # taken by electrolysis, without what dissolving alumina takes
    dissolution_w: Array  # taken by alumina going into solution
    top_and_bottom_w: Array
    side_w: Array  # from the bath to the ledge

    def net_w(self) -> Array:
        """Heat that stays and warms bath and metal, W."""
        return (
            self.internal_w
            - self.reaction_w
            - self.dissolution_w
            - self.top_and_bottom_w
            - self.side_w
        )


def compute_dissolution_heat_j_per_kg(parameters: CellParameters) -> Array:
    """Heat that a kilogram of cold alumina takes from the bath until it is dissolved, J/kg."""
    return 100.0 * parameters.cooling_c_per_wt_pct * parameters.bath_heat_capacity_j_per_kg_k


def compute_heat_parts(
    parameters: CellParameters,
    current_ka: ArrayLike,
    internal_voltage_v: ArrayLike,
    efficiency: ArrayLike,
    dissolving_kg_per_s: ArrayLike,
    temperature_c: ArrayLike,
    superheat_c: ArrayLike,
) -> HeatParts:
    """Break the heat balance into its parts.

    The reaction takes 0.48 + 1.65 CE volts, cold alumina included. Here alumina takes its share
    when it dissolves, so that the same share leaves the reaction: at a steady alumina content the
    sum is as published.

    Args:
        parameters: of the cell.
        current_ka: cell current, kA.
        internal_voltage_v: cell voltage without the external drop, V.
        efficiency: current efficiency.
        dissolving_kg_per_s: alumina going into solution.
        temperature_c: bath temperature, degC.
        superheat_c: bath above liquidus, K.

    Returns:
        The heat flows.

    Source:
        Enthalpy voltage: standard literature; 1 wt% of alumina cools the bath by 10 to 12 degC:
        Solheim et al., Mass and heat transfer during dissolution of alumina.
    """
    current_a = jnp.asarray(current_ka) * 1e3
    heat_j_per_kg = compute_dissolution_heat_j_per_kg(parameters)
    oxide_use = parameters.oxide_kg_per_coulomb * current_a * jnp.asarray(efficiency)
    enthalpy_v = parameters.enthalpy_fixed_v + parameters.enthalpy_per_efficiency_v * jnp.asarray(
        efficiency
    )
    return HeatParts(
        internal_w=current_a * jnp.asarray(internal_voltage_v),
        reaction_w=current_a * enthalpy_v - heat_j_per_kg * oxide_use,
        dissolution_w=heat_j_per_kg * jnp.asarray(dissolving_kg_per_s),
        top_and_bottom_w=parameters.top_and_bottom_conductance_w_per_k
        * (jnp.asarray(temperature_c) - parameters.ambient_temperature_c),
        side_w=parameters.bath_to_ledge_w_per_m2_k
        * parameters.ledge_area_m2
        * jnp.asarray(superheat_c),
    )
