"""What drives the model between scans: current, beam and feeder, as far as they may be believed."""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.estimate_state import EstimatorState
from physics.estimator_tuning import FilterSetting
from physics.reduced.model import ACD

_MOST_FEED_FACTOR: Final = 4.0  # design value: a total that rises faster is not a feeder's
_LOWEST_CURRENT_SHARE: Final = 0.02  # design value: logarithms of current stay finite
_HIGHEST_CURRENT: Final = 2.0  # design value


def is_fresh(setting: FilterSetting, now_s: Array, seen_s: Array, scan_s: Array) -> Array:
    """Whether a signal was measured lately enough to stand for what it measures now.

    Args:
        setting: of the filter.
        now_s: plant time.
        seen_s: plant time of the newest value taken in; NaN where there has been none.
        scan_s: usual plant time between scans; a few of them may be without a value.
    """
    silence_s = jnp.maximum(setting.longest_silence_s, setting.longest_silence_scans * scan_s)
    return now_s - seen_s <= silence_s


def usable_current_ka(setting: FilterSetting, line_current_ka: Array) -> Array:
    """Current that the equations can work with: nominal where unknown, never zero."""
    nominal_ka = setting.line_current_ka
    known_ka = jnp.where(jnp.isfinite(line_current_ka), line_current_ka, nominal_ka)
    return jnp.clip(known_ka, _LOWEST_CURRENT_SHARE * nominal_ka, _HIGHEST_CURRENT * nominal_ka)


def follow_beam(
    setting: FilterSetting,
    state: EstimatorState,
    acd_variance_cm2: Array,
    measured_mm: Array,
    usable: Array,
    elapsed_s: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """Let the gap follow the measured beam, as far as a beam can have moved.

    A beam that turns back runs through its play before the anodes move with it. Changes within
    rounding and noise are no moves; they count as soon as they add up to one. A change that no beam
    drive can make is a wrong reading, or the end of one, or a beam that was set anew: the gap stays
    where it is, is known no better than at the start, and the position is not told before the next
    reading bears it out.

    Args:
        setting: of the filter.
        state: before; `beam_zero_mm` is where the beam was when the gap last followed it, and
            `beam_play_mm` where in its play the anodes hang.
        acd_variance_cm2: of the gap, before.
        measured_mm: beam position.
        usable: whether it may be used.
        elapsed_s: plant time since a position was last taken in; NaN if never.

    Returns:
        How far the gap follows, cm, and the variance it gains by that, cm2; the new `beam_zero_mm`
        and `beam_play_mm`, and the position to tell (NaN where not believed).
    """
    moved_mm = jnp.where(usable, measured_mm - state.beam_zero_mm, 0.0)
    is_known = jnp.isfinite(moved_mm)  # the first reading moves nothing
    moved_mm = jnp.where(is_known, moved_mm, 0.0)
    reach_mm = setting.beam_dead_zone_mm + setting.beam_reach_mm_per_s * elapsed_s
    has_jumped = is_known & (jnp.abs(moved_mm) > reach_mm)
    has_moved = ~has_jumped & (jnp.abs(moved_mm) >= setting.beam_dead_zone_mm)
    moved_mm = jnp.where(has_moved, moved_mm, 0.0)
    half_mm = 0.5 * setting.beam_play_mm
    play_mm = jnp.clip(state.beam_play_mm - moved_mm, -half_mm, half_mm)
    lost_mm = state.beam_play_mm - play_mm  # of the move, in the play
    followed_cm = (moved_mm - lost_mm) / 10.0
    beyond_cm = jnp.maximum((jnp.abs(moved_mm) - setting.beam_action_mm) / 10.0, 0.0)
    doubt_cm2 = (
        setting.beam_move_sd_cm**2
        + (setting.play_share * lost_mm / 10.0) ** 2
        + (setting.beam_move_share * beyond_cm) ** 2
    )
    anew_cm2 = jnp.maximum(jnp.sum(setting.start_factor[ACD] ** 2) - acd_variance_cm2, 0.0)
    gained_cm2 = jnp.where(has_jumped, anew_cm2, jnp.where(has_moved, doubt_cm2, 0.0))
    is_new_zero = usable & (has_moved | has_jumped | ~is_known)
    zero_mm = jnp.where(is_new_zero, measured_mm, state.beam_zero_mm)
    told_mm = jnp.where(usable, measured_mm, state.beam_position_mm)
    return followed_cm, gained_cm2, zero_mm, play_mm, jnp.where(has_jumped, jnp.nan, told_mm)


def read_feeder(
    setting: FilterSetting, dt_s: Array, state: EstimatorState, total_kg: Array, usable: Array
) -> tuple[Array, Array]:
    """Feed rate since the scan before, from the feeder's total; without one, as lately.

    A total that steps down was reset and one that leaps was no feeder: neither is believed.

    Returns:
        The total, kg, and the rate, kg/h.
    """
    lately_kg = state.feed_rate_kg_per_h / 3600.0 * dt_s
    rise_kg = total_kg - state.fed_kg
    most_kg = _MOST_FEED_FACTOR * (setting.feed_kg_per_h / 3600.0 * dt_s + setting.shot_kg)
    believed = usable & (rise_kg >= 0.0) & (rise_kg <= most_kg)
    fed_kg = jnp.where(usable, total_kg, state.fed_kg + lately_kg)
    drop_kg = jnp.where(believed, rise_kg, lately_kg)
    rate = jnp.where(dt_s > 0.0, 3600.0 * drop_kg / jnp.maximum(dt_s, 1e-9), 0.0)
    return fed_kg, rate
