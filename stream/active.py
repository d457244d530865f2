"""Which events are active: what began and has not ended, in no life of a process but its present.

An event is told when it begins and when it ends. What a process began it cannot end in its next
life, which knows nothing of it; so a new life ends whatever the one before left standing. A
condition that still holds begins anew.
"""

from collections.abc import Mapping
from typing import Final

from stream.records import Event

SUPERVISOR: Final = "supervisor"
# Details that tell two alike apart. The setpoint is none: what is wrong with the moves of a cell
# ends for all of its setpoints together, in the name of the last.
_DISTINGUISHING: Final = ("topic", "agent", "signal", "channel", "fault", "subject")


def process_of(origin: str) -> str:
    """Return the process in an event's origin, or in the name of one copy of it: without the
    number, which differs from life to life and from copy to copy."""
    name, dash, number = origin.rpartition("-")
    return name if dash and number.isdigit() else origin


def subject_of(event: Event) -> str:
    """Return what an event is about: its beginning and its end have this in common, and nothing
    else has."""
    details = (str(event.details.get(name, "")) for name in _DISTINGUISHING)
    parts = (process_of(event.origin), event.name, event.section, event.cell, *details)
    return "/".join(map(str, parts))


def is_first_of_a_life(event: Event) -> bool:
    """Whether nothing came from its process before: `stream.outbox` counts the events of a life."""
    return event.event_id.rpartition("-")[2] == "1"


def ended_life(event: Event) -> str | None:
    """Return the process whose life before this event is over; "" for every process; None where
    the event says nothing of the kind."""
    if event.name == "process_restarted":
        return process_of(str(event.details.get("process", "")))
    if not is_first_of_a_life(event):
        return None
    # The supervisor starts every process after itself.
    return "" if event.origin == SUPERVISOR else process_of(event.origin)


def fold_active(active: Mapping[str, Event], event: Event) -> tuple[dict[str, Event], int]:
    """Return what is active after an event, and when that began which the event ended.

    Args:
        active: by subject.

    Returns:
        The active events by subject; wall time in ns of the beginning, 0 where the event ended
        nothing: a one-time fact.
    """
    over = ended_life(event)
    following = dict(active)  # most events begin no life
    if over is not None:
        following = {
            subject: known
            for subject, known in active.items()
            if known.t_event_ns >= event.t_event_ns or over not in {"", process_of(known.origin)}
        }
    subject = subject_of(event)
    if event.active:
        following[subject] = event
        return following, 0
    began = following.get(subject)
    if began is None or began.t_event_ns > event.t_event_ns:
        return following, 0
    del following[subject]
    return following, began.t_event_ns
