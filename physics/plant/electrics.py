"""Cell voltage of many anodes in parallel, and the current of each.

The parts are Haupin's, those of `physics.voltage`; what is the plant's own is the conductivity law
and that every anode has its own gap, carbon and frozen bath.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.design import FARADAY_C_PER_MOL
from physics.plant.anodes import LIFE_S, compute_anode_area_cm2
from physics.plant.bath import BathView
from physics.plant.conductivity import compute_conductivity_s_per_cm
from physics.plant.parameters import PlantParameters
from physics.plant.state import AnodeState, BathState
from physics.properties import ZERO_CELSIUS_K, compute_bath_ratio
from physics.voltage import (
    GAS_CONSTANT_J_PER_MOL_K,
    compute_anode_overvoltage_v,
    compute_bubble_coverage,
    compute_limiting_current_density,
    compute_resistance_uohm,
    compute_voltage_parts,
)

_TAFEL_K: Final = 12533.0  # Haupin 1995: the slope of the anode's overvoltage is T over this
_NEW_CARBON: Final = 1.15  # design value: resistance of a new anode over that of a mean one
_BURNT_CARBON: Final = 0.30  # design value: what of it a whole life takes away
_LIMITING_MARGIN: Final = 1.02  # design value: the concentration overvoltage stays finite
_LEAST_ALUMINA_WT_PCT: Final = 0.2  # design value: logarithms stay finite


class ElectricView(NamedTuple):
    """What current, gaps and bath make of a cell; (C,) unless noted."""

    cell_voltage_v: Array
    internal_voltage_v: Array  # without the busbars outside
    resistance_uohm: Array
    anode_current_ka: Array  # (C, A)
    gap_cm: Array  # mean over the anodes, by current
    anode_effect_alumina_wt_pct: Array


def compute_electrics(
    parameters: PlantParameters,
    t_s: Array,
    current_ka: Array,
    bath: BathState,
    view: BathView,
    anodes: AnodeState,
    extra_voltage_v: Array,
) -> ElectricView:
    """Share the current among the anodes and add up the voltage.

    Overvoltages are linear about the mean current density for the sharing; then each anode's drop
    is that of its own current, and their mean by current, which is power, is the cell's.

    Args:
        parameters: of the line.
        t_s: plant time, for the age of the anodes.
        current_ka: of the line, scalar, above 0.
        bath: of every cell.
        view: of the same baths.
        anodes: of every cell.
        extra_voltage_v: of an anode effect, (C,).

    Returns:
        Voltage and currents.
    """
    cell, composition = parameters.cell, view.composition
    w = jnp.maximum(composition.alumina_wt_pct, _LEAST_ALUMINA_WT_PCT)
    temperature_k = bath.bath_temperature_c + ZERO_CELSIUS_K
    live_cm2 = compute_anode_area_cm2(parameters) * (1.0 - anodes.frozen_share)
    live_total_cm2 = jnp.sum(live_cm2, axis=1)
    density = 1e3 * current_ka / live_total_cm2
    critical = compute_critical_alumina_wt_pct(parameters, density)

    conductivity = cell.conductivity_factor * compute_conductivity_s_per_cm(
        parameters.nature.conductivity_law, bath.bath_temperature_c, composition
    )
    bubble_cm = (0.5517 + density) / (1.0 + 2.167 * density)  # Haupin 1995
    ratio = compute_bath_ratio(w, *composition[1:])
    coverage = compute_bubble_coverage(density, ratio, w, critical)
    gas_cm = bubble_cm * (coverage / (1.0 - coverage) - 1.0)
    drop_v_cm2_per_a = (anodes.gap_cm + gas_cm[:, None]) / conductivity[:, None]

    count = parameters.built.anode_share.shape[0]
    age = jnp.clip((t_s - anodes.set_s) / LIFE_S, 0.0, 1.2)
    carbon_ohm = 1e-6 * count * cell.anode_resistance_uohm[:, None]
    carbon_ohm = carbon_ohm * (_NEW_CARBON - _BURNT_CARBON * age)
    slope_v_cm2_per_a = (temperature_k / _TAFEL_K / density)[:, None]
    conductance = 1.0 / (carbon_ohm + (drop_v_cm2_per_a + slope_v_cm2_per_a) / live_cm2)
    share = conductance / jnp.sum(conductance, axis=1, keepdims=True)
    anode_ka = current_ka * share
    own_density = 1e3 * anode_ka / live_cm2

    limiting = compute_limiting_current_density(temperature_k, cell.one_anode_area_cm2, w)
    limiting = jnp.maximum(limiting[:, None], _LIMITING_MARGIN * own_density)
    thermal_v = GAS_CONSTANT_J_PER_MOL_K * temperature_k / FARADAY_C_PER_MOL
    anode_v = (
        compute_anode_overvoltage_v(temperature_k[:, None], own_density, w[:, None])
        + thermal_v[:, None] / 2.0 * jnp.log(limiting / (limiting - own_density))
        + own_density * drop_v_cm2_per_a
        + 1e3 * anode_ka * carbon_ohm
    )
    rest_v = _compute_rest_v(parameters, current_ka, bath, view, w)
    external_v = 1e-3 * current_ka * cell.external_resistance_uohm
    internal_v = jnp.sum(share * anode_v, axis=1) + rest_v + extra_voltage_v
    return ElectricView(
        cell_voltage_v=internal_v + external_v,
        internal_voltage_v=internal_v,
        resistance_uohm=compute_resistance_uohm(internal_v + external_v, current_ka),
        anode_current_ka=anode_ka,
        gap_cm=jnp.sum(share * anodes.gap_cm, axis=1),
        anode_effect_alumina_wt_pct=critical,
    )


def compute_critical_alumina_wt_pct(parameters: PlantParameters, density: Array) -> Array:
    """Alumina at which the anode effect begins, at a current density of the live undersides.

    The critical current density grows with the root of alumina less 0.4 (Grjotheim and Welch); the
    cell's own anode-effect alumina holds at nominal current through all of its anodes.

    Args:
        parameters: of the line.
        density: A/cm2, (C,).

    Returns:
        wt%, (C,).
    """
    cell = parameters.cell
    area_cm2 = cell.anode_area_cm2 * cell.fanning_factor
    nominal = 1e3 * parameters.built.line_current_ka / area_cm2
    root = 0.4 + (jnp.sqrt(cell.anode_effect_alumina_wt_pct) - 0.4) * density / nominal
    return root**2


def _compute_rest_v(
    parameters: PlantParameters, current_ka: Array, bath: BathState, view: BathView, w: Array
) -> Array:
    """What does not depend on single anodes: reversible potential and the cathode's side, (C,)."""
    composition = view.composition
    cell = parameters.cell._replace(
        excess_alf3_wt_pct=composition.alf3_wt_pct,
        caf2_wt_pct=composition.caf2_wt_pct,
        mgf2_wt_pct=composition.mgf2_wt_pct,
        lif_wt_pct=composition.lif_wt_pct,
    )
    parts = compute_voltage_parts(cell, current_ka, w, bath.bath_temperature_c, 1.0)
    of_anodes_v = (
        parts.anode_reaction_v
        + parts.anode_concentration_v
        + parts.bath_v
        + parts.bubble_v
        + parts.anode_ohmic_v
        + parts.external_ohmic_v
    )
    return parts.total() - of_anodes_v
