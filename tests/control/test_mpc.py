"""The model-predictive step: what it plans, what it never does, and what stands in for it."""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter

from control.decision import CellDecision, Fallback
from control.limits import SetpointLimits
from control.modes import Mode, Rearm
from control.mpc import CellController
from control.objective import ControlObjective
from control.outlook import make_outlook
from control.plan import Plan
from control.prediction import LEDGE, VOLTAGE, CellModel, Prediction, Uncertainty
from control.problem import SolverStatus
from tests.control.cases import (
    BEAM,
    FEED,
    HOUR_S,
    NOMINAL_FEED_KG_PER_H,
    SETPOINT_LIMITS,
    make_model,
    make_state,
)

Floats = NDArray[np.float64]
# A floor above where heat binds on the linear cell, and a swing that leaves its bounds alone.
OBJECTIVE = ControlObjective(acd_low_cm=3.9, alumina_target_wt_pct=2.7, alumina_swing_wt_pct=0.2)
MODEL = make_model(OBJECTIVE.step_s)
PLANT = make_model(OBJECTIVE.control_period_s)
STANDING = np.array([180.0, 200.0])
KNOWN = Uncertainty(0.05, 0.02, 15.0)
PLANTS = Path(__file__).parents[2] / "plants"
NEXT_TO = {FEED: OBJECTIVE.feed_ripple_kg_per_h, BEAM: OBJECTIVE.beam_deadband_mm}
SMOOTHING_S = 900.0  # of the feed rate that the estimator measures


@pytest.fixture(scope="module")
def controller() -> CellController:
    return CellController(OBJECTIVE, SETPOINT_LIMITS)


def decide(
    controller: CellController,
    state: Floats,
    applied: Floats = STANDING,
    *,
    cell: int = 1,
    model: CellModel = MODEL,
    uncertainty: Uncertainty = KNOWN,
    previous: Plan | None = None,
    t_plant_s: float = 0.0,
    time_limit_s: float = 1.0,
) -> CellDecision:
    return controller.decide(
        cell, model, state, applied, uncertainty, previous, t_plant_s, time_limit_s
    )


def follow(
    controller: CellController, state: Floats, hours: float, cell: int = 1
) -> tuple[list[CellDecision], Floats]:
    """Run one cell in closed loop on its own model and return decisions and states, (T, N)."""
    applied, previous = STANDING, None
    decisions, states = [], []
    for number in range(round(hours * HOUR_S / OBJECTIVE.control_period_s)):
        now_s = number * OBJECTIVE.control_period_s
        decision = decide(controller, state, applied, cell=cell, previous=previous, t_plant_s=now_s)
        applied = np.array([decision.setpoints[FEED], decision.setpoints[BEAM]])
        previous = decision.plan
        state = PLANT.A @ state + PLANT.B @ applied + PLANT.c
        decisions.append(decision)
        states.append(state)
    return decisions, np.array(states)


def test_a_cell_is_brought_down_to_its_floor_and_alumina_to_its_target(
    controller: CellController,
) -> None:
    decisions, states = follow(controller, make_state(alumina_wt_pct=3.2), 16.0)
    assert all(decision.status.has_plan for decision in decisions)
    late = states[-240:]
    floor_cm = OBJECTIVE.acd_floor_cm(KNOWN.acd_sd_cm, KNOWN.noise_mv)
    assert np.all(np.abs(late[:, 2] - floor_cm) < 0.03)
    assert 2.35 < late[:, 0].min() < late[:, 0].max() < 2.85
    assert abs(late[:, 0].mean() - OBJECTIVE.alumina_target_wt_pct) < 0.05
    assert late[:, 3].min() > OBJECTIVE.superheat_low_c - 0.05


def test_the_swing_shows_in_the_alumina(controller: CellController) -> None:
    _, states = follow(controller, make_state(), 12.0)
    assert np.ptp(states[-180:, 0]) > OBJECTIVE.alumina_swing_wt_pct


def test_superheat_stops_the_way_down(controller: CellController) -> None:
    cold = MODEL.c.copy()
    cold[3] -= 0.5
    model = replace(MODEL, c=cold)
    decision = decide(controller, make_state(superheat_c=5.0), model=model, cell=2)
    assert decision.setpoints[BEAM] > STANDING[1]
    assert "superheat at its low bound" in decision.reason


def test_a_noisy_cell_is_given_more_gap(controller: CellController) -> None:
    quiet = decide(controller, make_state(acd_cm=3.95, superheat_c=5.8), cell=3)
    noisy = decide(
        controller,
        make_state(acd_cm=3.95, superheat_c=5.8),
        uncertainty=replace(KNOWN, noise_mv=60.0),
        cell=3,
    )
    assert noisy.setpoints[BEAM] > quiet.setpoints[BEAM]
    assert noisy.figures["acd_floor_cm"] == pytest.approx(3.9 + 1.5 * 0.02 + 0.3)


def test_a_lean_cell_is_fed_and_a_rich_one_is_not(controller: CellController) -> None:
    lean = decide(controller, make_state(alumina_wt_pct=2.0), cell=4)
    rich = decide(controller, make_state(alumina_wt_pct=4.0), cell=4)
    assert lean.setpoints[FEED] == pytest.approx(180.0 + 110.0)
    assert rich.setpoints[FEED] == pytest.approx(90.0)
    assert "alumina at its low bound" in lean.reason


def test_a_voltage_above_its_bound_brings_the_gap_down(controller: CellController) -> None:
    """Where neither energy nor the ceiling of the gap asks for it."""
    free = CellController(replace(OBJECTIVE, energy_weight=0.0, acd_high_cm=9.0), SETPOINT_LIMITS)
    high = decide(free, make_state(acd_cm=5.3, superheat_c=8.0))
    assert high.setpoints[BEAM] == pytest.approx(200.0 - 12.0 * 120.0 / HOUR_S)
    assert "voltage at its high bound (" in high.reason
    assert high.figures["price_voltage_high_per_v"] > 0.0
    assert decide(free, make_state(acd_cm=4.2)).setpoints[BEAM] == pytest.approx(200.0, abs=0.2)


def test_a_thin_ledge_is_cooled(controller: CellController) -> None:
    thin = MODEL.d.copy()
    thin[LEDGE] -= 10.0
    unpaid = CellController(replace(OBJECTIVE, energy_weight=0.0), SETPOINT_LIMITS)
    decision = decide(unpaid, make_state(), model=replace(MODEL, d=thin))
    assert decision.setpoints[BEAM] < 200.0 - 0.2
    assert "ledge at its least" in decision.reason
    assert decision.figures["ledge_end_cm"] > decision.figures["ledge_now_cm"]


@pytest.mark.parametrize(("voltage_v", "asked_v"), [(30.0, 29.5), (4.2, 4.5), (0.0, 4.5)])
def test_the_gap_is_not_asked_to_make_up_for_an_anode_effect(
    voltage_v: float, asked_v: float
) -> None:
    free = np.tile([2.6, 6.2, 4.1, 12.8, voltage_v], (len(OBJECTIVE.move_blocks), 1))
    prediction = Prediction(free, np.zeros((*free.shape, 2 * len(free))), free[0])
    outlook = make_outlook(OBJECTIVE, MODEL, prediction, STANDING, KNOWN)
    assert np.all(outlook.ceilings[:, VOLTAGE] == asked_v)
    assert np.all(outlook.floors < outlook.ceilings)


def test_the_risk_of_an_anode_effect_feeds_a_cell_before_the_bound_does() -> None:
    fed = [
        decide(
            CellController(
                replace(OBJECTIVE, risk_alumina_wt_pct=2.6, risk_weight=weight), SETPOINT_LIMITS
            ),
            make_state(alumina_wt_pct=2.25),
            uncertainty=replace(KNOWN, alumina_sd_wt_pct=0.0),
        ).setpoints[FEED]
        for weight in (0.0, 50.0)
    ]
    assert fed[1] > fed[0] + 5.0


@pytest.mark.parametrize("alumina_wt_pct", [1.7, 1.85, 2.6])
def test_the_risk_is_the_tail_of_the_estimate(
    controller: CellController, alumina_wt_pct: float
) -> None:
    """Of its lowest point, which for a lean cell that is fed is now."""
    decision = decide(controller, make_state(alumina_wt_pct=alumina_wt_pct), cell=22)
    lowest = decision.figures["alumina_lowest_wt_pct"]
    assert lowest <= alumina_wt_pct
    spread = NormalDist(lowest, KNOWN.alumina_sd_wt_pct)
    critical = MODEL.critical_alumina_wt_pct
    assert decision.figures["anode_effect_risk"] == pytest.approx(spread.cdf(critical), abs=1e-12)
    assert ("probability of" in decision.reason) is (alumina_wt_pct < 2.0)


def test_a_risk_that_cannot_be_told_is_not_told(controller: CellController) -> None:
    unknown = replace(MODEL, critical_alumina_wt_pct=math.nan)
    decision = decide(controller, make_state(alumina_wt_pct=1.7), model=unknown, cell=23)
    assert "anode_effect_risk" not in decision.figures
    assert "probability" not in decision.reason


def test_the_reason_carries_its_numbers(controller: CellController) -> None:
    decision = decide(controller, make_state(), cell=5)
    figures = decision.figures
    for words in (
        f"to {decision.setpoints[FEED]:.0f} kg/h",
        f"from {figures['alumina_now_wt_pct']:.2f} to {figures['alumina_end_wt_pct']:.2f} wt%",
        f"from {figures['superheat_now_c']:.1f} to {figures['superheat_end_c']:.1f} degC",
        f"from {figures['acd_now_cm']:.2f} to {figures['acd_end_cm']:.2f} cm",
        f"to {figures['energy_end_kwh_per_kg']:.2f} kWh/kg",
        f"ACD at its floor ({figures['price_acd_low_per_cm']:.3g} per cm",
        f"To hold would cost {figures['hold_cost']:.3g} more",
    ):
        assert words in decision.reason
    assert figures["hold_cost"] > 0.0
    assert figures["hold_energy_kwh_per_kg"] > 0.0
    assert figures["energy_end_kwh_per_kg"] < figures["energy_now_kwh_per_kg"]
    assert all(math.isfinite(value) for value in figures.values())


def test_the_first_move_keeps_the_rate_and_the_plan_the_bounds(controller: CellController) -> None:
    decision = decide(controller, make_state(acd_cm=4.6, superheat_c=7.5), cell=6)
    assert decision.setpoints[BEAM] == pytest.approx(200.0 - 12.0 * 120.0 / HOUR_S)
    assert decision.plan is not None
    values = decision.plan.values
    assert values.shape == (len(OBJECTIVE.move_blocks), 2)
    for column, limit in enumerate(SETPOINT_LIMITS.values()):
        assert np.all(values[:, column] >= limit.low)
        assert np.all(values[:, column] <= limit.high)
    largest = np.abs(np.diff(values[:, 1])).max()
    assert largest <= 12.0 * OBJECTIVE.step_s / HOUR_S + 0.01


def test_it_compiles_once_and_sets_up_one_solver_for_each_cell() -> None:
    controller = CellController(OBJECTIVE, SETPOINT_LIMITS)
    for number in range(5):
        for cell in range(1, 9):
            state = make_state(alumina_wt_pct=2.2 + 0.1 * number)
            model = replace(MODEL, A=MODEL.A * (1.0 - 1e-3 * number))
            assert decide(controller, state, cell=cell, model=model).status.has_plan
    assert controller.compilations == 1
    assert controller.setups == 8


def test_a_warm_start_takes_fewer_iterations(controller: CellController) -> None:
    decisions, _ = follow(controller, make_state(), 1.0, cell=7)
    assert max(decision.iterations for decision in decisions[1:]) < decisions[0].iterations
    assert np.median([decision.solve_ms for decision in decisions]) < 5.0


def test_the_same_inputs_give_the_same_decision() -> None:
    first, _ = follow(CellController(OBJECTIVE, SETPOINT_LIMITS), make_state(), 1.0)
    again, _ = follow(CellController(OBJECTIVE, SETPOINT_LIMITS), make_state(), 1.0)
    assert [d.setpoints for d in first] == [d.setpoints for d in again]


def previous_plan(values: Floats | None = None, t_plant_s: float = 0.0) -> Plan:
    rows = len(OBJECTIVE.move_blocks)
    if values is None:
        values = np.column_stack([np.linspace(180.0, 190.0, rows), np.linspace(200.0, 199.0, rows)])
    return Plan(t_plant_s, values)


def test_a_deadline_too_short_falls_back_to_the_previous_plan(controller: CellController) -> None:
    decision = decide(
        controller,
        make_state(alumina_wt_pct=2.05),
        cell=8,
        previous=previous_plan(),
        t_plant_s=900.0,
        time_limit_s=0.0,
    )
    assert decision.status is SolverStatus.TIME_LIMIT
    assert decision.fallback is Fallback.PREVIOUS_PLAN
    assert decision.setpoints[FEED] == pytest.approx(181.0)
    assert decision.reason == ("The solver reached its deadline; the previous plan goes on.")


def test_an_iteration_limit_relaxes_the_tolerance() -> None:
    """So that the plan comes with the name of what it is, and is nearly the optimal one."""
    state = make_state(alumina_wt_pct=2.05)
    patient = CellController(OBJECTIVE, SETPOINT_LIMITS)
    optimal = decide(patient, state)
    limit = round(0.6 * optimal.iterations)
    hurried = CellController(replace(OBJECTIVE, max_iterations=limit), SETPOINT_LIMITS)
    decision = decide(hurried, state)
    assert limit < decision.iterations < 2 * limit
    assert decision.status is SolverStatus.INACCURATE
    assert decision.fallback is Fallback.RELAXED_TOLERANCE
    assert decision.setpoints[FEED] == pytest.approx(optimal.setpoints[FEED], abs=2.0)
    assert decision.setpoints[BEAM] == pytest.approx(optimal.setpoints[BEAM], abs=0.1)


def test_without_any_plan_nominal_feed_stands_in_and_then_nothing() -> None:
    """The whole ladder from the first decision on: a plan's life of nominal feed, then hold, in
    which the guard hands the cell to its local control; and a plan at once when there is one.
    """
    hurried = CellController(replace(OBJECTIVE, max_iterations=1), SETPOINT_LIMITS)
    period_s, life_s = OBJECTIVE.control_period_s, OBJECTIVE.plan_life_h * HOUR_S
    previous, applied = None, np.array([250.0, 200.0])
    stood_in = []
    for now_s in np.arange(0.0, life_s + 3 * period_s, period_s):
        decision = decide(hurried, make_state(), applied, previous=previous, t_plant_s=now_s)
        assert decision.status is SolverStatus.ITERATION_LIMIT
        stood_in.append(decision.fallback)
        if decision.setpoints:
            assert decision.setpoints == pytest.approx({FEED: NOMINAL_FEED_KG_PER_H, BEAM: 200.0})
            applied = np.array([decision.setpoints[FEED], decision.setpoints[BEAM]])
        previous = decision.plan
    lived = round(life_s / period_s) + 1
    assert stood_in == [Fallback.BASELINE] * lived + [Fallback.HOLD] * 2
    able = CellController(OBJECTIVE, SETPOINT_LIMITS)
    after = decide(able, make_state(), applied, previous=previous, t_plant_s=now_s + period_s)
    assert after.fallback is None
    assert after.plan is not None
    assert not after.plan.is_baseline


def test_the_previous_plan_stands_in_before_nominal_feed_does() -> None:
    hurried = CellController(replace(OBJECTIVE, max_iterations=1), SETPOINT_LIMITS)
    plan = previous_plan()
    for now_s, stands_in in ((120.0, Fallback.PREVIOUS_PLAN), (3720.0, Fallback.BASELINE)):
        decision = decide(hurried, make_state(), previous=plan, t_plant_s=now_s)
        assert decision.fallback is stands_in
        assert decision.reason.startswith("The solver reached its iteration limit; ")


def test_a_cell_whose_nominal_feed_is_not_known_is_held() -> None:
    hurried = CellController(replace(OBJECTIVE, max_iterations=1), SETPOINT_LIMITS)
    unknown = replace(MODEL, nominal_feed_kg_per_h=math.nan)
    decision = decide(hurried, make_state(), model=unknown)
    assert (decision.fallback, decision.setpoints, decision.plan) == (Fallback.HOLD, {}, None)


def test_a_plan_outside_the_limits_is_not_used() -> None:
    """A solver told to be content with anything stops while its moves are still out of bounds."""
    careless = CellController(replace(OBJECTIVE, tolerance=1e6), SETPOINT_LIMITS)
    decision = decide(careless, make_state(alumina_wt_pct=1.2, acd_cm=5.2, superheat_c=9.0))
    assert decision.status is SolverStatus.BAD_PLAN
    assert decision.fallback is Fallback.BASELINE


def test_a_solver_that_failed_begins_anew(controller: CellController) -> None:
    state = make_state(alumina_wt_pct=2.05)
    assert not decide(controller, state, cell=9, time_limit_s=0.0).status.has_plan
    setups = controller.setups
    assert decide(controller, state, cell=9).status is SolverStatus.SOLVED
    assert controller.setups == setups + 1


@pytest.mark.parametrize(
    "plan",
    [
        None,
        previous_plan(t_plant_s=-2 * HOUR_S),
        previous_plan(t_plant_s=60.0),
        previous_plan(np.full((len(OBJECTIVE.move_blocks), 2), np.nan)),
        previous_plan(np.full((3, 2), 180.0)),
    ],
)
def test_a_plan_that_is_old_or_not_whole_is_not_gone_on_with(
    controller: CellController, plan: Plan | None
) -> None:
    decision = decide(controller, np.full(5, np.nan), previous=plan, cell=10)
    assert decision.status is SolverStatus.BAD_INPUT
    assert decision.fallback is Fallback.HOLD
    assert decision.setpoints == {}


@pytest.mark.parametrize(
    "applied", [[np.nan, 200.0], [180.0, np.inf], [180.0, 500.0], [np.nan, np.nan]]
)
def test_setpoints_that_are_unknown_or_out_of_bounds_are_held(
    controller: CellController, applied: list[float]
) -> None:
    decision = decide(controller, make_state(), np.array(applied), cell=11)
    assert decision.status is SolverStatus.BAD_INPUT
    assert decision.fallback is Fallback.HOLD
    assert decision.setpoints == {}
    assert decision.reason == "The estimate or the setpoints are not usable; setpoints stay."


def test_the_feed_of_a_treatment_counts_as_at_the_bound(controller: CellController) -> None:
    decision = decide(controller, make_state(), np.array([480.0, 200.0]), cell=16)
    assert decision.status is SolverStatus.SOLVED
    assert 190.0 <= decision.setpoints[FEED] <= 300.0


def test_a_beam_that_somebody_else_moved_is_left_to_settle(controller: CellController) -> None:
    """The treatment of an anode effect lowers the beam by 10 mm and brings it back by itself."""
    plan = previous_plan(np.tile([180.0, 200.0], (len(OBJECTIVE.move_blocks), 1)))
    lowered = np.array([180.0, 190.0])
    at_once = decide(controller, make_state(), lowered, cell=17, previous=plan, t_plant_s=120.0)
    assert at_once.status is SolverStatus.UNSETTLED
    assert at_once.setpoints == {}
    assert at_once.plan is plan
    for good in (lowered, np.array([180.0, 200.1])):
        later = 900.0 if good is lowered else 240.0
        decision = decide(controller, make_state(), good, cell=17, previous=plan, t_plant_s=later)
        assert abs(decision.setpoints[BEAM] - good[1]) < 1.0


def test_a_setpoint_that_may_not_move_stays() -> None:
    stiff = dict(SETPOINT_LIMITS)
    stiff[BEAM] = replace(stiff[BEAM], max_rate_per_h=1e-9)
    decision = decide(CellController(OBJECTIVE, stiff), make_state(acd_cm=4.6))
    assert decision.status.has_plan
    assert decision.setpoints[BEAM] == pytest.approx(200.0, abs=1e-6)


def test_measurements_near_the_plan_do_not_move_the_setpoints_in_force(
    controller: CellController,
) -> None:
    plan = previous_plan(np.tile([180.0, 200.0], (len(OBJECTIVE.move_blocks), 1)))
    near, same = (
        decide(controller, make_state(), np.array(measured), cell=12, previous=plan).setpoints
        for measured in ([188.0, 200.1], [180.0, 200.0])
    )
    assert near == pytest.approx(same, abs=0.05)


def test_what_is_proposed_and_not_done_is_proposed_again(controller: CellController) -> None:
    """In ADVISORY, or while the guard holds a cell: nothing of what is proposed is applied."""
    state, previous = make_state(alumina_wt_pct=2.3, acd_cm=4.4, superheat_c=7.0), None
    for number in range(20):
        now_s = number * OBJECTIVE.control_period_s
        decision = decide(controller, state, cell=18, previous=previous, t_plant_s=now_s)
        previous = decision.plan
        assert decision.fallback is None
        fresh = decide(controller, state, cell=18, t_plant_s=now_s)
        for name in (FEED, BEAM):
            assert abs(decision.setpoints[name] - fresh.setpoints[name]) < NEXT_TO[name]


def test_a_move_that_was_allowed_in_part_is_planned_on_from_where_it_ended(
    controller: CellController,
) -> None:
    plan = previous_plan(np.tile([180.0, 200.0], (len(OBJECTIVE.move_blocks), 1)))
    state = make_state(acd_cm=4.6, superheat_c=7.5)
    decision = decide(
        controller, state, np.array([180.0, 200.6]), cell=19, previous=plan, t_plant_s=120.0
    )
    assert decision.setpoints[BEAM] == pytest.approx(200.6 - 0.4)


def test_a_feed_rate_measured_late_and_in_shots_is_not_chased(controller: CellController) -> None:
    """As in AUTO: moves are made, and seen through a lag with a saw-tooth of shots on it."""
    state, previous = make_state(alumina_wt_pct=3.2), None
    feed, lagged, beam = 180.0, 180.0, 200.0
    travel, alumina = 0.0, []
    for number in range(360):
        now_s = number * OBJECTIVE.control_period_s
        seen = np.array([lagged + 9.0 * math.sin(1.7 * number), round(beam, 1)])
        decision = decide(controller, state, seen, cell=20, previous=previous, t_plant_s=now_s)
        previous = decision.plan
        travel += abs(decision.setpoints[FEED] - feed) if number > 60 else 0.0
        feed, beam = decision.setpoints[FEED], round(decision.setpoints[BEAM], 1)
        keep = math.exp(-OBJECTIVE.control_period_s / SMOOTHING_S)
        lagged = keep * lagged + (1.0 - keep) * feed
        state = PLANT.A @ state + PLANT.B @ np.array([feed, beam]) + PLANT.c
        alumina.append(state[0])
    hours = 300 * OBJECTIVE.control_period_s / HOUR_S
    limit = SETPOINT_LIMITS[FEED]
    assert travel / hours < 0.5 * limit.max_travel / limit.travel_window_h, travel / hours
    assert abs(np.mean(alumina[-180:]) - OBJECTIVE.alumina_target_wt_pct) < 0.05
    assert np.ptp(alumina[-180:]) < 0.55


def test_an_unusable_estimate_is_no_ground_to_go_on_with_a_plan(controller: CellController) -> None:
    cases = (
        (np.full(5, np.nan), KNOWN),
        (make_state(), replace(KNOWN, noise_mv=math.nan)),
    )
    for state, uncertainty in cases:
        decision = decide(
            controller,
            state,
            cell=21,
            uncertainty=uncertainty,
            previous=previous_plan(),
            t_plant_s=120.0,
        )
        assert decision.status is SolverStatus.BAD_INPUT
        assert decision.setpoints == {}


def test_a_plan_survives_a_table_and_shifts_by_blocks() -> None:
    plan = previous_plan(t_plant_s=1000.0)
    again = Plan.from_plain(*plan.as_plain())
    assert again.t_plant_s == plan.t_plant_s
    assert np.array_equal(again.values, plan.values)
    now = plan.shifted(OBJECTIVE, 1000.0)
    later = plan.shifted(OBJECTIVE, 1000.0 + OBJECTIVE.step_s)
    assert np.array_equal(now, plan.values)
    assert np.array_equal(later[:3], plan.values[1:4])
    assert np.array_equal(later[-1], plan.values[-1])


def test_a_controller_without_limits_is_refused() -> None:
    with pytest.raises(ValueError, match=f"no limits for {BEAM}"):
        CellController(OBJECTIVE, {FEED: SETPOINT_LIMITS[FEED]})


ANY = st.floats(width=64)
WHATEVER = {
    "state": st.lists(st.one_of(ANY, st.floats(0.0, 10.0)), min_size=5, max_size=5),
    "feed": st.one_of(ANY, st.floats(90.0, 300.0)),
    "beam": st.one_of(ANY, st.floats(20.0, 380.0)),
    "sd": ANY,
    "noise": ANY,
    "scale": st.one_of(ANY, st.floats(0.9, 1.1)),
    "plan": st.one_of(st.none(), st.lists(ANY, min_size=22, max_size=22)),
    "t_plant_s": st.floats(0.0, 2e9),
}
A_CELL = {
    "state": st.tuples(
        st.floats(0.5, 8.0),
        st.floats(0.0, 60.0),
        st.floats(2.5, 8.0),
        st.floats(-10.0, 40.0),
        st.floats(20.0, 380.0),
    ),
    "feed": st.floats(90.0, 300.0),
    "beam": st.floats(20.0, 380.0),
    "sd": st.floats(0.0, 1.0),
    "noise": st.floats(0.0, 300.0),
    "scale": st.floats(0.99, 1.01),
    "plan": st.one_of(st.none(), st.lists(st.floats(90.0, 300.0), min_size=22, max_size=22)),
    "t_plant_s": st.floats(0.0, 2e9),
}


@pytest.fixture(scope="module")
def tried() -> CellController:
    return CellController(replace(OBJECTIVE, max_iterations=200), SETPOINT_LIMITS)


def check_that_only_a_safe_move_is_proposed(
    controller: CellController,
    *,
    state: Sequence[float],
    feed: float,
    beam: float,
    sd: float,
    noise: float,
    scale: float,
    plan: list[float] | None,
    t_plant_s: float,
) -> None:
    """Decide, and expect finite setpoints inside all limits, or a named fallback."""
    with np.errstate(all="ignore"):
        model = replace(MODEL, A=MODEL.A * scale)
    applied = np.array([feed, beam])
    previous = None if plan is None else Plan(t_plant_s, np.array(plan).reshape(-1, 2))
    decision = decide(
        controller,
        np.array(state),
        applied,
        model=model,
        uncertainty=Uncertainty(sd, sd, noise),
        previous=previous,
        t_plant_s=t_plant_s,
    )
    for column, (name, limit) in enumerate(SETPOINT_LIMITS.items()):
        if name not in decision.setpoints:
            assert decision.fallback is not None
            continue
        value = decision.setpoints[name]
        assert math.isfinite(value)
        assert limit.low <= value <= limit.high
        # From the measured setpoint (a feed rate no further out than its bound), or from the
        # previous plan while that is next to it.
        start = min(max(applied[column], limit.low), limit.high)
        assert abs(value - start) <= limit.max_step + NEXT_TO[name]
    without = {None, Fallback.RELAXED_TOLERANCE}
    assert decision.status.has_plan == (decision.fallback in without)
    assert decision.reason.endswith(".")


@settings(max_examples=200, deadline=None)
@given(inputs=st.fixed_dictionaries(WHATEVER))
def test_whatever_comes_only_a_safe_move_is_proposed(
    tried: CellController, inputs: dict[str, Any]
) -> None:
    check_that_only_a_safe_move_is_proposed(tried, **inputs)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(inputs=st.one_of(st.fixed_dictionaries(A_CELL), st.fixed_dictionaries(WHATEVER)))
def test_of_ten_thousand_states_none_is_answered_by_an_unsafe_move(
    controller: CellController, inputs: dict[str, Any]
) -> None:
    check_that_only_a_safe_move_is_proposed(controller, **inputs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"move_blocks": (1, 2)}, "move_blocks"),
        ({"superheat_low_c": 20.0}, "soft bounds of superheat"),
        ({"alumina_target_wt_pct": 1.5}, "alumina_target_wt_pct 1.5"),
    ],
)
def test_an_objective_that_contradicts_itself_is_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"{message}.*Remedy"):
        replace(OBJECTIVE, **changes)  # type: ignore[arg-type]


def test_uncertainty_raises_the_low_bounds_up_to_a_limit() -> None:
    assert OBJECTIVE.alumina_floor_wt_pct(0.0) == 2.0
    assert OBJECTIVE.alumina_floor_wt_pct(0.1) == pytest.approx(2.15)
    assert OBJECTIVE.alumina_floor_wt_pct(9.0) == 2.5
    assert OBJECTIVE.alumina_floor_wt_pct(math.nan) == 2.5
    assert OBJECTIVE.acd_floor_cm(math.nan, math.nan) == pytest.approx(4.1)
    assert OBJECTIVE.acd_floor_cm(0.0, math.inf) == OBJECTIVE.acd_floor_cm(0.0, 0.0)
    assert OBJECTIVE.acd_floor_cm(0.0, 1e6) == OBJECTIVE.acd_high_cm


@settings(deadline=None)
@given(cell=st.integers(1, 300), t_plant_s=st.floats(0.0, 2e9))
def test_the_target_stays_within_its_swing(cell: int, t_plant_s: float) -> None:
    target = OBJECTIVE.alumina_targets_wt_pct(cell, np.array([t_plant_s]))[0]
    swing = OBJECTIVE.alumina_swing_wt_pct
    assert abs(target - OBJECTIVE.alumina_target_wt_pct) <= swing + 1e-9


@pytest.mark.parametrize("name", ["reference-300ka", "metalx-120ka"])
def test_the_plant_files_hold_an_objective_that_compiles(name: str) -> None:
    tables = tomllib.loads((PLANTS / f"{name}.toml").read_text())
    objective = TypeAdapter(ControlObjective).validate_python(tables["control"])
    rows = TypeAdapter(tuple[SetpointLimits, ...]).validate_python(tables["setpoints"])
    controller = CellController(objective, {row.name: row for row in rows})
    assert controller.compilations == 1
    assert (objective.modes.initial_mode, objective.modes.rearm) == (Mode.ADVISORY, Rearm.OPERATOR)


def test_a_move_inside_the_deadband_is_left_out(controller: CellController) -> None:
    """At the optimum the noise of the estimate moves nothing, a real difference does."""
    floor_cm = OBJECTIVE.acd_floor_cm(KNOWN.acd_sd_cm, KNOWN.noise_mv)
    for acd_cm, is_moved in ((floor_cm + 0.003, False), (floor_cm - 0.1, True)):
        decision = decide(controller, make_state(acd_cm=acd_cm, superheat_c=5.9), cell=15)
        assert (decision.setpoints[BEAM] != 200.0) is is_moved
        if not is_moved:
            assert "beam unchanged" in decision.reason


def test_a_deadband_never_stops_a_slow_setpoint_for_good() -> None:
    slow = dict(SETPOINT_LIMITS)
    slow[BEAM] = replace(slow[BEAM], max_rate_per_h=3.0)
    decision = decide(CellController(OBJECTIVE, slow), make_state(acd_cm=4.6, superheat_c=7.5))
    assert decision.setpoints[BEAM] == pytest.approx(199.9, abs=1e-3)
