"""What engineers may loosen for a while, and limits that two people change together."""

import math
from dataclasses import replace

import msgspec
import pytest

from control.bypasses import (
    BYPASSABLE,
    LONGEST_BYPASS_S,
    MOST_BYPASSES,
    Bypass,
    check_bypass,
)
from control.interlock import permit
from control.interlock_case import Ruling
from control.interlock_checks import CHECKS
from control.limit_changes import (
    CHANGEABLE,
    LimitRequest,
    add_change,
    apply_changes,
    check_approval,
    check_request,
)
from control.modes import Refusal
from tests.control.cases import BEAM, FEED, LIMITS, NOW_NS, SECOND_NS, SETPOINT_LIMITS
from tests.control.test_interlock import STANDS_AGAINST

CARLA = Bypass(
    "b-1", 7, "travel", "carla", "engineer", "beam test", NOW_NS, NOW_NS + 60 * SECOND_NS
)
ASKED = LimitRequest(
    "r-1", FEED, "high", 250.0, "carla", "engineer", "new feeder", NOW_NS + 900 * SECOND_NS
)


@pytest.mark.contract(11)
@pytest.mark.parametrize(("name", "request_", "situation", "state", "ruling"), STANDS_AGAINST)
def test_a_bypass_leaves_out_its_own_check_and_only_what_may_be_left_out(
    name, request_, situation, state, ruling
) -> None:
    every = [check.__name__.removeprefix("check_") for check in CHECKS]
    whole, _ = permit(request_, situation, LIMITS, state)
    bypassed, _ = permit(request_, situation, LIMITS, state, bypassed=every)
    if name.removeprefix("check_") in BYPASSABLE:
        assert (bypassed.ruling, bypassed.applied) != (whole.ruling, whole.applied)
    else:
        assert (bypassed.ruling, bypassed.applied) == (whole.ruling, whole.applied)


def test_what_may_be_bypassed_exists() -> None:
    assert {f"check_{name}" for name in BYPASSABLE} <= {check.__name__ for check in CHECKS}


@pytest.mark.contract(11)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"check": "bounds"}, "cannot be bypassed"),
        ({"check": "first_write"}, "cannot be bypassed"),
        ({"role": "operator"}, "operator"),
        ({"reason": ""}, "reason"),
        ({"until_ns": NOW_NS}, "0 s"),
        ({"until_ns": NOW_NS + int(1.01e9 * LONGEST_BYPASS_S)}, "at most"),
    ],
)
def test_a_bypass_has_an_owner_a_reason_and_an_end(change: dict, word: str) -> None:
    assert check_bypass(CARLA, (), NOW_NS) is None
    refusal = check_bypass(msgspec.structs.replace(CARLA, **change), (), NOW_NS)
    assert isinstance(refusal, Refusal)
    assert word in refusal.reasons[0]


@pytest.mark.contract(11)
def test_only_so_many_bypasses_stand_at_once() -> None:
    standing = [msgspec.structs.replace(CARLA, cell=cell) for cell in range(1, MOST_BYPASSES + 1)]
    assert isinstance(check_bypass(CARLA, standing, NOW_NS), Refusal)
    again = msgspec.structs.replace(CARLA, cell=1)
    assert check_bypass(again, standing, NOW_NS) is None, "the same one, longer"
    later = standing[0].until_ns
    asked = msgspec.structs.replace(CARLA, since_ns=later, until_ns=later + SECOND_NS)
    assert check_bypass(asked, standing, later) is None, "those have run out"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"role": "operator"}, "operator"),
        ({"reason": " "}, "reason"),
        ({"setpoint": "tap"}, "tap"),
        ({"limit": "resolution"}, "cannot be changed"),
        ({"value": 300.1}, "90 to 300"),
        ({"value": 89.0}, "90 to 300"),
        ({"value": math.nan}, "90 to 300"),
        ({"limit": "max_step", "value": 111.0}, "0 to 110"),
    ],
)
def test_a_change_of_limits_stays_within_the_plant_file(change: dict, word: str) -> None:
    assert check_request(ASKED, SETPOINT_LIMITS) is None
    refusal = check_request(msgspec.structs.replace(ASKED, **change), SETPOINT_LIMITS)
    assert isinstance(refusal, Refusal)
    assert word in refusal.reasons[0]


@pytest.mark.contract(10)
def test_a_change_of_limits_needs_another_person_who_saw_just_that_in_time() -> None:
    good = (ASKED, ASKED.digest, "dora", "manager", NOW_NS)
    assert check_approval(*good) is None
    other = msgspec.structs.replace(ASKED, value=251.0)
    for wrong, word in (
        ((None, *good[1:]), "no such request"),
        ((ASKED, other.digest, *good[2:]), "not what was asked for"),
        ((ASKED, "", *good[2:]), "not what was asked for"),
        ((ASKED, ASKED.digest, "carla", "manager", NOW_NS), "somebody else"),
        ((ASKED, ASKED.digest, " Carla", "manager", NOW_NS), "somebody else"),
        ((ASKED, ASKED.digest, "dora", "operator", NOW_NS), "operator"),
        ((ASKED, ASKED.digest, "dora", "manager", ASKED.until_ns), "in time"),
    ):
        refusal = check_approval(*wrong)
        assert isinstance(refusal, Refusal)
        assert word in refusal.reasons[0]


@pytest.mark.contract(10)
def test_approved_limits_are_in_force_and_never_beyond_the_plant_file() -> None:
    changes = {f"{FEED}/high": 250.0, f"{FEED}/low": 100.0, f"{BEAM}/max_step": 0.5}
    limits = apply_changes(SETPOINT_LIMITS, changes)
    assert (limits[FEED].low, limits[FEED].high) == (100.0, 250.0)
    assert limits[BEAM] == replace(SETPOINT_LIMITS[BEAM], max_step=0.5)
    wild = {f"{FEED}/{name}": 1e9 for name in CHANGEABLE if name != "low"}
    wild |= {f"{FEED}/low": -1e9, "tap/high": 1.0, f"{FEED}/resolution": 9.0}
    assert apply_changes(SETPOINT_LIMITS, wild) == SETPOINT_LIMITS


def test_a_limit_that_is_given_back_is_no_change_any_more() -> None:
    changes = add_change({}, ASKED, SETPOINT_LIMITS)
    assert changes == {f"{FEED}/high": 250.0}
    back = msgspec.structs.replace(ASKED, value=SETPOINT_LIMITS[FEED].high)
    assert add_change(changes, back, SETPOINT_LIMITS) == {}


@pytest.mark.contract(10)
def test_a_narrower_limit_holds_the_optimiser() -> None:
    name, request_, situation, state, _ = next(
        case for case in STANDS_AGAINST if case[0] == "check_step"
    )
    assert name == "check_step"
    narrow = replace(LIMITS, setpoints=apply_changes(SETPOINT_LIMITS, {f"{FEED}/high": 185.0}))
    verdict, _ = permit(request_, situation, narrow, state)
    assert (verdict.ruling, verdict.applied) == (Ruling.LIMITED, 185.0)
