"""The estimator's jitted step: scan after scan, every cell of a section at once."""

from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
from jax import Array

from physics.drives import follow_beam, is_fresh, read_feeder, usable_current_ka
from physics.estimate_state import EstimatorState
from physics.estimator_tuning import FilterSetting
from physics.kalman import Belief, Innovation, predict, update
from physics.reduced.model import (
    ACD,
    ALUMINA,
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
_LEAST_CURRENT_SHARE: Final = 0.5  # design value: below, the line is not in production
_MISFIT_SD: Final = 10.0  # design value: far beyond what the filter takes for an outlier
_MISFIT_SCANS: Final = 5.0  # design value: more than a disturbed reading lasts
_EXCUSED_S: Final = 7200.0  # design value: the bath has settled again after an anode effect
_ONE_PER_CELL: Final = EstimatorState(
    None,  # type: ignore[arg-type]  # the times of scans are common to all cells
    None,  # type: ignore[arg-type]
    *([0] * (len(EstimatorState._fields) - 2)),  # type: ignore[arg-type]
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
        # a gap is no usual interval, and seldom longer scans become usual soon enough
        usual_s = jnp.where(before.scan_s > 0.0, jnp.minimum(dt_s, 2.0 * before.scan_s), dt_s)

        def absorb(before: EstimatorState) -> EstimatorState:
            cells = jax.vmap(
                partial(_absorb_cell, setting, now, dt_s),
                in_axes=(_ONE_PER_CELL, 0, 0),
                out_axes=_ONE_PER_CELL,
            )
            timed = before._replace(scan_s=usual_s)
            return cells(timed, value[index], usable[index])._replace(t_plant_s=now)

        after: EstimatorState = jax.lax.cond(newer, absorb, lambda same: same, before)
        return after

    state = jax.lax.fori_loop(0, count, absorb_scan, state)
    columns = jax.vmap(partial(_describe_cell, setting), in_axes=(_ONE_PER_CELL,))(state)
    return state, columns


def _absorb_cell(
    setting: FilterSetting,
    now_s: Array,
    dt_s: Array,
    state: EstimatorState,
    value: Array,
    usable: Array,
) -> EstimatorState:
    parameters = setting.parameters
    seen_s = jnp.where(usable, now_s, state.seen_s)
    fresh = is_fresh(setting, now_s, seen_s, state.scan_s)

    def lately(signal: int, before: Array) -> Array:
        """The newest value of a signal; NaN where that is too long ago."""
        newest = jnp.where(usable[signal], value[signal], before)
        return jnp.where(fresh[signal], newest, jnp.nan)

    line_current_ka = lately(CURRENT, state.line_current_ka)
    current_ka = usable_current_ka(setting, line_current_ka)
    noise_mv = lately(NOISE, state.noise_mv)
    belief, beam_zero_mm, beam_mm = follow_beam(
        setting,
        Belief(state.mean, state.covariance),
        state,
        value[POSITION],
        usable[POSITION],
        now_s - state.seen_s[POSITION],
    )
    fed_kg, feed_kg_per_h = read_feeder(setting, dt_s, state, value[FED], usable[FED])

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
    # Without current the voltage says nothing of alumina, nor does it beside a current of long ago:
    # a line that was cut back meanwhile would look like a cell that is short of everything.
    carries = usable[VOLTAGE] & (line_current_ka > _LEAST_CURRENT_SHARE * setting.line_current_ka)
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
    # An anode effect stirs the bath and feeds it: what is odd for a while after it is the alumina.
    excused = -_EXCUSED_S / jnp.maximum(state.scan_s, 1e-3)
    belief, misfit_scans, misled = _doubt_gap(
        setting, belief, innovation, jnp.where(is_out, excused, state.misfit_scans)
    )
    belief, lost = _keep_sane(setting, belief)
    smoothing = 1.0 - jnp.exp(-dt_s / setting.feed_smoothing_s)
    seen = jnp.isfinite(innovation.residual)
    return EstimatorState(
        t_plant_s=state.t_plant_s,
        scan_s=state.scan_s,
        mean=belief.mean,
        covariance=belief.covariance,
        fed_kg=fed_kg,
        seen_s=seen_s,
        beam_position_mm=jnp.where(fresh[POSITION], beam_mm, jnp.nan),
        beam_zero_mm=beam_zero_mm,
        feed_rate_kg_per_h=state.feed_rate_kg_per_h
        + smoothing * (feed_kg_per_h - state.feed_rate_kg_per_h),
        line_current_ka=line_current_ka,
        noise_mv=noise_mv,
        anode_effect=jnp.where(is_out, 1.0, 0.0),
        innovation_v=jnp.where(seen, innovation.residual, state.innovation_v),
        innovation_normalised=jnp.where(seen, innovation.normalised, state.innovation_normalised),
        misfit_scans=misfit_scans,
        restarts=state.restarts + jnp.where(lost | misled, 1.0, 0.0),
    )


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


def _doubt_gap(
    setting: FilterSetting, belief: Belief, innovation: Innovation, misfit_scans: Array
) -> tuple[Belief, Array, Array]:
    """Begin the gap anew where voltage after voltage is far from what the belief allows.

    The gap alone is moved from outside (a beam that is raised while the anodes stay, anodes that
    slip), and it is what voltage tells most of. The rest is kept as likely, but no surer than at
    the start: it may have been bent to fit.

    Returns:
        The belief, how many scans in a row were misfits (below 0: so many are excused yet), and
        whether the gap began anew.
    """
    seen = jnp.isfinite(innovation.normalised)
    is_misfit = jnp.abs(innovation.normalised) > _MISFIT_SD
    otherwise = jnp.minimum(misfit_scans + 1.0, 0.0)
    scans = jnp.where(seen, jnp.where(is_misfit, misfit_scans + 1.0, otherwise), misfit_scans)
    misled = scans >= _MISFIT_SCANS
    anew = Belief(belief.mean.at[ACD].set(setting.start_mean[ACD]), setting.start_covariance)
    kept = Belief(*(jnp.where(misled, *pair) for pair in zip(anew, belief, strict=True)))
    return kept, jnp.where(misled, 0.0, scans), misled


def _keep_sane(setting: FilterSetting, belief: Belief) -> tuple[Belief, Array]:
    """Hold the mean where the equations mean something; begin anew where it is not finite.

    A state that is held back is at least that wrong: its variance grows by as much, up to that of
    the start.
    """
    lowest_alumina = setting.parameters.anode_effect_alumina_wt_pct - _BELOW_ANODE_EFFECT_WT_PCT
    low = jnp.array([0.0, 0.0, 1.5, 800.0, 0.2, 0.0, 0.1, -1e6]).at[ALUMINA].set(lowest_alumina)
    high = jnp.array([9.0, 1e3, 9.0, 1100.0, 60.0, 20.0, 1.5, 1e6])
    finite = jnp.all(jnp.isfinite(belief.mean)) & jnp.all(jnp.isfinite(belief.covariance))
    held = jnp.clip(belief.mean, low, high)
    variance = jnp.diag(belief.covariance)
    most = jnp.maximum(jnp.diag(setting.start_covariance), variance)
    wider = jnp.minimum(variance + (belief.mean - held) ** 2, most)
    kept = Belief(
        jnp.where(finite, held, setting.start_mean),
        jnp.where(finite, belief.covariance + jnp.diag(wider - variance), setting.start_covariance),
    )
    return kept, ~finite


def _describe_cell(setting: FilterSetting, state: EstimatorState) -> dict[str, Array]:
    current_ka = usable_current_ka(setting, state.line_current_ka)
    fed_lately = is_fresh(setting, state.t_plant_s, state.seen_s[FED], state.scan_s)
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
        "alumina_feed_rate_kg_per_h": jnp.where(fed_lately, state.feed_rate_kg_per_h, jnp.nan),
        "anode_effect_margin_wt_pct": state.mean[ALUMINA] - anode_effect_wt_pct,
        "anode_effect": state.anode_effect,
        "innovation_voltage_mv": 1e3 * state.innovation_v,
        "innovation_normalised": state.innovation_normalised,
        "estimate_restarts": state.restarts,
    }
