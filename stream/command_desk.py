"""What people ask: taken once, in time, checked, put on record, and answered."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from control.modes import Refusal, Trigger, TriggerKind
from stream.app import Message, Worker
from stream.audit.entries import command_of, lapse_of
from stream.audit.files import AuditError
from stream.audit.keeper import AuditTrail
from stream.guarding import GuardState, refusal_sentence
from stream.judging import judge_override
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MoveDesk
from stream.orders import Obeyed, obey_order
from stream.records import (
    WHOLE_SECTION,
    Command,
    CommandKind,
    Move,
    MoveState,
    RecordError,
    decode,
)

_TOLD_OF_FOR_NS: Final = 3_600_000_000_000  # a command that expired earlier is nobody's any more
_LONGEST_VALIDITY_NS: Final = 3_600_000_000_000  # ids are remembered for a while only
_SCAN_NS: Final = 1_000_000_000
_LARGEST_COMMAND: Final = 20_000  # bytes
_LONGEST_REASON: Final = 1000  # characters; it is kept, told and shown again and again
_LONGEST_NAME: Final = 200
_TOO_LATE: Final = "it came too late"
_NO_SUCH_CELL: Final = "there is no such cell in that section"
_ONE_CELL: Final = "it is for one cell; name the cell"
_WHOLE: Final = "it is for a whole section; name no cell"
_TRIGGER_OF: Final = {
    CommandKind.SET_MODE: TriggerKind.SET_MODE,
    CommandKind.SWITCH_OFF: TriggerKind.SWITCH_OFF,
    CommandKind.SWITCH_ON: TriggerKind.SWITCH_ON,
    CommandKind.RESET_TRIP: TriggerKind.RESET_TRIP,
}
_OF_A_SECTION: Final = frozenset(
    {CommandKind.REQUEST_LIMIT, CommandKind.APPROVE_LIMIT, CommandKind.REJECT_LIMIT}
)
# What makes the optimiser's room smaller is obeyed also while nothing can be put on record.
_CALMING: Final = frozenset({CommandKind.RELEASE_BYPASS, CommandKind.REJECT_LIMIT})
_NEEDS: Final[dict[CommandKind, tuple[str, ...]]] = {
    CommandKind.SET_MODE: ("mode",),
    CommandKind.APPLY_OVERRIDE: ("setpoint", "value", "duration_s"),
    CommandKind.RELEASE_OVERRIDE: ("setpoint",),
    CommandKind.REQUEST_BYPASS: ("check", "duration_s"),
    CommandKind.RELEASE_BYPASS: ("check",),
    CommandKind.REQUEST_LIMIT: ("setpoint", "limit", "value"),
    CommandKind.APPROVE_LIMIT: ("subject", "digest"),
    CommandKind.REJECT_LIMIT: ("subject",),
}


@dataclass(frozen=True, slots=True)
class _Judged:
    """An order that may be obeyed, and the move to the plant where it is an override."""

    obeyed: Obeyed
    move: Move | None = None


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
        if len(message.value) > _LARGEST_COMMAND:
            size = f"{len(message.value)} bytes, of {_LARGEST_COMMAND} at most"
            await self._worker.refuse(message, f"no command is so long: {size}")
            return
        try:
            command = decode(message.value, Command)
        except RecordError as exc:
            await self._worker.refuse(message, str(exc))
            return
        await self._worker.note_readable(message.topic, True)
        if self._is_of_before("commands", command.expires_ns, self._began_ns - _TOLD_OF_FOR_NS):
            return
        if fault := self._misplaced(command):
            self._audit.put([command_of(command, fault)])
            await self._tell_refusal(command, fault)
            return
        section = command.section
        state = self._keeper.state(section)
        if state.has_seen(command.command_id):
            return
        state = state.remember_command(command.command_id)
        if fault := self._unfit(command):
            await self._refuse(command, fault)
        elif command.kind in _TRIGGER_OF:
            await self._change_modes(state, command)
        else:
            await self._order(state, command)

    def _misplaced(self, command: Command) -> str:
        """Return what is wrong with the place that a command is about; "" where nothing is."""
        if command.section not in self._settings.cells:
            return _NO_SUCH_CELL
        if command.cell == WHOLE_SECTION:
            may_be = command.kind in _TRIGGER_OF or command.kind in _OF_A_SECTION
            return "" if may_be else _ONE_CELL
        if self._keeper.section_of(command.cell) != command.section:
            return _NO_SUCH_CELL
        return _WHOLE if command.kind in _OF_A_SECTION else ""

    def _unfit(self, command: Command) -> str:
        """Return what keeps a command from being looked at any further; "" where nothing does."""
        if command.expires_ns <= self._worker.clock_ns():
            return _TOO_LATE
        if command.expires_ns - command.t_issued_ns > _LONGEST_VALIDITY_NS:
            return "it may be valid for an hour at most"
        if not command.issued_by.strip():
            return "it does not say who asks"
        if len(command.reason) > _LONGEST_REASON:
            return f"its reason has {len(command.reason)} characters, of {_LONGEST_REASON} at most"
        for name in ("issued_by", "role", "setpoint", "check", "limit", "subject", "digest"):
            if len(getattr(command, name)) > _LONGEST_NAME:
                return f"its {name} has more than {_LONGEST_NAME} characters"
        missing = [
            name for name in _NEEDS.get(command.kind, ()) if getattr(command, name) in ("", None)
        ]
        return f"it does not say {' and '.join(missing)}" if missing else ""

    async def _refuse(self, command: Command, reason: str) -> None:
        # Of the state as it is now: a trip may have come while the disk was waited for.
        state = self._keeper.state(command.section).remember_command(command.command_id)
        self._keeper.keep(command.section, state)
        self._audit.put([command_of(command, reason)])
        await self._keeper.flush(command.section)
        await self._tell_refusal(command, reason)

    async def _change_modes(self, state: GuardState, command: Command) -> None:
        trigger = Trigger(
            kind=_TRIGGER_OF[command.kind],
            cause=command.reason,
            mode=command.mode,
            who=command.issued_by,
            role=command.role,
            t_given_ns=command.t_issued_ns,
        )
        if trigger.is_calming:
            # A clock that is ahead must not keep others from switching on until theirs is there.
            t_given_ns = min(command.t_issued_ns, self._worker.clock_ns())
            trigger = replace(trigger, t_given_ns=t_given_ns)
        whole = command.cell == WHOLE_SECTION
        cells = self._settings.cells[command.section] if whole else (command.cell,)
        triggers = dict.fromkeys(cells, trigger)
        if trigger.is_engaging:
            # What lets the optimiser move cells is not obeyed while nothing can be put on record:
            # a guard that ended then would take along what had been asked.
            try:
                await self._audit.append([])
            except AuditError as exc:
                await self._refuse(command, f"it cannot be put on record: {exc}")
                return
            state = self._keeper.state(command.section).remember_command(command.command_id)
        refusals = await self._keeper.apply(command.section, state, triggers, command)
        if refusals:
            await self._tell_refusal(command, refusal_sentence(refusals, len(cells)))
        if len(refusals) < len(cells):
            await self._tell("command_obeyed", command)

    async def _order(self, state: GuardState, command: Command) -> None:
        """Obey an order: on record first, then kept, to the plant, durable, and told to people."""
        section = command.section
        judged = self._judge(state, command)
        if isinstance(judged, Refusal):
            await self._refuse(command, "; ".join(judged.reasons))
            return
        try:
            await self._audit.append([command_of(command)])
        except AuditError as exc:
            if command.kind not in _CALMING:
                await self._refuse(command, f"it cannot be put on record: {exc}")
                return
            self._audit.put([command_of(command)])
        # The disk took its time: much may have happened.
        state = self._keeper.state(section).remember_command(command.command_id)
        judged = self._judge(state, command)
        if isinstance(judged, Refusal):
            await self._refuse(command, "; ".join(judged.reasons))
            return
        obeyed, move = judged.obeyed, judged.move
        self._keeper.keep(section, obeyed.state)
        if move is not None and obeyed.override is not None:
            expires_ns = min(command.expires_ns, obeyed.override.until_ns)
            stay = obeyed.state.mode_of(command.cell).stay
            may_write = partial(self._keeper.orders.may_override, section, obeyed.override)
            await self._desk.take(move, expires_ns, stay, may_write)
        # What ends with it, as an override that a narrower limit leaves no room for, is on record.
        also = [one for one in obeyed.told if one.name == "override_active" and not one.active]
        if command.kind is CommandKind.APPROVE_LIMIT:
            self._audit.put([lapse_of(section, one) for one in also])
        await self._keeper.flush(section)
        self._keeper.orders.tell(section, obeyed.told)
        await self._tell("command_obeyed", command)

    def _judge(self, state: GuardState, command: Command) -> _Judged | Refusal:
        """Return what an order leads to in a state, or why it is refused; changes nothing."""
        section, now_ns = command.section, self._worker.clock_ns()
        obeyed = obey_order(state, command, self._settings.limits, now_ns)
        if isinstance(obeyed, Refusal) or obeyed.override is None:
            return obeyed if isinstance(obeyed, Refusal) else _Judged(obeyed)
        following, move = judge_override(
            obeyed.state,
            obeyed.override,
            command,
            self._keeper.pictures[section],
            self._keeper.plant_view(),
            self._settings.limits,
            now_ns,
            scan=now_ns // _SCAN_NS,
        )
        if move.state is not MoveState.INTENT:
            return Refusal(tuple(move.reasons[:-1]))  # the last one is the person's own
        return _Judged(Obeyed(following, obeyed.told, obeyed.override), move)

    async def _tell_refusal(self, command: Command, reason: str) -> None:
        await self._tell("command_refused", command, reason)

    async def _tell(self, name: str, command: Command, reason: str = "") -> None:
        """Answer whoever asked; both answers have the command's id."""
        is_whole = command.cell == WHOLE_SECTION
        await self._worker.outbox.report(
            name,
            active=False,
            section=command.section,
            cell=None if is_whole else command.cell,
            place=f"Section {command.section}" if is_whole else f"Cell {command.cell}",
            kind=command.kind.value,
            who=command.issued_by,
            reason=reason,
            command_id=command.command_id,
        )
