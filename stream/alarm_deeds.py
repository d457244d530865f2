"""What people do about alarms, as it is on record: events, and what each does to its alarm."""

from collections.abc import Mapping
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

Details = Mapping[str, str | float | int | None]
DEEDS: Final = frozenset(
    {
        "alarm_acknowledged",
        "alarm_confirmed",
        "alarm_commented",
        "alarm_shelved",
        "alarm_unshelved",
        "alarm_taken_out",
        "alarm_put_back",
    }
)


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
        case "alarm_acknowledged":
            return Acknowledged(occurrence)
        case "alarm_confirmed":
            return Confirmed(occurrence)
        case "alarm_commented":
            return Commented(occurrence)
        case "alarm_shelved":
            given = details.get("duration_s")
            duration_s = float(given) if isinstance(given, int | float) else 0.0  # is refused
            return Shelved(owner, reason, at_ns, duration_s, bool(details.get("one_shot")))
        case "alarm_unshelved":
            return Unshelved(at_ns)
        case "alarm_taken_out":
            return TakenOut(owner, reason, at_ns)
        case "alarm_put_back":
            return PutBack(at_ns)
        case _:
            return None
