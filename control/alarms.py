"""The state of one alarm after ISA-18.2 / IEC 62682: independent sub-states, and what changes them.

What is active, acknowledged, confirmed, shelved, suppressed and out of service is kept apart, as
OPC UA Part 9 keeps it; the one word for people (`Standing`) is derived. Whoever acknowledges names
the occurrence that was seen, so that a newer one is never acknowledged with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from control.alarm_happenings import (
    LONGEST_SHELF_S,
    Acknowledged,
    Began,
    Commented,
    Confirmed,
    Ended,
    Happening,
    PutBack,
    Shelved,
    Suppressed,
    TakenOut,
    TimePassed,
    Unshelved,
)
from control.events import Priority
from control.modes import Refusal

# Design value: people have to look at it again within a month, and it is on record for 30 days.
LONGEST_OUTAGE_S: Final = 28 * 24 * 3600.0
SEVERITY: Final[Mapping[Priority, int]] = {  # 1 to 1000; a third of the range each
    Priority.LOW: 250,
    Priority.MEDIUM: 500,
    Priority.HIGH: 850,
}
_NS: Final = 1_000_000_000


class Standing(StrEnum):
    """What an alarm is to an operator."""

    NORMAL = "Normal"
    UNACKNOWLEDGED = "UnackActive"
    ACKNOWLEDGED = "AckedActive"
    RETURNED = "UnackRTN"  # gone again before anybody acknowledged it
    SHELVED = "Shelved"
    SUPPRESSED = "Suppressed"
    OUT_OF_SERVICE = "OutOfService"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Who put an alarm away, why and until when.

    Attributes:
        is_one_shot: it also ends with the occurrence.
    """

    owner: str
    reason: str
    until_ns: int
    is_one_shot: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """Who took an alarm out of service, why, and when it comes back by itself at the latest."""

    owner: str
    reason: str
    until_ns: int


@dataclass(frozen=True, slots=True)
class AlarmState:
    """One alarm.

    Attributes:
        event_id: of the occurrence that is told; "" where there was none.
        annunciated_ns: when people were told of it last.
        times_repeated: how often the occurrence was told again.
    """

    event_id: str = ""
    is_active: bool = False
    is_acknowledged: bool = True
    is_confirmed: bool = True
    shelf: Shelf | None = None
    is_suppressed: bool = False
    outage: Outage | None = None
    annunciated_ns: int = 0
    times_repeated: int = 0

    @property
    def is_out_of_service(self) -> bool:
        """Whether maintenance has it out of service."""
        return self.outage is not None

    @property
    def is_put_away(self) -> bool:
        """Whether a person keeps it quiet."""
        return self.shelf is not None or self.outage is not None

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is to be told of it now."""
        return self.is_put_away or self.is_suppressed

    @property
    def is_retained(self) -> bool:
        """Whether it belongs in a list of alarms: it is active, nobody has acknowledged it, or
        somebody keeps it quiet and is to be reminded of that."""
        return self.is_active or not self.is_acknowledged or self.is_put_away

    @property
    def standing(self) -> Standing:
        """The one word for people."""
        if self.is_out_of_service:
            return Standing.OUT_OF_SERVICE
        if self.is_suppressed:
            return Standing.SUPPRESSED
        if self.shelf is not None:
            return Standing.SHELVED
        if self.is_active:
            return Standing.ACKNOWLEDGED if self.is_acknowledged else Standing.UNACKNOWLEDGED
        return Standing.NORMAL if self.is_acknowledged else Standing.RETURNED


def happen(state: AlarmState, what: Happening) -> AlarmState | Refusal:
    """Return the alarm after something happened, or why a person is refused what was asked."""
    return _HAPPEN[type(what)](state, what)


def _begin(state: AlarmState, what: Began) -> AlarmState:
    """A new occurrence, of which nobody knows; one that is told twice is one."""
    if what.event_id == state.event_id and state.is_active:
        return state
    return replace(
        state,
        event_id=what.event_id,
        is_active=True,
        is_acknowledged=False,
        is_confirmed=False,
        annunciated_ns=what.at_ns,
        times_repeated=0,
    )


def _end(state: AlarmState, what: Ended) -> AlarmState:
    """What ended on a shelf leaves nothing to acknowledge: nobody was told."""
    if not state.is_active:
        return state
    ended = replace(state, is_active=False)
    if not state.is_quiet:
        return ended
    ended = replace(ended, is_acknowledged=True, is_confirmed=True)
    is_over = state.shelf is not None and state.shelf.is_one_shot
    return _look_again(replace(ended, shelf=None), what.at_ns) if is_over else ended


def _acknowledge(state: AlarmState, what: Acknowledged) -> AlarmState | Refusal:
    refusal = _is_of_this(state, what.event_id)
    if refusal is None and state.is_acknowledged:
        refusal = Refusal(("it is acknowledged already",))
    return refusal or replace(state, is_acknowledged=True)


def _confirm(state: AlarmState, what: Confirmed) -> AlarmState | Refusal:
    refusal = _is_of_this(state, what.event_id)
    if refusal is None and not state.is_acknowledged:
        refusal = Refusal(("it has to be acknowledged first",))
    if refusal is None and state.is_confirmed:
        refusal = Refusal(("it is confirmed already",))
    return refusal or replace(state, is_confirmed=True)


def _comment(state: AlarmState, what: Commented) -> AlarmState | Refusal:
    return _is_of_this(state, what.event_id) or state


def _is_of_this(state: AlarmState, event_id: str) -> Refusal | None:
    if not state.event_id or event_id != state.event_id:
        return Refusal((f"{event_id!r} is not the newest occurrence of this alarm",))
    return None


def _shelve(state: AlarmState, what: Shelved) -> AlarmState | Refusal:
    reasons = []
    if not what.owner.strip():
        reasons.append("a shelf needs an owner")
    if not what.reason.strip():
        reasons.append("to shelve an alarm needs a reason")
    if not 0.0 < what.duration_s <= LONGEST_SHELF_S:  # NaN too
        reasons.append(
            f"{what.duration_s:g} s on the shelf: give it more than 0 s and at most "
            f"{LONGEST_SHELF_S:g}"
        )
    if state.shelf is not None:
        reasons.append(f"{state.shelf.owner} has shelved it already")
    if what.is_one_shot and not state.is_active:
        reasons.append("it is not active, and so there is no occurrence to shelve")
    if reasons:
        return Refusal(tuple(reasons))
    until_ns = what.at_ns + int(what.duration_s * _NS)
    return replace(state, shelf=Shelf(what.owner, what.reason, until_ns, what.is_one_shot))


def _unshelve(state: AlarmState, what: Unshelved) -> AlarmState | Refusal:
    if state.shelf is None:
        return Refusal(("it is not shelved",))
    return _look_again(replace(state, shelf=None), what.at_ns)


def _suppress(state: AlarmState, what: Suppressed) -> AlarmState:
    if what.is_so is state.is_suppressed:
        return state
    after = replace(state, is_suppressed=what.is_so)
    return after if what.is_so else _look_again(after, what.at_ns)


def _take_out(state: AlarmState, what: TakenOut) -> AlarmState | Refusal:
    reasons = []
    if not what.owner.strip():
        reasons.append("out of service needs an owner")
    if not what.reason.strip():
        reasons.append("to take an alarm out of service needs a reason")
    if state.outage is not None:
        reasons.append(f"{state.outage.owner} has taken it out of service already")
    if reasons:
        return Refusal(tuple(reasons))
    until_ns = what.at_ns + int(LONGEST_OUTAGE_S * _NS)
    return replace(state, outage=Outage(what.owner, what.reason, until_ns))


def _put_back(state: AlarmState, what: PutBack) -> AlarmState | Refusal:
    if state.outage is None:
        return Refusal(("it is in service",))
    return _look_again(replace(state, outage=None), what.at_ns)


def _pass_time(state: AlarmState, what: TimePassed) -> AlarmState:
    if state.shelf is not None and what.at_ns >= state.shelf.until_ns:
        state = _look_again(replace(state, shelf=None), what.at_ns)
    if state.outage is not None and what.at_ns >= state.outage.until_ns:
        state = _look_again(replace(state, outage=None), what.at_ns)
    if what.repeat_after_s is None or not state.is_active or state.is_quiet:
        return state
    every_ns = max(1, int(what.repeat_after_s * _NS))
    times = (what.at_ns - state.annunciated_ns) // every_ns
    if times < 1:
        return state
    return replace(
        state,
        is_acknowledged=False,
        is_confirmed=False,
        annunciated_ns=state.annunciated_ns + times * every_ns,
        times_repeated=state.times_repeated + times,
    )


def _look_again(state: AlarmState, at_ns: int) -> AlarmState:
    """What is still active when nothing keeps it quiet any more counts as told now."""
    if state.is_quiet or not state.is_active:
        return state
    return replace(state, annunciated_ns=at_ns)


_HAPPEN: Final[Mapping[type, Callable[[AlarmState, Any], AlarmState | Refusal]]] = {
    Began: _begin,
    Ended: _end,
    Acknowledged: _acknowledge,
    Confirmed: _confirm,
    Commented: _comment,
    Shelved: _shelve,
    Unshelved: _unshelve,
    Suppressed: _suppress,
    TakenOut: _take_out,
    PutBack: _put_back,
    TimePassed: _pass_time,
}
