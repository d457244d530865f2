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
from stream.alarm import Alarm
from stream.alarm_list import AlarmList, fold_alarms, pass_time
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


def life(number: int, of: str = "guard") -> Event:
    """The word of the supervisor that a process died, and lives again."""
    return line_event(
        number, "process_restarted", active=False, origin="supervisor", process=of, why="killed"
    )


def test_what_came_in_between_is_not_hidden_when_the_cause_comes_again() -> None:
    between = event(12 * SECOND, cell=7)
    alarms = after(
        line_event(0, DOWN),
        line_event(10 * SECOND, DOWN, active=False),
        between,
        line_event(20 * SECOND, DOWN),
    )
    assert sorted(told(alarms)) == sorted([DOWN, "cell_silent"])
    later = fold_alarms(alarms, event(21 * SECOND, cell=8))
    assert of(later, event(21 * SECOND, cell=8)).state.is_suppressed


@pytest.mark.parametrize("pause_s", [1, 20, 100, 280])
@pytest.mark.parametrize("is_cause_first", [True, False])
def test_what_came_first_stays_in_sight_when_its_teller_starts_anew(
    pause_s: int, is_cause_first: bool
) -> None:
    first, cause, later = event(0, cell=3), line_event(300 * SECOND, DOWN), event(301 * SECOND)
    start = 360 * SECOND
    again = [event(start + pause_s * SECOND + n, cell=cell) for n, cell in enumerate((3, 1))]
    at = start + pause_s * SECOND + (-1 if is_cause_first else 5)
    again.insert(0 if is_cause_first else 2, line_event(at, DOWN))
    alarms = after(first, cause, later, life(start), *again)
    assert sorted(told(alarms)) == sorted([DOWN, "cell_silent"])
    assert of(alarms, first).state.standing is Standing.UNACKNOWLEDGED
    assert of(alarms, first).began_ns == NOW_NS
    assert of(alarms, later).cause == subject_of(cause), "and what followed follows still"


def test_a_process_that_dies_again_and_again_keeps_what_came_first_in_sight() -> None:
    story = [event(0, cell=3), line_event(100 * SECOND, DOWN)]
    deaths = [life(turn * 200 * SECOND) for turn in range(1, 10)]
    again = 1850 * SECOND
    alarms = after(*story, *deaths, line_event(again, DOWN), event(again + 1, cell=3))
    assert sorted(told(alarms)) == sorted([DOWN, "cell_silent"])


def test_what_is_over_in_the_new_life_or_comes_long_after_is_another_thing() -> None:
    first, cause = event(0, cell=3), line_event(100 * SECOND, DOWN)
    over = event(201 * SECOND, cell=3, active=False)
    again = [line_event(202 * SECOND, DOWN), event(203 * SECOND, cell=3)]
    assert told(after(first, cause, life(200 * SECOND), over, *again)) == [DOWN]
    long = [line_event(2000 * SECOND, DOWN), event(2001 * SECOND, cell=3)]
    assert told(after(first, cause, life(200 * SECOND), *long)) == [DOWN]


def test_what_is_told_anew_without_an_end_is_no_later_for_that() -> None:
    first, cause = event(0, cell=3), line_event(10 * SECOND, DOWN)
    alarms = after(first, cause, event(20 * SECOND, cell=3))
    assert sorted(told(alarms)) == sorted([DOWN, "cell_silent"])


def test_what_ended_with_its_teller_is_not_kept_for_ever() -> None:
    story = [event(n, "approval_wanted", cell=None, subject=f"{n}") for n in range(100)]
    alarms = after(*story, life(SECOND))
    assert len(alarms.lapses) == 100
    later = fold_alarms(alarms, life(2000 * SECOND))
    assert later.lapses == {}


def test_a_trip_of_the_plant_and_the_current_that_goes_with_it_are_one_alarm() -> None:
    trip, current = line_event(0, "plant_trip"), line_event(2 * SECOND, DOWN)
    cells = [event(20 * SECOND + cell, cell=cell) for cell in CELLS]
    alarms = after(trip, current, *cells)
    assert told(alarms) == ["plant_trip"]
    assert of(alarms, current).cause == subject_of(trip)
    # What stands when the trip is reset is told.
    over = fold_alarms(alarms, line_event(60 * SECOND, "plant_trip", active=False))
    assert told(pass_time(over, NOW_NS + 60 * SECOND + SETTLE_NS)) == [DOWN]


def test_a_current_that_goes_before_the_trip_or_long_after_stays_in_sight() -> None:
    both = sorted(["plant_trip", DOWN])
    assert sorted(told(after(line_event(0, DOWN), line_event(1, "plant_trip")))) == both
    late = after(line_event(0, "plant_trip"), line_event(60 * SECOND, DOWN))
    assert sorted(told(late)) == both


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
_Steps = list[tuple[str, str, int, int]]


def _stories(longest_s: int) -> st.SearchStrategy[_Steps]:
    whats = ["began", "began", "ended", "alarm_acknowledged", "alarm_shelved", "life"]
    return st.lists(
        st.tuples(
            st.sampled_from(_NAMES),
            st.sampled_from(whats),
            st.integers(1, 2),  # cell
            st.integers(1, longest_s),  # seconds until the next
        ),
        max_size=30,
    )


_steps = _stories(40)


def _told(steps: Sequence[tuple[str, str, int, int]]) -> list[Event]:
    told: list[Event] = []
    newest: dict[tuple[str, int | None], Event] = {}
    at = 0
    for name, what, number, seconds in steps:
        at += seconds * SECOND
        cell = number if name in ("cell_silent", "move_held") else None
        if what == "life":
            told.append(life(at))
        elif what in ("began", "ended"):
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


@given(_stories(9))
def test_what_was_told_while_there_was_no_cause_is_hidden_by_none_that_comes_later(
    steps: _Steps,
) -> None:
    """Until it ends, whatever starts anew meanwhile."""
    alarms, seen = AlarmList(retelling=NEVER_AGAIN), set[str]()
    for one in _told([step for step in steps if step[1] != "alarm_shelved"]):
        alarms = fold_alarms(alarms, one)
        if not one.active:
            seen.discard(subject_of(one))
        for key, alarm in alarms.alarms.items():
            is_first = alarm.began_ns == alarm.event.t_event_ns
            if alarm.state.is_active and is_first and not alarms.episodes.keys() - {key}:
                seen.add(key)
            assert not (key in seen and alarm.state.is_suppressed)


@pytest.mark.parametrize("name", ["alarm_taken_out", "alarm_put_back"])
def test_what_is_done_about_an_alarm_that_is_not_there_changes_nothing(name: str) -> None:
    assert after(deed(1, name, event(0))) == AlarmList()
