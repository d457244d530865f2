"""Feed in whole shots: never beyond a bound, right in the mean, and seldom changed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.mpc import CellController
from control.objective import ControlObjective
from control.prediction import Uncertainty
from control.shots import Shots
from tests.control.cases import FEED, HOUR_S, SETPOINT_LIMITS, make_model, make_state

PERIOD_S = 120.0
SHOTS = Shots(shot_kg=4.5, step_s=900.0)
LOW, HIGH = SETPOINT_LIMITS[FEED].low, SETPOINT_LIMITS[FEED].high


def feed(wanted_kg_per_h: list[float], shots: Shots = SHOTS) -> tuple[list[float], float]:
    """Follow what is wanted, period by period; return the rates and what is owed at the end."""
    present, owed_kg, before = math.nan, 0.0, math.nan
    rates = []
    for wanted in wanted_kg_per_h:
        owed_kg = shots.owed_kg(owed_kg, before, present, PERIOD_S)
        start = wanted if math.isnan(present) else present
        present, before = shots.round_rate(wanted, start, owed_kg, LOW, HIGH), wanted
        rates.append(present)
    return rates, shots.owed_kg(owed_kg, before, present, PERIOD_S)


@given(st.lists(st.floats(LOW, HIGH - SHOTS.kg_per_h), min_size=1, max_size=60))
def test_whatever_is_wanted_shots_are_whole_and_nothing_is_lost(wanted: list[float]) -> None:
    rates, owed_kg = feed(wanted)
    whole = np.array(rates) / SHOTS.kg_per_h
    assert whole == pytest.approx(np.round(whole))
    assert min(rates) >= LOW - 1e-9
    assert max(rates) <= HIGH + 1e-9
    assert abs(owed_kg) <= SHOTS.shot_kg


@given(st.floats(LOW, HIGH - SHOTS.kg_per_h))
def test_the_mean_of_a_steady_rate_is_right_and_changes_are_few(wanted: float) -> None:
    hours = 48.0
    rates, owed_kg = feed([wanted] * round(hours * HOUR_S / PERIOD_S))
    given_kg = sum(rates) * PERIOD_S / HOUR_S
    assert given_kg + owed_kg == pytest.approx(wanted * hours, abs=SHOTS.shot_kg)
    assert abs(owed_kg) <= SHOTS.shot_kg
    travel = np.abs(np.diff(rates)).sum() / hours
    limit = SETPOINT_LIMITS[FEED]
    assert travel < 0.2 * limit.max_travel / limit.travel_window_h


def test_a_rate_is_left_alone_where_no_whole_number_of_shots_is_allowed() -> None:
    assert SHOTS.round_rate(100.0, 100.0, 0.0, 95.0, 105.0) == 100.0
    assert Shots(math.nan, 900.0).round_rate(101.3, 100.0, 0.0, LOW, HIGH) == 101.3


def test_the_controller_feeds_in_shots_and_reaches_its_target() -> None:
    objective = ControlObjective(
        acd_low_cm=3.9, alumina_target_wt_pct=2.7, alumina_swing_wt_pct=0.2
    )
    controller = CellController(objective, SETPOINT_LIMITS)
    model = replace(make_model(objective.step_s), shot_kg=SHOTS.shot_kg)
    plant = make_model(PERIOD_S)
    state, applied, previous = make_state(), np.array([180.0, 200.0]), None
    alumina = []
    for number in range(480):
        decision = controller.decide(
            1,
            model,
            state,
            applied,
            Uncertainty(0.05, 0.02, 15.0),
            previous,
            number * PERIOD_S,
            1.0,
        )
        previous = decision.plan
        applied = np.array(list(decision.setpoints.values()))
        assert applied[0] / SHOTS.kg_per_h == pytest.approx(round(applied[0] / SHOTS.kg_per_h))
        assert abs(decision.figures["feed_owed_kg"]) <= SHOTS.shot_kg
        state = plant.A @ state + plant.B @ applied + plant.c
        alumina.append(state[0])
    late = np.array(alumina[-270:])  # three periods of the swing
    assert abs(late.mean() - objective.alumina_target_wt_pct) < 0.05
    assert late.min() > 2.3
    assert late.max() < 3.1
