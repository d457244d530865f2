"""The alarms of a line, folded from what is told on `events`: conditions, and what people did.

An alarm is a condition that begins and ends; what is a fact of one moment, or for the journal only,
is none. It is known by its subject (`stream.active`), so that what concerns the whole line is one
alarm. Whatever follows from another one is suppressed (`control.alarm_causes`); whatever lasts is
told again (`control.retelling`). Read again from the beginning, the same events give the same list.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from control.alarm_causes import Episode, explains, is_cause
from control.alarm_happenings import Began, Ended, Happening, Suppressed, TimePassed
from control.alarms import AlarmState, Standing, happen
from control.events import Priority
from control.modes import Refusal
from control.retelling import Retelling
from stream.active import fold_active, process_of, subject_of
from stream.alarm_deeds import DEEDS, happening_of
from stream.records import Event

_NORMAL_KEPT: Final = 500
_NOTHING_DUE: Final = 2**62
_NS: Final = 1_000_000_000
_Place = tuple[int | None, int | None]  # section, cell; None: everywhere


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of the list.

    Attributes:
        event: that told of the newest beginning.
        who, comment: of whoever did something about it last.
        changed_ns: when it changed last.
        cause: subject of the alarm that it follows from, while it is suppressed; "" else.
        due_ns: time alone does not change it before.
    """

    subject: str
    event: Event
    state: AlarmState
    who: str = ""
    comment: str = ""
    changed_ns: int = 0
    cause: str = ""
    due_ns: int = field(default=_NOTHING_DUE, compare=False)


@dataclass(frozen=True, slots=True)
class AlarmList:
    """All alarms, by subject, the least recently changed first, and the events that are active.

    Attributes:
        episodes: causes that stand or have just ended, by subject.
        retelling: when alarms that last are told again.
        is_of_now: what is over is not kept, whether anybody has acknowledged it or not; else the
            newest of those that are normal again are.
        due_ns: nothing changes by time alone before.
    """

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    active: Mapping[str, Event] = field(default_factory=dict)
    episodes: Mapping[str, Episode] = field(default_factory=dict)
    retelling: Retelling = field(default_factory=Retelling)
    is_of_now: bool = False
    due_ns: int = field(default=_NOTHING_DUE, compare=False)


def fold_alarms(before: AlarmList, event: Event) -> AlarmList:
    """Return the list after an event.

    What time had changed by then has changed first, so that a list that is folded anew ends up as
    one that was kept.
    """
    at_ns = event.t_event_ns
    before = pass_time(before, at_ns)
    alarms, episodes = dict(before.alarms), dict(before.episodes)
    if event.name in DEEDS:
        touched = _do(alarms, event)
        active = before.active
    else:
        touched, active = _tell(before, alarms, episodes, event)
    if not touched:
        return replace(before, active=active)
    # A cause that begins, ends or is put away concerns all that may follow from it.
    causes = [episodes[subject] for subject in touched if subject in episodes]
    changed = [*touched, *_reached(alarms, causes)]
    _suppress(alarms, episodes, changed, at_ns)
    _look_ahead(alarms, changed, before.retelling)
    _forget(alarms, before.is_of_now)
    due_ns = min(before.due_ns, _due_ns(alarms, changed, causes))
    return replace(before, alarms=alarms, active=active, episodes=episodes, due_ns=due_ns)


def pass_time(before: AlarmList, now_ns: int) -> AlarmList:
    """Return the list as time alone has changed it: shelves that have run out, causes that are
    over, alarms that are told again."""
    if now_ns < before.due_ns:
        return before
    alarms, episodes = dict(before.alarms), dict(before.episodes)
    for at_ns in sorted({*_turns(alarms, episodes, now_ns), now_ns}):
        due = [subject for subject, one in alarms.items() if one.due_ns <= at_ns]
        for subject in due:
            _let_pass(alarms, subject, before.retelling, at_ns)
        over = [
            subject
            for subject, one in episodes.items()
            if one.over_ns is not None and one.over_ns <= at_ns
        ]
        causes = [episodes[subject] for subject in {*over, *due} if subject in episodes]
        for subject in over:
            del episodes[subject]
        changed = [*due, *_reached(alarms, causes)]
        _suppress(alarms, episodes, changed, at_ns)
        _look_ahead(alarms, changed, before.retelling)
    due_ns = _due_ns(alarms, alarms, episodes.values())
    return replace(before, alarms=alarms, episodes=episodes, due_ns=due_ns)


def _tell(
    before: AlarmList, alarms: dict[str, Alarm], episodes: dict[str, Episode], event: Event
) -> tuple[list[str], Mapping[str, Event]]:
    """Take in what began or ended; returns the subjects concerned, and what is active then."""
    at_ns = event.t_event_ns
    active, _ = fold_active(before.active, event)
    touched = sorted(before.active.keys() - active.keys())
    for subject in touched:
        _change(alarms, subject, Ended(at_ns), at_ns)
        if subject in episodes:
            episodes[subject] = episodes[subject].ended(at_ns)
    if not event.active or event.priority is Priority.JOURNAL:
        return touched, active
    subject, origin = subject_of(event), process_of(event.origin)
    known = alarms.get(subject)
    alarms[subject] = (
        Alarm(subject, event, AlarmState())
        if known is None
        else replace(known, event=event, who="", comment="")
    )
    _change(alarms, subject, Began(event.event_id, at_ns), at_ns)
    if subject in episodes:
        episodes[subject] = episodes[subject].resumed(at_ns)
    elif is_cause(event.name, origin):
        episodes[subject] = Episode(event.name, origin, event.section, event.cell, at_ns)
    return [*touched, subject], active


def _do(alarms: dict[str, Alarm], event: Event) -> list[str]:
    """Let somebody do something about an alarm; returns its subject, or nothing if refused."""
    subject, at_ns = str(event.details.get("alarm", "")), event.t_event_ns
    if subject not in alarms:
        return []
    what = happening_of(event.name, event.details, at_ns)
    if what is not None and not _change(alarms, subject, what, at_ns):
        return []
    who, comment = (str(event.details.get(name, "")) for name in ("who", "comment"))
    alarms[subject] = replace(alarms[subject], who=who, comment=comment, changed_ns=at_ns)
    return [subject]


def _change(alarms: dict[str, Alarm], subject: str, what: Happening, at_ns: int) -> bool:
    """Let something happen to an alarm; returns whether it was not refused."""
    alarm = alarms.get(subject)
    if alarm is None:
        return False
    state = happen(alarm.state, what)
    if isinstance(state, Refusal):
        return False
    if state == alarm.state:
        return True
    del alarms[subject]  # to the end
    alarms[subject] = replace(alarm, state=state, changed_ns=at_ns)
    return True


def _suppress(
    alarms: dict[str, Alarm], episodes: Mapping[str, Episode], subjects: Iterable[str], at_ns: int
) -> None:
    """Suppress what follows from a cause, and tell what does not any more.

    A cause that a person keeps quiet hides nothing: else what follows would be hidden by hand too.
    """
    loud: dict[_Place, list[tuple[int, str, Episode]]] = {}
    for subject, episode in episodes.items():
        if subject not in alarms or not alarms[subject].state.is_put_away:
            own = loud.setdefault((episode.section, episode.cell), [])
            own.append((episode.since_ns, subject, episode))
    for subject in subjects:
        alarm = alarms.get(subject)
        if alarm is None or not (loud or alarm.state.is_suppressed):
            continue
        cause = _cause_of(alarm, loud)
        if alarm.state.is_suppressed is not bool(cause):
            _change(alarms, subject, Suppressed(bool(cause), at_ns), at_ns)
        if alarm.cause != cause:
            alarms[subject] = replace(alarms[subject], cause=cause)


def _cause_of(alarm: Alarm, loud: Mapping[_Place, Sequence[tuple[int, str, Episode]]]) -> str:
    """Return the subject of the oldest cause of an active alarm; "" for none."""
    if not alarm.state.is_active:
        return ""
    event = alarm.event
    found = [
        (since_ns, subject)
        for place in {(None, None), (event.section, None), (event.section, event.cell)}
        for since_ns, subject, episode in loud.get(place, ())
        if explains(episode, event.name, event.section, event.cell, event.t_event_ns)
    ]
    return min(found)[1] if found else ""


def _reached(alarms: Mapping[str, Alarm], causes: Sequence[Episode]) -> list[str]:
    """Return the subjects of alarms that stand where one of the causes is."""
    places = {(one.section, one.cell) for one in causes}
    if not places or (None, None) in places:
        return list(alarms) if places else []
    return [
        subject
        for subject, one in alarms.items()
        if (one.event.section, one.event.cell) in places or (one.event.section, None) in places
    ]


def _let_pass(alarms: dict[str, Alarm], subject: str, retelling: Retelling, at_ns: int) -> None:
    """Let an alarm come to a time, through all that happens to it until then."""
    while (due_ns := _due_of(alarms[subject], retelling)) <= at_ns:
        alarm = alarms[subject]
        again_s = retelling.after_s(alarm.event.priority, alarm.state.is_acknowledged)
        # What nobody has acknowledged is told every so often: all those times at once.
        is_at_once = not (alarm.state.is_put_away or alarm.state.is_acknowledged)
        until_ns = at_ns if is_at_once else due_ns
        _change(alarms, subject, TimePassed(until_ns, again_s), until_ns)


def _due_of(alarm: Alarm, retelling: Retelling) -> int:
    """Return when time changes an alarm next."""
    state = alarm.state
    ends = [one.until_ns for one in (state.shelf, state.outage) if one is not None]
    again_s = retelling.after_s(alarm.event.priority, state.is_acknowledged)
    if again_s is not None and state.is_active and not state.is_quiet:
        ends.append(state.annunciated_ns + max(1, int(again_s * _NS)))
    return min(ends, default=_NOTHING_DUE)


def _look_ahead(alarms: dict[str, Alarm], subjects: Iterable[str], retelling: Retelling) -> None:
    """Note when time changes each of some alarms next."""
    for subject in subjects:
        alarm = alarms.get(subject)
        if alarm is not None and alarm.due_ns != (due_ns := _due_of(alarm, retelling)):
            alarms[subject] = replace(alarm, due_ns=due_ns)


def _due_ns(
    alarms: Mapping[str, Alarm], subjects: Iterable[str], episodes: Iterable[Episode]
) -> int:
    over = (one.over_ns for one in episodes if one.over_ns is not None)
    due = (alarms[subject].due_ns for subject in subjects if subject in alarms)
    return min((*over, *due), default=_NOTHING_DUE)


def _turns(
    alarms: Mapping[str, Alarm], episodes: Mapping[str, Episode], now_ns: int
) -> Iterable[int]:
    """Yield the times at which time changes a cause, and with it what follows from it."""
    for subject, episode in episodes.items():
        if episode.over_ns is not None and episode.over_ns <= now_ns:
            yield episode.over_ns
        if subject in alarms:
            state = alarms[subject].state
            for one in (state.shelf, state.outage):
                if one is not None and one.until_ns <= now_ns:
                    yield one.until_ns


def _forget(alarms: dict[str, Alarm], is_of_now: bool) -> None:
    """Forget what is over, or of many that are normal again the oldest."""
    if is_of_now:
        over = [key for key, one in alarms.items() if _is_over(one.state)]
    elif len(alarms) > 2 * _NORMAL_KEPT:
        normal = [key for key, one in alarms.items() if one.state.standing is Standing.NORMAL]
        over = normal[: max(0, len(normal) - _NORMAL_KEPT)]
    else:
        return
    for key in over:
        del alarms[key]


def _is_over(state: AlarmState) -> bool:
    return not (state.is_active or state.is_put_away)
