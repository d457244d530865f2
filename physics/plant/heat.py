"""Heat of the simulated cells: a bath and a metal pad, a ledge beside each, and cold new anodes."""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.heat import compute_heat_parts
from physics.ledge import compute_ledge_cm_per_s
from physics.plant.anodes import COLD_S, compute_anode_heat_v
from physics.plant.bath import BathView
from physics.plant.electrics import ElectricView
from physics.plant.parameters import PlantParameters
from physics.plant.state import BathState

_EXCHANGE_W_PER_M2_K: Final = 6000.0  # design value: bath and metal differ by a few tenths of a K
_THINNEST_LEDGE_CM: Final = 0.05  # design value: a film stays on a bare wall
_THICKEST_LEDGE_CM: Final = 60.0  # design value: the wall's own depth


class HeatFlows(NamedTuple):
    """Net heat of bath and metal, W; each (C,)."""

    bath_w: Array
    metal_w: Array


def compute_heat_flows(
    parameters: PlantParameters,
    current_ka: Array,
    bath: BathState,
    view: BathView,
    electric: ElectricView,
    efficiency: Array,
    dissolving_kg_per_s: Array,
    cold_j: Array,
) -> HeatFlows:
    """Heat that stays in bath and metal.

    What the reaction takes includes the heating of carbon on average; the anodes take it when they
    are new, so that the same share leaves the reaction.

    Args:
        parameters: of the line.
        current_ka: of the line, scalar.
        bath: temperatures of every cell.
        view: of the same baths.
        electric: of the same cells.
        efficiency: current efficiency, (C,).
        dissolving_kg_per_s: alumina going into solution, (C,).
        cold_j: heat that new anodes have still to take, (C,).

    Returns:
        Net heat.
    """
    cell, nature = parameters.cell, parameters.nature
    parts = compute_heat_parts(
        cell,
        current_ka,
        electric.internal_voltage_v,
        efficiency,
        dissolving_kg_per_s,
        bath.bath_temperature_c,
        view.superheat_c,
    )
    current_a = 1e3 * current_ka
    cathode_w = 1e-6 * current_a**2 * cell.cathode_resistance_uohm
    exchange_w = compute_exchange_w_per_k(parameters) * (
        bath.bath_temperature_c - bath.metal_temperature_c
    )
    ambient_c = cell.ambient_temperature_c
    bath_w = (
        parts.internal_w
        - cathode_w
        - parts.reaction_w
        + compute_anode_heat_v(parameters) * current_a
        - cold_j / COLD_S
        - parts.dissolution_w
        - nature.top_w_per_k * (bath.bath_temperature_c - ambient_c)
        - nature.bath_film_w_per_m2_k * nature.bath_ledge_m2 * view.superheat_c
        - exchange_w
    )
    metal_w = (
        cathode_w
        + exchange_w
        - nature.bottom_w_per_k * (bath.metal_temperature_c - ambient_c)
        - nature.metal_film_w_per_m2_k
        * nature.metal_ledge_m2
        * (bath.metal_temperature_c - view.liquidus_c)
    )
    return HeatFlows(bath_w, metal_w)


def compute_exchange_w_per_k(parameters: PlantParameters) -> Array:
    """Heat that passes from bath to metal for each K between them, W/K, (C,)."""
    return 1e-4 * _EXCHANGE_W_PER_M2_K * parameters.cell.cathode_area_cm2


def warm(
    parameters: PlantParameters, bath: BathState, flows: HeatFlows, dt_s: Array
) -> tuple[Array, Array]:
    """Temperatures of bath and metal after a substep, degC, each (C,)."""
    bath_j_per_k = bath.bath_kg * parameters.cell.bath_heat_capacity_j_per_kg_k
    return (
        bath.bath_temperature_c + dt_s * flows.bath_w / bath_j_per_k,
        bath.metal_temperature_c + dt_s * flows.metal_w / parameters.nature.metal_heat_j_per_k,
    )


def grow_ledges(
    parameters: PlantParameters, bath: BathState, view: BathView, dt_s: Array
) -> tuple[Array, Array]:
    """Thickness of the ledges beside bath and metal after a substep, cm, each (C,)."""
    cell, nature = parameters.cell, parameters.nature

    def grow(ledge_cm: Array, film_w_per_m2_k: Array, temperature_c: Array) -> Array:
        behind = cell._replace(bath_to_ledge_w_per_m2_k=film_w_per_m2_k)
        rate = compute_ledge_cm_per_s(
            behind, ledge_cm, temperature_c - view.liquidus_c, view.liquidus_c
        )
        return jnp.clip(ledge_cm + dt_s * rate, _THINNEST_LEDGE_CM, _THICKEST_LEDGE_CM)

    return (
        grow(bath.bath_ledge_cm, nature.bath_film_w_per_m2_k, bath.bath_temperature_c),
        grow(bath.metal_ledge_cm, nature.metal_film_w_per_m2_k, bath.metal_temperature_c),
    )


def compute_ledge_kg(
    parameters: PlantParameters, bath_ledge_cm: Array, metal_ledge_cm: Array
) -> Array:
    """Frozen bath on the side wall, (C,)."""
    nature = parameters.nature
    volume_m3 = (
        nature.bath_ledge_m2 * bath_ledge_cm + nature.metal_ledge_m2 * metal_ledge_cm
    ) / 100.0
    return parameters.built.ledge_kg_per_m3 * volume_m3
