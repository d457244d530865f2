"""Local control on a small cell with the reference cell's published curve of resistance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from control.baseline import (
    LEGACY,
    TUNED,
    BaselineSettings,
    BaselineState,
    FeedPhase,
    adopt,
    init_baseline,
    step_baseline,
)

Floats = NDArray[np.float64]
CURRENT_KA = 300.0
NOMINAL_KG_PER_H = TUNED.alumina_kg_per_kah * CURRENT_KA

# Reference 300 kA cell at fixed ACD by the Haupin breakdown (DOI 10.1007/978-3-319-48156-2_21)
ALUMINA_WT_PCT = [1.0, 1.9, 2.0, 2.1, 2.2, 2.5, 2.8, 3.2, 3.6, 4.0, 5.0, 6.0]
RESISTANCE_UOHM = [12.0, 9.535, 9.032, 8.833, 8.724, 8.569, 8.5, 8.454, 8.431, 8.422, 8.432, 8.469]
UOHM_PER_MM = 0.1237
BATH_KG_PER_WT_PCT = 70.0
DELIVERED = 0.97
HOUR_S = 3600.0


class SmallCells:
    """Cells that are alumina and a gap, and nothing else; with measurement noise."""

    def __init__(self, cells: int, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self.alumina = self._random.uniform(2.3, 3.0, cells)
        self.gap_mm = np.zeros(cells)
        self.beam_mm = np.full(cells, 200.0)

    def step(self, feed_kg_per_h: Floats, beam_mm: Floats, dt_s: float) -> Floats:
        used = feed_kg_per_h * DELIVERED - NOMINAL_KG_PER_H
        self.alumina = self.alumina + used / BATH_KG_PER_WT_PCT / HOUR_S * dt_s
        self.gap_mm = self.gap_mm + beam_mm - self.beam_mm - 0.15 / HOUR_S * dt_s
        self.beam_mm = beam_mm
        resistance = np.interp(self.alumina, ALUMINA_WT_PCT, RESISTANCE_UOHM)
        resistance = resistance + UOHM_PER_MM * self.gap_mm
        noise = self._random.normal(0.0, 0.010, len(resistance))
        return TUNED.counter_voltage_v + CURRENT_KA * resistance / 1e3 + noise


def run(
    cells: SmallCells, tuning: BaselineSettings, hours: float, dt_s: float
) -> tuple[BaselineState, Floats, Floats]:
    """Return the last state, and alumina and feed of the last two thirds, (T, C)."""
    count = len(cells.alumina)
    state = init_baseline(tuning, cells.beam_mm, 0.0)
    feed, beam = np.full(count, NOMINAL_KG_PER_H), cells.beam_mm
    alumina, fed = [], []
    for number in range(1, int(hours * HOUR_S / dt_s)):
        voltage = cells.step(feed, beam, dt_s)
        state, feed, beam = step_baseline(state, tuning, number * dt_s, voltage, CURRENT_KA, dt_s)
        if number * dt_s > hours * HOUR_S / 3:
            alumina.append(cells.alumina)
            fed.append(feed)
    return state, np.array(alumina), np.array(fed)


@pytest.mark.parametrize("dt_s", [15.0, 150.0])
def test_it_keeps_alumina_in_the_published_band(dt_s: float) -> None:
    """The tuned line stands at 2.73 wt% with a standard deviation of 0.25 (design value)."""
    cells = SmallCells(24)
    _, alumina, feed = run(cells, TUNED, 36.0, dt_s)
    assert 2.6 < alumina.mean() < 2.85
    assert alumina.std() < 0.32
    assert alumina.min() > 2.0
    assert np.max(np.abs(cells.gap_mm)) < 4.0
    assert set(np.unique(np.round(feed / NOMINAL_KG_PER_H, 2))) == {0.7, 1.4}


def test_the_legacy_line_sees_the_slope_later() -> None:
    _, tuned, _ = run(SmallCells(12), TUNED, 30.0, 60.0)
    late = replace(LEGACY, resistance_setpoint_uohm=TUNED.resistance_setpoint_uohm)
    _, legacy, _ = run(SmallCells(12), late, 30.0, 60.0)
    assert legacy.mean() < tuned.mean() - 0.2


def quiet(cells: int = 1, **changes: object) -> BaselineState:
    return replace(init_baseline(TUNED, np.full(cells, 200.0), 0.0), **changes)  # type: ignore[arg-type]


def volts(resistance_uohm: float) -> Floats:
    return np.array([TUNED.counter_voltage_v + CURRENT_KA * resistance_uohm / 1e3])


def feel(
    state: BaselineState, resistance_uohm: float, hours: float, start_s: float = 0.0
) -> tuple[BaselineState, Floats, Floats]:
    """Show one cell a constant resistance for a while."""
    feed, beam = np.zeros(1), np.zeros(1)
    for number in range(1, int(hours * 60) + 1):
        now_s = start_s + number * 60.0
        state, feed, beam = step_baseline(
            state, TUNED, now_s, volts(resistance_uohm), CURRENT_KA, 60.0
        )
    return state, feed, beam


def test_nominal_feeding_ends_when_the_slope_is_known() -> None:
    state, feed, _ = feel(quiet(), 8.5, 0.25)
    assert state.phase[0] == FeedPhase.NOMINAL
    assert feed[0] == pytest.approx(NOMINAL_KG_PER_H)
    state, feed, _ = feel(quiet(), 8.5, 0.5)
    assert state.phase[0] == FeedPhase.UNDER
    assert feed[0] == pytest.approx(0.7 * NOMINAL_KG_PER_H)


def test_underfeeding_ends_after_its_limit_without_a_slope() -> None:
    state, _, _ = feel(quiet(), 8.5, 4.6)
    assert state.phase[0] == FeedPhase.OVER


def test_a_rise_ends_underfeeding_even_without_a_slope() -> None:
    state, _, _ = feel(quiet(), 8.5, 1.0)
    state = replace(state, lowest_uohm=np.array([8.1]))
    state, _, _ = feel(state, 8.5, 0.1, HOUR_S)
    assert state.phase[0] == FeedPhase.OVER


def test_overfeeding_lasts_an_hour() -> None:
    state = quiet(phase=np.array([FeedPhase.OVER]))
    state, feed, _ = feel(state, 8.5, 0.95)
    assert feed[0] == pytest.approx(1.4 * NOMINAL_KG_PER_H)
    state, _, _ = feel(state, 8.5, 0.2, 0.95 * HOUR_S)
    assert state.phase[0] == FeedPhase.UNDER


def test_the_beam_follows_the_resistance_but_not_within_the_deadband() -> None:
    _, _, still = feel(quiet(), 8.53, 1.0)
    _, _, up = feel(quiet(), 8.2, 0.3)
    _, _, down = feel(quiet(), 8.8, 0.3)
    assert still[0] == 200.0
    assert up[0] == pytest.approx(201.0)
    assert down[0] == pytest.approx(199.0)


def test_the_beam_does_not_move_while_overfeeding() -> None:
    state = quiet(phase=np.array([FeedPhase.OVER]))
    _, _, beam = feel(state, 8.8, 0.9)
    assert beam[0] == 200.0


def test_an_unstable_cell_gets_more_gap() -> None:
    state = quiet()
    for number in range(1, 19):
        state, _, _ = step_baseline(
            state, TUNED, number * 60.0, volts(8.5), CURRENT_KA, 60.0, np.array([80.0])
        )
    assert state.beam_mm[0] == pytest.approx(201.0)


def test_an_anode_effect_is_fed_and_lowered_until_the_voltage_is_back() -> None:
    state, _, _ = feel(quiet(), 8.5, 0.5)
    begun, feed, beam = step_baseline(state, TUNED, 1900.0, np.array([30.0]), CURRENT_KA, 15.0)
    assert begun.in_anode_effect[0]
    assert feed[0] > 2.0 * NOMINAL_KG_PER_H
    assert beam[0] == state.beam_mm[0] - TUNED.anode_effect_drop_mm
    early, _, _ = step_baseline(begun, TUNED, 1950.0, volts(8.5), CURRENT_KA, 15.0)
    blind, _, _ = step_baseline(begun, TUNED, 2200.0, np.array([np.nan]), CURRENT_KA, 15.0)
    over, feed, beam = step_baseline(begun, TUNED, 2200.0, volts(8.5), CURRENT_KA, 15.0)
    assert early.in_anode_effect[0]
    assert blind.in_anode_effect[0]
    assert over.phase[0] == FeedPhase.NOMINAL
    assert feed[0] == pytest.approx(NOMINAL_KG_PER_H)
    assert beam[0] == state.beam_mm[0]
    assert over.nominal_until_s[0] == 2200.0 + TUNED.recovery_s


def test_adopting_a_cell_makes_no_bump_and_fades_to_nominal() -> None:
    state, _, _ = feel(quiet(), 8.5, 1.0)
    adopted = adopt(
        state, TUNED, np.array([True]), np.array([150.0]), np.array([188.8]), CURRENT_KA, HOUR_S
    )
    after, feed, beam = step_baseline(adopted, TUNED, HOUR_S + 15, volts(8.5), CURRENT_KA, 15.0)
    assert feed[0] == pytest.approx(150.0)
    assert beam[0] == 188.8
    for number in range(2, 240):
        now_s = HOUR_S + number * 15
        after, feed, _ = step_baseline(after, TUNED, now_s, volts(8.5), CURRENT_KA, 15.0)
        if after.phase[0] != FeedPhase.NOMINAL:
            break
        last = feed[0]
    assert last == pytest.approx(NOMINAL_KG_PER_H, abs=6.0)


def test_only_marked_cells_are_adopted_and_never_out_of_an_anode_effect() -> None:
    phases = np.array([FeedPhase.OVER, FeedPhase.ANODE_EFFECT, FeedPhase.OVER])
    state = quiet(3, phase=phases)
    adopted = adopt(
        state,
        TUNED,
        np.array([True, True, False]),
        np.array([np.nan, 150.0, 150.0]),
        np.array([190.0, 190.0, 190.0]),
        CURRENT_KA,
        0.0,
    )
    assert list(adopted.phase) == [FeedPhase.NOMINAL, FeedPhase.ANODE_EFFECT, FeedPhase.OVER]
    assert list(adopted.beam_mm) == [190.0, 200.0, 200.0]
    assert list(adopted.feed_offset_kg_per_h) == [0.0, 0.0, 0.0]


def test_without_line_current_nothing_is_fed_and_no_average_is_taken() -> None:
    state = quiet()
    for number, current in enumerate([0.0, np.nan, -5.0] * 10, start=1):
        state, feed, _ = step_baseline(state, TUNED, number * 60.0, volts(8.5), current, 60.0)
        assert feed[0] == 0.0
    assert state.resistance.count[0] == 0


@settings(max_examples=50)
@given(
    voltages=hnp.arrays(np.float64, (20, 3), elements=st.floats(width=64)),
    currents=hnp.arrays(np.float64, (20,), elements=st.floats(width=64, max_value=1e300)),
    dt_s=st.floats(0.1, 600.0),
)
def test_no_measurement_makes_it_ask_for_nonsense(
    voltages: Floats, currents: Floats, dt_s: float
) -> None:
    state = quiet(3)
    for number, (voltage, current) in enumerate(zip(voltages, currents, strict=True), start=1):
        before = state.beam_mm
        state, feed, beam = step_baseline(
            state, TUNED, number * dt_s, voltage, float(current), dt_s
        )
        assert np.all(np.isfinite(feed))
        assert np.all(feed >= 0.0)
        assert np.all(np.isfinite(beam))
        assert np.all(np.abs(state.beam_mm - before) <= TUNED.action_high_mm + 1e-9)
