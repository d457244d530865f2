"""What the instruments of the simulated line show, and what is true."""

import jax.numpy as jnp
from jax import Array

from physics.efficiency import compute_energy_kwh_per_kg
from physics.plant.feeding import feed_share
from physics.plant.laboratory import handle_samples, show_reports
from physics.plant.noise import move_noise, show_noise
from physics.plant.outputs import PlantOutputs, PlantTruth
from physics.plant.parameters import PlantParameters
from physics.plant.state import PlantState
from physics.plant.streams import draw_readings
from physics.plant.view import CellView


def take_scan(
    parameters: PlantParameters, duration_s: Array, state: PlantState, view: CellView
) -> tuple[PlantState, PlantOutputs]:
    """Read every instrument once.

    Args:
        parameters: of the line.
        duration_s: plant time since the scan before, over which noise goes on.
        state: at the scan.
        view: of the same state.

    Returns:
        The state with noise and laboratory moved on, and the scan.
    """
    world = parameters.disturbances
    keys, of_line, readings = draw_readings(state.keys)
    electric = view.electric
    noise = move_noise(parameters, readings, duration_s, state.noise)
    noise_mv, noise_sd_mv = show_noise(parameters, noise, view.roll_mv, state.anode_effect)
    resolution_mm = parameters.built.beam_resolution_mm
    measured = {
        "cell_voltage_v": jnp.maximum(electric.cell_voltage_v + noise_mv / 1e3, 0.0),
        "bath_temperature_c": state.bath.bath_temperature_c
        + noise.drift_c
        + world["temperature_noise_c"] * readings.temperature,
        "alumina_fed_kg": state.feeder.fed_kg,
        "beam_position_mm": jnp.round(state.beam_mm / resolution_mm) * resolution_mm,
        "voltage_noise_mv": jnp.maximum(
            noise_sd_mv * (1.0 + world["noise_reading_share"] * readings.noise), 0.0
        ),
        "line_current_ka": state.line.current_ka + world["current_noise_ka"] * of_line.current,
    }
    laboratory = handle_samples(
        parameters, state.t_s, state.bath.bath_temperature_c, view.bath, readings, state.laboratory
    )
    truth = _tell_truth(parameters, state, view)
    state = state._replace(keys=keys, noise=noise, laboratory=laboratory)
    return state, PlantOutputs(
        measured, truth, state.feeder.rate_kg_per_h, show_reports(laboratory)
    )


def _tell_truth(parameters: PlantParameters, state: PlantState, view: CellView) -> PlantTruth:
    bath, nature, electric = state.bath, parameters.nature, view.electric
    ledge_m2 = nature.bath_ledge_m2 + nature.metal_ledge_m2
    return PlantTruth(
        alumina_wt_pct=view.bath.composition.alumina_wt_pct,
        undissolved_alumina_kg=bath.undissolved_kg,
        sludge_kg=bath.sludge_kg,
        crust_kg=state.feeder.crust_kg,
        bath_temperature_c=bath.bath_temperature_c,
        liquidus_c=view.bath.liquidus_c,
        superheat_c=view.bath.superheat_c,
        excess_alf3_wt_pct=view.bath.composition.alf3_wt_pct,
        bath_kg=bath.bath_kg,
        ledge_cm=(
            nature.bath_ledge_m2 * bath.bath_ledge_cm + nature.metal_ledge_m2 * bath.metal_ledge_cm
        )
        / ledge_m2,
        bath_ledge_cm=bath.bath_ledge_cm,
        metal_ledge_cm=bath.metal_ledge_cm,
        metal_kg=state.metal.metal_kg,
        acd_cm=electric.gap_cm,
        anode_current_ka=electric.anode_current_ka,
        cell_voltage_v=electric.cell_voltage_v,
        resistance_uohm=electric.resistance_uohm,
        line_current_ka=jnp.broadcast_to(state.line.current_ka, bath.bath_kg.shape),
        current_efficiency=view.efficiency,
        energy_kwh_per_kg=compute_energy_kwh_per_kg(
            parameters.cell, electric.cell_voltage_v, view.efficiency
        ),
        feed_share=feed_share(parameters, state.t_s, state.feeder.fault_until_s),
        anode_effect=state.anode_effect,
        anode_effect_alumina_wt_pct=electric.anode_effect_alumina_wt_pct,
        tapping=view.tapping,
        arrived_kg=state.feeder.arrived_kg,
        used_kg=state.used_kg,
    )
