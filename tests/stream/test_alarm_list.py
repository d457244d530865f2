"""The list of alarms: what is one, what people did about it, and that it is the same read again."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.alarms import Standing
from control.events import EVENTS
from control.retelling import NEVER_AGAIN
from stream.active import subject_of
from stream.alarm_list import AlarmList, fold_alarms, pass_time
from stream.records import Event

NOW_NS = 1_700_000_000_000_000_000
HOUR_NS = 3_600_000_000_000


def event(
    number: int,
    name: str = "cell_silent",
    *,
    active: bool = True,
    cell: int | None = 1,
    origin: str = "guard",
    **details: Any,
) -> Event:
    return Event(
        event_id=f"{origin}-{number}-{number + 1}",  # never the first of a life
        name=name,
        priority=EVENTS[name].priority,
        active=active,
        section=0,
        cell=cell,
        sentence="",
        advice="",
        origin=origin,
        details=details,
        t_event_ns=NOW_NS + number,
    )


def deed(number: int, name: str, of: Event, **details: Any) -> Event:
    """Something that olga did about an alarm."""
    told = {"alarm": subject_of(of), "occurrence": of.event_id, "who": "olga", "comment": "seen"}
    return event(number, name, active=False, origin="front", **told | details)


def after(*events: Event) -> AlarmList:
    return fold(AlarmList(), *events)


def fold(alarms: AlarmList, *events: Event) -> AlarmList:
    for one in events:
        alarms = fold_alarms(alarms, one)
    return alarms


def standings(alarms: AlarmList) -> list[Standing]:
    return [one.state.standing for one in alarms.alarms.values()]


def test_what_begins_is_an_alarm_and_facts_and_journals_are_none() -> None:
    began = event(1)
    fact = event(2, "command_refused", active=False)
    journal = event(3, "mode_changed", active=False)
    odd = event(4, "laboratory_taken_in", active=True)
    alarms = after(began, fact, journal, odd)
    assert list(alarms.alarms) == [subject_of(began)]
    assert standings(alarms) == [Standing.UNACKNOWLEDGED]


def test_an_alarm_that_went_before_anybody_saw_it_waits_for_somebody() -> None:
    began = event(1)
    gone = after(began, event(2, active=False))
    assert standings(gone) == [Standing.RETURNED]
    seen = fold_alarms(gone, deed(3, "alarm_acknowledged", began))
    assert standings(seen) == [Standing.NORMAL]
    (alarm,) = seen.alarms.values()
    assert (alarm.who, alarm.comment) == ("olga", "seen")


def test_what_a_process_began_ends_with_its_life() -> None:
    restarted = event(5, "process_restarted", active=False, origin="supervisor", process="guard")
    assert standings(after(event(1), restarted)) == [Standing.RETURNED]


def test_a_comment_changes_no_state() -> None:
    began = event(1)
    alarms = after(began, deed(2, "alarm_commented", began, comment="looked at"))
    assert standings(alarms) == [Standing.UNACKNOWLEDGED]
    assert next(iter(alarms.alarms.values())).comment == "looked at"


def test_a_comment_on_an_older_occurrence_lands_on_none() -> None:
    first, second = event(1), event(3)
    alarms = after(first, event(2, active=False), second)
    late = fold_alarms(alarms, deed(4, "alarm_commented", first, comment="of before"))
    assert late.alarms == alarms.alarms
    now = fold_alarms(late, deed(5, "alarm_commented", second, comment="of now"))
    assert [one.comment for one in now.alarms.values()] == ["of now"]


def test_who_acknowledged_stays_known_whoever_does_something_later() -> None:
    began = event(1)
    alarms = after(
        began,
        deed(2, "alarm_acknowledged", began, comment="on my way"),
        deed(3, "alarm_commented", began, who="emil", comment="a fuse"),
        deed(4, "alarm_confirmed", began, who="mona", comment="new fuse"),
    )
    (alarm,) = alarms.alarms.values()
    assert (alarm.who, alarm.comment) == ("mona", "new fuse")
    assert (alarm.acknowledged.who, alarm.acknowledged.comment) == ("olga", "on my way")
    again = fold(alarms, event(5, active=False), event(6))
    (alarm,) = again.alarms.values()
    assert (alarm.who, alarm.acknowledged.who) == ("", ""), "nobody has of the new occurrence"


def test_what_is_told_twice_keeps_what_people_said_about_it() -> None:
    began = event(1)
    alarms = after(began, deed(2, "alarm_acknowledged", began))
    assert fold_alarms(alarms, began).alarms == alarms.alarms


@pytest.mark.parametrize("duration_s", ["soon", None, float("nan"), -1.0])
def test_a_shelf_that_makes_no_sense_changes_nothing(duration_s: float | str | None) -> None:
    began = event(1)
    alarms = after(began, deed(2, "alarm_shelved", began, duration_s=duration_s))
    assert standings(alarms) == [Standing.UNACKNOWLEDGED]


def test_a_shelf_ends_by_itself_however_late_somebody_looks() -> None:
    began = event(1)
    shelved = fold(
        AlarmList(retelling=NEVER_AGAIN),
        began,
        deed(2, "alarm_shelved", began, duration_s=60.0, one_shot=0),
    )
    assert standings(shelved) == [Standing.SHELVED]
    late = pass_time(shelved, NOW_NS + HOUR_NS)
    assert standings(late) == [Standing.UNACKNOWLEDGED]
    assert late == pass_time(shelved, NOW_NS + 2 * HOUR_NS), "it ended when it ended"


def test_of_alarms_that_are_normal_again_only_the_newest_are_kept() -> None:
    story: list[Event] = []
    for cell in range(1, 1500):
        began = event(3 * cell, cell=cell)
        story += [
            began,
            event(3 * cell + 1, cell=cell, active=False),
            deed(3 * cell + 2, "alarm_acknowledged", began),
        ]
    waiting = event(1, "scada_lost", cell=None)
    alarms = after(waiting, *story)
    assert 500 <= len(alarms.alarms) <= 1001
    assert subject_of(waiting) in alarms.alarms


def came_and_went(number: int, name: str, **details: Any) -> list[Event]:
    return [
        event(number, name, cell=None, **details),
        event(number + 1, name, cell=None, active=False, **details),
    ]


def test_what_comes_and_goes_with_ever_new_subjects_stays_bounded_the_urgent_longest() -> None:
    story = came_and_went(1, "scada_lost") + came_and_went(3, "bypass_active", subject="travel")
    for number in range(5, 8000, 2):
        story += came_and_went(number, "approval_wanted", subject=f"request {number}")
    alarms = after(*story)
    assert 500 <= len(alarms.alarms) <= 1001
    kept = [one.event.name for one in alarms.alarms.values()]
    assert kept[:2] == ["scada_lost", "bypass_active"], "told first, and never forgotten"
    newest = list(alarms.alarms.values())[-1].event
    assert newest.details["subject"] == "request 7999"


def test_what_is_active_is_never_forgotten() -> None:
    standing = [event(n, "approval_wanted", cell=None, subject=f"{n}") for n in range(1, 2500)]
    gone = [
        one
        for number in range(3000, 5000, 2)
        for one in came_and_went(number, "approval_wanted", subject=f"{number}")
    ]
    alarms = after(*standing, *gone)
    active = [one for one in alarms.alarms.values() if one.state.is_active]
    assert len(active) == len(standing)


def test_the_list_of_now_keeps_what_went_unacknowledged_and_was_urgent() -> None:
    names = ["scada_lost", "bypass_active", "approval_wanted"]  # high, medium, low
    story = [one for n, name in enumerate(names) for one in came_and_went(10 * n + 1, name)]
    now = fold(AlarmList(is_of_now=True), *story)
    assert [one.event.name for one in now.alarms.values()] == names[:2]
    assert standings(now) == [Standing.RETURNED] * 2
    seen = fold_alarms(now, deed(50, "alarm_acknowledged", story[0]))
    assert [one.event.name for one in seen.alarms.values()] == ["bypass_active"]
    shelved = fold(
        AlarmList(is_of_now=True),
        story[0],
        deed(3, "alarm_shelved", story[0], duration_s=60.0),
        event(4, "scada_lost", cell=None, active=False),
    )
    assert standings(shelved) == [Standing.SHELVED]
    assert pass_time(shelved, NOW_NS + HOUR_NS).alarms == {}, "its shelf ran out, and it is over"


_cells = st.integers(1, 2)
_stories = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "began",
                "ended",
                "acknowledged",
                "shelved",
                "unshelved",
                "commented",
                "taken_out",
                "put_back",
            ]
        ),
        _cells,
        st.integers(0, 2),  # which occurrence somebody means: the newest, or one of before
    ),
    max_size=25,
)


def _told(story: Sequence[tuple[str, int, int]]) -> list[Event]:
    told: list[Event] = []
    occurrences: dict[int, list[Event]] = {1: [], 2: []}
    for number, (what, cell, back) in enumerate(story, start=1):
        if what in ("began", "ended"):
            one = event(number * HOUR_NS, cell=cell, active=what == "began")
            if what == "began":
                occurrences[cell].append(one)
            told.append(one)
        elif occurrences[cell]:
            meant = occurrences[cell][-1 - min(back, len(occurrences[cell]) - 1)]
            more = {"duration_s": 5400.0, "one_shot": 0} if what == "shelved" else {}
            told.append(deed(number * HOUR_NS, f"alarm_{what}", meant, **more))
    return told


@given(_stories, st.integers(0, HOUR_NS - 1))
def test_a_list_that_is_looked_at_in_between_ends_up_as_one_read_at_once(
    story: list[tuple[str, int, int]], at: int
) -> None:
    told = _told(story)
    kept = AlarmList()
    for one in told:
        kept = pass_time(fold_alarms(kept, one), one.t_event_ns + at)
    at_once = after(*told)
    if told:
        at_once = pass_time(at_once, told[-1].t_event_ns + at)
    assert kept.active == at_once.active
    assert {key: one.state for key, one in kept.alarms.items()} == {
        key: one.state for key, one in at_once.alarms.items()
    }


@given(_stories)
def test_what_is_active_is_an_alarm_and_never_acknowledged_for_another(
    story: list[tuple[str, int, int]],
) -> None:
    told = _told(story)
    alarms = after(*told)
    for subject, one in alarms.active.items():
        assert alarms.alarms[subject].state.is_active
        assert alarms.alarms[subject].state.event_id == one.event_id
    for alarm in alarms.alarms.values():
        said = {one.details["occurrence"] for one in told if one.name == "alarm_acknowledged"}
        if alarm.state.is_active and alarm.state.is_acknowledged:
            assert alarm.state.event_id in said
