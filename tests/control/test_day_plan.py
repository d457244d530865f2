"""AlF3 and heat over days: plans of one cell, and which cells get one."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from control.day_desk import DayDesk, DayStanding, usual_alf3_kg_per_day
from control.day_objective import DayObjective
from control.day_plan import (
    ALF3,
    LEDGE,
    SUPERHEAT,
    DayLinear,
    DayPlan,
    DayPlanner,
    DayStatus,
)
from control.outlook import SMALLEST_ROOM_CM, make_outlook
from control.prediction import ACD, CellModel, Prediction, Uncertainty
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from physics.reduced.day_model import DayBeliefs, linearise_day

PLANT = load_plant(DEFAULT_PLANT)
PLANNER = DayPlanner(PLANT.control)
STEP_S = PLANT.control.day.step_h * 3600.0


def linear(
    alf3_wt_pct: float = 13.0, acd_cm: float = 3.9, alf3_kg_per_day: float = 26.0
) -> tuple[DayLinear, NDArray[np.float64]]:
    inputs = np.array([acd_cm, alf3_kg_per_day])
    given = DayBeliefs(*(np.array([value]) for value in (2.8, 300.0, 0.0, 0.0)))
    state = np.array([[956.0, 14.5, alf3_wt_pct]])
    model = linearise_day(PLANT.design, state, inputs[None], given, STEP_S)
    return DayLinear(*(part[0] for part in model)), inputs


def plan(alf3_wt_pct: float = 13.0, **inputs: float) -> DayPlan:
    model, now = linear(alf3_wt_pct, **inputs)
    return PLANNER.plan(model, now, 13.0)


def test_the_problem_is_compiled_once_for_all_numbers() -> None:
    assert PLANNER.is_parametrised


def test_a_lean_bath_gets_more_and_an_acid_one_less() -> None:
    lean, right, acid = plan(11.5), plan(13.0), plan(14.5)
    assert lean.status.has_plan
    assert lean.alf3_kg_per_day > right.alf3_kg_per_day > acid.alf3_kg_per_day
    assert abs(lean.outputs[-1, ALF3] - 13.0) < 1.5
    assert acid.alf3_kg_per_day < 26.0 < lean.alf3_kg_per_day
    assert f"{lean.alf3_kg_per_day:.0f} kg/day" in lean.reason
    assert all(np.isfinite(value) for value in lean.figures.values())


def test_additions_keep_their_bounds_and_steps() -> None:
    for wt_pct in (9.0, 13.0, 17.0):
        made = plan(wt_pct)
        additions = np.r_[26.0, made.inputs[:, 1]]
        assert np.all((additions >= 0.0) & (additions <= 100.0))
        assert np.all(np.abs(np.diff(additions)) <= 25.0 + 0.05)
        assert made.alf3_kg_per_day % PLANT.control.day.alf3_resolution_kg_per_day == 0.0


def test_the_gap_goes_down_until_superheat_says_stop() -> None:
    made = plan(13.0, acd_cm=4.1)
    assert made.inputs[-1, 0] < 4.0
    assert np.min(made.outputs[:, SUPERHEAT]) == pytest.approx(5.0, abs=0.05)
    assert np.max(made.outputs[:, LEDGE]) < PLANT.control.ledge_high_cm
    assert made.acd_floor_cm < made.inputs[0, 0]


def test_a_cold_cell_is_given_heat_before_anything_else() -> None:
    made = plan(13.0, acd_cm=3.6)
    assert made.inputs[1, 0] > 3.6


def test_in_the_last_day_nothing_is_moved() -> None:
    tail = plan(11.5).inputs[-6:]
    np.testing.assert_allclose(tail, np.tile(tail[0], (6, 1)), atol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e12])
def test_what_is_no_number_is_no_plan(bad: float) -> None:
    model, now = linear()
    made = PLANNER.plan(replace(model, state=np.array([bad, 14.5, 13.0])), now, 13.0)
    assert made.status is DayStatus.BAD_INPUT
    assert made.alf3_kg_per_day == 26.0
    assert made.acd_floor_cm == -np.inf
    assert not made.figures


def columns(cells: int) -> dict[str, NDArray[np.float64]]:
    values = {
        "bath_temperature_c": 956.0,
        "ledge_cm": 14.5,
        "excess_alf3_wt_pct": 12.0,
        "acd_cm": 3.9,
        "line_current_ka": 300.0,
        "added_resistance_uohm": 0.0,
    }
    return {name: np.full(cells, value) for name, value in values.items()}


def test_every_cell_is_planned_once_a_period_and_not_all_at_once() -> None:
    desk, cells = DayDesk(PLANNER, PLANT.design), tuple(range(1, 9))
    first = desk.plan_due(cells, 0.0, columns(8))
    assert set(first) == set(cells)  # at the start there is no plan yet
    later: list[int] = []
    for minute in range(1, 241):
        later += desk.plan_due(cells, 60.0 * minute, columns(8))
    assert sorted(later) == list(cells)
    assert desk.plan_due(cells, 60.0 * 240, columns(8)) == {}


def test_a_cell_without_an_estimate_keeps_what_stands() -> None:
    desk, values = DayDesk(PLANNER, PLANT.design), columns(2)
    values["excess_alf3_wt_pct"][1] = np.nan
    plans = desk.plan_due((1, 2), 0.0, values)
    assert plans[1].status.has_plan
    assert plans[2].status is DayStatus.BAD_INPUT
    usual = usual_alf3_kg_per_day(PLANT.design)
    assert desk.of(2) == DayStanding(usual, desk.of(2).slot)
    assert 20.0 < usual < 40.0  # what a cell of 300 kA is given
    assert desk.of(1).alf3_kg_per_day > usual


def test_horizons_that_make_no_plan_are_refused() -> None:
    with pytest.raises(ValueError, match=r"step_h 0 .*Remedy"):
        DayObjective(step_h=0.0)
    with pytest.raises(ValueError, match=r"AlF3 addition of 50 to 10 .*Remedy"):
        DayObjective(alf3_low_kg_per_day=50.0, alf3_high_kg_per_day=10.0)
    with pytest.raises(ValueError, match="alf3_step_kg_per_day 0"):
        DayObjective(alf3_step_kg_per_day=0.0)


def test_the_fast_half_keeps_the_gap_that_the_days_ask_for() -> None:
    prediction = Prediction(np.full((11, 5), 4.0), np.zeros((11, 5, 22)), np.full(5, 4.0))
    nothing = np.zeros((1, 1))
    model = CellModel(nothing, nothing, nothing[0], nothing, nothing[0], 3.15)

    def floor_cm(asked_cm: float) -> float:
        known = Uncertainty(acd_floor_cm=asked_cm)
        outlook = make_outlook(PLANT.control, model, prediction, np.zeros(2), known)
        return float(outlook.floors[0, ACD])

    assert floor_cm(-np.inf) == PLANT.control.acd_low_cm
    assert floor_cm(3.95) == 3.95
    assert floor_cm(9.0) == PLANT.control.acd_high_cm - SMALLEST_ROOM_CM
