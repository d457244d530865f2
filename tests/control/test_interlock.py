"""Every check of the interlock, by name; and that each of them is needed."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.interlock import InterlockLimits, Request, Ruling, Situation, judge, permit
from control.interlock_checks import CHECKS
from control.interlock_state import SectionState, SetpointState, Travel
from control.modes import Mode
from tests.control.cases import (
    BEAM,
    BEGUN,
    EMPTY,
    FEED,
    GUARD,
    HOUR_S,
    LIMITS,
    NOW_NS,
    NOW_PLANT_S,
    SECOND_NS,
    SETPOINT_LIMITS,
    make_request,
    make_situation,
    rejecting,
    written_at,
)

TRAVELLED = BEGUN.remember(
    7,
    FEED,
    written_at(NOW_PLANT_S - HOUR_S, travels=(Travel(int(NOW_PLANT_S // 900), 1495.0),)),
)
JUDGED = BEGUN.remember(7, FEED, written_at(NOW_PLANT_S - HOUR_S, order=(1, 10)))
BUDGET_SPENT = msgspec.structs.replace(BEGUN, scan=5, cells_moved=(1, 2, 3))
JUST_MOVED = BEGUN.remember(7, FEED, written_at(NOW_PLANT_S - 6.0, applied=180.0))
BEAM_AT_START = make_situation(readback=200.0)

# What each check alone stands against: its name, a request, a situation, a state and the ruling.
STANDS_AGAINST: list[tuple[str, Request, Situation, SectionState, Ruling]] = [
    ("check_finite", make_request(math.nan), make_situation(), BEGUN, Ruling.NOT_FINITE),
    ("check_type", make_request("200"), make_situation(), BEGUN, Ruling.WRONG_TYPE),
    ("check_unit", make_request(unit="t/h"), make_situation(), BEGUN, Ruling.WRONG_UNIT),
    ("check_tag", make_request(cell=99), make_situation(), BEGUN, Ruling.UNKNOWN_TAG),
    ("check_role", make_request(role="viewer"), make_situation(), BEGUN, Ruling.WRONG_ROLE),
    ("check_expiry", make_request(expires_ns=NOW_NS), make_situation(), BEGUN, Ruling.EXPIRED),
    ("check_order", make_request(), make_situation(), JUDGED, Ruling.NOT_NEWER),
    (
        "check_freshness",
        make_request(),
        make_situation(newest_source_ns=NOW_NS - 6 * SECOND_NS),
        BEGUN,
        Ruling.STALE_INPUT,
    ),
    ("check_mode", make_request(), make_situation(mode=Mode.HOLD), BEGUN, Ruling.NOT_IN_AUTO),
    (
        "check_override",
        make_request(),
        make_situation(override="anna holds it"),
        BEGUN,
        Ruling.OVERRIDDEN,
    ),
    (
        "check_following",
        make_request(),
        make_situation(is_followed=False),
        BEGUN,
        Ruling.NOT_FOLLOWED,
    ),
    (
        "check_heartbeat",
        make_request(),
        make_situation(has_plant_heartbeat=False),
        BEGUN,
        Ruling.PLANT_SILENT,
    ),
    (
        "check_readback",
        make_request(),
        make_situation(readback=None),
        BEGUN,
        Ruling.READBACK_UNKNOWN,
    ),
    (
        "check_anode_effect",
        make_request(),
        make_situation(is_in_anode_effect=True),
        BEGUN,
        Ruling.ANODE_EFFECT,
    ),
    ("check_bounds", make_request(301.0), make_situation(readback=299.0), BEGUN, Ruling.LIMITED),
    ("check_first_write", make_request(200.0), make_situation(), EMPTY, Ruling.LIMITED),
    ("check_step", make_request(299.0), make_situation(), BEGUN, Ruling.LIMITED),
    ("check_rate", make_request(200.0), make_situation(), JUST_MOVED, Ruling.LIMITED),
    ("check_travel", make_request(200.0), make_situation(), TRAVELLED, Ruling.LIMITED),
    (
        "check_line_budget",
        make_request(),
        make_situation(),
        BUDGET_SPENT,
        Ruling.LINE_BUDGET_SPENT,
    ),
]


def test_a_good_request_is_permitted_as_asked() -> None:
    verdict, state = permit(make_request(200.0), make_situation(), LIMITS, BEGUN)
    assert (verdict.ruling, verdict.applied, verdict.reasons) == (Ruling.PERMITTED, 200.0, ())
    remembered = state.of(7, FEED)
    assert remembered.order == (1, 10)
    assert remembered.applied == 200.0
    assert remembered.moved_plant_s == NOW_PLANT_S
    assert sum(travel.distance for travel in remembered.travels) == 20.0
    assert state.moved_in(5) == (7,)


@pytest.mark.contract(5)
def test_every_check_has_a_case_and_the_order_is_the_documented_one() -> None:
    assert [case[0] for case in STANDS_AGAINST] == [check.__name__ for check in CHECKS]


@pytest.mark.parametrize(("name", "request_", "situation", "state", "ruling"), STANDS_AGAINST)
@pytest.mark.contract(5)
def test_each_check_stands_against_its_case(
    name: str, request_: Request, situation: Situation, state: SectionState, ruling: Ruling
) -> None:
    verdict, _ = permit(request_, situation, LIMITS, state)
    assert verdict.ruling is ruling
    assert len(verdict.reasons) == 1
    assert (verdict.applied is None) is not ruling.is_written
    assert verdict.asked is request_.value


@pytest.mark.parametrize(("name", "request_", "situation", "state", "ruling"), STANDS_AGAINST)
def test_a_missing_check_is_noticed(
    name: str, request_: Request, situation: Situation, state: SectionState, ruling: Ruling
) -> None:
    """With any one check left out, the case it stands against is answered otherwise."""
    others = tuple(check for check in CHECKS if check.__name__ != name)
    assert len(others) == len(CHECKS) - 1
    without, _ = judge(others, request_, situation, LIMITS, state)
    whole, _ = permit(request_, situation, LIMITS, state)
    assert (without.ruling, without.applied) != (whole.ruling, whole.applied)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 10**400, np.float64("nan")])
def test_what_is_not_finite_is_held(value: object) -> None:
    verdict, state = permit(make_request(value), make_situation(), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.NOT_FINITE
    assert state == BEGUN


@pytest.mark.parametrize("value", [True, None, "fast", [200.0], {"value": 200.0}, 2j, b"200"])
def test_what_is_not_a_number_is_held(value: object) -> None:
    verdict, _ = permit(make_request(value), make_situation(), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.WRONG_TYPE


@pytest.mark.parametrize("value", [200, np.float64(200.0)])
def test_any_real_number_is_a_number(value: object) -> None:
    verdict, _ = permit(make_request(value), make_situation(), LIMITS, BEGUN)
    assert verdict.applied == 200.0
    assert type(verdict.applied) is float


def test_the_unit_may_be_named() -> None:
    verdict, _ = permit(make_request(unit="kg/h"), make_situation(), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.PERMITTED


@pytest.mark.contract(13)
def test_an_unknown_setpoint_is_held_even_with_a_unit() -> None:
    verdict, _ = permit(make_request(setpoint="tap", unit="kg"), make_situation(), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.UNKNOWN_TAG


def test_a_stranger_leaves_no_trace() -> None:
    """A caller without the role cannot block the optimiser by a high sequence number."""
    stranger = make_request(role="viewer", order=(9, 9))
    _, state = permit(stranger, make_situation(), LIMITS, BEGUN)
    verdict, _ = permit(make_request(), make_situation(), LIMITS, state)
    assert verdict.ruling is Ruling.PERMITTED


def test_a_request_is_judged_once_even_if_held() -> None:
    _, state = permit(make_request(), make_situation(mode=Mode.HOLD), LIMITS, BEGUN)
    again, _ = permit(make_request(), make_situation(), LIMITS, state)
    newer, _ = permit(make_request(order=(1, 11)), make_situation(), LIMITS, state)
    assert again.ruling is Ruling.NOT_NEWER
    assert newer.ruling is Ruling.PERMITTED


def test_a_new_session_is_newer_whatever_its_sequence() -> None:
    _, state = permit(make_request(order=(1, 500)), make_situation(), LIMITS, BEGUN)
    verdict, _ = permit(make_request(order=(2, 0)), make_situation(), LIMITS, state)
    assert verdict.ruling.is_written


@pytest.mark.contract(7)
def test_the_sample_behind_a_decision_must_be_fresh_too() -> None:
    request = make_request(t_source_ns=NOW_NS - 6 * SECOND_NS)
    verdict, _ = permit(request, make_situation(), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.STALE_INPUT
    assert "behind this decision" in verdict.reasons[0]


@pytest.mark.contract(7)
def test_a_sample_from_the_future_is_held() -> None:
    request = make_request(t_source_ns=NOW_NS + 3 * SECOND_NS)
    verdict, _ = permit(request, make_situation(), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.FUTURE_INPUT


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.AUTO])
def test_only_auto_is_written(mode: Mode) -> None:
    verdict, _ = permit(make_request(), make_situation(mode=mode), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.NOT_IN_AUTO
    assert mode.value in verdict.reasons[0]


def test_a_readback_that_is_no_number_is_unknown() -> None:
    verdict, _ = permit(make_request(), make_situation(readback=math.nan), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.READBACK_UNKNOWN


@pytest.mark.parametrize(
    ("value", "situation", "state", "ruling"),
    [
        (301.0, make_situation(readback=299.0), BEGUN, Ruling.OUT_OF_BOUNDS),
        (299.0, make_situation(), BEGUN, Ruling.STEP_TOO_LARGE),
        (200.0, make_situation(), JUST_MOVED, Ruling.RATE_TOO_HIGH),
        (200.0, make_situation(), TRAVELLED, Ruling.TRAVEL_SPENT),
    ],
)
def test_the_policy_reject_holds_instead_of_clamping(
    value: float, situation: Situation, state: SectionState, ruling: Ruling
) -> None:
    held, _ = permit(make_request(value), situation, rejecting(), state)
    clamped, _ = permit(make_request(value), situation, LIMITS, state)
    assert (held.ruling, held.applied) == (ruling, None)
    assert clamped.ruling is Ruling.LIMITED


def test_a_readback_outside_the_bounds_by_more_than_a_step_is_held() -> None:
    """A step towards the bounds that does not reach them would still be out of bounds."""
    verdict, _ = permit(make_request(200.0), make_situation(readback=500.0), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.STEP_TOO_LARGE
    assert verdict.applied is None


@pytest.mark.parametrize("elapsed_s", [0.0, 110.0, 2 * HOUR_S])
@pytest.mark.parametrize("limits", [LIMITS, rejecting()])
@pytest.mark.parametrize("moved_plant_s", [None, 0.0])
@pytest.mark.contract(4)
def test_the_first_write_after_entering_auto_is_the_readback(
    elapsed_s: float, limits: InterlockLimits, moved_plant_s: float | None
) -> None:
    entered = {"auto_since_plant_s": NOW_PLANT_S - elapsed_s}
    state = EMPTY.remember(7, FEED, SetpointState(applied=180.3, moved_plant_s=moved_plant_s))
    verdict, state = permit(make_request(290.0), make_situation(**entered), limits, state)
    assert verdict.applied == 180.0
    assert verdict.ruling is Ruling.LIMITED
    assert verdict.reasons == ("290 put back to 180: the first write is the read-back",)
    assert state.of(7, FEED).moved_plant_s == NOW_PLANT_S
    assert state.moved_in(5) == (), "nothing moved"
    again, state = permit(
        make_request(290.0, order=(1, 11)), make_situation(**entered), limits, state
    )
    assert again.applied == 180.0, "the first one never came to the plant"
    state = state.note_written(7, FEED, 0)
    later = make_situation(now_plant_s=NOW_PLANT_S + 6.0, **entered)
    second, _ = permit(make_request(290.0, order=(1, 12)), later, LIMITS, state)
    assert second.applied == 190.0, "and the rate counts from there"


def test_a_readback_beyond_the_bounds_is_brought_back_at_the_rate() -> None:
    beyond = make_situation(readback=301.0, auto_since_plant_s=NOW_PLANT_S - 60.0)
    verdict, _ = permit(make_request(290.0), beyond, LIMITS, EMPTY)
    assert verdict.applied == 290.0
    at_once = make_situation(readback=301.0, auto_since_plant_s=NOW_PLANT_S)
    verdict, _ = permit(make_request(290.0), at_once, LIMITS, EMPTY)
    assert verdict.ruling is Ruling.RATE_TOO_HIGH


def test_the_rate_counts_plant_time_since_the_last_change() -> None:
    first, state = permit(make_request(200.5, BEAM), BEAM_AT_START, LIMITS, BEGUN)
    later = make_situation(readback=200.5, now_plant_s=NOW_PLANT_S + 120.0)
    second, _ = permit(make_request(201.5, BEAM, order=(1, 11)), later, LIMITS, state)
    assert first.applied == 200.5
    assert second.applied == pytest.approx(200.9)


def test_asking_for_what_stands_does_not_restart_the_rate() -> None:
    _, state = permit(make_request(200.0, BEAM), BEAM_AT_START, LIMITS, BEGUN)
    assert state.of(7, BEAM).moved_plant_s == NOW_PLANT_S - HOUR_S
    assert state.of(7, BEAM).applied == 200.0
    assert state.moved_in(5) == ()


@pytest.mark.parametrize("now_plant_s", [NOW_PLANT_S - 2 * HOUR_S, math.nan, math.inf])
def test_plant_time_that_makes_no_sense_is_held(now_plant_s: float) -> None:
    verdict, _ = permit(make_request(), make_situation(now_plant_s=now_plant_s), LIMITS, BEGUN)
    assert verdict.ruling is Ruling.RATE_TOO_HIGH


def test_small_steps_cannot_creep_past_the_travel_limit() -> None:
    """Each step is below the resolution, and the plant rounds each one up."""
    state, value = BEGUN, 200.0
    for number in range(1000):
        situation = make_situation(
            readback=round(value, 1), now_plant_s=NOW_PLANT_S + 60.0 * number, scan=number
        )
        request = make_request(value + 0.08, BEAM, order=(1, number))
        verdict, state = permit(request, situation, LIMITS, state)
        assert verdict.applied is not None
        value = verdict.applied
    assert value - 200.0 <= 30.0 + 1e-9


def test_to_stay_needs_no_travel() -> None:
    """The first write of a stay is a little beside the last value, and all travel is spent."""
    spent = TRAVELLED.of(7, FEED)
    beside = msgspec.structs.replace(spent, applied=180.0, written_stay=None)
    state = TRAVELLED.remember(7, FEED, beside)
    verdict, _ = permit(make_request(200.0), make_situation(readback=180.25), LIMITS, state)
    assert verdict.applied == 180.25


def test_travel_is_given_back_when_its_window_is_over() -> None:
    later = make_situation(now_plant_s=NOW_PLANT_S + 7 * HOUR_S)
    verdict, _ = permit(make_request(200.0), later, LIMITS, TRAVELLED)
    assert verdict.ruling is Ruling.PERMITTED


def test_the_move_starts_at_the_readback_when_the_plant_left_the_last_value() -> None:
    state = BEGUN.remember(7, FEED, written_at(NOW_PLANT_S - HOUR_S, applied=250.0))
    _, state = permit(make_request(200.0), make_situation(readback=180.0), LIMITS, state)
    assert sum(travel.distance for travel in state.of(7, FEED).travels) == 20.0


def test_the_line_budget_counts_cells_not_setpoints_and_only_moves() -> None:
    state = msgspec.structs.replace(BEGUN, scan=5, cells_moved=(1, 2, 7))
    second_setpoint, _ = permit(make_request(), make_situation(), LIMITS, state)
    still, _ = permit(make_request(180.0), make_situation(), LIMITS, BUDGET_SPENT)
    next_scan, after = permit(make_request(), make_situation(scan=6), LIMITS, BUDGET_SPENT)
    elsewhere, _ = permit(
        make_request(), make_situation(scan=6, cells_moved_elsewhere=3), LIMITS, BUDGET_SPENT
    )
    assert second_setpoint.ruling is Ruling.PERMITTED
    assert still.ruling is Ruling.PERMITTED
    assert next_scan.ruling is Ruling.PERMITTED
    assert after.moved_in(6) == (7,)
    assert elsewhere.ruling is Ruling.LINE_BUDGET_SPENT


@pytest.mark.contract(13)
def test_a_check_that_raises_holds() -> None:
    broken = InterlockLimits({FEED: None}, GUARD)  # type: ignore[dict-item]
    verdict, _ = permit(make_request(), make_situation(), broken, BEGUN)
    assert verdict.ruling is Ruling.CHECK_FAILED
    assert verdict.applied is None
    assert "check_bounds failed: AttributeError" in verdict.reasons[0]


ANYTHING = st.one_of(
    st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans(), st.binary(max_size=3)
)


@settings(deadline=None)
@given(
    value=ANYTHING,
    setpoint=st.sampled_from([FEED, BEAM]),
    readback=st.one_of(st.none(), st.floats()),
    applied=st.one_of(st.none(), st.floats(20.0, 380.0)),
    now_plant_s=st.floats(),
    auto_since_plant_s=st.floats(),
    moved_plant_s=st.one_of(st.none(), st.floats(0.0, 1e9)),
    spent=st.floats(0.0, 5000.0),
)
def test_whatever_comes_only_a_safe_value_is_written(
    value: object,
    setpoint: str,
    readback: float | None,
    applied: float | None,
    now_plant_s: float,
    auto_since_plant_s: float,
    moved_plant_s: float | None,
    spent: float,
) -> None:
    limit = SETPOINT_LIMITS[setpoint]
    bucket = int(NOW_PLANT_S // (limit.travel_window_h * HOUR_S / 24))
    before = SetpointState(
        applied=applied,
        moved_plant_s=moved_plant_s,
        written_stay=0,
        travels=(Travel(bucket, spent),),
    )
    verdict, after = permit(
        make_request(value, setpoint),
        make_situation(
            readback=readback, now_plant_s=now_plant_s, auto_since_plant_s=auto_since_plant_s
        ),
        LIMITS,
        BEGUN.remember(7, setpoint, before),
    )
    if verdict.applied is None:
        assert not verdict.ruling.is_written
        assert verdict.reasons
        assert after.of(7, setpoint).applied == before.applied
        return
    assert readback is not None
    assert limit.low <= verdict.applied <= limit.high
    assert abs(verdict.applied - readback) <= limit.max_step * (1 + 1e-9)
    assert (verdict.ruling is Ruling.LIMITED) == (verdict.applied != value)


@settings(deadline=None)
@given(
    asked=st.lists(st.floats(-50.0, 450.0), min_size=1, max_size=40),
    seconds=st.floats(1.0, 3600.0),
)
def test_any_sequence_of_requests_keeps_rate_and_travel(asked: list[float], seconds: float) -> None:
    state, value = BEGUN, 200.0
    travel = 0.0
    for number, wanted in enumerate(asked, start=1):
        now_s = NOW_PLANT_S + number * seconds
        situation = make_situation(
            readback=value, now_plant_s=now_s, auto_since_plant_s=NOW_PLANT_S, scan=number, stay=1
        )
        request = make_request(wanted, BEAM, order=(1, number))
        verdict, state = permit(request, situation, LIMITS, state)
        assert verdict.applied is not None
        state = state.note_written(7, BEAM, 1)
        travel += abs(verdict.applied - value)
        value = verdict.applied
    window = SETPOINT_LIMITS[BEAM].travel_window_h * HOUR_S
    assert travel <= 12.0 * len(asked) * seconds / HOUR_S + 1e-6
    if len(asked) * seconds <= window:
        assert travel <= 30.0 + 1e-6


def test_requests_from_outside_are_ordered_apart() -> None:
    """Each source counts in its own way: neither makes the other old, and each its own."""
    verdict, state = permit(
        make_request(order=(0, 10**18), is_outside=True), make_situation(), LIMITS, BEGUN
    )
    assert verdict.ruling.is_written
    assert state.of(7, FEED).order == BEGUN.of(7, FEED).order
    verdict, after = permit(make_request(), make_situation(scan=6), LIMITS, state)
    assert verdict.ruling.is_written
    assert (after.of(7, FEED).order, after.of(7, FEED).outside_order) == ((1, 10), (0, 10**18))
    late = make_request(order=(0, 10**18), is_outside=True)
    verdict, held = permit(late, make_situation(scan=7), LIMITS, after)
    assert verdict.ruling is Ruling.NOT_NEWER
    assert held == after
