"""Suppression by design: a cause is one alarm, what follows from it waits, and nothing is lost."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.alarm_causes import SETTLE_NS
from control.alarms import Standing
from control.events import Priority
from control.retelling import NEVER_AGAIN, Retelling
from stream.active import subject_of
from stream.alarm_list import Alarm, AlarmList, fold_alarms, pass_time
from stream.records import Event
from tests.stream.test_alarm_list import NOW_NS, after, deed, event, fold

SECOND = 1_000_000_000
CELLS = range(1, 241)
DOWN = "line_without_current"


def line_event(number: int, name: str, **changes: Any) -> Event:
    return event(number, name, cell=None, **changes)


def told(alarms: AlarmList) -> list[str]:
    """Names of the events of which people are to know now."""
    return [
        one.event.name
        for one in alarms.alarms.values()
        if one.state.is_active and not one.state.is_quiet
    ]


def of(alarms: AlarmList, one: Event) -> Alarm:
    return alarms.alarms[subject_of(one)]


def story_of_a_trip() -> list[Event]:
    cells = [event(SECOND + cell, cell=cell) for cell in CELLS]
    held = [event(2 * SECOND + cell, "move_held", cell=cell) for cell in CELLS]
    return [line_event(0, DOWN), *cells, *held]


def test_a_line_that_trips_is_one_alarm_and_not_one_a_cell() -> None:
    story = story_of_a_trip()
    alarms = after(*story)
    assert told(alarms) == [DOWN]
    assert len(alarms.alarms) == 1 + 2 * len(CELLS), "the others stay in the data"
    cause = subject_of(story[0])
    assert {one.cause for one in alarms.alarms.values() if one.event.name != DOWN} == {cause}
    assert of(alarms, story[1]).state.standing is Standing.SUPPRESSED


def test_what_ends_with_its_cause_leaves_nothing_to_acknowledge() -> None:
    story = story_of_a_trip()
    over = [line_event(9 * SECOND, DOWN, active=False)]
    ends = [
        event(10 * SECOND + n, one.name, cell=one.cell, active=False)
        for n, one in enumerate(story[1:])
    ]
    alarms = pass_time(after(*story, *over, *ends), NOW_NS + 3600 * SECOND)
    waiting = [one.event.name for one in alarms.alarms.values() if one.state.is_retained]
    assert waiting == [DOWN]


def test_what_outlasts_its_cause_is_told_anew_once_that_has_settled() -> None:
    story = [line_event(0, DOWN), event(SECOND, cell=7)]
    ended_ns = 60 * SECOND
    alarms = after(*story, line_event(ended_ns, DOWN, active=False))
    assert told(alarms) == []
    settled_ns = NOW_NS + ended_ns + SETTLE_NS
    assert pass_time(alarms, settled_ns - 1).alarms == alarms.alarms
    later = pass_time(alarms, settled_ns)
    assert told(later) == ["cell_silent"]
    state = of(later, story[1]).state
    assert (state.standing, state.annunciated_ns) == (Standing.UNACKNOWLEDGED, settled_ns)
    assert of(later, story[1]).cause == ""
    assert subject_of(story[0]) not in later.episodes


def test_what_came_first_stays_in_sight() -> None:
    first, cause, later = event(1, cell=3), line_event(2, DOWN), event(3, cell=4)
    alarms = after(first, cause, later)
    assert told(alarms) == ["cell_silent", DOWN]
    assert of(alarms, later).cause == subject_of(cause)


def test_what_is_no_consequence_is_told_beside_the_cause() -> None:
    others = ["audit_unwritable", "samples_stale", "bypass_active", "channel_lost"]
    story = [line_event(n, name) for n, name in enumerate(others, start=1)]
    assert sorted(told(after(line_event(0, DOWN), *story))) == sorted([DOWN, *others])


def test_a_cause_that_people_keep_quiet_hides_nothing() -> None:
    cause, cell = line_event(0, DOWN), event(SECOND, cell=7)
    shelved = after(cause, cell, deed(2 * SECOND, "alarm_shelved", cause, duration_s=60.0))
    assert told(shelved) == ["cell_silent"]
    assert of(shelved, cell).state.annunciated_ns == NOW_NS + 2 * SECOND
    again = pass_time(shelved, NOW_NS + 62 * SECOND)
    assert told(again) == [DOWN]
    out = after(cause, cell, deed(2 * SECOND, "alarm_taken_out", cause))
    assert told(out) == ["cell_silent"]
    back = fold_alarms(out, deed(3 * SECOND, "alarm_put_back", cause))
    assert told(back) == [DOWN]


def test_causes_of_causes_leave_the_first_one_only() -> None:
    lost = line_event(0, "scada_lost", origin="gateway")
    stale = line_event(5 * SECOND, "samples_stale")
    silent = line_event(9 * SECOND, "decisions_silent")
    held = event(10 * SECOND, "cell_unregulated", cell=4)
    alarms = after(lost, stale, silent, held)
    assert told(alarms) == ["scada_lost"]
    assert {one.cause for one in alarms.alarms.values()} == {"", subject_of(lost)}


def test_a_connection_that_comes_and_goes_is_one_cause() -> None:
    story = [line_event(0, "scada_lost", origin="gateway"), event(SECOND, cell=1)]
    for n in range(1, 6):
        gone, came = 10 * n * SECOND, (10 * n + 1) * SECOND
        story += [
            line_event(gone, "scada_lost", origin="gateway", active=False),
            line_event(came, "scada_lost", origin="gateway"),
        ]
    alarms = after(*story)
    assert told(alarms) == ["scada_lost"]
    assert of(alarms, story[1]).state.annunciated_ns == NOW_NS + SECOND, "never told in between"


def test_an_alarm_that_lasts_is_told_again_by_its_priority_until_somebody_takes_it_up() -> None:
    high, medium = event(0), event(0, "write_failed", cell=2)
    alarms = after(high, medium)
    minute = 60 * SECOND
    later = pass_time(alarms, NOW_NS + 31 * minute)
    assert [of(later, one).state.times_repeated for one in (high, medium)] == [3, 1]
    seen = fold_alarms(alarms, deed(5 * minute, "alarm_acknowledged", high))
    quiet = pass_time(seen, NOW_NS + 600 * minute)
    assert of(quiet, high).state.times_repeated == 0
    patient = AlarmList(retelling=Retelling(acknowledged_s=3600.0))
    asked = fold(patient, high, deed(5 * minute, "alarm_acknowledged", high))
    once = of(pass_time(asked, NOW_NS + 60 * minute), high).state
    assert (once.times_repeated, once.standing) == (1, Standing.UNACKNOWLEDGED)


def test_what_is_suppressed_is_not_told_again_and_begins_to_count_when_it_is_told() -> None:
    cell = event(SECOND, cell=7)
    over = line_event(3600 * SECOND, DOWN, active=False)
    alarms = after(line_event(0, DOWN), cell, over)
    told_ns = NOW_NS + 3600 * SECOND + SETTLE_NS
    assert of(pass_time(alarms, told_ns + 599 * SECOND), cell).state.times_repeated == 0
    assert of(pass_time(alarms, told_ns + 600 * SECOND), cell).state.times_repeated == 1


_NAMES = ["line_without_current", "samples_stale", "cell_silent", "move_held", "audit_unwritable"]
_steps = st.lists(
    st.tuples(
        st.sampled_from(_NAMES),
        st.sampled_from(["began", "began", "ended", "alarm_acknowledged", "alarm_shelved"]),
        st.integers(1, 2),  # cell
        st.integers(1, 40),  # seconds until the next
    ),
    max_size=30,
)


def _told(steps: Sequence[tuple[str, str, int, int]]) -> list[Event]:
    told: list[Event] = []
    newest: dict[tuple[str, int | None], Event] = {}
    at = 0
    for name, what, number, seconds in steps:
        at += seconds * SECOND
        cell = number if name in ("cell_silent", "move_held") else None
        if what in ("began", "ended"):
            one = event(at, name, cell=cell, active=what == "began")
            if what == "began":
                newest[name, cell] = one
            told.append(one)
        elif (name, cell) in newest:
            more = {"duration_s": 45.0, "one_shot": 0} if what == "alarm_shelved" else {}
            told.append(deed(at, what, newest[name, cell], **more))
    return told


@given(_steps, st.integers(0, SECOND - 1))
def test_it_does_not_hang_on_who_looks_when(
    steps: list[tuple[str, str, int, int]], at: int
) -> None:
    kept, read = AlarmList(), AlarmList()
    for one in _told(steps):
        kept = pass_time(fold_alarms(kept, one), one.t_event_ns + at)
        read = fold_alarms(read, one)
    end_ns = NOW_NS + 10_000 * SECOND
    kept, read = pass_time(kept, end_ns), pass_time(read, end_ns)
    assert kept.alarms == read.alarms
    assert kept.episodes == read.episodes


@given(_steps, st.integers(0, 100))
def test_whatever_is_hidden_has_a_cause_in_sight_or_one_that_was_a_moment_ago(
    steps: list[tuple[str, str, int, int]], wait_s: int
) -> None:
    events = _told(steps)
    alarms = fold(AlarmList(retelling=NEVER_AGAIN), *events)
    now_ns = max([NOW_NS, *(one.t_event_ns for one in events)]) + wait_s * SECOND
    alarms = pass_time(alarms, now_ns)
    for one in alarms.alarms.values():
        if not one.state.is_suppressed:
            assert one.cause == ""
            continue
        assert one.state.is_active
        assert one.event.name not in ("line_without_current", "audit_unwritable")
        cause = alarms.alarms[one.cause]
        assert not cause.state.is_put_away
        over_ns = alarms.episodes[one.cause].over_ns
        assert cause.state.is_active or (over_ns is not None and now_ns < over_ns)
        assert cause.event.priority is Priority.HIGH


@pytest.mark.parametrize("name", ["alarm_taken_out", "alarm_put_back"])
def test_what_is_done_about_an_alarm_that_is_not_there_changes_nothing(name: str) -> None:
    assert after(deed(1, name, event(0))) == AlarmList()
