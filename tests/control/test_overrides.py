"""What people set by hand: who may, for how long, and what even they may not."""

import math

import pytest

from control.interlock import Request, Situation, judge, permit, permit_override
from control.interlock_case import Ruling
from control.modes import Mode, Refusal
from control.override_checks import OVERRIDE_CHECKS
from control.overrides import LONGEST_OVERRIDE_S, Override, check_override, check_release
from tests.control.cases import (
    BEGUN,
    EMPTY,
    FEED,
    LIMITS,
    NOW_NS,
    NOW_PLANT_S,
    SECOND_NS,
    make_request,
    make_situation,
    rejecting,
    written_at,
)

ANNA = Override(
    "o-1", 7, FEED, 250.0, "anna", "operator", "tapping", NOW_NS, NOW_NS + 60 * SECOND_NS
)


def by_hand(value: object = 250.0, **changes: object) -> Request:
    return make_request(value, role="operator", **changes)


STANDS_AGAINST = [
    ("check_finite", by_hand(math.nan), make_situation(), Ruling.NOT_FINITE),
    ("check_type", by_hand("250"), make_situation(), Ruling.WRONG_TYPE),
    ("check_unit", by_hand(unit="t/h"), make_situation(), Ruling.WRONG_UNIT),
    ("check_tag", by_hand(cell=99), make_situation(), Ruling.UNKNOWN_TAG),
    ("check_person", make_request(250.0, role="viewer"), make_situation(), Ruling.WRONG_ROLE),
    ("check_expiry", by_hand(expires_ns=NOW_NS), make_situation(), Ruling.EXPIRED),
    ("check_remote", by_hand(), make_situation(mode=Mode.SHED), Ruling.NOT_IN_AUTO),
    ("check_following", by_hand(), make_situation(is_followed=False), Ruling.NOT_FOLLOWED),
    ("check_heartbeat", by_hand(), make_situation(has_plant_heartbeat=False), Ruling.PLANT_SILENT),
    ("check_readback", by_hand(), make_situation(readback=math.nan), Ruling.READBACK_UNKNOWN),
    ("check_seen", by_hand(), make_situation(newest_source_ns=0), Ruling.STALE_INPUT),
    ("check_anode_effect", by_hand(), make_situation(is_in_anode_effect=True), Ruling.ANODE_EFFECT),
    ("check_hard_bounds", by_hand(300.1), make_situation(), Ruling.OUT_OF_BOUNDS),
]


@pytest.mark.contract(10)
@pytest.mark.parametrize(("name", "request_", "situation", "ruling"), STANDS_AGAINST)
def test_a_person_too_is_held_by(
    name: str, request_: Request, situation: Situation, ruling: Ruling
) -> None:
    verdict, _ = permit_override(request_, situation, LIMITS, BEGUN)
    assert (verdict.ruling, verdict.applied) == (ruling, None)
    others = tuple(check for check in OVERRIDE_CHECKS if check.__name__ != name)
    assert len(others) == len(OVERRIDE_CHECKS) - 1
    without, _ = judge(others, request_, situation, LIMITS, BEGUN)
    assert without.ruling is not ruling


def test_every_check_has_a_case() -> None:
    assert [case[0] for case in STANDS_AGAINST] == [check.__name__ for check in OVERRIDE_CHECKS]


@pytest.mark.contract(10)
@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.HOLD])
def test_an_override_goes_at_once_where_the_optimiser_would_have_to_go_slowly(mode: Mode) -> None:
    """Far beyond a step and a rate, with all travel spent and no budget."""
    situation = make_situation(mode=mode, cells_moved_elsewhere=99, readback=100.0)
    just = EMPTY.remember(7, FEED, written_at(NOW_PLANT_S))
    verdict, state = permit_override(by_hand(299.0), situation, rejecting(), just)
    assert (verdict.ruling, verdict.applied) == (Ruling.PERMITTED, 299.0)
    noted = state.of(7, FEED)
    assert (noted.applied, noted.moved_plant_s) == (299.0, NOW_PLANT_S)
    assert sum(travel.distance for travel in noted.travels) == 199.0


@pytest.mark.contract(10)
def test_the_optimiser_goes_on_from_where_the_person_left_it() -> None:
    situation = make_situation(readback=100.0)
    _, state = permit_override(by_hand(299.0), situation, LIMITS, BEGUN)
    later = make_situation(readback=299.0, now_plant_s=NOW_PLANT_S + 6.0)
    verdict, _ = permit(make_request(200.0, order=(1, 11)), later, LIMITS, state)
    assert verdict.applied == 289.0, "at its own rate"


def test_an_override_does_not_make_decisions_old() -> None:
    _, state = permit_override(by_hand(order=(0, 0)), make_situation(), LIMITS, EMPTY)
    verdict, _ = permit(make_request(order=(1, 0)), make_situation(), LIMITS, state)
    assert verdict.ruling is not Ruling.NOT_NEWER


def test_who_may_override_and_for_how_long() -> None:
    assert check_override(ANNA, None, NOW_NS) is None
    for wrong, word in (
        (replace_order(ANNA, role="viewer"), "viewer"),
        (replace_order(ANNA, reason=" "), "reason"),
        (replace_order(ANNA, until_ns=NOW_NS), "0 s"),
        (replace_order(ANNA, until_ns=NOW_NS + int(1.01e9 * LONGEST_OVERRIDE_S)), "at most"),
    ):
        refusal = check_override(wrong, None, NOW_NS)
        assert isinstance(refusal, Refusal)
        assert word in refusal.reasons[0]


@pytest.mark.contract(10)
@pytest.mark.parametrize(
    ("standing", "asked", "wins"),
    [
        ("operator", "operator", True),
        ("operator", "engineer", True),
        ("engineer", "operator", False),
        ("manager", "engineer", False),
        ("engineer", "engineer", True),
    ],
)
def test_of_two_people_the_later_wins_unless_the_first_has_the_higher_role(
    standing: str, asked: str, wins: bool
) -> None:
    there = replace_order(ANNA, role=standing)
    other = replace_order(ANNA, owner="bert", role=asked)
    assert (check_override(other, there, NOW_NS) is None) is wins
    assert (check_release(asked, there) is None) is wins
    over = there.until_ns
    late = replace_order(other, since_ns=over, until_ns=over + SECOND_NS)
    assert check_override(late, there, over) is None, "what has run out binds nobody"


def test_a_clock_that_is_set_back_ends_an_override() -> None:
    assert ANNA.stands(ANNA.since_ns - SECOND_NS), "clocks are a little apart"
    assert not ANNA.stands(ANNA.since_ns - 3 * SECOND_NS)


def test_a_release_needs_a_role_and_something_to_release() -> None:
    assert isinstance(check_release("operator", None), Refusal)
    assert isinstance(check_release("viewer", ANNA), Refusal)


def replace_order(order: Override, **changes: object) -> Override:
    fields = {name: getattr(order, name) for name in order.__struct_fields__}
    return Override(**(fields | changes))
