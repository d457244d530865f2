"""How simulated cells differ from what they were built as, and from each other."""

from collections.abc import Iterator
from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.design import FARADAY_C_PER_MOL
from physics.parameters import CellParameters
from physics.plant.parameters import BuiltLine, CellNature

METAL_KG_PER_M3: Final = 2300.0  # liquid aluminium at 960 degC, standard literature
CARBON_KG_PER_M3: Final = 1570.0  # baked anode, standard literature
_CARBON_KG_PER_COULOMB: Final = 0.012011 / (4.0 * FARADAY_C_PER_MOL)  # to CO2, stoichiometric
_CARBON_EXCESS: Final = 1.19  # 0.42 kg of carbon for a kg of metal, standard literature
_TOP_SHARE: Final = 0.85  # design value: of what top and bottom lose; the bottom cools the metal
_BATH_LEDGE_SHARE: Final = 0.45  # design value: of the ledge's area that is beside the bath
_BATH_FILM_FACTOR: Final = 1.10  # design value: gas stirs the bath more than the metal
_ROLL_S: Final = 50.0  # standard literature: a rolling metal pad takes 20 to 200 s
_ROLL_SPREAD: Final = 0.3  # design value: sd of its logarithm
_ONSET_SPREAD_CM: Final = 0.05  # design value
_WIDEST_SD: Final = 2.5  # design value: no cell is further from its design
NATURE_NORMALS: Final = 19  # numbers that a cell's nature takes


def draw_cells(
    built: BuiltLine, world: dict[str, Array], normals: Array
) -> tuple[CellParameters, CellNature]:
    """Make every cell a little different from its design.

    Args:
        built: the design.
        world: figures of the disturbances.
        normals: standard normal numbers, (NATURE_NORMALS, C).

    Returns:
        Parameters and nature, every field (C,).
    """
    normal = iter(jnp.clip(normals, -_WIDEST_SD, _WIDEST_SD))
    cell = _perturb(built.cell, world, normal)

    def scatter(sd: Array | float) -> Array:
        deviation: Array = sd * next(normal)
        return deviation

    same = jnp.ones_like(cell.bath_mass_kg)
    kg_per_s = (
        1e3 * built.line_current_ka * built.cell.metal_kg_per_coulomb * built.nominal_efficiency
    )
    carbon = _CARBON_KG_PER_COULOMB * _CARBON_EXCESS
    area_m2 = 1e-4 * built.cell.anode_area_cm2 * built.cell.fanning_factor
    burn_m_per_s = 1e3 * built.line_current_ka * carbon / CARBON_KG_PER_M3 / area_m2
    # The gap's drift is burn-off less the rise of the metal; design and Faraday give both but the
    # area of the pad.
    drift_m_per_s = built.acd_drift_m_per_s * (1.0 + scatter(world["drift_spread"]))
    rise_m_per_s = jnp.maximum(burn_m_per_s - drift_m_per_s, 0.1 * burn_m_per_s)
    film = cell.bath_to_ledge_w_per_m2_k
    metal_film_factor = (1.0 - _BATH_LEDGE_SHARE * _BATH_FILM_FACTOR) / (1.0 - _BATH_LEDGE_SHARE)
    ends_w_per_k = cell.top_and_bottom_conductance_w_per_k
    tap_kg = jnp.where(jnp.isfinite(world["tap_s"]), kg_per_s * world["tap_s"], 0.0)
    nature = CellNature(
        conductivity_law=0.5 + scatter(world["conductivity_law_spread"]),
        carbon_kg_per_coulomb=carbon * same,
        pool_area_m2=kg_per_s / METAL_KG_PER_M3 / rise_m_per_s,
        loss_reference=1.0 - built.cell.efficiency_reference + scatter(world["efficiency_spread"]),
        alf3_loss_share=world["alf3_loss_share"] * (1.0 + scatter(world["alf3_loss_spread"])),
        roll_period_s=_ROLL_S * jnp.exp(scatter(_ROLL_SPREAD)),
        roll_onset_cm=built.cell.noise_onset_acd_cm + scatter(_ONSET_SPREAD_CM),
        top_w_per_k=_TOP_SHARE * ends_w_per_k,
        bottom_w_per_k=(1.0 - _TOP_SHARE) * ends_w_per_k,
        bath_ledge_m2=_BATH_LEDGE_SHARE * cell.ledge_area_m2,
        metal_ledge_m2=(1.0 - _BATH_LEDGE_SHARE) * cell.ledge_area_m2,
        bath_film_w_per_m2_k=_BATH_FILM_FACTOR * film,
        metal_film_w_per_m2_k=metal_film_factor * film * (1.0 + scatter(world["heat_spread"])),
        metal_heat_j_per_k=built.metal_kg * built.metal_heat_j_per_kg_k * same,
        metal_low_kg=(built.metal_kg - 0.5 * tap_kg) * same,
        caf2_kg=cell.caf2_wt_pct * cell.bath_mass_kg / 100.0,
        mgf2_kg=cell.mgf2_wt_pct * cell.bath_mass_kg / 100.0,
        lif_kg=cell.lif_wt_pct * cell.bath_mass_kg / 100.0,
    )
    return cell, nature


def _perturb(
    built: CellParameters, world: dict[str, Array], normal: Iterator[Array]
) -> CellParameters:
    def scaled(value: Array, share: Array) -> Array:
        return value * (1.0 + share * next(normal))

    def shifted(value: Array, amount: Array) -> Array:
        return value + amount * next(normal)

    cell = built._replace(
        bath_mass_kg=scaled(built.bath_mass_kg, world["bath_mass_spread"]),
        anode_area_cm2=scaled(built.anode_area_cm2, world["area_spread"]),
        conductivity_factor=scaled(built.conductivity_factor, world["conductivity_spread"]),
        anode_resistance_uohm=scaled(built.anode_resistance_uohm, world["resistance_spread"]),
        cathode_resistance_uohm=scaled(built.cathode_resistance_uohm, world["resistance_spread"]),
        excess_alf3_wt_pct=shifted(built.excess_alf3_wt_pct, world["alf3_spread_wt_pct"]),
        anode_effect_alumina_wt_pct=shifted(
            built.anode_effect_alumina_wt_pct, world["anode_effect_spread_wt_pct"]
        ),
        dissolution_per_s=scaled(built.dissolution_per_s, world["dissolution_spread"]),
        undissolved_fraction=jnp.minimum(
            scaled(built.undissolved_fraction, world["dissolution_spread"] / 2.0), 0.9
        ),
        top_and_bottom_conductance_w_per_k=scaled(
            built.top_and_bottom_conductance_w_per_k, world["heat_spread"]
        ),
        bath_to_ledge_w_per_m2_k=scaled(built.bath_to_ledge_w_per_m2_k, world["heat_spread"]),
        ledge_conductivity_w_per_m_k=scaled(
            built.ledge_conductivity_w_per_m_k, world["heat_spread"]
        ),
    )
    cells = cell.bath_mass_kg.shape
    return CellParameters(*(jnp.broadcast_to(figure, cells) for figure in cell))
