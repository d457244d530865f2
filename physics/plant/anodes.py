"""Single anodes: each with its gap, its age, the bath frozen under it and its share of the current.

Anodes are changed two at a time, in turn. A new one is cold: bath freezes under a part of it, which
then carries nothing, and melts away within a day; the carbon takes its heat from the bath. An anode
with a shorter gap carries more, burns faster and so finds its place by itself.
"""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.nature import CARBON_KG_PER_M3, METAL_KG_PER_M3
from physics.plant.parameters import PlantParameters
from physics.plant.state import AnodeState
from physics.plant.streams import Draws

LIFE_S: Final = 600.0 * 3600.0  # Qatalum, published
FROZEN_MELT_S: Final = 7.0 * 3600.0  # design value: current is picked up within 12 to 24 h
COLD_S: Final = 5.0 * 3600.0  # design value: the bath is coldest after some 4 h
_FROZEN_LOWEST: Final = 0.4  # design value: of a new anode's underside, so that the resistance
_FROZEN_HIGHEST: Final = 0.8  # of the cell rises by 0.1 to 0.3 uohm (standard literature)
_ANODE_HEAT_V: Final = 0.045  # Entner: 9 of 840 kW heat anodes, at 200 kA
_FROZEN_CM: Final = 3.0  # design value: thickness of the bath frozen under a new anode
_CHANGE_JITTER: Final = 0.1  # design value: of the time between changes
_SHORTEST_GAP_CM: Final = 0.8  # design value: below, metal would touch
_LONGEST_GAP_CM: Final = 12.0  # design value


def compute_anode_area_cm2(parameters: PlantParameters) -> Array:
    """Effective underside of every anode, (C, A)."""
    area_cm2 = parameters.cell.anode_area_cm2 * parameters.cell.fanning_factor
    return area_cm2[:, None] * parameters.built.anode_share[None, :]


def compute_frozen_kg(parameters: PlantParameters, anodes: AnodeState) -> Array:
    """Bath frozen under the anodes of every cell, (C,)."""
    area_m2 = 1e-4 * compute_anode_area_cm2(parameters)
    depth_m = _FROZEN_CM / 100.0
    return (
        jnp.sum(anodes.frozen_share * area_m2, axis=1) * depth_m * parameters.built.ledge_kg_per_m3
    )


def change_anodes(
    parameters: PlantParameters,
    t_s: Array,
    drawn: Draws,
    may_change: Array,
    anodes: AnodeState,
) -> AnodeState:
    """Set a new pair where one is due.

    Args:
        parameters: of the line.
        t_s: plant time.
        drawn: random numbers.
        may_change: where the crew may work, (C,); elsewhere the change waits.
        anodes: before.

    Returns:
        The anodes after.
    """
    world = parameters.disturbances
    count = parameters.built.anode_share.shape[0]
    pairs = max(count // 2, 1)
    due = may_change & (t_s >= anodes.next_change_s)
    number = jnp.arange(count)
    is_new = due[:, None] & ((number // 2)[None, :] % pairs == anodes.next_pair[:, None])
    error = jnp.where(
        (number % 2 == 0)[None, :], drawn.first_anode[:, None], drawn.second_anode[:, None]
    )
    frozen = _FROZEN_LOWEST + (_FROZEN_HIGHEST - _FROZEN_LOWEST) * drawn.frozen
    # While its underside is frozen it burns less, so it is set higher by as much.
    burn_cm_per_s = compute_burn_cm_per_s(
        parameters,
        parameters.built.line_current_ka,
        jnp.sum(compute_anode_area_cm2(parameters), axis=1),
    )
    mean_cm = jnp.mean(anodes.gap_cm, axis=1) + frozen * burn_cm_per_s * FROZEN_MELT_S
    set_cm = mean_cm[:, None] + world["gap_spread_cm"] * error
    between_s = world["anode_life_s"] / pairs * (1.0 + _CHANGE_JITTER * (2.0 * drawn.change - 1.0))
    heat_j = compute_pair_heat_j(parameters)
    return AnodeState(
        gap_cm=jnp.where(is_new, set_cm, anodes.gap_cm),
        frozen_share=jnp.where(is_new, frozen[:, None], anodes.frozen_share),
        set_s=jnp.where(is_new, t_s, anodes.set_s),
        cold_j=anodes.cold_j + jnp.where(due, heat_j, 0.0),
        next_pair=jnp.where(due, (anodes.next_pair + 1) % pairs, anodes.next_pair),
        next_change_s=jnp.where(due, t_s + between_s, anodes.next_change_s),
    )


def compute_anode_heat_v(parameters: PlantParameters) -> Array:
    """Heat that changes of anodes take on average, over the current, V; 0 where none is changed."""
    return jnp.where(jnp.isfinite(parameters.disturbances["anode_life_s"]), _ANODE_HEAT_V, 0.0)


def compute_pair_heat_j(parameters: PlantParameters) -> Array:
    """Heat that a new pair takes until it is as hot as the others, J; 0 where none is changed."""
    pairs = max(parameters.built.anode_share.shape[0] // 2, 1)
    life_s = parameters.disturbances["anode_life_s"]
    power_w = 1e3 * parameters.built.line_current_ka * compute_anode_heat_v(parameters)
    return jnp.where(jnp.isfinite(life_s), power_w * life_s / pairs, 0.0)


def burn_anodes(
    parameters: PlantParameters,
    anodes: AnodeState,
    anode_current_ka: Array,
    metal_rise_cm: Array,
    moved_cm: Array,
    dt_s: Array,
) -> AnodeState:
    """Let anodes burn, thaw and warm, and the gap follow metal and beam.

    Args:
        parameters: of the line.
        anodes: before.
        anode_current_ka: (C, A).
        metal_rise_cm: of the pad in the substep, (C,).
        moved_cm: by which all anodes of a cell were raised, (C,).
        dt_s: substep.

    Returns:
        The anodes after.
    """
    burn_cm = dt_s * compute_burn_cm_per_s(
        parameters, anode_current_ka, compute_anode_area_cm2(parameters)
    )
    gap_cm = anodes.gap_cm + burn_cm + (moved_cm - metal_rise_cm)[:, None]
    return anodes._replace(
        gap_cm=jnp.clip(gap_cm, _SHORTEST_GAP_CM, _LONGEST_GAP_CM),
        frozen_share=anodes.frozen_share * jnp.exp(-dt_s / FROZEN_MELT_S),
        cold_j=anodes.cold_j * jnp.exp(-dt_s / COLD_S),
    )


def compute_burn_cm_per_s(parameters: PlantParameters, current_ka: Array, area_cm2: Array) -> Array:
    """Burn-off of carbon that carries a current through an area, cm/s, by Faraday's law."""
    kg_per_coulomb = parameters.nature.carbon_kg_per_coulomb
    if current_ka.ndim > kg_per_coulomb.ndim:
        kg_per_coulomb = kg_per_coulomb[:, None]
    return 1e9 * kg_per_coulomb * current_ka / CARBON_KG_PER_M3 / area_cm2


def compute_metal_rise_cm(parameters: PlantParameters, gained_kg: Array) -> Array:
    """Rise of the metal's surface for a gain of metal, cm, (C,)."""
    return 100.0 * gained_kg / METAL_KG_PER_M3 / parameters.nature.pool_area_m2
