"""What the guard does and is told, as entries of the audit. Pure.

A move that is held reaches nobody and is on the topic `moves`; what stands in the audit is what
went to the plant, who said so, and who was refused.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from control.modes import Mode, ModeState
from stream.audit.chain import AuditEntry, AuditRecord
from stream.edge import Claim, WriteResult
from stream.order_news import Told
from stream.records import WHOLE_SECTION, Command, Move

INTENT: Final = "setpoint_intent"
RESULT: Final = "setpoint_result"
MODE: Final = "mode_changed"
COMMAND: Final = "command"
HANDOVER: Final = "handover"
LAPSE: Final = "order_ended"
CLAIM: Final = "writer_claim"
OBEYED: Final = "obeyed"
REFUSED: Final = "refused: "
PARTLY: Final = "obeyed, but not for "
UNKNOWN: Final = "unknown"  # the result of an intent whose guard ended before it learnt
GUARD: Final = "guard"
_MOST_TEXT: Final = 2000


def intent_of(move: Move) -> AuditEntry:
    """Return the entry of a permitted move that is about to be written."""
    return AuditEntry(
        action=INTENT,
        actor=_text(move.asked_by),
        role=_text(move.role),
        target=f"{_cell(move.cell)}/{_text(move.setpoint)}",
        old=_number(move.previous),
        asked=_number(move.asked),
        applied=_number(move.applied),
        reason=_text("; ".join(move.reasons)),
        request_id=_text(move.move_id),
    )


def result_of(move: Move, result: WriteResult) -> AuditEntry:
    """Return the entry of what became of a move; `applied` is the plant's own value."""
    return msgspec.structs.replace(
        intent_of(move),
        action=RESULT,
        applied=_number(result.readback),
        result=result.state.value,
        reason=_text(result.reason),
    )


def result_unknown(intent: AuditRecord) -> AuditEntry:
    """Return the entry that closes an intent of which nobody knows what became."""
    return AuditEntry(
        action=RESULT,
        actor=GUARD,
        target=intent.target,
        asked=intent.asked,
        request_id=intent.request_id,
        result=UNKNOWN,
        reason="the guard ended before it learnt what became of it",
    )


def mode_change_of(cell: int, before: ModeState, after: ModeState) -> AuditEntry:
    """Return the entry of a cell whose mode in force has changed."""
    return AuditEntry(
        action=MODE,
        actor=_text(after.who) or GUARD,
        target=_cell(cell),
        old=before.mode.value,
        applied=after.mode.value,
        reason=_text(after.reason),
    )


def command_of(command: Command, refusal: str = "", *, is_partly: bool = False) -> AuditEntry:
    """Return the entry of what a person asked, and whether it was obeyed.

    Args:
        refusal: why it was not; "" where it was.
        is_partly: it was obeyed for the other cells.
    """
    result = f"{PARTLY if is_partly else REFUSED}{_text(refusal)}" if refusal else OBEYED
    return AuditEntry(
        action=COMMAND,
        actor=_text(command.issued_by),
        role=_text(command.role),
        target=_place(command.section, command.cell),
        asked=_text(command.wish),
        reason=_text(command.reason),
        request_id=_text(command.command_id),
        result=result,
    )


def handover_of(cells: Collection[int], to_remote: bool) -> AuditEntry:
    """Return the entry of cells for which the plant was asked to follow us, or not to."""
    return AuditEntry(
        action=HANDOVER,
        actor=GUARD,
        target=" ".join(_cell(cell) for cell in sorted(cells)),
        asked="remote" if to_remote else "local",
    )


def claim_of(claim: Claim, address: str) -> AuditEntry:
    """Return the entry of a token by which this guard has become the plant's one writer."""
    return AuditEntry(action=CLAIM, actor=GUARD, target=_text(address), applied=claim.token)


def unanswered(records: Iterable[AuditRecord]) -> list[AuditRecord]:
    """Return the intents that have no result."""
    intents: dict[str, AuditRecord] = {}
    for record in records:
        if record.action == INTENT:
            intents[record.request_id] = record
        elif record.action == RESULT:
            intents.pop(record.request_id, None)
    return list(intents.values())


def see_trips(before: Mapping[int, str], entries: Iterable[AuditEntry]) -> dict[int, str]:
    """Return the cells whose last change of mode was a trip, and what caused it.

    Args:
        before: those of which that was so before these entries.
        entries: of an audit, in order.
    """
    tripped = dict(before)
    for entry in entries:
        if entry.action == MODE:
            cell = int(entry.target.removeprefix("C"))
            tripped.pop(cell, None)
            if entry.applied == Mode.TRIPPED.value:
                tripped[cell] = entry.reason
    return tripped


def lapse_of(section: int, told: Told) -> AuditEntry:
    """Return the entry of an order that ended without a command."""
    return AuditEntry(
        action=LAPSE,
        actor=GUARD,
        target=_place(section, told.cell or WHOLE_SECTION),
        asked=f"{told.name} {_text(str(told.details.get('subject', '')))}",
        reason=_text(str(told.details.get("reason", ""))),
        request_id=_text(str(told.details.get("order_id", ""))),
    )


def _place(section: int, cell: int) -> str:
    return f"S{section:03d}" if cell == WHOLE_SECTION else _cell(cell)


def _cell(cell: int) -> str:
    return f"C{cell:03d}"


def _number(value: float | None) -> float | str | None:
    """Return a number that JSON knows, or its name."""
    if value is None or value - value == 0.0:
        return value
    return str(value)


def _text(text: str) -> str:
    """Return what may have come from anybody, no longer than a record can hold."""
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}… ({len(text)} characters)"
