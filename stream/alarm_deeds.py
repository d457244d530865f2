"""What people do about alarms, as it is on record: events, and what each does to its alarm.

Whoever lets people do it, the front or the screens, puts the same on record under the same rules.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from control.alarm_happenings import (
    Acknowledged,
    Commented,
    Confirmed,
    Happening,
    PutBack,
    Shelved,
    TakenOut,
    Unshelved,
)
from control.alarms import happen
from control.modes import Refusal
from stream.alarm import Alarm, place_of

Details = Mapping[str, str | float | int | None]
_NO_COMMENT: Final = "without comment"


class AlarmDeed(StrEnum):
    """What people do about an alarm, by the name of the event that puts it on record."""

    ACKNOWLEDGED = "alarm_acknowledged"
    CONFIRMED = "alarm_confirmed"
    COMMENTED = "alarm_commented"
    SHELVED = "alarm_shelved"
    UNSHELVED = "alarm_unshelved"
    TAKEN_OUT = "alarm_taken_out"
    PUT_BACK = "alarm_put_back"


DEEDS: Final = frozenset(AlarmDeed)
_OF_MAINTENANCE: Final = frozenset({AlarmDeed.TAKEN_OUT, AlarmDeed.PUT_BACK})
_MAINTENANCE: Final = frozenset({"engineer", "manager"})
LONGEST_COMMENT: Final = 200  # characters, as of a reason


def is_allowed(role: str, deed: AlarmDeed) -> bool:
    """Whether somebody who may act on alarms may do a deed: nothing but a person ends an outage
    before a month is over, so that it takes more than an operator.

    Args:
        role: as the guard has its name.
        deed: what it is.
    """
    return deed not in _OF_MAINTENANCE or role in _MAINTENANCE


def is_fit(comment: str) -> bool:
    """Whether a comment is one short line."""
    return len(comment) <= LONGEST_COMMENT and comment.isprintable()


def details_of(
    alarm: Alarm, *, who: str, role: str, comment: str, occurrence: str, **more: float | int
) -> dict[str, str | float | int | None]:
    """Return the details of a deed, as they go on record.

    Args:
        alarm: that somebody does something about.
        who, role: of the account.
        comment: one short line; that somebody said nothing goes on record in words.
        occurrence: that was seen; "" where the deed is about the alarm, whatever its occurrence.
        more: what a deed has beside.
    """
    details: dict[str, str | float | int | None] = {
        "alarm": alarm.subject,
        "condition": alarm.event.name,
        "place": place_of(alarm),
        "who": who,
        "role": role,
        "comment": comment or _NO_COMMENT,
        "occurrence": occurrence,
    }
    return {**details, **more}


def refusal_of(alarm: Alarm, deed: AlarmDeed, details: Details, at_ns: int) -> Refusal | None:
    """Return why the state of an alarm does not allow a deed; None where it does.

    Args:
        deed: what it is; `details`: those of its event.
        at_ns: wall time.
    """
    what = happening_of(deed, details, at_ns)
    after = None if what is None else happen(alarm.state, what)
    return after if isinstance(after, Refusal) else None


def happening_of(name: str, details: Details, at_ns: int) -> Happening | None:
    """Return what somebody did about an alarm, as it is on record; None for another event.

    Args:
        name: of the event.
        details: of the event.
        at_ns: wall time.
    """
    occurrence, owner, reason = (
        str(details.get(key, "")) for key in ("occurrence", "who", "comment")
    )
    match name:
        case AlarmDeed.ACKNOWLEDGED:
            return Acknowledged(occurrence)
        case AlarmDeed.CONFIRMED:
            return Confirmed(occurrence)
        case AlarmDeed.COMMENTED:
            return Commented(occurrence)
        case AlarmDeed.SHELVED:
            given = details.get("duration_s")
            duration_s = float(given) if isinstance(given, int | float) else 0.0  # is refused
            return Shelved(owner, reason, at_ns, duration_s, bool(details.get("one_shot")))
        case AlarmDeed.UNSHELVED:
            return Unshelved(at_ns)
        case AlarmDeed.TAKEN_OUT:
            return TakenOut(owner, reason, at_ns)
        case AlarmDeed.PUT_BACK:
            return PutBack(at_ns)
        case _:
            return None
