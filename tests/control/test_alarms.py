"""Alarms: whatever happens in whatever order, the sub-states stay independent and honest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.alarm_happenings import (
    LONGEST_SHELF_S,
    Acknowledged,
    Began,
    Commented,
    Confirmed,
    Ended,
    Happening,
    PutBack,
    Shelved,
    Suppressed,
    TakenOut,
    TimePassed,
    Unshelved,
)
from control.alarms import LONGEST_OUTAGE_S, AlarmState, Standing, happen
from control.modes import Refusal

HOUR_NS = 3_600_000_000_000
ids = st.sampled_from(["one", "two", "three"])
times = st.integers(0, 20 * HOUR_NS)
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(Began, ids, times),
    st.builds(Ended, times),
    st.builds(Acknowledged, ids),
    st.builds(Confirmed, ids),
    st.builds(Commented, ids),
    st.builds(
        Shelved,
        st.just("anna"),
        st.sampled_from(["", "tapping"]),
        times,
        st.floats(-1.0, 2 * LONGEST_SHELF_S) | st.just(float("nan")),
        st.booleans(),
    ),
    st.builds(Unshelved, times),
    st.builds(Suppressed, st.booleans(), times),
    st.builds(TakenOut, st.just("emil"), st.sampled_from(["", "new sensor"]), times),
    st.builds(PutBack, times),
    st.builds(TimePassed, times, st.none() | st.floats(0.0, 3600.0)),
)
stories = st.lists(happenings, max_size=30)


def after(*story: Happening) -> AlarmState:
    """The state after a story; what is refused changes nothing."""
    state = AlarmState()
    for what in story:
        following = happen(state, what)
        state = state if isinstance(following, Refusal) else following
    return state


def told(state: AlarmState, what: Happening) -> AlarmState:
    """The state after something that is not refused."""
    following = happen(state, what)
    assert isinstance(following, AlarmState), following
    return following


def why(state: AlarmState, what: Happening) -> str:
    """Why something is refused."""
    following = happen(state, what)
    assert isinstance(following, Refusal), following
    return "; ".join(following.reasons)


@given(stories, happenings)
def test_each_happening_touches_its_own_part_only(story: list[Happening], what: Happening) -> None:
    before = after(*story)
    now = after(*story, what)
    if not isinstance(what, Began | Ended):
        assert now.is_active is before.is_active
        assert now.event_id == before.event_id
    if not isinstance(what, Suppressed):
        assert now.is_suppressed is before.is_suppressed
    if not isinstance(what, TakenOut | PutBack | TimePassed):
        assert now.outage == before.outage
    if not isinstance(what, Shelved | Unshelved | TimePassed | Ended):
        assert now.shelf == before.shelf


@given(stories, ids)
def test_an_acknowledgement_of_another_occurrence_changes_nothing(
    story: list[Happening], event_id: str
) -> None:
    state = after(*story)
    following = happen(state, Acknowledged(event_id))
    if event_id != state.event_id:
        assert isinstance(following, Refusal)
    elif not state.is_acknowledged:
        assert following == replace(state, is_acknowledged=True)


@given(stories)
def test_what_is_not_acknowledged_is_kept_and_what_is_confirmed_was_acknowledged(
    story: list[Happening],
) -> None:
    state = after(*story)
    waits = state.is_active or not state.is_acknowledged
    assert state.is_retained == (waits or state.is_put_away)
    if state.is_confirmed:
        assert state.is_acknowledged


@given(stories, times)
def test_no_shelf_outlasts_its_end(story: list[Happening], at_ns: int) -> None:
    state = after(*story, TimePassed(at_ns))
    assert state.shelf is None or state.shelf.until_ns > at_ns
    if state.shelf is not None:
        assert state.shelf.owner
        assert state.shelf.reason


@given(stories)
def test_the_standing_is_the_quietest_of_what_holds(story: list[Happening]) -> None:
    state = after(*story)
    if state.standing in (Standing.UNACKNOWLEDGED, Standing.ACKNOWLEDGED):
        assert state.is_active
        assert not state.is_quiet
    assert (state.standing is Standing.OUT_OF_SERVICE) == state.is_out_of_service


@pytest.mark.parametrize(
    ("story", "standing"),
    [
        ([], Standing.NORMAL),
        ([Began("one", 1)], Standing.UNACKNOWLEDGED),
        ([Began("one", 1), Acknowledged("one")], Standing.ACKNOWLEDGED),
        ([Began("one", 1), Ended(2)], Standing.RETURNED),
        ([Began("one", 1), Ended(2), Acknowledged("one")], Standing.NORMAL),
        ([Began("one", 1), Acknowledged("one"), Ended(2)], Standing.NORMAL),
        ([Shelved("anna", "tapping", 1)], Standing.SHELVED),
        ([Shelved("anna", "tapping", 1), Suppressed(True, 2)], Standing.SUPPRESSED),
        ([Suppressed(True, 1), TakenOut("emil", "new sensor", 2)], Standing.OUT_OF_SERVICE),
        ([TakenOut("emil", "new sensor", 1), PutBack(2)], Standing.NORMAL),
    ],
)
def test_the_states_of_the_standard_have_their_names(
    story: list[Happening], standing: Standing
) -> None:
    assert after(*story).standing is standing


def test_a_newer_occurrence_has_to_be_acknowledged_anew() -> None:
    state = after(Began("one", 1), Ended(2), Began("two", 3))
    assert why(state, Acknowledged("one")) == "'one' is not the newest occurrence of this alarm"
    assert state.standing is Standing.UNACKNOWLEDGED
    assert told(state, Acknowledged("two")).standing is Standing.ACKNOWLEDGED


def test_an_occurrence_that_is_told_twice_stays_acknowledged() -> None:
    state = after(Began("one", 1), Acknowledged("one"), Began("one", 1))
    assert state.is_acknowledged


def test_what_began_on_the_shelf_is_told_when_it_is_taken_back() -> None:
    state = after(Shelved("anna", "tapping", 0), Began("one", 5))
    assert state.standing is Standing.SHELVED
    state = told(state, Unshelved(9))
    assert state.standing is Standing.UNACKNOWLEDGED
    assert state.annunciated_ns == 9


def test_what_began_and_ended_on_the_shelf_leaves_nothing() -> None:
    story = [Shelved("anna", "tapping", 0), Began("one", 5), Ended(6), Unshelved(9)]
    assert after(*story).standing is Standing.NORMAL


def test_one_shot_ends_with_the_occurrence_and_by_itself() -> None:
    shelved = after(Began("one", 1), Shelved("anna", "tapping", 2, is_one_shot=True))
    assert told(shelved, Ended(3)).shelf is None
    late_ns = 2 + int(LONGEST_SHELF_S * 1e9)
    assert told(shelved, TimePassed(late_ns)).standing is Standing.UNACKNOWLEDGED
    assert "not active" in why(AlarmState(), Shelved("anna", "tapping", 2, is_one_shot=True))


@pytest.mark.parametrize(
    ("shelved", "reason"),
    [
        (Shelved("anna", " ", 0), "reason"),
        (Shelved("", "tapping", 0), "owner"),
        (Shelved("anna", "tapping", 0, 0.0), "more than 0 s"),
        (Shelved("anna", "tapping", 0, LONGEST_SHELF_S + 1.0), "at most 28800"),
        (Shelved("anna", "tapping", 0, float("nan")), "nan s"),
    ],
)
def test_a_shelf_needs_owner_reason_and_an_end(shelved: Shelved, reason: str) -> None:
    assert reason in why(AlarmState(), shelved)


def test_an_alarm_that_lasts_is_told_again() -> None:
    state = after(Began("one", 0), Acknowledged("one"))
    assert told(state, TimePassed(HOUR_NS - 1, 3600.0)) == state
    repeated = told(state, TimePassed(HOUR_NS, 3600.0))
    assert repeated.standing is Standing.UNACKNOWLEDGED
    assert (repeated.times_repeated, repeated.annunciated_ns) == (1, HOUR_NS)
    assert told(repeated, TimePassed(HOUR_NS + 1, 3600.0)) == repeated


def test_confirming_comes_after_acknowledging() -> None:
    state = after(Began("one", 0))
    assert "acknowledged first" in why(state, Confirmed("one"))
    state = told(told(state, Acknowledged("one")), Confirmed("one"))
    assert "already" in why(state, Confirmed("one"))


def test_out_of_service_needs_owner_and_reason_and_lasts_until_it_is_put_back() -> None:
    assert "reason" in why(AlarmState(), TakenOut("emil", " ", 0))
    assert "owner" in why(AlarmState(), TakenOut("", "new sensor", 0))
    assert why(AlarmState(), PutBack(1)) == "it is in service"
    out = after(TakenOut("emil", "new sensor", 0))
    assert why(out, TakenOut("mona", "mine", 1)) == "emil has taken it out of service already"
    began = told(out, Began("one", 5))
    assert began.standing is Standing.OUT_OF_SERVICE
    back = told(began, PutBack(9))
    assert (back.standing, back.annunciated_ns) == (Standing.UNACKNOWLEDGED, 9)
    assert told(told(began, Ended(6)), PutBack(9)).standing is Standing.NORMAL


def test_nothing_is_out_of_service_for_ever() -> None:
    began = after(TakenOut("emil", "new sensor", 0), Began("one", 5))
    end_ns = int(LONGEST_OUTAGE_S * 1e9)
    assert told(began, TimePassed(end_ns - 1)) == began
    over = told(began, TimePassed(end_ns))
    assert (over.standing, over.annunciated_ns) == (Standing.UNACKNOWLEDGED, end_ns)


def test_what_keeps_it_quiet_keeps_it_from_being_told_again() -> None:
    late = TimePassed(HOUR_NS, 60.0)
    for quiet in (Suppressed(True, 1), Shelved("anna", "tapping", 1), TakenOut("emil", "x", 1)):
        assert after(Began("one", 0), quiet, late).times_repeated == 0


@given(st.integers(1, 400), st.lists(st.integers(0, 400), max_size=10))
def test_how_often_it_was_told_again_does_not_hang_on_who_looked_when(
    end: int, looks: list[int]
) -> None:
    minute_ns = 60_000_000_000
    seen = sorted(one for one in looks if one < end)
    story = [TimePassed(one * minute_ns, 600.0) for one in [*seen, end]]
    state = after(Began("one", 0), *story)
    assert (state.times_repeated, state.annunciated_ns) == (end // 10, end // 10 * 10 * minute_ns)
    assert state == after(Began("one", 0), TimePassed(end * minute_ns, 600.0))


def test_a_comment_is_about_the_occurrence_that_was_seen() -> None:
    state = after(Began("one", 0), Ended(1), Began("two", 2))
    assert isinstance(happen(state, Commented("one")), Refusal)
    assert happen(state, Commented("two")) == state
