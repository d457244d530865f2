"""The estimator's jitted step: scan after scan, every cell of a section at once."""

from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
from jax import Array

from physics.doubt import (
    Lean,
    choose,
    doubt_disturbances,
    doubt_gap,
    doubt_treatment,
    keep_sane,
    may_be_step,
)
from physics.drives import follow_beam, is_fresh, read_feeder, usable_current_ka
from physics.estimate_columns import describe_cell
from physics.estimate_state import EstimatorState, get_belief, one_per_cell, set_belief
from physics.estimator_tuning import FilterSetting
from physics.feeder_jumps import believe_jump, follow_onsets
from physics.filter_model import ESTIMATED, evaluate_estimate
from physics.hindsight import Clones, Hindsight, remember
from physics.innovation import Consistency, count_scan, learn_noise
from physics.kalman import Belief, Innovation, predict, update, variances
from physics.reduced.model import ACD, ALUMINA, FEEDER, TEMPERATURE
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
_LEAST_CURRENT_SHARE: Final = 0.5  # design value: below, the line is not in production
_EXCUSED_S: Final = 7200.0  # design value: the bath has settled again after an anode effect
_PROBE_SD: Final = 3.0**0.5  # Ito, Xiong 2000 (DOI 10.1109/9.855552): exact to the fourth moment
_LEAST_PROBE_WT_PCT: Final = 0.01  # design value: a difference that rounding does not touch


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
                in_axes=(one_per_cell(), 0, 0),
                out_axes=one_per_cell(),
            )
            timed = before._replace(scan_s=usual_s)
            after = cells(timed, value[index], usable[index])
            return _remember(after, before.t_plant_s, now)

        after: EstimatorState = jax.lax.cond(newer, absorb, lambda same: same, before)
        return after

    state = jax.lax.fori_loop(0, count, absorb_scan, state)
    columns = jax.vmap(partial(describe_cell, setting), in_axes=(one_per_cell(),))(state)
    return state, columns


def _remember(state: EstimatorState, before_s: Array, now_s: Array) -> EstimatorState:
    past = Hindsight(state.slot_s, state.note_s, state.notes)
    clones = Clones(state.factor, state.correction, state.rest)
    past, clones = remember(past, clones, state.mean, before_s, now_s)
    return state._replace(t_plant_s=now_s, **past._asdict(), **clones._asdict())


def _absorb_cell(
    setting: FilterSetting,
    now_s: Array,
    dt_s: Array,
    state: EstimatorState,
    value: Array,
    usable: Array,
) -> EstimatorState:
    seen_s = jnp.where(usable, now_s, state.seen_s)
    fresh = is_fresh(setting, now_s, seen_s, state.scan_s)

    def lately(signal: int, before: Array) -> Array:
        """The newest value of a signal; NaN where that is too long ago."""
        newest = jnp.where(usable[signal], value[signal], before)
        return jnp.where(fresh[signal], newest, jnp.nan)

    line_current_ka = lately(CURRENT, state.line_current_ka)
    current_ka = usable_current_ka(setting, line_current_ka)
    noise_mv = lately(NOISE, state.noise_mv)
    belief = get_belief(state)
    followed_cm, gained_cm2, beam_zero_mm, beam_play_mm, beam_mm = follow_beam(
        setting,
        state,
        variances(belief)[ACD],
        value[POSITION],
        usable[POSITION],
        now_s - state.seen_s[POSITION],
    )
    belief = belief._replace(mean=belief.mean.at[ACD].add(followed_cm))
    belief = follow_onsets(belief, now_s - dt_s, now_s)
    unit = jnp.eye(len(ESTIMATED))
    fed_kg, feed_kg_per_h = read_feeder(setting, dt_s, state, value[FED], usable[FED])

    was_out = state.anode_effect > 0.5
    is_out = jnp.where(usable[VOLTAGE], value[VOLTAGE] > ANODE_EFFECT_V, was_out)
    expected_v = evaluate_estimate(setting.model.cell, belief.mean, current_ka).cell_voltage_v
    extra_v = jnp.where(is_out & usable[VOLTAGE], value[VOLTAGE] - expected_v, 0.0)
    belief = predict(
        setting.model,
        belief,
        setting.noise_per_s,
        gained_cm2 * unit[ACD] + state.doubt + doubt_treatment(setting, was_out & ~is_out),
        # The treatment breaks the crust at every feeding point: what it feeds arrives.
        jnp.where(is_out | was_out, feed_kg_per_h / belief.mean[FEEDER], feed_kg_per_h),
        current_ka,
        extra_v,
        dt_s,
    )

    belief, warmth = update(
        belief,
        unit[TEMPERATURE],
        value[BATH] - belief.mean[TEMPERATURE],
        setting.temperature_sd_c**2 * state.temperature_noise,
        usable[BATH],
        setting.tolerance_sd,
    )
    # Without current the voltage says nothing of alumina, nor does it beside a current of long ago:
    # a line that was cut back meanwhile would look like a cell that is short of everything.
    carries = usable[VOLTAGE] & (line_current_ka > _LEAST_CURRENT_SHARE * setting.line_current_ka)
    belief, innovation = _take_in_voltage(
        setting,
        belief,
        current_ka,
        noise_mv,
        value[VOLTAGE],
        carries & ~is_out,
        is_out & ~was_out,
        (state.misfit_scans >= 0.0) & ~is_out,
    )
    # An anode effect stirs the bath and feeds it: what is odd for a while after it is the alumina.
    excused = -_EXCUSED_S / jnp.maximum(state.scan_s, 1e-3)
    belief, misfit_scans, misled = doubt_gap(
        setting, belief, innovation, jnp.where(is_out, excused, state.misfit_scans)
    )
    lean, doubt = doubt_disturbances(
        setting, Lean(*state.lean), innovation, warmth, is_out, followed_cm != 0.0, current_ka, dt_s
    )
    belief, doubt_of_jump = believe_jump(belief)
    belief, lost = keep_sane(setting, belief)
    smoothing = 1.0 - jnp.exp(-dt_s / setting.feed_smoothing_s)
    seen = jnp.isfinite(innovation.residual)
    consistency = count_scan(
        Consistency(state.nis_scans, state.nis, state.nis_within_95),
        jnp.stack([warmth.normalised, innovation.normalised]),
    )
    is_new = lost | misled | jnp.isnan(state.known_from_s)
    return set_belief(state, belief)._replace(
        known_from_s=jnp.where(is_new, now_s, state.known_from_s),
        fed_kg=fed_kg,
        seen_s=seen_s,
        beam_position_mm=jnp.where(fresh[POSITION], beam_mm, jnp.nan),
        beam_zero_mm=beam_zero_mm,
        beam_play_mm=beam_play_mm,
        feed_rate_kg_per_h=state.feed_rate_kg_per_h
        + smoothing * (feed_kg_per_h - state.feed_rate_kg_per_h),
        line_current_ka=line_current_ka,
        noise_mv=noise_mv,
        anode_effect=jnp.where(is_out, 1.0, 0.0),
        innovation_v=jnp.where(seen, innovation.residual, state.innovation_v),
        innovation_normalised=jnp.where(seen, innovation.normalised, state.innovation_normalised),
        temperature_noise=learn_noise(state.temperature_noise, warmth.normalised),
        nis_scans=consistency.scans,
        nis=consistency.nis,
        nis_within_95=consistency.within_95,
        lean=jnp.stack(lean),
        doubt=doubt + doubt_of_jump,
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
    sparks: Array,
    may_wait: Array,
) -> tuple[Belief, Innovation]:
    """Take in a voltage that may depend on alumina in any way within what alumina may be.

    An anode effect that begins (`sparks`) says nothing but the alumina at which it does. A voltage
    that may be the begin of a step (`physics.doubt.may_be_step`) is not taken in where `may_wait`.

    Voltage has its minimum near 4 wt% of alumina. A tangent would say there that voltage tells
    nothing, or beside it that a whole swing of alumina lies on one slope; either way the filter
    would be surer than it may be. So alumina is probed to both sides of the estimate, as far as it
    is uncertain: the secant is the slope, and what the bend adds counts as bias and as noise.
    """

    def expect(x: Array) -> tuple[Array, Array]:
        expected = evaluate_estimate(setting.model.cell, x, current_ka).cell_voltage_v
        return expected, expected

    variance_wt2 = variances(belief)[ALUMINA]
    room = belief.mean[ALUMINA] - setting.model.cell.anode_effect_alumina_wt_pct
    reach = jnp.minimum(_PROBE_SD * jnp.sqrt(variance_wt2), room)
    reach = jnp.maximum(reach, _LEAST_PROBE_WT_PCT)
    probes = jax.vmap(lambda aside: belief.mean.at[ALUMINA].add(aside * reach))(
        jnp.array([-1.0, 0.0, 1.0])
    )
    rows, (below_v, middle_v, above_v) = jax.vmap(jax.jacfwd(expect, has_aux=True))(probes)
    bend_v = 0.5 * (below_v - 2.0 * middle_v + above_v) * variance_wt2 / reach**2
    row = rows[1].at[ALUMINA].set((above_v - below_v) / (2.0 * reach))
    expected_v = middle_v + bend_v

    noise_v = jnp.where(jnp.isfinite(noise_mv), noise_mv / 1e3, 0.0)
    ohmic_sd_v = (expected_v - BACK_EMF_V) / current_ka * setting.current_sd_ka
    variance = jnp.maximum(setting.voltage_sd_v, noise_v) ** 2 + ohmic_sd_v**2 + 2.0 * bend_v**2
    out_wt_pct = setting.model.cell.anode_effect_alumina_wt_pct - belief.mean[ALUMINA]
    after, innovation = update(
        belief,
        jnp.where(sparks, jnp.eye(len(ESTIMATED))[ALUMINA], row),
        jnp.where(sparks, out_wt_pct, voltage_v - expected_v),
        jnp.where(sparks, setting.anode_effect_alumina_sd_wt_pct**2, variance),
        usable | sparks,
        setting.tolerance_sd,
    )
    blank = jnp.where(usable, 1.0, jnp.nan)
    held_back = may_wait & ~sparks & may_be_step(innovation, current_ka)
    return (
        choose(held_back, belief, after),
        Innovation(innovation.residual * blank, innovation.normalised * blank),
    )
