"""What people ask: taken once, in time, checked, put on record, and answered."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from control.modes import Refusal, Trigger, TriggerKind
from stream.app import Message, Worker
from stream.audit.entries import command_of
from stream.audit.keeper import AuditTrail
from stream.guarding import GuardState, refusal_sentence
from stream.judging import judge_override
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MoveDesk
from stream.orders import obey_order
from stream.records import (
    WHOLE_SECTION,
    Command,
    CommandKind,
    MoveState,
    RecordError,
    decode,
)

_log = logging.getLogger(__name__)
_TOLD_OF_FOR_NS: Final = 3_600_000_000_000  # a command that expired earlier is nobody's any more
_SCAN_NS: Final = 1_000_000_000
_TOO_LATE: Final = "it came too late"
_NO_SUCH_CELL: Final = "there is no such cell in that section"
_TRIGGER_OF: Final = {
    CommandKind.SET_MODE: TriggerKind.SET_MODE,
    CommandKind.SWITCH_OFF: TriggerKind.SWITCH_OFF,
    CommandKind.SWITCH_ON: TriggerKind.SWITCH_ON,
    CommandKind.RESET_TRIP: TriggerKind.RESET_TRIP,
}
_OF_A_SECTION: Final = frozenset(
    {CommandKind.REQUEST_LIMIT, CommandKind.APPROVE_LIMIT, CommandKind.REJECT_LIMIT}
)


class CommandDesk:
    """Takes commands from the topic of that name."""

    def __init__(
        self,
        worker: Worker,
        audit: AuditTrail,
        settings: GuardSettings,
        keeper: ModeKeeper,
        desk: MoveDesk,
        is_of_before: Callable[[str, int, int], bool],
    ) -> None:
        """Make one.

        Args:
            is_of_before: whether something (what, its expiry, and since when it counts) is of a
                backlog that is to be passed over.
        """
        self._worker = worker
        self._audit = audit
        self._settings = settings
        self._keeper = keeper
        self._desk = desk
        self._is_of_before = is_of_before
        self._began_ns = worker.clock_ns()

    async def take(self, message: Message) -> None:
        """Obey or refuse what is in a message."""
        try:
            command = decode(message.value, Command)
        except RecordError as exc:
            await self._worker.refuse(message, str(exc))
            return
        await self._worker.note_readable(message.topic, True)
        if self._is_of_before("commands", command.expires_ns, self._began_ns - _TOLD_OF_FOR_NS):
            return
        if not self._has_place(command):
            self._audit.put([command_of(command, _NO_SUCH_CELL)])
            await self._tell_refusal(command, _NO_SUCH_CELL)
            return
        section = command.section
        state = self._keeper.state(section)
        if state.has_seen(command.command_id):
            return
        state = state.remember_command(command.command_id)
        if command.expires_ns <= self._worker.clock_ns():
            self._keeper.keep(section, state)
            self._audit.put([command_of(command, _TOO_LATE)])
            await self._keeper.flush(section)
            await self._tell_refusal(command, _TOO_LATE)
        elif command.kind in _TRIGGER_OF:
            await self._change_modes(state, command)
        else:
            await self._order(state, command)

    def _has_place(self, command: Command) -> bool:
        """Whether a command is about a cell of its section, or of all of it where it may be."""
        if command.section not in self._settings.cells:
            return False
        if command.cell == WHOLE_SECTION:
            return command.kind in _TRIGGER_OF or command.kind in _OF_A_SECTION
        return self._keeper.section_of(command.cell) == command.section

    async def _change_modes(self, state: GuardState, command: Command) -> None:
        trigger = Trigger(
            kind=_TRIGGER_OF[command.kind],
            cause=command.reason,
            mode=command.mode,
            who=command.issued_by,
            role=command.role,
        )
        whole = command.cell == WHOLE_SECTION
        cells = self._settings.cells[command.section] if whole else (command.cell,)
        triggers = dict.fromkeys(cells, trigger)
        refusals = await self._keeper.apply(command.section, state, triggers, command)
        if refusals:
            await self._tell_refusal(command, refusal_sentence(refusals, len(cells)))
        else:
            await self._tell("command_obeyed", command)

    async def _order(self, state: GuardState, command: Command) -> None:
        """Obey an order: on record first, then to the plant, then told to people."""
        section, now_ns = command.section, self._worker.clock_ns()
        limits = self._settings.limits
        obeyed, move = obey_order(state, command, limits, now_ns), None
        if not isinstance(obeyed, Refusal) and obeyed.override is not None:
            following, move = judge_override(
                obeyed.state,
                obeyed.override,
                command,
                self._keeper.pictures[section],
                self._keeper.plant_view(),
                limits,
                now_ns,
                scan=now_ns // _SCAN_NS,
            )
            if move.state is MoveState.INTENT:
                self._keeper.keep(section, following)
            else:
                obeyed = Refusal(tuple(move.reasons[:-1]))  # the last one is the person's own
        elif not isinstance(obeyed, Refusal):
            self._keeper.keep(section, obeyed.state)
        if isinstance(obeyed, Refusal):
            self._keeper.keep(section, state)
            reason = "; ".join(obeyed.reasons)
            self._audit.put([command_of(command, reason)])
            await self._keeper.flush(section)
            await self._tell_refusal(command, reason)
            return
        self._audit.put([command_of(command)])
        if move is not None and obeyed.override is not None:
            stay = self._keeper.state(section).mode_of(command.cell).stay
            may_write = partial(self._keeper.may_override, obeyed.override)
            await self._desk.take(move, command.expires_ns, stay, may_write)
        await self._keeper.flush(section)
        self._keeper.tell(section, obeyed.told)
        await self._tell("command_obeyed", command)

    async def _tell_refusal(self, command: Command, reason: str) -> None:
        await self._tell("command_refused", command, reason=reason)

    async def _tell(self, name: str, command: Command, **more: str) -> None:
        """Answer whoever asked; both answers have the command's id."""
        is_whole = command.cell == WHOLE_SECTION
        await self._worker.outbox.report(
            name,
            section=command.section,
            cell=None if is_whole else command.cell,
            place=f"Section {command.section}" if is_whole else f"Cell {command.cell}",
            kind=command.kind.value,
            who=command.issued_by,
            command_id=command.command_id,
            **more,
        )
