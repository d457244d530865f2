"""The figures of a cell as numbers that JAX can trace, vary and differentiate.

The design of a plant file holds what people write; this holds the same, flat, in the units the
equations use. Every field is a scalar, or an array (C,) where cells differ.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.design import FARADAY_C_PER_MOL, PlantDesign


class CellParameters(NamedTuple):
    """What the equations of one cell take from its design; scalars or (C,)."""

    # metal
    oxide_kg_per_coulomb: Array
    metal_kg_per_coulomb: Array
    standard_potential_v: Array
    standard_potential_slope_v_per_k: Array
    enthalpy_fixed_v: Array
    enthalpy_per_efficiency_v: Array
    # electrodes
    anode_area_cm2: Array
    one_anode_area_cm2: Array
    fanning_factor: Array
    cathode_area_cm2: Array
    anode_resistance_uohm: Array
    cathode_resistance_uohm: Array
    external_resistance_uohm: Array
    # bath
    bath_mass_kg: Array
    excess_alf3_wt_pct: Array
    caf2_wt_pct: Array
    mgf2_wt_pct: Array
    lif_wt_pct: Array
    bath_heat_capacity_j_per_kg_k: Array
    anode_effect_alumina_wt_pct: Array
    conductivity_factor: Array
    # feed
    undissolved_fraction: Array
    dissolution_per_s: Array
    settling_per_s: Array
    sludge_return_per_s: Array
    cooling_c_per_wt_pct: Array
    # heat
    ambient_temperature_c: Array
    top_and_bottom_conductance_w_per_k: Array
    ledge_area_m2: Array
    bath_to_ledge_w_per_m2_k: Array
    ledge_conductivity_w_per_m_k: Array
    lining_resistance_m2_k_per_w: Array
    ledge_heat_j_per_m3: Array
    heat_capacity_j_per_k: Array
    # gap
    acd_drift_cm_per_s_and_ka: Array
    noise_floor_mv: Array
    noise_onset_acd_cm: Array
    noise_doubling_cm: Array
    # current efficiency
    efficiency_reference: Array
    efficiency_reference_temperature_c: Array
    efficiency_reference_alumina_wt_pct: Array
    efficiency_reference_excess_alf3_wt_pct: Array
    efficiency_reference_acd_cm: Array
    efficiency_per_c: Array
    efficiency_per_alumina_wt_pct: Array
    efficiency_per_excess_alf3_wt_pct: Array
    efficiency_acd_gain: Array
    efficiency_per_noise_uohm: Array
    efficiency_noise_free_uohm: Array
    efficiency_low: Array
    efficiency_high: Array


def make_parameters(design: PlantDesign) -> CellParameters:
    """Turn a design into the numbers of its equations.

    Args:
        design: line and cell.

    Returns:
        One scalar for each field.
    """
    cell = design.cell
    metal, electrodes, bath, feed = cell.metal, cell.electrodes, cell.bath, cell.feed
    heat, gap, efficiency = cell.heat, cell.gap, cell.efficiency
    faraday = metal.charge_number * FARADAY_C_PER_MOL
    drift_cm_per_s = gap.acd_drift_mm_per_h / 10.0 / 3600.0
    heat_capacity_j_per_k = (
        bath.mass_kg * bath.heat_capacity_j_per_kg_k
        + heat.metal_mass_kg * heat.metal_heat_capacity_j_per_kg_k
    )
    figures: dict[str, Any] = {
        "oxide_kg_per_coulomb": metal.oxide_molar_mass_kg_per_mol
        / (metal.atoms_per_oxide * faraday),
        "metal_kg_per_coulomb": metal.metal_molar_mass_kg_per_mol / faraday,
        "standard_potential_v": metal.standard_potential_v,
        "standard_potential_slope_v_per_k": metal.standard_potential_slope_v_per_k,
        "enthalpy_fixed_v": metal.enthalpy_fixed_v,
        "enthalpy_per_efficiency_v": metal.enthalpy_per_efficiency_v,
        "anode_area_cm2": electrodes.anode_area_cm2,
        "one_anode_area_cm2": electrodes.anode_area_cm2 / electrodes.anode_count,
        "fanning_factor": electrodes.fanning_factor,
        "cathode_area_cm2": electrodes.cathode_area_cm2,
        "anode_resistance_uohm": electrodes.anode_resistance_uohm,
        "cathode_resistance_uohm": electrodes.cathode_resistance_uohm,
        "external_resistance_uohm": electrodes.external_resistance_uohm,
        "bath_mass_kg": bath.mass_kg,
        "excess_alf3_wt_pct": bath.excess_alf3_wt_pct,
        "caf2_wt_pct": bath.caf2_wt_pct,
        "mgf2_wt_pct": bath.mgf2_wt_pct,
        "lif_wt_pct": bath.lif_wt_pct,
        "bath_heat_capacity_j_per_kg_k": bath.heat_capacity_j_per_kg_k,
        "anode_effect_alumina_wt_pct": bath.anode_effect_alumina_wt_pct,
        "conductivity_factor": bath.conductivity_factor,
        "undissolved_fraction": feed.undissolved_fraction,
        "dissolution_per_s": feed.dissolution_per_s,
        "settling_per_s": feed.settling_per_s,
        "sludge_return_per_s": feed.sludge_return_per_s,
        "cooling_c_per_wt_pct": feed.cooling_c_per_wt_pct,
        "ambient_temperature_c": heat.ambient_temperature_c,
        "top_and_bottom_conductance_w_per_k": heat.top_and_bottom_conductance_w_per_k,
        "ledge_area_m2": heat.ledge_area_m2,
        "bath_to_ledge_w_per_m2_k": heat.bath_to_ledge_w_per_m2_k,
        "ledge_conductivity_w_per_m_k": heat.ledge_conductivity_w_per_m_k,
        "lining_resistance_m2_k_per_w": heat.lining_resistance_m2_k_per_w,
        "ledge_heat_j_per_m3": heat.ledge_density_kg_per_m3 * heat.latent_heat_j_per_kg,
        "heat_capacity_j_per_k": heat_capacity_j_per_k,
        "acd_drift_cm_per_s_and_ka": drift_cm_per_s / design.line.current_ka,
        "noise_floor_mv": gap.noise_floor_mv,
        "noise_onset_acd_cm": gap.noise_onset_acd_cm,
        "noise_doubling_cm": gap.noise_doubling_cm,
        "efficiency_reference": efficiency.reference,
        "efficiency_reference_temperature_c": efficiency.reference_temperature_c,
        "efficiency_reference_alumina_wt_pct": efficiency.reference_alumina_wt_pct,
        "efficiency_reference_excess_alf3_wt_pct": efficiency.reference_excess_alf3_wt_pct,
        "efficiency_reference_acd_cm": efficiency.reference_acd_cm,
        "efficiency_per_c": efficiency.per_c,
        "efficiency_per_alumina_wt_pct": efficiency.per_alumina_wt_pct,
        "efficiency_per_excess_alf3_wt_pct": efficiency.per_excess_alf3_wt_pct,
        "efficiency_acd_gain": efficiency.acd_gain,
        "efficiency_per_noise_uohm": efficiency.per_noise_uohm,
        "efficiency_noise_free_uohm": efficiency.noise_free_uohm,
        "efficiency_low": efficiency.low,
        "efficiency_high": efficiency.high,
    }
    return CellParameters(**{name: jnp.asarray(x, dtype=float) for name, x in figures.items()})
