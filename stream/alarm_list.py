"""The alarms of a line, folded from what is told on `events`: conditions, and what people did.

An alarm is a condition that begins and ends; what is a fact of one moment, or for the journal only,
is none. It is known by its subject (`stream.active`), so that what concerns the whole line is one
alarm. Read again from the beginning, the same events give the same list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from control.alarms import (
    Acknowledged,
    AlarmState,
    Began,
    Confirmed,
    Ended,
    Happening,
    Shelved,
    Standing,
    TimePassed,
    Unshelved,
    happen,
)
from control.events import Priority
from control.modes import Refusal
from stream.active import fold_active, subject_of
from stream.records import Event

_NORMAL_KEPT: Final = 500
_MOST_KEPT: Final = 2 * _NORMAL_KEPT  # beyond that the normal ones are looked through
Details = Mapping[str, str | float | int | None]
DEEDS: Final = frozenset(
    {
        "alarm_acknowledged",
        "alarm_confirmed",
        "alarm_commented",
        "alarm_shelved",
        "alarm_unshelved",
    }
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of the list.

    Attributes:
        event: that told of the newest beginning.
        who, comment: of whoever did something about it last.
        changed_ns: when it changed last.
    """

    subject: str
    event: Event
    state: AlarmState
    who: str = ""
    comment: str = ""
    changed_ns: int = 0


@dataclass(frozen=True, slots=True)
class AlarmList:
    """All alarms, by subject, the least recently changed first, and the events that are active.

    Of those that are normal again only the newest are kept.
    """

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    active: Mapping[str, Event] = field(default_factory=dict)


def fold_alarms(before: AlarmList, event: Event) -> AlarmList:
    """Return the list after an event.

    A shelf that had ended by then has ended first, so that a list that is folded anew ends up as
    one that was kept.
    """
    before = pass_time(before, event.t_event_ns)
    if event.name in DEEDS:
        return _do(before, event)
    active, _ = fold_active(before.active, event)
    alarms = dict(before.alarms)
    for subject in before.active.keys() - active.keys():
        _change(alarms, subject, Ended(event.t_event_ns), event.t_event_ns)
    if event.active and event.priority is not Priority.JOURNAL:
        subject = subject_of(event)
        known = alarms.get(subject)
        alarms[subject] = (
            Alarm(subject, event, AlarmState())
            if known is None
            else replace(known, event=event, who="", comment="")
        )
        _change(alarms, subject, Began(event.event_id, event.t_event_ns), event.t_event_ns)
    return AlarmList(alarms, active)


def pass_time(before: AlarmList, now_ns: int) -> AlarmList:
    """Return the list with the shelves ended that have run out."""
    due = [
        subject
        for subject, alarm in before.alarms.items()
        if alarm.state.shelf is not None and now_ns >= alarm.state.shelf.until_ns
    ]
    if not due:
        return before
    alarms = dict(before.alarms)
    for subject in due:
        shelf = alarms[subject].state.shelf
        if shelf is not None:
            _change(alarms, subject, TimePassed(shelf.until_ns), shelf.until_ns)
    return replace(before, alarms=alarms)


def happening_of(name: str, details: Details, at_ns: int) -> Happening | None:
    """Return what somebody did about an alarm, as it is on record; None for a comment.

    Args:
        name: of the event.
        details: of the event.
        at_ns: wall time.
    """
    occurrence = str(details.get("occurrence", ""))
    match name:
        case "alarm_acknowledged":
            return Acknowledged(occurrence)
        case "alarm_confirmed":
            return Confirmed(occurrence)
        case "alarm_shelved":
            return Shelved(
                owner=str(details.get("who", "")),
                reason=str(details.get("comment", "")),
                at_ns=at_ns,
                duration_s=float(details.get("duration_s") or 0.0),
                is_one_shot=bool(details.get("one_shot")),
            )
        case "alarm_unshelved":
            return Unshelved(at_ns)
        case _:
            return None


def _do(before: AlarmList, event: Event) -> AlarmList:
    subject = str(event.details.get("alarm", ""))
    if subject not in before.alarms:
        return before
    alarms = dict(before.alarms)
    what = happening_of(event.name, event.details, event.t_event_ns)
    if what is not None and not _change(alarms, subject, what, event.t_event_ns):
        return before
    who, comment = (str(event.details.get(name, "")) for name in ("who", "comment"))
    alarms[subject] = replace(
        alarms[subject], who=who, comment=comment, changed_ns=event.t_event_ns
    )
    return replace(before, alarms=alarms)


def _change(alarms: dict[str, Alarm], subject: str, what: Happening, at_ns: int) -> bool:
    """Let something happen to an alarm; returns whether it was not refused."""
    alarm = alarms.get(subject)
    if alarm is None:
        return False
    state = happen(alarm.state, what)
    if isinstance(state, Refusal):
        return False
    del alarms[subject]  # to the end
    alarms[subject] = replace(alarm, state=state, changed_ns=at_ns)
    if len(alarms) > _MOST_KEPT:
        normal = [key for key, one in alarms.items() if one.state.standing is Standing.NORMAL]
        for key in normal[:-_NORMAL_KEPT]:
            del alarms[key]
    return True
