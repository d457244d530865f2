"""The estimator's jitted step: scan after scan, every cell of a section at once."""

from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
from jax import Array

from physics.estimate_state import EstimatorState
from physics.estimator_tuning import FilterSetting
from physics.kalman import Belief, Innovation, predict, update
from physics.reduced.model import (
    ACD,
    ALUMINA,
    BEAM,
    STATES,
    TEMPERATURE,
    evaluate,
)
from physics.signals import SIGNALS
from physics.voltage import BACK_EMF_V

SCANS_PER_CALL: Final = 16  # longer frames take several calls, shorter ones stop early
ANODE_EFFECT_V: Final = 8.0  # Wong et al. 2019
VOLTAGE, BATH, FED, POSITION, NOISE, CURRENT = (
    SIGNALS.index(name)
    for name in (
        "cell_voltage_v",
        "bath_temperature_c",
        "alumina_fed_kg",
        "beam_position_mm",
        "voltage_noise_mv",
        "line_current_ka",
    )
)
_BELOW_ANODE_EFFECT_WT_PCT: Final = 0.1  # design value: a cell without anode effect has more
_MOST_FEED_FACTOR: Final = 4.0  # design value: a total that rises faster is not a feeder's
_LEAST_CURRENT_SHARE: Final = 0.5  # design value: below, the line is not in production
_LOWEST_CURRENT_SHARE: Final = 0.02  # design value: logarithms of current stay finite
_HIGHEST_CURRENT: Final = 2.0  # design value
_ONE_PER_CELL: Final = EstimatorState(
    None,  # type: ignore[arg-type]  # the plant time is common to all cells
    *([0] * (len(EstimatorState._fields) - 1)),  # type: ignore[arg-type]
)


@jax.jit
def absorb_frame(
    setting: FilterSetting,
    state: EstimatorState,
    t_plant_s: Array,
    value: Array,
    usable: Array,
    count: Array,
) -> tuple[EstimatorState, dict[str, Array]]:
    """Take in up to `SCANS_PER_CALL` scans.

    Args:
        setting: of the filter.
        state: before.
        t_plant_s: (SCANS_PER_CALL,) plant times.
        value: (SCANS_PER_CALL, C, K) in the order of `SIGNALS`, finite.
        usable: the same shape, bool.
        count: scalar, how many of the scans there are.

    Returns:
        The state after and the columns of an estimate, each (C,).
    """

    def absorb_scan(index: Array, before: EstimatorState) -> EstimatorState:
        now = t_plant_s[index]
        first = jnp.isnan(before.t_plant_s)
        newer = jnp.isfinite(now) & (first | (now > before.t_plant_s))
        dt_s = jnp.where(newer & ~first, now - before.t_plant_s, 0.0)

        def absorb(before: EstimatorState) -> EstimatorState:
            cells = jax.vmap(
                partial(_absorb_cell, setting, dt_s),
                in_axes=(_ONE_PER_CELL, 0, 0),
                out_axes=_ONE_PER_CELL,
            )
            return cells(before, value[index], usable[index])._replace(t_plant_s=now)

        after: EstimatorState = jax.lax.cond(newer, absorb, lambda same: same, before)
        return after

    state = jax.lax.fori_loop(0, count, absorb_scan, state)
    columns = jax.vmap(partial(_describe_cell, setting), in_axes=(_ONE_PER_CELL,))(state)
    return state, columns


def _absorb_cell(
    setting: FilterSetting, dt_s: Array, state: EstimatorState, value: Array, usable: Array
) -> EstimatorState:
    parameters = setting.parameters
    line_current_ka = jnp.where(usable[CURRENT], value[CURRENT], state.line_current_ka)
    current_ka = _current_of(setting, line_current_ka)
    noise_mv = jnp.where(usable[NOISE], value[NOISE], state.noise_mv)
    beam_mm = jnp.where(usable[POSITION], value[POSITION], state.beam_position_mm)
    belief = _move_beam(setting, Belief(state.mean, state.covariance), beam_mm, state)
    fed_kg, feed_kg_per_h = _read_feeder(setting, dt_s, state, value[FED], usable[FED])

    was_out = state.anode_effect > 0.5
    is_out = jnp.where(usable[VOLTAGE], value[VOLTAGE] > ANODE_EFFECT_V, was_out)
    expected_v = evaluate(parameters, belief.mean, current_ka).cell_voltage_v
    extra_v = jnp.where(is_out & usable[VOLTAGE], value[VOLTAGE] - expected_v, 0.0)
    belief = predict(
        parameters, belief, setting.noise_per_s, feed_kg_per_h, current_ka, extra_v, dt_s
    )

    unit = jnp.eye(len(STATES))
    belief, _ = update(
        belief,
        unit[TEMPERATURE],
        value[BATH] - belief.mean[TEMPERATURE],
        setting.temperature_sd_c**2,
        usable[BATH],
        setting.tolerance_sd,
    )
    # without current the voltage says nothing of alumina
    carries = usable[VOLTAGE] & (current_ka > _LEAST_CURRENT_SHARE * setting.line_current_ka)
    belief, innovation = _take_in_voltage(
        setting, belief, current_ka, noise_mv, value[VOLTAGE], carries & ~is_out
    )
    belief, _ = update(  # an anode effect that begins tells the alumina there is
        belief,
        unit[ALUMINA],
        parameters.anode_effect_alumina_wt_pct - belief.mean[ALUMINA],
        setting.anode_effect_alumina_sd_wt_pct**2,
        is_out & ~was_out,
        setting.tolerance_sd,
    )
    belief, lost = _keep_sane(setting, belief)
    smoothing = 1.0 - jnp.exp(-dt_s / setting.feed_smoothing_s)
    seen = jnp.isfinite(innovation.residual)
    return EstimatorState(
        t_plant_s=state.t_plant_s,
        mean=belief.mean,
        covariance=belief.covariance,
        fed_kg=fed_kg,
        beam_position_mm=beam_mm,
        feed_rate_kg_per_h=state.feed_rate_kg_per_h
        + smoothing * (feed_kg_per_h - state.feed_rate_kg_per_h),
        line_current_ka=line_current_ka,
        noise_mv=noise_mv,
        anode_effect=jnp.where(is_out, 1.0, 0.0),
        innovation_v=jnp.where(seen, innovation.residual, state.innovation_v),
        innovation_normalised=jnp.where(seen, innovation.normalised, state.innovation_normalised),
        restarts=state.restarts + jnp.where(lost, 1.0, 0.0),
    )


def _current_of(setting: FilterSetting, line_current_ka: Array) -> Array:
    """Current that the equations can work with: nominal where unknown, never zero."""
    nominal_ka = setting.line_current_ka
    known_ka = jnp.where(jnp.isfinite(line_current_ka), line_current_ka, nominal_ka)
    return jnp.clip(known_ka, _LOWEST_CURRENT_SHARE * nominal_ka, _HIGHEST_CURRENT * nominal_ka)


def _move_beam(
    setting: FilterSetting, belief: Belief, beam_mm: Array, state: EstimatorState
) -> Belief:
    """The gap follows the measured beam, less surely by the backlash."""
    moved_mm = beam_mm - state.beam_position_mm
    moved_mm = jnp.where(jnp.isfinite(moved_mm), moved_mm, 0.0)
    mean = belief.mean.at[ACD].add(moved_mm / 10.0)
    mean = mean.at[BEAM].set(jnp.where(jnp.isfinite(beam_mm), beam_mm, mean[BEAM]))
    blur = jnp.where(jnp.abs(moved_mm) > 1e-6, setting.backlash_cm**2, 0.0)
    return Belief(mean, belief.covariance.at[ACD, ACD].add(blur))


def _read_feeder(
    setting: FilterSetting, dt_s: Array, state: EstimatorState, total_kg: Array, usable: Array
) -> tuple[Array, Array]:
    """Feed rate since the scan before, from the feeder's total; without one, as lately.

    A total that steps down was reset and one that leaps was no feeder: neither is believed.
    """
    lately_kg = state.feed_rate_kg_per_h / 3600.0 * dt_s
    rise_kg = total_kg - state.fed_kg
    most_kg = _MOST_FEED_FACTOR * (setting.feed_kg_per_h / 3600.0 * dt_s + setting.shot_kg)
    believed = usable & (rise_kg >= 0.0) & (rise_kg <= most_kg)
    fed_kg = jnp.where(usable, total_kg, state.fed_kg + lately_kg)
    drop_kg = jnp.where(believed, rise_kg, lately_kg)
    rate = jnp.where(dt_s > 0.0, 3600.0 * drop_kg / jnp.maximum(dt_s, 1e-9), 0.0)
    return fed_kg, rate


def _take_in_voltage(
    setting: FilterSetting,
    belief: Belief,
    current_ka: Array,
    noise_mv: Array,
    voltage_v: Array,
    usable: Array,
) -> tuple[Belief, Innovation]:
    def expect(x: Array) -> tuple[Array, Array]:
        expected = evaluate(setting.parameters, x, current_ka).cell_voltage_v
        return expected, expected

    row, expected_v = jax.jacfwd(expect, has_aux=True)(belief.mean)
    noise_v = jnp.where(jnp.isfinite(noise_mv), noise_mv / 1e3, 0.0)
    ohmic_sd_v = (expected_v - BACK_EMF_V) / current_ka * setting.current_sd_ka
    variance = jnp.maximum(setting.voltage_sd_v, noise_v) ** 2 + ohmic_sd_v**2
    return update(belief, row, voltage_v - expected_v, variance, usable, setting.tolerance_sd)


def _keep_sane(setting: FilterSetting, belief: Belief) -> tuple[Belief, Array]:
    """Hold the mean where the equations mean something; begin anew where it is not finite."""
    lowest_alumina = setting.parameters.anode_effect_alumina_wt_pct - _BELOW_ANODE_EFFECT_WT_PCT
    low = jnp.array([0.0, 0.0, 1.5, 800.0, 0.2, 0.0, 0.1, -1e6]).at[ALUMINA].set(lowest_alumina)
    high = jnp.array([9.0, 1e3, 9.0, 1100.0, 60.0, 20.0, 1.5, 1e6])
    finite = jnp.all(jnp.isfinite(belief.mean)) & jnp.all(jnp.isfinite(belief.covariance))
    kept = Belief(
        jnp.where(finite, jnp.clip(belief.mean, low, high), setting.start_mean),
        jnp.where(finite, belief.covariance, setting.start_covariance),
    )
    return kept, ~finite


def _describe_cell(setting: FilterSetting, state: EstimatorState) -> dict[str, Array]:
    current_ka = _current_of(setting, state.line_current_ka)
    shown = evaluate(setting.parameters, state.mean, current_ka)
    sd = jnp.sqrt(jnp.diag(state.covariance) + setting.standing_variance)
    columns = {name: state.mean[i] for i, name in enumerate(STATES)}
    columns |= {f"{name}_sd": sd[i] for i, name in enumerate(STATES)}
    anode_effect_wt_pct = setting.parameters.anode_effect_alumina_wt_pct
    return columns | {
        "beam_position_mm": state.beam_position_mm,
        "superheat_c": shown.superheat_c,
        "liquidus_c": shown.liquidus_c,
        "cell_voltage_v": shown.cell_voltage_v,
        "resistance_uohm": shown.resistance_uohm,
        "current_efficiency": shown.current_efficiency,
        "energy_kwh_per_kg": shown.energy_kwh_per_kg,
        "metal_kg_per_h": 3600.0 * shown.metal_kg_per_s,
        "line_current_ka": state.line_current_ka,
        "voltage_noise_mv": state.noise_mv,
        "alumina_feed_rate_kg_per_h": state.feed_rate_kg_per_h,
        "anode_effect_margin_wt_pct": state.mean[ALUMINA] - anode_effect_wt_pct,
        "anode_effect": state.anode_effect,
        "innovation_voltage_mv": 1e3 * state.innovation_v,
        "innovation_normalised": state.innovation_normalised,
        "estimate_restarts": state.restarts,
    }
