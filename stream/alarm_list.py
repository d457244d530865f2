"""The alarms of a line, folded from what is told on `events`: conditions, and what people did.

An alarm is a condition that begins and ends; what is a fact of one moment, or for the journal only,
is none. It is known by its subject (`stream.active`), so that what concerns the whole line is one
alarm. Whatever follows from another one is suppressed (`control.alarm_causes`); whatever lasts is
told again (`control.retelling`). Read again from the beginning, the same events give the same list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from control.alarm_causes import Episode, is_cause
from control.alarm_happenings import Began, Ended, TimePassed
from control.alarms import AlarmState
from control.events import Priority
from control.retelling import Retelling
from stream.active import ended_life, fold_active, process_of, subject_of
from stream.alarm import NOTHING_DUE, Alarm, Said, change
from stream.alarm_deeds import DEEDS, happening_of
from stream.alarm_forgetting import FULL_AT, forget
from stream.alarm_hiding import reached, suppress
from stream.alarm_lapses import Lapse, live_again
from stream.records import Event

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class AlarmList:
    """All alarms, by subject, the least recently changed first, and the events that are active.

    Attributes:
        episodes: causes that stand or have just ended, by subject.
        lapses: what a new life of its process ended a moment ago, by subject.
        retelling: when alarms that last are told again.
        is_of_now: what is over is kept only where nobody has acknowledged it and it is urgent
            (HIGH, MEDIUM); else the newest of those that are over are too.
        due_ns: nothing changes by time alone before.
        full_at: of so many alarms none is forgotten for being one of too many.
    """

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    active: Mapping[str, Event] = field(default_factory=dict)
    episodes: Mapping[str, Episode] = field(default_factory=dict)
    lapses: Mapping[str, Lapse] = field(default_factory=dict)
    retelling: Retelling = field(default_factory=Retelling)
    is_of_now: bool = False
    due_ns: int = field(default=NOTHING_DUE, compare=False)
    full_at: int = field(default=FULL_AT, compare=False)


def fold_alarms(before: AlarmList, event: Event) -> AlarmList:
    """Return the list after an event.

    What time had changed by then has changed first, so that a list that is folded anew ends up as
    one that was kept.
    """
    at_ns = event.t_event_ns
    before = pass_time(before, at_ns)
    alarms, episodes, lapses = dict(before.alarms), dict(before.episodes), dict(before.lapses)
    active = before.active
    if event.name in DEEDS:
        touched = _do(alarms, event)
    else:
        active, _ = fold_active(before.active, event)
        touched = _end(before.active, active, alarms, episodes, lapses, event)
        if event.active and event.priority is not Priority.JOURNAL:
            touched.append(_begin(alarms, episodes, lapses, event))
    if not touched:
        return replace(before, active=active, lapses=lapses)
    # A cause that begins, ends or is put away concerns all that may follow from it.
    causes = [episodes[subject] for subject in touched if subject in episodes]
    changed = [*touched, *reached(alarms, causes)]
    suppress(alarms, episodes, changed, at_ns)
    _look_ahead(alarms, changed, before.retelling)
    full_at = forget(alarms, changed, is_of_now=before.is_of_now, full_at=before.full_at)
    due_ns = min(before.due_ns, _due_ns(alarms, changed, causes))
    return replace(
        before,
        alarms=alarms,
        active=active,
        episodes=episodes,
        lapses=lapses,
        due_ns=due_ns,
        full_at=full_at,
    )


def pass_time(before: AlarmList, now_ns: int) -> AlarmList:
    """Return the list as time alone has changed it: shelves that have run out, causes that are
    over, alarms that are told again."""
    if now_ns < before.due_ns:
        return before
    alarms, episodes, full_at = dict(before.alarms), dict(before.episodes), before.full_at
    for at_ns in sorted({*_turns(alarms, episodes, now_ns), now_ns}):
        due = [subject for subject, one in alarms.items() if one.due_ns <= at_ns]
        was_put_away = {subject for subject in due if alarms[subject].state.is_put_away}
        for subject in due:
            _let_pass(alarms, subject, before.retelling, at_ns)
        back = [one for one in was_put_away if not alarms[one].state.is_put_away]
        over = [
            subject
            for subject, one in episodes.items()
            if one.over_ns is not None and one.over_ns <= at_ns
        ]
        # What is only told again concerns nothing else.
        causes = [episodes[subject] for subject in {*over, *back} if subject in episodes]
        for subject in over:
            del episodes[subject]
        changed = [*sorted(back), *reached(alarms, causes)]
        suppress(alarms, episodes, changed, at_ns)
        _look_ahead(alarms, [*due, *changed], before.retelling)
        full_at = forget(alarms, changed, is_of_now=before.is_of_now, full_at=full_at)
    due_ns = min((one.due_ns for one in alarms.values()), default=NOTHING_DUE)
    due_ns = min(due_ns, _due_ns(alarms, (), episodes.values()))
    return replace(before, alarms=alarms, episodes=episodes, due_ns=due_ns, full_at=full_at)


def _end(
    before: Mapping[str, Event],
    active: Mapping[str, Event],
    alarms: dict[str, Alarm],
    episodes: dict[str, Episode],
    lapses: dict[str, Lapse],
    event: Event,
) -> list[str]:
    """End what an event ended, by itself or as the first of a new life; returns the subjects.

    Args:
        before, active: what was active before the event, and what is after it.
    """
    at_ns, own, process = event.t_event_ns, subject_of(event), ended_life(event)
    if process is not None:
        live_again(lapses, process, at_ns)
    touched = sorted(before.keys() - active.keys())
    for subject in touched:
        episode = episodes.get(subject)
        if episode is not None:
            episode = episodes[subject] = episode.ended(at_ns)
        if subject in alarms and subject != own:
            began_ns, teller = alarms[subject].began_ns, process_of(before[subject].origin)
            lapses[subject] = Lapse(teller, began_ns, at_ns, episode)
        change(alarms, subject, Ended(at_ns), at_ns)
    if not event.active:
        lapses.pop(own, None)  # the new life knows that it is over
    return touched


def _begin(
    alarms: dict[str, Alarm],
    episodes: dict[str, Episode],
    lapses: dict[str, Lapse],
    event: Event,
) -> str:
    """Take in what began; returns its subject."""
    at_ns, subject, origin = event.t_event_ns, subject_of(event), process_of(event.origin)
    known, lapse = alarms.get(subject), lapses.pop(subject, None)
    if lapse is not None and lapse.is_over(at_ns):
        lapse = None
    began_ns = at_ns if lapse is None else lapse.began_ns
    if known is None:
        alarms[subject] = Alarm(subject, event, AlarmState(), began_ns)
    elif not known.state.is_active or known.state.event_id != event.event_id:
        # Of what stands already, a second beginning makes nothing later.
        began_ns = known.began_ns if known.state.is_active else began_ns
        alarms[subject] = replace(
            known, event=event, began_ns=began_ns, who="", comment="", acknowledged=Said()
        )
    change(alarms, subject, Began(event.event_id, at_ns), at_ns)
    episode = episodes.get(subject)
    if episode is None and lapse is not None:
        episode = lapse.episode
    if episode is not None:
        episodes[subject] = episode.resumed(at_ns, is_same=lapse is not None)
    elif is_cause(event.name, origin):
        episodes[subject] = Episode(event.name, origin, event.section, event.cell, at_ns)
    return subject


def _do(alarms: dict[str, Alarm], event: Event) -> list[str]:
    """Let somebody do something about an alarm; returns its subject, or nothing if refused."""
    subject, at_ns = str(event.details.get("alarm", "")), event.t_event_ns
    if subject not in alarms:
        return []
    what = happening_of(event.name, event.details, at_ns)
    if what is None or not change(alarms, subject, what, at_ns):
        return []
    who, comment = (str(event.details.get(name, "")) for name in ("who", "comment"))
    alarm = replace(alarms[subject], who=who, comment=comment, changed_ns=at_ns)
    if event.name == "alarm_acknowledged":
        alarm = replace(alarm, acknowledged=Said(who, comment))
    alarms[subject] = alarm
    return [subject]


def _let_pass(alarms: dict[str, Alarm], subject: str, retelling: Retelling, at_ns: int) -> None:
    """Let an alarm come to a time, through all that happens to it until then."""
    while (due_ns := _due_of(alarms[subject], retelling)) <= at_ns:
        alarm = alarms[subject]
        again_s = retelling.after_s(alarm.event.priority, alarm.state.is_acknowledged)
        # What nobody has acknowledged is told every so often: all those times at once.
        is_at_once = not (alarm.state.is_put_away or alarm.state.is_acknowledged)
        until_ns = at_ns if is_at_once else due_ns
        change(alarms, subject, TimePassed(until_ns, again_s), until_ns)


def _due_of(alarm: Alarm, retelling: Retelling) -> int:
    """Return when time changes an alarm next."""
    state = alarm.state
    ends = [one.until_ns for one in (state.shelf, state.outage) if one is not None]
    again_s = retelling.after_s(alarm.event.priority, state.is_acknowledged)
    if again_s is not None and state.is_active and not state.is_quiet:
        ends.append(state.annunciated_ns + max(1, int(again_s * _NS)))
    return min(ends, default=NOTHING_DUE)


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
    return min((*over, *due), default=NOTHING_DUE)


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
