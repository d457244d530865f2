"""One alarm of the list: what told of it, how it stands, and what people said about it."""

from dataclasses import dataclass, field, replace
from typing import Final

from control.alarm_happenings import Happening
from control.alarms import AlarmState, happen
from control.modes import Refusal
from stream.records import Event

NOTHING_DUE: Final = 2**62


@dataclass(frozen=True, slots=True)
class Said:
    """Who said something about an alarm, and what."""

    who: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of the list.

    Attributes:
        event: that told of the newest beginning.
        began_ns: when it began; a new life of its process tells it anew, and this stays.
        who, comment: of whoever did something about it last.
        acknowledged: of whoever acknowledged the newest occurrence last.
        changed_ns: when it changed last.
        cause: subject of the alarm that it follows from, while it is suppressed; "" else.
        due_ns: time alone does not change it before.
    """

    subject: str
    event: Event
    state: AlarmState
    began_ns: int = 0
    who: str = ""
    comment: str = ""
    acknowledged: Said = field(default_factory=Said)
    changed_ns: int = 0
    cause: str = ""
    due_ns: int = field(default=NOTHING_DUE, compare=False)


def place_of(alarm: Alarm) -> str:
    """Return where an alarm is, in words."""
    if alarm.event.cell is not None:
        return f"Cell {alarm.event.cell}"
    return "Line" if alarm.event.section is None else f"Section {alarm.event.section}"


def change(alarms: dict[str, Alarm], subject: str, what: Happening, at_ns: int) -> bool:
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
