"""Averages, their level and slope."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.resistance import (
    WINDOW,
    ResistanceAverages,
    add_sample,
    init_averages,
    pseudo_resistance_uohm,
)

YES = np.array([True])


def ramp(slope_nohm_per_min: float, dt_s: float, minutes: float) -> ResistanceAverages:
    averages = init_averages(1)
    for number in range(1, int(minutes * 60 / dt_s) + 1):
        now_s = number * dt_s
        value = np.array([8.5 + slope_nohm_per_min * 1e-3 * now_s / 60.0])
        averages, _ = add_sample(averages, value, YES, now_s, dt_s, 120.0)
    return averages


@settings(deadline=None)
@given(slope=st.floats(-50.0, 50.0), dt_s=st.sampled_from([1.0, 6.0, 15.0, 60.0, 150.0]))
def test_the_slope_of_a_ramp_is_its_slope_at_any_scan_period(slope: float, dt_s: float) -> None:
    found, valid = ramp(slope, dt_s, 30.0).slope()
    assert valid[0]
    assert found[0] == pytest.approx(slope, abs=1e-6)


def test_there_is_no_slope_before_the_window_is_full() -> None:
    averages = ramp(5.0, 60.0, 18.0)
    found, valid = averages.slope()
    assert averages.count[0] == WINDOW - 1
    assert not valid[0]
    assert found[0] == 0.0
    assert averages.has_level[0]


def test_a_known_step_moves_level_and_leaves_the_slope() -> None:
    averages = ramp(5.0, 60.0, 30.0)
    shifted = averages.shifted(np.array([0.12]))
    assert shifted.level_uohm[0] == pytest.approx(averages.level_uohm[0] + 0.12)
    assert shifted.slope()[0][0] == pytest.approx(5.0)


def test_samples_that_do_not_count_only_delay() -> None:
    averages, complete = add_sample(init_averages(1), np.array([1e9]), ~YES, 60.0, 120.0, 120.0)
    assert not complete[0]
    averages, complete = add_sample(averages, np.array([8.5]), YES, 180.0, 120.0, 120.0)
    assert complete[0]
    assert averages.value_uohm[0, -1] == 8.5


def test_pseudo_resistance_needs_voltage_and_current() -> None:
    voltage = np.array([4.2, np.nan])
    value, usable = pseudo_resistance_uohm(voltage, 300.0, 1.65)
    assert value[0] == pytest.approx(8.5)
    assert list(usable) == [True, False]
    assert not pseudo_resistance_uohm(voltage, np.nan, 1.65)[1].any()
    assert not pseudo_resistance_uohm(voltage, 0.0, 1.65)[1].any()
