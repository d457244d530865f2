"""Local pot control as the industry runs it: feeding by resistance slope, beam by resistance level.

This is what a cell does when no optimiser is in charge of it, and what an optimiser has to beat.
All cells of a line go through one step together; every array has one entry per cell, shape (C,).

Sources: 70 % / 140 % / 60 min feed cycle (Dupuis & Côté, CIM 2011); anode effect above 8 V (Wong et
al. 2019), ended by shorting part of the gap (Tarcy & Tabereaux, DOI 10.1007/978-3-319-48156-2_116).
The remaining figures are design values.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np

from control.resistance import (
    Flags,
    Floats,
    PerCell,
    ResistanceAverages,
    Whole,
    add_sample,
    init_averages,
    pseudo_resistance_uohm,
)
from physics.design import PlantDesign, nominal_feed_kg_per_h, nominal_resistance_uohm


class FeedPhase(IntEnum):
    """Where a cell stands in its feed cycle."""

    NOMINAL = 0  # feeds what is consumed: at entry, after an anode effect, without a valid slope
    UNDER = 1  # feeds less, until the resistance rises
    OVER = 2  # feeds more, for a fixed time
    ANODE_EFFECT = 3  # feeds at once and lowers the anodes


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """Tuning of the local control; the defaults suit a 300 kA cell run well.

    Attributes:
        resistance_setpoint_uohm: what the beam regulates to; 8.50 is 4.20 V at 300 kA.
        counter_voltage_v: the fixed counter voltage of the pseudo-resistance.
        alumina_kg_per_kah: nominal use: 0.634055 kg/kAh (Faraday) at 94.5 % efficiency.
        under_factor, over_factor, over_s, under_limit_s: the feed cycle.
        slope_limit_nohm_per_min: slope that ends underfeeding; 5.4 is 1.6 mV/min at 300 kA.
        confirmations: evaluations in a row that must see that slope.
        rise_limit_uohm: rise above the lowest resistance of this underfeeding that also ends it.
        average_s: length of one average.
        gain_uohm_per_mm: resistance per millimetre of beam.
        deadband_uohm, action_low_mm, action_high_mm, action_wait_s: beam regulation.
        blind_s: how long after a beam action samples enter no average.
        noise_limit_mv, noise_lift_uohm: above this noise the setpoint is lifted.
        nominal_s: nominal feeding after entry; `recovery_s` after an anode effect.
        anode_effect_v, recovered_v: when an anode effect begins and is over.
        anode_effect_feed_factor, anode_effect_drop_mm, anode_effect_s: treatment, its least time.
        handover_s: time constant with which an adopted feed rate fades into the cycle.
    """

    resistance_setpoint_uohm: float = 8.50
    counter_voltage_v: float = 1.65
    alumina_kg_per_kah: float = 0.5992
    under_factor: float = 0.70
    over_factor: float = 1.40
    over_s: float = 3600.0
    under_limit_s: float = 4.0 * 3600.0
    slope_limit_nohm_per_min: float = 5.4
    confirmations: int = 2
    rise_limit_uohm: float = 0.30
    average_s: float = 120.0
    gain_uohm_per_mm: float = 0.12
    deadband_uohm: float = 0.04
    action_low_mm: float = 0.2
    action_high_mm: float = 1.0
    action_wait_s: float = 600.0
    blind_s: float = 60.0
    noise_limit_mv: float = 40.0
    noise_lift_uohm: float = 0.2
    nominal_s: float = 1200.0
    recovery_s: float = 2700.0
    anode_effect_v: float = 8.0
    recovered_v: float = 6.0
    anode_effect_feed_factor: float = 2.7
    anode_effect_drop_mm: float = 10.0
    anode_effect_s: float = 180.0
    handover_s: float = 600.0


TUNED: Final = BaselineSettings()
"""Good practice on a 300 kA cell."""

LEGACY: Final = BaselineSettings(
    resistance_setpoint_uohm=9.83,
    under_factor=0.60,
    slope_limit_nohm_per_min=3.2 / 0.3,
    confirmations=4,
)
"""A cautious older line on the same cell: 4.60 V, and late to see the slope."""


def scale_baseline(settings: BaselineSettings, design: PlantDesign) -> BaselineSettings:
    """Return the settings for another line than the reference.

    Resistances scale with that of the line at its nominal voltage, feed with Faraday's law.
    """
    scale = (
        nominal_resistance_uohm(design, TUNED.counter_voltage_v) / TUNED.resistance_setpoint_uohm
    )
    return replace(
        settings,
        resistance_setpoint_uohm=settings.resistance_setpoint_uohm * scale,
        alumina_kg_per_kah=nominal_feed_kg_per_h(design) / design.line.current_ka,
        slope_limit_nohm_per_min=settings.slope_limit_nohm_per_min * scale,
        rise_limit_uohm=settings.rise_limit_uohm * scale,
        gain_uohm_per_mm=settings.gain_uohm_per_mm * scale,
        deadband_uohm=settings.deadband_uohm * scale,
        noise_lift_uohm=settings.noise_lift_uohm * scale,
    )


@dataclass(frozen=True, slots=True)
class BaselineState(PerCell):
    """What the local control remembers of every cell, each array (C,).

    Attributes:
        phase: `FeedPhase`; `phase_since_s` when it began; `nominal_until_s` when nominal may end.
        resistance: the averages.
        confirmed: evaluations in a row above the slope limit.
        lowest_uohm: lowest resistance level since underfeeding began.
        beam_mm: beam target outside anode effect treatment; `acted_s` when it changed last.
        feed_offset_kg_per_h: what is left of an adopted feed rate.
    """

    phase: Whole
    phase_since_s: Floats
    nominal_until_s: Floats
    resistance: ResistanceAverages
    confirmed: Whole
    lowest_uohm: Floats
    beam_mm: Floats
    acted_s: Floats
    feed_offset_kg_per_h: Floats

    @property
    def in_anode_effect(self) -> Flags:
        """Cells under anode effect treatment, which local control gives in every mode."""
        return np.asarray(self.phase == FeedPhase.ANODE_EFFECT)


def init_baseline(
    settings: BaselineSettings, beam_position_mm: Floats, t_plant_s: float
) -> BaselineState:
    """Return the state of cells that local control takes over at their present beam positions.

    Args:
        settings: tuning.
        beam_position_mm: read-back of the beams, (C,).
        t_plant_s: plant time, s.
    """
    cells = len(beam_position_mm)
    return BaselineState(
        phase=np.full(cells, FeedPhase.NOMINAL, dtype=np.int64),
        phase_since_s=np.full(cells, t_plant_s),
        nominal_until_s=np.full(cells, t_plant_s + settings.nominal_s),
        resistance=init_averages(cells),
        confirmed=np.zeros(cells, dtype=np.int64),
        lowest_uohm=np.full(cells, np.inf),
        beam_mm=np.array(beam_position_mm, dtype=np.float64),
        acted_s=np.full(cells, t_plant_s),
        feed_offset_kg_per_h=np.zeros(cells),
    )


def adopt(
    state: BaselineState,
    settings: BaselineSettings,
    cells: Flags,
    feed_rate_kg_per_h: Floats,
    beam_position_mm: Floats,
    current_ka: float,
    t_plant_s: float,
) -> BaselineState:
    """Return the state in which the marked cells go over to local control without a bump.

    Their beams stay, their feed starts at the present rate and fades to nominal, and the slope is
    learned anew. A cell under anode effect treatment stays under it.

    Args:
        cells: which cells change hands, (C,).
        feed_rate_kg_per_h, beam_position_mm: read-backs at this moment, (C,).
        current_ka: line current, kA.
        t_plant_s: plant time, s.
    """
    offset = feed_rate_kg_per_h - _nominal_kg_per_h(settings, current_ka)
    fresh = replace(
        init_baseline(settings, beam_position_mm, t_plant_s),
        feed_offset_kg_per_h=np.where(np.isfinite(offset), offset, 0.0),
    )
    return state.with_cells(cells & ~state.in_anode_effect, fresh)


def step_baseline(
    state: BaselineState,
    settings: BaselineSettings,
    t_plant_s: float,
    voltage_v: Floats,
    current_ka: float,
    dt_s: float,
    noise_mv: Floats | None = None,
) -> tuple[BaselineState, Floats, Floats]:
    """Take one scan of every cell and return what local control wants of them.

    Args:
        state: of the scan before.
        settings: tuning.
        t_plant_s: plant time of this scan, s.
        voltage_v: cell voltages, (C,); a non-finite one enters no average and ends no treatment.
        current_ka: line current, kA; without a usable one no average is taken.
        dt_s: plant time since the scan before, s.
        noise_mv: voltage noise, (C,); None where it is not measured.

    Returns:
        The new state, alumina feed rates in kg/h (C,), and beam targets in mm (C,).
    """
    state = _follow_anode_effect(state, settings, t_plant_s, voltage_v)
    resistance, usable = pseudo_resistance_uohm(voltage_v, current_ka, settings.counter_voltage_v)
    usable &= ~state.in_anode_effect & (t_plant_s - state.acted_s >= settings.blind_s)
    averages, evaluated = add_sample(
        state.resistance, resistance, usable, t_plant_s, dt_s, settings.average_s
    )
    state = replace(state, resistance=averages)
    state = _follow_feed_cycle(state, settings, t_plant_s, evaluated)
    state = _regulate_resistance(state, settings, t_plant_s, evaluated, noise_mv)

    factors = np.array(
        [1.0, settings.under_factor, settings.over_factor, settings.anode_effect_feed_factor]
    )
    cycle = factors[state.phase] * _nominal_kg_per_h(settings, current_ka)
    feed = np.maximum(cycle + state.feed_offset_kg_per_h, 0.0)
    drop = np.where(state.in_anode_effect, settings.anode_effect_drop_mm, 0.0)
    fading = np.exp(-dt_s / settings.handover_s)
    state = replace(state, feed_offset_kg_per_h=state.feed_offset_kg_per_h * fading)
    return state, feed, state.beam_mm - drop


def _nominal_kg_per_h(settings: BaselineSettings, current_ka: float) -> float:
    usable = bool(np.isfinite(current_ka)) and current_ka > 0.0
    return settings.alumina_kg_per_kah * current_ka if usable else 0.0


def _enter(state: BaselineState, cells: Flags, phase: FeedPhase, t_plant_s: float) -> BaselineState:
    return replace(
        state,
        phase=np.where(cells, phase, state.phase),
        phase_since_s=np.where(cells, t_plant_s, state.phase_since_s),
        confirmed=np.where(cells, 0, state.confirmed),
        lowest_uohm=np.where(cells, np.inf, state.lowest_uohm),
    )


def _follow_anode_effect(
    state: BaselineState, settings: BaselineSettings, t_plant_s: float, voltage_v: Floats
) -> BaselineState:
    """Begin the treatment above the alarm voltage, end it when the voltage is back."""
    begins = ~state.in_anode_effect & (voltage_v > settings.anode_effect_v)
    long_enough = t_plant_s - state.phase_since_s >= settings.anode_effect_s
    ends = state.in_anode_effect & (voltage_v < settings.recovered_v) & long_enough
    state = _enter(state, begins, FeedPhase.ANODE_EFFECT, t_plant_s)
    state = _enter(state, ends, FeedPhase.NOMINAL, t_plant_s)
    averages = state.resistance
    return replace(
        state,
        resistance=averages.with_cells(begins | ends, init_averages(len(voltage_v))),
        nominal_until_s=np.where(ends, t_plant_s + settings.recovery_s, state.nominal_until_s),
        acted_s=np.where(ends, t_plant_s, state.acted_s),
        feed_offset_kg_per_h=np.where(begins, 0.0, state.feed_offset_kg_per_h),
    )


def _follow_feed_cycle(
    state: BaselineState, settings: BaselineSettings, t_plant_s: float, evaluated: Flags
) -> BaselineState:
    """Move cells between nominal feeding, underfeeding and overfeeding."""
    slope, slope_valid = state.resistance.slope()
    level = state.resistance.level_uohm
    age_s = t_plant_s - state.phase_since_s
    under = state.phase == FeedPhase.UNDER
    steep = slope_valid & (slope > settings.slope_limit_nohm_per_min)
    counted = np.where(steep, state.confirmed + 1, 0)
    confirmed = np.where(evaluated & under, counted, state.confirmed)
    seen = evaluated & under & state.resistance.has_level
    lowest = np.where(seen, np.minimum(state.lowest_uohm, level), state.lowest_uohm)
    state = replace(state, confirmed=confirmed, lowest_uohm=lowest)

    lean = under & (
        (confirmed >= settings.confirmations)
        | (seen & (level > lowest + settings.rise_limit_uohm))
        | (age_s >= settings.under_limit_s)
    )
    fed = (state.phase == FeedPhase.OVER) & (age_s >= settings.over_s)
    nominal = state.phase == FeedPhase.NOMINAL
    settled = nominal & (t_plant_s >= state.nominal_until_s) & slope_valid
    state = _enter(state, lean, FeedPhase.OVER, t_plant_s)
    return _enter(state, fed | settled, FeedPhase.UNDER, t_plant_s)


def _regulate_resistance(
    state: BaselineState,
    settings: BaselineSettings,
    t_plant_s: float,
    evaluated: Flags,
    noise_mv: Floats | None,
) -> BaselineState:
    """Move beams towards the resistance setpoint; the averages shift by what that should do."""
    setpoint = np.full(len(state.beam_mm), settings.resistance_setpoint_uohm)
    if noise_mv is not None:
        unstable = noise_mv > settings.noise_limit_mv
        setpoint = setpoint + np.where(unstable, settings.noise_lift_uohm, 0.0)
    error = setpoint - state.resistance.level_uohm
    may_act = (
        evaluated
        & state.resistance.has_level
        & ((state.phase == FeedPhase.NOMINAL) | (state.phase == FeedPhase.UNDER))
        & (t_plant_s - state.acted_s >= settings.action_wait_s)
        & (np.abs(error) > settings.deadband_uohm)
    )
    wanted = error / settings.gain_uohm_per_mm
    size = np.clip(np.abs(wanted), settings.action_low_mm, settings.action_high_mm)
    action_mm = np.where(may_act, np.sign(wanted) * size, 0.0)
    expected_uohm = action_mm * settings.gain_uohm_per_mm
    return replace(
        state,
        beam_mm=state.beam_mm + action_mm,
        acted_s=np.where(may_act, t_plant_s, state.acted_s),
        resistance=state.resistance.shifted(expected_uohm),
        lowest_uohm=state.lowest_uohm + expected_uohm,
    )
