"""What each node of the front shows, from what is known of the line: pure.

A cell's nodes are as old as the guard's state of its section, a line's as its oldest section. What
the guard is not heard of any more keeps its value with an uncertain status; what was never read has
none.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from control.bypasses import Bypass
from control.limit_changes import LimitRequest
from control.modes import Mode, ModeState
from control.overrides import Override
from opcua.node_items import NO_TIME
from opcua.nodes import SETPOINT_QUANTITIES
from opcua.scans import to_datetime
from stream.guarding import GuardState
from stream.line_view import LineView, SectionView, Trust, trust_in

_WORST: Final = (Trust.NONE, Trust.OLD, Trust.GOOD)


@dataclass(frozen=True, slots=True)
class Shown:
    """A value of a node, its trust, and the time that it is of."""

    value: Any
    trust: Trust
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A node: a pattern of the table, and its cell; 0 for one of the line."""

    pattern: str
    cell: int = 0


def trusts_in(
    view: LineView, now_ns: int, silence_s: float, is_following: bool
) -> dict[int, Trust]:
    """Return how far each section may be believed.

    Args:
        view: of the line.
        now_ns: wall time.
        silence_s: see `stream.line_view.trust_in`.
        is_following: whether what is new would have been read.
    """
    found = {
        number: trust_in(section, now_ns, silence_s) for number, section in view.sections.items()
    }
    if is_following:
        return found
    return {number: one if one is Trust.NONE else Trust.OLD for number, one in found.items()}


def show_line(
    view: LineView, trusts: Mapping[int, Trust], now_ns: int
) -> Iterator[tuple[Place, Shown]]:
    """Yield what the nodes of the line itself show; it is worth as little as its worst section."""
    trust = min(trusts.values(), key=_WORST.index)
    states = [one.state for one in view.sections.values() if one.state is not None]
    written_ns = [one.state_ns for one in view.sections.values() if one.state is not None]
    at = to_datetime(min(written_ns)) if written_ns else NO_TIME
    counts = Counter(mode.mode for state in states for mode in state.modes.values())
    requests = {key: one for state in states for key, one in state.requests.items()}
    standing = [one for one in requests.values() if now_ns < one.until_ns]
    heard_ns = max((one.heard_ns for one in view.sections.values()), default=0)
    lists = {
        "Overrides": sorted(_said(states, _overrides, now_ns)),
        "Bypasses": sorted(_said(states, _bypasses, now_ns)),
        "Limits": sorted({line for state in states for line in _limits(state)}),
        "Requests.Id": [one.request_id for one in standing],
        "Requests.Digest": [one.digest for one in standing],
        "Requests.Sentence": [_request_sentence(one) for one in standing],
    }
    for mode in Mode:
        yield Place(f"Line.Modes.{mode.value}"), Shown(counts[mode], trust, at)
    for name, value in lists.items():
        yield Place(f"Line.{name}"), Shown(value, trust, at)
    heard = to_datetime(heard_ns) if heard_ns else NO_TIME
    is_heard = Trust.GOOD if heard_ns else Trust.NONE
    yield Place("Line.GuardHeard"), Shown(heard, is_heard, heard)
    told = to_datetime(view.clock_told_ns) if view.clock_told_ns else NO_TIME
    is_told = trust if view.clock_told_ns else Trust.NONE
    yield Place("Line.Comm.ClockOffset"), Shown(view.clock_offset_ms, is_told, told)


def show_section(section: SectionView, trust: Trust, now_ns: int) -> Iterator[tuple[Place, Shown]]:
    """Yield what the nodes of the cells of a section show."""
    at = to_datetime(section.state_ns) if section.state is not None else NO_TIME
    for cell in section.cells:
        for name, value in _interlock(section, cell, now_ns).items():
            yield Place(f"C{{cell:03d}}.Interlock.{name}", cell), Shown(value, trust, at)
        yield from _show_moves(section, cell, trust)


def _interlock(section: SectionView, cell: int, now_ns: int) -> Mapping[str, Any]:
    state = section.state or GuardState()
    mode = state.modes.get(str(cell)) or _NO_MODE
    is_known = section.state is not None
    tripped_ns = section.tripped_ns.get(cell) if mode.trip is not None else None
    return {
        "State": mode.mode.value if is_known else "",
        "Wanted": mode.wanted.value if is_known else "",
        "Reason": mode.reason,
        "Since": mode.since_plant_s,
        "Who": mode.who,
        "FirstOut": mode.trip or "",
        "FirstOutTime": NO_TIME if tripped_ns is None else to_datetime(tripped_ns),
        "LaterTrips": list(mode.later_trips),
        "Holds": list(mode.holds),
        "Sheds": list(mode.sheds),
        "Bypass": [
            one.check for one in state.bypasses.values() if one.cell == cell and one.stands(now_ns)
        ],
        "Overrides": [line for whose, line in _overrides(state, now_ns) if whose == cell],
    }


def _show_moves(section: SectionView, cell: int, trust: Trust) -> Iterator[tuple[Place, Shown]]:
    for quantity in SETPOINT_QUANTITIES:
        move = section.moves.get((cell, quantity.name))
        if move is None:
            own, at = Trust.NONE, NO_TIME
            values: dict[str, Any] = dict.fromkeys(("Asked", "Applied"), math.nan)
            values |= {"State": "", "Reasons": [], "AskedBy": ""}
        else:
            own, at = trust, to_datetime(move.t_verified_ns or move.t_permitted_ns)
            values = {
                "Asked": move.asked,
                "Applied": math.nan if move.applied is None else move.applied,
                "State": move.state.value,
                "Reasons": list(move.reasons),
                "AskedBy": move.asked_by,
            }
        for name, value in values.items():
            place = Place(f"C{{cell:03d}}.Moves.{quantity.browse_name}.{name}", cell)
            yield place, Shown(value, own, at)


_NO_MODE: Final = ModeState(Mode.MANUAL, (), (), False, None, 0.0, "")


def _said(
    states: list[GuardState],
    say: Callable[[GuardState, int], Iterator[tuple[int, str]]],
    now_ns: int,
) -> Iterator[str]:
    for state in states:
        for cell, line in say(state, now_ns):
            yield f"Cell {cell}: {line}"


def _overrides(state: GuardState, now_ns: int) -> Iterator[tuple[int, str]]:
    for one in state.overrides.values():
        if one.stands(now_ns):
            yield one.cell, f"{one.setpoint} at {one.value:g}, {_owner(one)}"


def _bypasses(state: GuardState, now_ns: int) -> Iterator[tuple[int, str]]:
    for one in state.bypasses.values():
        if one.stands(now_ns):
            yield one.cell, f"{one.check}, {_owner(one)}"


def _limits(state: GuardState) -> Iterator[str]:
    for key, value in state.limits.items():
        setpoint, _, limit = key.partition("/")
        yield f"{limit} of {setpoint} is {value:g}"


def _request_sentence(one: LimitRequest) -> str:
    until = f"{to_datetime(one.until_ns):%H:%M UTC}"
    return (
        f"{one.requester} asks for {one.limit} {one.value:g} of {one.setpoint}, until {until}: "
        f"{one.reason}"
    )


def _owner(one: Override | Bypass) -> str:
    return f"by {one.owner} until {to_datetime(one.until_ns):%H:%M UTC}: {one.reason}"
