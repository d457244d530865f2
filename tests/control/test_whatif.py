"""What the interlock makes of an override, and which bounds a course crosses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.interlock import Ruling
from control.objective import ControlObjective
from control.whatif import Bound, Gate, find_crossings, find_passage, list_bounds
from tests.control.cases import BEAM, BEAM_LIMITS, FEED, FEED_LIMITS, LIMITS, rejecting

PERIOD_S = 120.0
BEGINS_S = 5000.0 + PERIOD_S * np.arange(240)


def pass_through(setpoint: str, wanted: float, standing: float, limits=LIMITS):
    row = limits.setpoints[setpoint]
    gate = Gate(limits, 7, BEGINS_S[0])
    return find_passage(gate, setpoint, wanted, standing, BEGINS_S, row.resolution)


def test_a_small_change_of_feed_passes_at_once() -> None:
    passage = pass_through(FEED, 150.0, 180.0)
    assert passage.first.ruling is Ruling.PERMITTED
    assert passage.arrived == 0
    assert np.all(passage.values == 150.0)


def test_a_beam_that_is_far_away_goes_by_step_and_rate() -> None:
    passage = pass_through(BEAM, 205.0, 200.0)
    assert passage.first.ruling is Ruling.LIMITED
    assert passage.values[0] == 200.0 + BEAM_LIMITS.max_step
    a_period = min(BEAM_LIMITS.max_step, BEAM_LIMITS.max_rate_per_h * PERIOD_S / 3600.0)
    left = 5.0 - BEAM_LIMITS.max_step
    assert passage.arrived == math.ceil(left / a_period - 1e-9)
    assert passage.values[-1] == 205.0


def test_travel_ends_what_goes_too_far() -> None:
    passage = pass_through(BEAM, 300.0, 200.0)
    assert passage.arrived is None
    assert passage.values[-1] == pytest.approx(200.0 + BEAM_LIMITS.max_travel)


def test_a_plant_that_rejects_holds_the_whole() -> None:
    passage = pass_through(BEAM, 205.0, 200.0, rejecting())
    assert passage.first.ruling is Ruling.STEP_TOO_LARGE
    assert np.all(passage.values == 200.0)


@given(
    wanted=st.floats(allow_nan=True, allow_infinity=True),
    standing=st.floats(FEED_LIMITS.low, FEED_LIMITS.high),
)
def test_whatever_is_asked_nothing_leaves_the_limits(wanted: float, standing: float) -> None:
    values = np.array([standing, *pass_through(FEED, wanted, standing).values[:20]])
    assert np.all((values >= FEED_LIMITS.low) & (values <= FEED_LIMITS.high))
    assert np.all(np.abs(np.diff(values)) <= FEED_LIMITS.max_step + 1e-9)


HOURS = np.linspace(0.0, 8.0, 97)
LOW = Bound("alumina_wt_pct", 2.0, -1, "alumina below")
HIGH = Bound("superheat_c", 14.0, 1, "superheat above")


def test_a_dip_has_its_times_and_its_depth() -> None:
    alumina = 2.0 - 0.5 * np.sin(np.pi * (HOURS - 2.0) / 4.0)
    course = {"alumina_wt_pct": alumina, "superheat_c": np.full(97, 10.0)}
    (found,) = find_crossings(HOURS[HOURS <= 6.5], _until(course, 6.5), (LOW, HIGH))
    assert found.bound is LOW
    assert found.begins_h == pytest.approx(2.0, abs=HOURS[1] + 1e-9)
    assert found.ends_h == pytest.approx(6.0, abs=HOURS[1] + 1e-9)
    assert found.worst == pytest.approx(1.5, abs=1e-3)
    assert found.hours == pytest.approx(4.0, abs=3 * HOURS[1])


def _until(course: dict[str, np.ndarray], hours: float) -> dict[str, np.ndarray]:
    return {name: values[hours >= HOURS] for name, values in course.items()}


def test_crossings_come_in_order_and_one_that_stays_has_no_end() -> None:
    course = {"alumina_wt_pct": 3.0 - HOURS / 4.0, "superheat_c": 15.0 + HOURS}
    first, second = find_crossings(HOURS, course, (LOW, HIGH))
    assert first.bound is HIGH
    assert first.begins_h == 0.0
    assert second.begins_h > 4.0
    assert second.ends_h is None
    assert second.worst == pytest.approx(1.0)


def test_a_course_at_its_bound_crosses_nothing() -> None:
    course = {"alumina_wt_pct": np.full(97, 2.0), "superheat_c": np.full(97, 14.0)}
    assert find_crossings(HOURS, course, (LOW, HIGH)) == ()


def test_the_watched_bounds_are_those_of_the_controller() -> None:
    objective = ControlObjective(alumina_low_wt_pct=2.1, acd_high_cm=5.2)
    values = {(bound.quantity, bound.sign): bound.value for bound in list_bounds(objective)}
    assert values["alumina_wt_pct", -1] == 2.1
    assert values["acd_cm", 1] == 5.2
    assert values["voltage_noise_mv", 1] == objective.noise_limit_mv
