"""What is known of the guard from outside, as pure steps: its state, its moves, and its silence.

The guard's own state comes by its table's changelog, so that what is shown is what it goes by. What
is old must look old: whoever shows a state asks `trust_in` whether the guard is still heard.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import msgspec

from control.modes import Mode, ModePolicy
from control.retelling import Retelling
from stream.active import process_of
from stream.alarm_list import AlarmList, fold_alarms
from stream.guarding import GuardState, decode_state
from stream.plant_clock import CLOCK_EVENTS
from stream.records import Event, Move, Proposal

ANSWER_OVERDUE_S: Final = 15.0  # a proposal is answered within milliseconds; as on the screens
_GUARD: Final = "guard"
_NS: Final = 1_000_000_000


class Trust(Enum):
    """How far what is known of a section may be believed."""

    NONE = "nothing was ever read"
    OLD = "the guard is not heard any more"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class SectionView:
    """What is known of one section.

    Attributes:
        cells: of the section.
        state: of the guard; None before any was read. `state_ns`: when it was written.
        moves: (cell, setpoint) -> the newest record.
        tripped_ns: cell -> when it came to TRIPPED, where that was heard.
        heard_ns: when the guard spoke of this section last.
        answered_ns: newest decision that it did answer.
        waiting_ns: oldest decision since which it has answered none; 0 where it owes no answer.
    """

    cells: tuple[int, ...]
    state: GuardState | None = None
    state_ns: int = 0
    moves: Mapping[tuple[int, str], Move] = field(default_factory=dict)
    tripped_ns: Mapping[int, int] = field(default_factory=dict)
    heard_ns: int = 0
    answered_ns: int = 0
    waiting_ns: int = 0


@dataclass(frozen=True, slots=True)
class LineView:
    """What is known of a line.

    Attributes:
        sections: by number.
        policy: how cells start, for those that a state does not have.
        alarms: all that are not normal, and the newest that are again.
        clock_offset_ms: by how much the clock of SCADA is ahead of the guard's, as the guard told
            it last; NaN before it did. `clock_told_ns`: when that was.
        unreadable: messages that could not be read.
    """

    sections: Mapping[int, SectionView]
    policy: ModePolicy
    alarms: AlarmList = field(default_factory=AlarmList)
    clock_offset_ms: float = math.nan
    clock_told_ns: int = 0
    unreadable: int = 0

    def section_of(self, cell: int) -> int | None:
        """Return the section of a cell; None for a cell that the line does not have."""
        for number, section in self.sections.items():
            if cell in section.cells:
                return number
        return None


def init_view(
    cells: Mapping[int, tuple[int, ...]], policy: ModePolicy, retelling: Retelling | None = None
) -> LineView:
    """Return the view of somebody who has read nothing.

    Args:
        cells: of each section.
        policy: how cells start.
        retelling: when alarms that last are told again; None: as by default.
    """
    sections = {number: SectionView(own) for number, own in cells.items()}
    return LineView(sections, policy, AlarmList(retelling=retelling or Retelling()))


def fold_state(view: LineView, number: int, payload: bytes, at_ns: int) -> LineView:
    """Take in what the guard keeps of a section; one that cannot be used is counted."""
    section = view.sections.get(number)
    if section is None:
        return view
    try:
        state = decode_state(payload, section.cells, view.policy)
    except (ValueError, msgspec.MsgspecError):
        return replace(view, unreadable=view.unreadable + 1)
    following = replace(section, state=state, state_ns=at_ns)
    tripped = {
        cell: since_ns
        for cell, since_ns in section.tripped_ns.items()
        if state.mode_of(cell).trip is not None or since_ns > at_ns
    }
    return _put(view, number, replace(_hear(following, at_ns), tripped_ns=tripped))


def fold_proposal(view: LineView, proposal: Proposal) -> LineView:
    """Take in a decision, which the guard has to answer; one without a plan it has not."""
    section = view.sections.get(proposal.section)
    if section is None or not proposal.setpoints:
        return view
    if section.waiting_ns or proposal.t_decided_ns <= section.answered_ns:
        return view
    return _put(view, proposal.section, replace(section, waiting_ns=proposal.t_decided_ns))


def fold_move(view: LineView, move: Move, at_ns: int) -> LineView:
    """Take in a move, which answers all decisions up to its own; one that was asked for from
    outside answers none of our own loop."""
    section = view.sections.get(move.section)
    if section is None or move.cell not in section.cells:
        return view
    decided_ns = 0 if move.is_from_outside else move.t_decided_ns
    answered_ns = max(section.answered_ns, decided_ns)
    following = replace(
        section,
        moves={**section.moves, (move.cell, move.setpoint): move},
        answered_ns=answered_ns,
        waiting_ns=0 if section.waiting_ns <= answered_ns else section.waiting_ns,
    )
    return _put(view, move.section, _hear(following, at_ns))


def fold_event(view: LineView, event: Event) -> LineView:
    """Take in what is told: of alarms whoever tells it, of the guard only what it tells itself."""
    view = replace(view, alarms=fold_alarms(view.alarms, event))
    offset_ms = event.details.get("offset_ms")
    if event.name in CLOCK_EVENTS and isinstance(offset_ms, int | float):
        view = replace(view, clock_offset_ms=float(offset_ms), clock_told_ns=event.t_event_ns)
    if event.section is None or process_of(event.origin) != _GUARD:
        return view
    section = view.sections.get(event.section)
    if section is None:
        return view
    if event.name == "mode_changed" and event.details.get("mode") == Mode.TRIPPED.value:
        cell = event.cell or 0
        section = replace(section, tripped_ns={**section.tripped_ns, cell: event.t_event_ns})
    return _put(view, event.section, _hear(section, event.t_event_ns))


def trust_in(section: SectionView, now_ns: int, silence_s: float) -> Trust:
    """Return how far a section may be believed.

    Args:
        section: what is known.
        now_ns: wall time.
        silence_s: so long the guard may have nothing to say where nothing is asked of it.
    """
    if section.state is None:
        return Trust.NONE
    owes = section.waiting_ns > 0 and now_ns - section.waiting_ns > ANSWER_OVERDUE_S * _NS
    is_silent = now_ns - section.heard_ns > silence_s * _NS
    return Trust.OLD if owes or is_silent else Trust.GOOD


def _hear(section: SectionView, at_ns: int) -> SectionView:
    return replace(section, heard_ns=max(section.heard_ns, at_ns))


def _put(view: LineView, number: int, section: SectionView) -> LineView:
    return replace(view, sections={**view.sections, number: section})
