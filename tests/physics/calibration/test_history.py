"""Readings on a grid: means, feed from a running total, what is missing and what is refused."""

import numpy as np
import pytest
from numpy.typing import NDArray

from physics.calibration.history import CHANNEL_NAMES, TEMPERATURE, VOLTAGE, grid_history

EFFECT_V = 5.2
Columns = dict[str, NDArray[np.float64]]


def minutes(count: int = 60) -> Columns:
    """An hour of readings a minute apart: 3 kg a minute fed, the rest at rest or about it."""
    minute = np.arange(count)
    return {
        "t_plant_s": 1000.0 + 60.0 * minute,
        "line_current_ka": np.full(count, 300.0),
        "alumina_fed_kg": 500.0 + 3.0 * minute,
        "beam_position_mm": np.full(count, 200.0),
        "cell_voltage_v": np.full(count, 4.2),
        "bath_temperature_c": 956.0 + 0.5 * (-1.0) ** minute,
    }


def test_means_and_rates_over_five_minutes() -> None:
    columns = minutes()
    columns["cell_voltage_v"] = np.tile([4.1, 4.2, 4.2, 4.2, 4.3], 12)
    history = grid_history(columns, {"cell_voltage_v": 0.01}, EFFECT_V)
    assert len(history.t_plant_s) == 12
    assert history.hours == 1.0
    np.testing.assert_allclose(history.measured[:, VOLTAGE], 4.2)
    np.testing.assert_allclose(history.feed_kg_per_h[1:-1], 180.0)
    expected = np.hypot(0.01 / np.sqrt(5.0), 0.002)
    np.testing.assert_allclose(history.sd[:, VOLTAGE], expected)
    assert np.isnan(history.measured[:, CHANNEL_NAMES.index("ledge_cm")]).all()
    assert history.held_bins == 0


def test_a_sample_stands_in_the_bin_in_which_it_was_taken() -> None:
    columns = minutes()
    columns["alumina_wt_pct"] = np.full(60, np.nan)
    columns["alumina_wt_pct"][17] = 2.6
    history = grid_history(columns, {}, EFFECT_V)
    shown = history.measured[:, CHANNEL_NAMES.index("alumina_wt_pct")]
    assert np.flatnonzero(np.isfinite(shown)).tolist() == [3]
    assert shown[3] == 2.6


def test_readings_that_are_missing_are_missing_and_inputs_are_held_for_a_while() -> None:
    columns = minutes()
    columns["bath_temperature_c"][10:20] = np.nan
    columns["beam_position_mm"][10:] = 203.0
    columns["beam_position_mm"][10:20] = np.nan
    history = grid_history(columns, {}, EFFECT_V)
    assert np.isnan(history.measured[2:4, TEMPERATURE]).all()
    assert np.isfinite(history.measured[4:, TEMPERATURE]).all()
    assert history.beam_position_mm.tolist() == [200.0] * 4 + [203.0] * 8
    assert history.held_bins == 2


def test_a_reading_that_is_shown_until_the_next_counts_once() -> None:
    columns = minutes()
    columns["bath_temperature_c"] = np.repeat([955.0, 958.0], 30)
    history = grid_history(columns, {"bath_temperature_c": 2.0}, EFFECT_V)
    assert np.flatnonzero(np.isfinite(history.measured[:, TEMPERATURE])).tolist() == [0, 6]
    assert history.measured[6, TEMPERATURE] == 958.0
    assert history.sd[6, TEMPERATURE] == pytest.approx(np.hypot(2.0, 0.3))


def test_a_long_gap_in_an_input_is_refused_with_its_time() -> None:
    columns = minutes()
    columns["line_current_ka"][20:45] = np.nan
    with pytest.raises(ValueError, match=r"line_current_ka is missing from 2170 s on"):
        grid_history(columns, {}, EFFECT_V)


def test_a_running_total_that_is_reset_goes_on() -> None:
    columns = minutes()
    columns["alumina_fed_kg"][30:] -= columns["alumina_fed_kg"][30] - 3.0
    rate = grid_history(columns, {}, EFFECT_V).feed_kg_per_h
    np.testing.assert_allclose(rate[1:-1], 180.0)


def test_bins_with_an_anode_effect_are_marked() -> None:
    columns = minutes()
    columns["cell_voltage_v"][31] = 24.0
    assert np.flatnonzero(grid_history(columns, {}, EFFECT_V).is_effect).tolist() == [6]


@pytest.mark.parametrize("name", ["t_plant_s", "alumina_fed_kg", "bath_temperature_c"])
def test_what_is_needed_must_be_there(name: str) -> None:
    columns = minutes()
    del columns[name]
    with pytest.raises(ValueError, match=name):
        grid_history(columns, {}, EFFECT_V)


@pytest.mark.parametrize("time_s", [1000.0 + 60.0 * 4, np.nan])
def test_times_must_rise(time_s: float) -> None:
    columns = minutes()
    columns["t_plant_s"][5] = time_s
    with pytest.raises(ValueError, match="does not rise at row 5"):
        grid_history(columns, {}, EFFECT_V)


def test_a_running_total_of_one_reading_is_no_rate() -> None:
    columns = minutes()
    columns["alumina_fed_kg"][1:] = np.nan
    with pytest.raises(ValueError, match="no two readings"):
        grid_history(columns, {}, EFFECT_V)
