"""Suppresses in the list of alarms what follows from a cause, and tells it again when the cause is
over (`control.alarm_causes`)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from control.alarm_causes import Episode, explains
from control.alarm_happenings import Suppressed
from stream.alarm import Alarm, change

_Place = tuple[int | None, int | None]  # section, cell; None: everywhere


def suppress(
    alarms: dict[str, Alarm], episodes: Mapping[str, Episode], subjects: Sequence[str], at_ns: int
) -> None:
    """Suppress what follows from a cause, and tell what does not any more.

    A cause that a person keeps quiet hides nothing: else what follows would be hidden by hand too.

    Args:
        alarms: changed in place.
        episodes: causes, by subject.
        subjects: of the alarms that may have to change.
        at_ns: wall time.
    """
    if not subjects:
        return
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
            change(alarms, subject, Suppressed(bool(cause), at_ns), at_ns)
        if alarm.cause != cause:
            alarms[subject] = replace(alarms[subject], cause=cause)


def reached(alarms: Mapping[str, Alarm], causes: Sequence[Episode]) -> list[str]:
    """Return the subjects of alarms that stand where one of the causes is."""
    places = {(one.section, one.cell) for one in causes}
    if not places or (None, None) in places:
        return list(alarms) if places else []
    return [
        subject
        for subject, one in alarms.items()
        if (one.event.section, one.event.cell) in places or (one.event.section, None) in places
    ]


def _cause_of(alarm: Alarm, loud: Mapping[_Place, Sequence[tuple[int, str, Episode]]]) -> str:
    """Return the subject of the oldest cause of an active alarm; "" for none."""
    if not alarm.state.is_active:
        return ""
    event = alarm.event
    found = [
        (since_ns, subject)
        for place in {(None, None), (event.section, None), (event.section, event.cell)}
        for since_ns, subject, episode in loud.get(place, ())
        if explains(episode, event.name, event.section, event.cell, alarm.began_ns)
    ]
    return min(found)[1] if found else ""
