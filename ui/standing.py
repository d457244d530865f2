"""What people ordered and what still stands, from the events that the guard told of it.

An order has begun and not ended: what stands is what is active. A limit of a whole line is one
request, told by each section that has it.
"""

from dataclasses import dataclass
from typing import Final

from stream.records import Event
from ui.snapshot import Snapshot

_SUFFIXES = ("_kg_per_h", "_kg_per_day", "_mm")
NOT_KNOWN: Final = "Not known: there is no picture of now."
STILL_READING: Final = "This is not known yet: the events of the last weeks are being read."
_LIMIT_WORDS = {
    "low": "lower bound",
    "high": "upper bound",
    "max_step": "largest step",
    "max_rate_per_h": "largest rate per hour",
    "max_travel": "largest travel",
}


@dataclass(frozen=True, slots=True)
class LimitWish:
    """A limit that somebody asked for, and that waits for somebody else.

    Attributes:
        request_id, digest: of what was asked, as the guard has it; an approval names both.
        sections: that have the request.
        until_ns: wall time until which it may be approved.
    """

    request_id: str
    digest: str
    setpoint: str
    limit: str
    value: float
    who: str
    reason: str
    until_ns: int
    sections: tuple[int, ...]

    @property
    def words(self) -> str:
        """What is asked for, in a few words."""
        return f"{setpoint_label(self.setpoint)}: {limit_label(self.limit)} {self.value:g}"


def none_stands(snapshot: Snapshot, sentence: str) -> str:
    """Return `sentence`, which says that nothing of a kind stands, or that this is not known."""
    if not snapshot.is_known:
        return NOT_KNOWN
    return STILL_READING if snapshot.line.is_reading_events else sentence


def standing_overrides(snapshot: Snapshot) -> tuple[Event, ...]:
    """Return the overrides that stand, by cell."""
    return _active(snapshot, "override_active")


def standing_bypasses(snapshot: Snapshot) -> tuple[Event, ...]:
    """Return the bypasses that stand, by cell."""
    return _active(snapshot, "bypass_active")


def changed_limits(snapshot: Snapshot) -> tuple[Event, ...]:
    """Return the limits that are not the plant file's, by section."""
    return _active(snapshot, "limit_narrowed")


def waiting_limits(snapshot: Snapshot) -> tuple[LimitWish, ...]:
    """Return the limits that wait for an approval, those that lapse first first.

    Sections that have the same id with another digest have another request: they stand apart.
    """
    found: dict[tuple[str, str], list[Event]] = {}
    for event in _active(snapshot, "approval_wanted"):
        key = (str(event.details.get("subject", "")), str(event.details.get("digest", "")))
        found.setdefault(key, []).append(event)
    wishes = [
        LimitWish(
            request_id=request_id,
            digest=digest,
            setpoint=str(events[0].details.get("setpoint", "")),
            limit=str(events[0].details.get("limit", "")),
            value=number_of(events[0], "value"),
            who=str(events[0].details.get("who", "")),
            reason=str(events[0].details.get("reason", "")),
            until_ns=int(number_of(events[0], "until_ns", 0.0)),
            sections=tuple(sorted(one.section for one in events if one.section is not None)),
        )
        for (request_id, digest), events in found.items()
    ]
    return tuple(sorted(wishes, key=lambda wish: (wish.until_ns, wish.request_id)))


def left_s(event: Event, now_ns: int) -> float:
    """Return for how long an order still stands; NaN where it has no end."""
    until_ns = event.details.get("until_ns")
    return (until_ns - now_ns) / 1e9 if isinstance(until_ns, int) else float("nan")


def number_of(event: Event, name: str, otherwise: float = float("nan")) -> float:
    """Return a number that an event has among its details."""
    value = event.details.get(name)
    return otherwise if value is None or isinstance(value, str) else float(value)


def setpoint_label(name: str) -> str:
    """Return a setpoint's name as people read it: its unit stands beside it."""
    suffix = next((end for end in _SUFFIXES if name.endswith(end)), "")
    return name.removesuffix(suffix).replace("_", " ")


def limit_label(name: str) -> str:
    """Return a limit's name as people read it."""
    return _LIMIT_WORDS.get(name, name)


def _active(snapshot: Snapshot, name: str) -> tuple[Event, ...]:
    found = [event for event in snapshot.line.active.values() if event.name == name]
    return tuple(sorted(found, key=lambda one: (one.cell or 0, one.section or 0, one.t_event_ns)))
