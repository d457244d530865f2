"""The lumped cell: the terms of the other files, put together."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.alumina import AluminaRates, compute_alumina_rates
from physics.efficiency import (
    compute_efficiency,
    compute_energy_kwh_per_kg,
    compute_metal_kg_per_s,
    compute_oxide_use_kg_per_s,
)
from physics.heat import HeatParts, compute_heat_parts
from physics.ledge import compute_ledge_cm_per_s
from physics.parameters import CellParameters
from physics.properties import compute_liquidus_c, compute_saturation_wt_pct
from physics.voltage import (
    VoltageParts,
    compute_noise_mv,
    compute_resistance_uohm,
    compute_voltage_parts,
)


class CellState(NamedTuple):
    """What a cell remembers; scalars or (C,). As a derivative: the same per second."""

    alumina_wt_pct: Array
    undissolved_alumina_kg: Array
    sludge_kg: Array
    bath_temperature_c: Array
    ledge_cm: Array
    acd_cm: Array


class CellOutputs(NamedTuple):
    """What follows from state, current and feed at one instant; scalars or (C,)."""

    cell_voltage_v: Array
    resistance_uohm: Array
    noise_mv: Array
    liquidus_c: Array
    superheat_c: Array
    saturation_wt_pct: Array
    current_efficiency: Array
    energy_kwh_per_kg: Array
    metal_kg_per_s: Array
    oxide_use_kg_per_s: Array
    voltage: VoltageParts
    heat: HeatParts
    alumina: AluminaRates


def compute_outputs(
    parameters: CellParameters,
    state: CellState,
    current_ka: ArrayLike,
    feed_kg_per_s: ArrayLike,
    extra_voltage_v: ArrayLike = 0.0,
) -> CellOutputs:
    """Everything that a cell shows, from its state.

    Args:
        parameters: of the cell.
        state: of the cell.
        current_ka: cell current, kA, above 0.
        feed_kg_per_s: alumina falling into the bath.
        extra_voltage_v: across the bath beside Haupin's parts (an anode effect), V.

    Returns:
        Outputs with the breakdown of voltage, heat and alumina.
    """
    w, temperature_c, acd_cm = state.alumina_wt_pct, state.bath_temperature_c, state.acd_cm
    additives = (
        parameters.excess_alf3_wt_pct,
        parameters.caf2_wt_pct,
        parameters.mgf2_wt_pct,
        parameters.lif_wt_pct,
    )
    liquidus_c = compute_liquidus_c(w, *additives)
    superheat_c = temperature_c - liquidus_c
    saturation = compute_saturation_wt_pct(temperature_c, *additives)
    voltage = compute_voltage_parts(parameters, current_ka, w, temperature_c, acd_cm)
    cell_voltage_v = voltage.total() + extra_voltage_v
    noise_mv = compute_noise_mv(parameters, acd_cm)
    efficiency = compute_efficiency(parameters, temperature_c, w, acd_cm, noise_mv, current_ka)
    oxide_use = compute_oxide_use_kg_per_s(parameters, current_ka, efficiency)
    alumina = compute_alumina_rates(
        parameters,
        w,
        state.undissolved_alumina_kg,
        state.sludge_kg,
        saturation,
        feed_kg_per_s,
        oxide_use,
    )
    heat = compute_heat_parts(
        parameters,
        current_ka,
        cell_voltage_v - voltage.external_ohmic_v,
        efficiency,
        alumina.dissolving_kg_per_s,
        temperature_c,
        superheat_c,
    )
    return CellOutputs(
        cell_voltage_v=cell_voltage_v,
        resistance_uohm=compute_resistance_uohm(cell_voltage_v, current_ka),
        noise_mv=noise_mv,
        liquidus_c=liquidus_c,
        superheat_c=superheat_c,
        saturation_wt_pct=saturation,
        current_efficiency=efficiency,
        energy_kwh_per_kg=compute_energy_kwh_per_kg(parameters, cell_voltage_v, efficiency),
        metal_kg_per_s=compute_metal_kg_per_s(parameters, current_ka, efficiency),
        oxide_use_kg_per_s=oxide_use,
        voltage=voltage,
        heat=heat,
        alumina=alumina,
    )


def compute_derivative(
    parameters: CellParameters,
    state: CellState,
    current_ka: ArrayLike,
    feed_kg_per_s: ArrayLike,
    extra_voltage_v: ArrayLike = 0.0,
) -> CellState:
    """Rate of change of each state, per second.

    Args:
        parameters: of the cell.
        state: of the cell.
        current_ka: cell current, kA, above 0.
        feed_kg_per_s: alumina falling into the bath.
        extra_voltage_v: across the bath beside Haupin's parts, V.

    Returns:
        The derivative, in the fields of the state.
    """
    outputs = compute_outputs(parameters, state, current_ka, feed_kg_per_s, extra_voltage_v)
    return CellState(
        alumina_wt_pct=outputs.alumina.dissolved_wt_pct_per_s,
        undissolved_alumina_kg=outputs.alumina.undissolved_kg_per_s,
        sludge_kg=outputs.alumina.sludge_kg_per_s,
        bath_temperature_c=outputs.heat.net_w() / parameters.heat_capacity_j_per_k,
        ledge_cm=compute_ledge_cm_per_s(
            parameters, state.ledge_cm, outputs.superheat_c, outputs.liquidus_c
        ),
        acd_cm=jnp.broadcast_to(
            parameters.acd_drift_cm_per_s_and_ka * jnp.asarray(current_ka), state.acd_cm.shape
        ),
    )
