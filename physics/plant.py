"""The simulated line: cells that differ from their design, with shots, faults, beams and noise.

All cells advance together in one jitted call, in substeps of at most five seconds of plant time.
"""

from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.cell import CellOutputs, CellState, compute_derivative, compute_outputs
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.disturbances import Disturbances, draw, draw_readings, make_cell_keys, perturb
from physics.efficiency import compute_efficiency, compute_oxide_use_kg_per_s
from physics.ledge import compute_steady_ledge_cm
from physics.operations import drop_shots, follow_anode_effect, move_beam, move_line_current
from physics.parameters import CellParameters, make_parameters
from physics.plant_state import (
    PlantInputs,
    PlantOutputs,
    PlantParameters,
    PlantState,
    PlantTruth,
)
from physics.precision import strengthen
from physics.properties import compute_saturation_wt_pct
from physics.voltage import compute_noise_mv

__all__ = [
    "PlantInputs",
    "PlantOutputs",
    "PlantParameters",
    "PlantState",
    "PlantTruth",
    "init_plant",
    "make_inputs",
    "step_plant",
]

_LONGEST_SUBSTEP_S: Final = 5.0
_FEED_HIGHEST_FACTOR: Final = 5.0  # design value: what a feeder can do at most, times nominal
_LEAST_RETURN_SHARE: Final = 0.05  # design value: near saturation sludge would take weeks to settle
_ANODE_EFFECT_NOISE_MV: Final = 800.0  # design value


def init_plant(
    design: PlantDesign,
    cell_count: int,
    seed: int,
    disturbances: Disturbances | None = None,
) -> tuple[PlantParameters, PlantState]:
    """Build a line of cells that differ, each near its own steady state at nominal voltage.

    Args:
        design: what the cells were built as.
        cell_count: C, 1 or more.
        seed: of all random numbers.
        disturbances: spread, faults and noise; the defaults where none are given.

    Returns:
        Parameters and the state at plant time 0.

    Raises:
        ValueError: `cell_count` is below 1.
    """
    if cell_count < 1:
        raise ValueError(f"a line of {cell_count} cells cannot run. Remedy: ask for 1 or more")
    spread = disturbances if disturbances is not None else Disturbances()
    gap, nominal = design.cell.gap, design.cell.nominal
    cell = perturb(make_parameters(design), spread, make_cell_keys(seed, cell_count, 1))
    uniform = jax.vmap(lambda key: jax.random.uniform(key, (4,)))(
        make_cell_keys(seed, cell_count, 2)
    )
    bias = jax.vmap(jax.random.normal)(make_cell_keys(seed, cell_count, 3))
    parameters = PlantParameters(
        cell=cell,
        line_current_ka=jnp.asarray(design.line.current_ka),
        feed_highest_kg_per_h=jnp.asarray(_FEED_HIGHEST_FACTOR * nominal_feed_kg_per_h(design)),
        shot_kg=jnp.asarray(design.cell.feed.shot_kg),
        beam_speed_mm_per_s=jnp.asarray(gap.beam_speed_mm_per_s),
        beam_resolution_mm=jnp.asarray(gap.beam_resolution_mm),
        beam_backlash_mm=jnp.asarray(gap.beam_backlash_mm),
        temperature_bias_c=spread.temperature_bias_c * bias,
        disturbances={
            name: jnp.asarray(getattr(spread, name)) for name in Disturbances.__dataclass_fields__
        },
    )
    zeros = jnp.zeros(cell_count)
    beam_mm = jnp.round(gap.beam_start_mm + 40.0 * (uniform[:, 1] - 0.5), 1)
    state = PlantState(
        t_s=jnp.zeros(()),
        cell=_settle(
            cell,
            design.line.current_ka,
            nominal.alumina_wt_pct + 0.6 * (uniform[:, 0] - 0.5),
            nominal.acd_cm + zeros,
            nominal.bath_temperature_c + zeros,
            nominal.cell_voltage_v + 0.04 * (uniform[:, 2] - 0.5),
        ),
        crust_kg=zeros,
        feed_due_kg=design.cell.feed.shot_kg * uniform[:, 3],
        feed_rate_kg_per_h=nominal_feed_kg_per_h(design) + zeros,
        fed_kg=zeros,
        arrived_kg=zeros,
        used_kg=zeros,
        beam_mm=beam_mm,
        anode_mm=beam_mm,
        fault_until_s=zeros - 1.0,
        anode_effect=jnp.zeros(cell_count, dtype=bool),
        anode_effect_since_s=zeros,
        anode_effect_v=zeros,
        alf3_wander_wt_pct=zeros,
        line_current_ka=jnp.asarray(design.line.current_ka),
        keys=make_cell_keys(seed, cell_count, 4),
        line_key=jax.random.fold_in(jax.random.key(seed), 5),
    )
    return strengthen(parameters), strengthen(state)


def make_inputs(state: PlantState) -> PlantInputs:
    """Ask for what is: the feed rate in force and the beam where it stands."""
    return PlantInputs(feed_rate_kg_per_h=state.feed_rate_kg_per_h, beam_target_mm=state.beam_mm)


@jax.jit
def step_plant(
    parameters: PlantParameters, state: PlantState, inputs: PlantInputs, dt_s: ArrayLike
) -> tuple[PlantState, PlantOutputs]:
    """Run the line for a while and take one scan at its end.

    Args:
        parameters: of the line.
        state: before.
        inputs: in force all the while.
        dt_s: plant time to run, s, above 0; changing it does not recompile.

    Returns:
        The state after, and the scan.
    """
    duration_s = jnp.asarray(dt_s, dtype=state.t_s.dtype)
    count = jnp.maximum(jnp.ceil(duration_s / _LONGEST_SUBSTEP_S - 1e-9), 1.0)
    step = partial(_step_once, parameters, inputs, duration_s / count)
    state = jax.lax.fori_loop(0, count.astype(int), lambda _, before: step(before), state)
    return _scan(parameters, state)


def _step_once(
    parameters: PlantParameters, inputs: PlantInputs, dt_s: Array, state: PlantState
) -> PlantState:
    world = parameters.disturbances
    keys, drawn = draw(state.keys)
    state = state._replace(keys=keys)
    state = move_line_current(parameters, dt_s, state)
    state = move_beam(parameters, inputs, dt_s, state)
    state, feed_kg_per_s = drop_shots(parameters, inputs, dt_s, drawn, state)

    cell = _with_wander(parameters.cell, state)
    violent = cell._replace(  # an anode effect stirs the bath: alumina dissolves at once
        undissolved_fraction=jnp.where(state.anode_effect, 0.1, cell.undissolved_fraction),
        dissolution_per_s=jnp.where(
            state.anode_effect, 5.0 * cell.dissolution_per_s, cell.dissolution_per_s
        ),
    )
    extra_v = jnp.where(state.anode_effect, state.anode_effect_v, 0.0)
    rates = compute_derivative(violent, state.cell, state.line_current_ka, feed_kg_per_s, extra_v)
    after = CellState(*(x + dt_s * rate for x, rate in zip(state.cell, rates, strict=True)))
    wander_cm = world["acd_wander_cm_per_root_h"] * jnp.sqrt(dt_s / 3600.0) * drawn.acd
    after = after._replace(
        alumina_wt_pct=jnp.clip(after.alumina_wt_pct, 0.3, 15.0),
        undissolved_alumina_kg=jnp.maximum(after.undissolved_alumina_kg, 0.0),
        sludge_kg=jnp.maximum(after.sludge_kg, 0.0),
        ledge_cm=jnp.clip(after.ledge_cm, 0.05, 60.0),
        acd_cm=jnp.clip(after.acd_cm + wander_cm, 1.5, 9.0),
    )
    oxide_use = compute_outputs(
        cell, state.cell, state.line_current_ka, feed_kg_per_s
    ).oxide_use_kg_per_s
    keep = jnp.exp(-dt_s / world["alf3_wander_s"])
    state = state._replace(
        t_s=state.t_s + dt_s,
        cell=after,
        used_kg=state.used_kg + dt_s * oxide_use,
        alf3_wander_wt_pct=keep * state.alf3_wander_wt_pct
        + world["alf3_wander_wt_pct"] * jnp.sqrt(1.0 - keep**2) * drawn.alf3,
    )
    return follow_anode_effect(parameters, drawn, state)


def _with_wander(cell: CellParameters, state: PlantState) -> CellParameters:
    return cell._replace(excess_alf3_wt_pct=cell.excess_alf3_wt_pct + state.alf3_wander_wt_pct)


def _scan(parameters: PlantParameters, state: PlantState) -> tuple[PlantState, PlantOutputs]:
    world = parameters.disturbances
    keys, noise = draw_readings(state.keys)
    line_key, current_key = jax.random.split(state.line_key)
    cell = _with_wander(parameters.cell, state)
    extra_v = jnp.where(state.anode_effect, state.anode_effect_v, 0.0)
    now = compute_outputs(
        cell, state.cell, state.line_current_ka, state.feed_rate_kg_per_h / 3600.0, extra_v
    )
    noise_mv = jnp.where(state.anode_effect, _ANODE_EFFECT_NOISE_MV, now.noise_mv)
    current_noise_ka = world["current_noise_ka"] * jax.random.normal(current_key)
    measured = {
        "cell_voltage_v": jnp.maximum(now.cell_voltage_v + noise_mv / 1e3 * noise.voltage, 0.0),
        "bath_temperature_c": state.cell.bath_temperature_c
        + parameters.temperature_bias_c
        + world["temperature_noise_c"] * noise.temperature,
        "alumina_fed_kg": state.fed_kg,
        "beam_position_mm": jnp.round(state.beam_mm / parameters.beam_resolution_mm)
        * parameters.beam_resolution_mm,
        "voltage_noise_mv": jnp.maximum(
            noise_mv * (1.0 + world["noise_reading_share"] * noise.noise), 0.0
        ),
        "line_current_ka": state.line_current_ka + current_noise_ka,
    }
    truth = PlantTruth(
        alumina_wt_pct=state.cell.alumina_wt_pct,
        undissolved_alumina_kg=state.cell.undissolved_alumina_kg,
        sludge_kg=state.cell.sludge_kg,
        crust_kg=state.crust_kg,
        bath_temperature_c=state.cell.bath_temperature_c,
        liquidus_c=now.liquidus_c,
        superheat_c=now.superheat_c,
        ledge_cm=state.cell.ledge_cm,
        acd_cm=state.cell.acd_cm,
        cell_voltage_v=now.cell_voltage_v,
        resistance_uohm=now.resistance_uohm,
        line_current_ka=jnp.broadcast_to(state.line_current_ka, state.fed_kg.shape),
        current_efficiency=now.current_efficiency,
        energy_kwh_per_kg=now.energy_kwh_per_kg,
        feed_share=jnp.where(state.t_s < state.fault_until_s, world["fault_share"], 1.0),
        anode_effect=state.anode_effect,
        arrived_kg=state.arrived_kg,
        used_kg=state.used_kg,
    )
    state = state._replace(keys=keys, line_key=line_key)
    return state, PlantOutputs(measured, truth, state.feed_rate_kg_per_h)


@jax.jit
def _settle(
    cell: CellParameters,
    current_ka: float,
    alumina_wt_pct: Array,
    acd_cm: Array,
    temperature_c: Array,
    cell_voltage_v: Array,
) -> CellState:
    """Gap, temperature and ledge at which a cell stands still at the given voltage."""

    def oxide_use_kg_per_s(temperature_c: Array, acd_cm: Array) -> Array:
        noise_mv = compute_noise_mv(cell, acd_cm)
        efficiency = compute_efficiency(
            cell, temperature_c, alumina_wt_pct, acd_cm, noise_mv, current_ka
        )
        return compute_oxide_use_kg_per_s(cell, current_ka, efficiency)

    def at(temperature_c: Array, acd_cm: Array, ledge_cm: Array) -> CellState:
        use = oxide_use_kg_per_s(temperature_c, acd_cm)
        waiting = cell.undissolved_fraction * use / cell.dissolution_per_s
        saturation = compute_saturation_wt_pct(
            temperature_c,
            cell.excess_alf3_wt_pct,
            cell.caf2_wt_pct,
            cell.mgf2_wt_pct,
            cell.lif_wt_pct,
        )
        returning = cell.sludge_return_per_s * jnp.clip(
            1.0 - alumina_wt_pct / saturation, _LEAST_RETURN_SHARE, 1.0
        )
        return CellState(
            alumina_wt_pct=alumina_wt_pct,
            undissolved_alumina_kg=waiting,
            sludge_kg=cell.settling_per_s * waiting / returning,
            bath_temperature_c=temperature_c,
            ledge_cm=ledge_cm,
            acd_cm=acd_cm,
        )

    def outputs(state: CellState) -> CellOutputs:
        use = oxide_use_kg_per_s(state.bath_temperature_c, state.acd_cm)
        return compute_outputs(cell, state, current_ka, use)

    ledge_cm = jnp.full_like(temperature_c, 10.0)
    side_w_per_k = cell.bath_to_ledge_w_per_m2_k * cell.ledge_area_m2

    def approach(_: Array, guess: tuple[Array, Array]) -> tuple[Array, Array]:
        temperature_c, acd_cm = guess
        now = outputs(at(temperature_c, acd_cm, ledge_cm))
        volts_per_cm = now.voltage.bath_v / (acd_cm - 0.5)
        slope_w_per_k = side_w_per_k + cell.top_and_bottom_conductance_w_per_k
        return (
            temperature_c + 0.8 * now.heat.net_w() / slope_w_per_k,
            acd_cm + 0.8 * (cell_voltage_v - now.cell_voltage_v) / volts_per_cm,
        )

    temperature_c, acd_cm = jax.lax.fori_loop(0, 30, approach, (temperature_c, acd_cm))
    now = outputs(at(temperature_c, acd_cm, ledge_cm))
    ledge_cm = jnp.clip(compute_steady_ledge_cm(cell, now.superheat_c, now.liquidus_c), 2.0, 30.0)
    return at(temperature_c, acd_cm, ledge_cm)
