"""Agents `accepted`, `proposals`, `commands` -> the interlock -> the plant's edge -> `moves`.

The guard is the only way to a write. It judges every proposal against what was measured last and
the plant's own read-back, puts an INTENT on record before it writes and the result after, and keeps
the mode of every cell. Whatever is silent for too long takes cells to the safe side: first held,
then handed back to the plant's local control, for which the guard's own heartbeat stops.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Refusal, Trigger, TriggerKind
from stream.app import Message, SectionTable, Worker, add_agent, section_key
from stream.edge import PlantEdge, SetpointWrite, WriteResult
from stream.edges import Edge, Edges
from stream.frames import decode_samples
from stream.guarding import (
    GuardState,
    ModeChange,
    PlantView,
    SectionPicture,
    change_modes,
    decode_state,
    encode_state,
    init_guard_state,
    judge_proposal,
    permissives_of,
    see_estimate,
    see_samples,
)
from stream.records import (
    Command,
    CommandKind,
    Move,
    MoveState,
    Proposal,
    RecordError,
    decode,
    encode,
)
from stream.topics import ACCEPTED, COMMANDS, MOVES, PROPOSALS, TABLES

_log = logging.getLogger(__name__)
_TABLE: Final = next(table for table in TABLES if table.owner == "guard")
_LOOK_EVERY_S: Final = 0.25
_GATHER_S: Final = 0.02  # proposals of one scan come within this: one write request for all
_BATCHES_AT_ONCE: Final = 4  # a cell that does not answer must not hold up the others
_MISMATCH_STANDS_NS: Final = 60_000_000_000
_MISMATCH: Final = "readback_mismatch"
_SCAN_NS: Final = 1_000_000_000  # the line-wide budget counts per second of wall time


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What the guard is told at start.

    Attributes:
        cells: the cells of each section.
        limits: of the plant file.
        policy: how cells start and come back.
    """

    cells: Mapping[int, tuple[int, ...]]
    limits: InterlockLimits
    policy: ModePolicy


class Guard:
    """The shell around `stream.guarding`: state in a table, messages in, writes and records out."""

    def __init__(self, worker: Worker, edge: PlantEdge, settings: GuardSettings) -> None:
        self._worker = worker
        self._edge = edge
        self._settings = settings
        self._table = SectionTable[GuardState](
            worker,
            _TABLE,
            encode_state,
            lambda section, payload: decode_state(
                payload, settings.cells[section], settings.policy
            ),
            lambda section: init_guard_state(settings.cells[section], settings.policy),
        )
        self._pictures = {section: SectionPicture() for section in settings.cells}
        self._queue: asyncio.Queue[tuple[Move, int]] = asyncio.Queue()
        self._batches: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_BATCHES_AT_ONCE)
        self._held = Edges(off_delay_ns=30_000_000_000)
        self._conditions: dict[tuple[str, int | None], bool] = {}
        self._mismatched: dict[int, int] = {}  # cell -> wall time until which it stays shed
        self._section_of = {
            cell: section for section, cells in settings.cells.items() for cell in cells
        }

    def attach(self) -> None:
        """Add the agents to the worker."""
        add_agent(self._worker, "guard-samples", ACCEPTED, self._on_accepted)
        add_agent(self._worker, "guard-proposals", PROPOSALS, self._on_proposal)
        add_agent(self._worker, "guard-commands", COMMANDS, self._on_command)

    # -- what comes in ----------------------------------------------------------------------

    async def _on_accepted(self, message: Message) -> None:
        frame = decode_samples(message.value)
        if frame.section not in self._pictures:
            return
        self._pictures[frame.section] = see_samples(self._pictures[frame.section], frame)
        await self._look_at_modes(frame.section)

    async def _on_proposal(self, message: Message) -> None:
        try:
            proposal = decode(message.value, Proposal)
        except RecordError as exc:
            await self._refuse_message(message, exc)
            return
        section = self._section_of.get(proposal.cell)
        if section is None or section != proposal.section:
            error = RecordError(f"cell {proposal.cell} is not of section {proposal.section}")
            await self._refuse_message(message, error)
            return
        self._pictures[section] = see_estimate(self._pictures[section], proposal.cell)
        await self._look_at_modes(section)
        now_ns = self._worker.clock_ns()
        scan = now_ns // _SCAN_NS
        state, moves = judge_proposal(
            self._table.get(section),
            proposal,
            self._pictures[section],
            self._plant_view(),
            self._settings.limits,
            now_ns,
            scan=scan,
            cells_moved_elsewhere=self._moved_elsewhere(section, scan),
        )
        self._table.keep(section, state)
        for move in moves:
            if move.state is MoveState.INTENT:
                self._queue.put_nowait((move, proposal.expires_ns))
            else:
                await self._hold(move, now_ns)

    async def _on_command(self, message: Message) -> None:
        try:
            command = decode(message.value, Command)
        except RecordError as exc:
            await self._refuse_message(message, exc)
            return
        section = self._section_of.get(command.cell)
        now_ns = self._worker.clock_ns()
        if section is None or section != command.section:
            await self._refuse(command, "there is no such cell in that section")
            return
        state = self._table.get(section)
        if state.has_seen(command.command_id):
            return
        state = state.remember_command(command.command_id)
        if command.expires_ns <= now_ns:
            await self._table.put(section, state)
            await self._refuse(command, "it came too late")
            return
        trigger = Trigger(
            kind=_TRIGGER_OF[command.kind],
            cause=command.reason,
            mode=command.mode,
            who=command.issued_by,
            role=command.role,
        )
        refusals = await self._apply(section, state, {command.cell: trigger})
        refusal = refusals.get(command.cell)
        if refusal is not None:
            await self._refuse(command, "; ".join(refusal.reasons))

    # -- modes ------------------------------------------------------------------------------

    async def _look_at_modes(self, section: int) -> None:
        """Time has passed: a start may end, a shed cell may be re-armed."""
        state = self._table.get(section)
        trigger = Trigger(TriggerKind.SCAN)
        triggers = dict.fromkeys(self._settings.cells[section], trigger)
        await self._apply(section, state, triggers)

    async def _apply(
        self, section: int, state: GuardState, triggers: Mapping[int, Trigger]
    ) -> dict[int, Refusal]:
        """Let something happen to cells of a section; store, tell the plant, tell people."""
        picture, plant, now_ns = (
            self._pictures[section],
            self._plant_view(),
            self._worker.clock_ns(),
        )
        permissives = {
            cell: permissives_of(cell, picture, plant, self._settings.limits, now_ns)
            for cell in triggers
        }
        following, changes, refusals = change_modes(
            state, triggers, permissives, self._settings.policy, picture.t_plant_s
        )
        if following is not self._table.get(section):
            self._table.keep(section, following)
            if changes:
                await self._tell_plant()
            await self._table.flush(section)
        for change in changes:
            await self._tell(section, change)
        return refusals

    async def _tell_plant(self) -> None:
        """Make the plant follow our setpoints for the cells in AUTO and HOLD, and for no other."""
        wanted: dict[bool, set[int]] = {True: set(), False: set()}
        for section, cells in self._settings.cells.items():
            state = self._table.get(section)
            for cell in cells:
                remote = state.mode_of(cell).mode in {Mode.AUTO, Mode.HOLD}
                if self._edge.is_remote(cell) not in {remote, None}:
                    wanted[remote].add(cell)
        for remote, some in wanted.items():
            if some:
                await self._edge.set_remote(some, remote)

    async def _tell(self, section: int, change: ModeChange) -> None:
        await self._worker.outbox.report(
            "mode_changed",
            section=section,
            cell=change.cell,
            previous=change.before.mode.value,
            mode=change.after.mode.value,
            who=change.after.who or "guard",
            reason=change.after.reason,
        )

    async def _refuse(self, command: Command, reason: str) -> None:
        await self._worker.outbox.report(
            "command_refused",
            section=command.section,
            cell=command.cell,
            kind=command.kind.value,
            who=command.issued_by,
            reason=reason,
            command_id=command.command_id,
        )

    async def _refuse_message(self, message: Message, error: RecordError) -> None:
        await self._worker.refuse(message, str(error))

    # -- moves ------------------------------------------------------------------------------

    def _plant_view(self) -> PlantView:
        edge, shed_after_s = self._edge, self._settings.limits.guard.shed_after_s
        readbacks = {
            (cell, name): value
            for cell in self._section_of
            for name in self._settings.limits.setpoints
            if (value := edge.readback(cell, name)) is not None
        }
        return PlantView(edge.is_connected, edge.heartbeat_age_s() <= shed_after_s, readbacks)

    def _moved_elsewhere(self, section: int, scan: int) -> int:
        return sum(
            len(self._table.get(other).interlock.moved_in(scan))
            for other in self._settings.cells
            if other != section
        )

    async def _record(self, move: Move) -> None:
        await self._worker.outbox.send(
            MOVES.name,
            section_key(move.section),
            encode(move),
            self._worker.partition_of(move.section),
        )

    async def _hold(self, move: Move, now_ns: int) -> None:
        """Put a held move on record; tell people once per cell, setpoint and kind of reason."""
        await self._record(move)
        if move.mode is not Mode.AUTO:
            return  # a cell that is not in AUTO holds all its moves: its mode says so already
        condition = (move.cell, move.setpoint)
        if self._held.update(condition, True, now_ns) is Edge.BEGAN:
            await self._worker.outbox.report(
                "move_held",
                section=move.section,
                cell=move.cell,
                setpoint=move.setpoint,
                reason="; ".join(move.reasons),
            )

    async def write_batches(self) -> None:
        """Write what is permitted, everything that came together in one request; runs for ever."""
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(_GATHER_S)
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._slots.acquire()
            task = asyncio.create_task(self._write(batch))
            self._batches.add(task)
            task.add_done_callback(self._batch_done)

    def _batch_done(self, task: asyncio.Task[None]) -> None:
        self._slots.release()
        self._batches.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a batch of moves failed", exc_info=error)

    async def _write(self, batch: list[tuple[Move, int]]) -> None:
        """Intents first, on record; then the write; then the results."""
        await asyncio.gather(*(self._record(move) for move, _ in batch))
        for section in {move.section for move, _ in batch}:
            await self._table.flush(section)
        writes = [
            SetpointWrite(move.move_id, move.cell, move.setpoint, move.applied, expires_ns)
            for move, expires_ns in batch
            if move.applied is not None
        ]
        results = {result.move_id: result for result in await self._edge.write(writes)}
        await asyncio.gather(*(self._settle(move, results[move.move_id]) for move, _ in batch))

    async def _settle(self, move: Move, result: WriteResult) -> None:
        """Put the result of a write on record, and shed a cell that does not follow."""
        await self._record(_with_result(move, result))
        if result.state is not MoveState.FAILED or result.t_written_ns is None:
            return
        await self._worker.outbox.report(
            "readback_mismatch",
            section=move.section,
            cell=move.cell,
            setpoint=move.setpoint,
            written=move.applied,
            readback=result.readback,
        )
        self._mismatched[move.cell] = self._worker.clock_ns() + _MISMATCH_STANDS_NS
        trigger = Trigger(TriggerKind.SHED, _MISMATCH)
        await self._apply(move.section, self._table.get(move.section), {move.cell: trigger})

    # -- silence ----------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look at every link a few times a second, and act on silence; runs for ever."""
        await self._worker.recovered()
        for section, cells in self._settings.cells.items():
            # A mismatch stands for a minute; the life before this one took longer to end.
            cleared = dict.fromkeys(cells, Trigger(TriggerKind.SHED_CLEARED, _MISMATCH))
            await self._apply(section, self._table.get(section), cleared)
        while True:
            await self._watch_once()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _watch_once(self) -> None:
        now_ns = self._worker.clock_ns()
        guard = self._settings.limits.guard
        edge = self._edge
        heartbeat_age_s = edge.heartbeat_age_s()
        lost = not edge.is_connected
        await self._condition(
            "scada_lost",
            TriggerKind.SHED,
            lost,
            address=edge.address,
            error=edge.last_error,
        )
        await self._condition(
            "scada_heartbeat_lost",
            TriggerKind.SHED,
            not lost and heartbeat_age_s > guard.shed_after_s,
            age_s=round(heartbeat_age_s, 1),
        )
        silent = False
        for section, picture in self._pictures.items():
            age_s = picture.age_s(now_ns)
            began = picture.t_plant_s > 0.0  # before the first frame, nothing has gone silent
            is_silent = began and age_s > guard.max_input_age_s + guard.shed_after_s
            silent = silent or is_silent or not began
            for name, kind, holds in (
                ("samples_stale", TriggerKind.HOLD, began and age_s > guard.max_input_age_s),
                ("decisions_silent", TriggerKind.SHED, is_silent),
            ):
                await self._condition(
                    name, kind, holds, section=section, age_s=round(min(age_s, 1e6), 1)
                )
        edge.allow_heartbeat(not silent)
        for cell, until_ns in list(self._mismatched.items()):
            if now_ns >= until_ns:
                del self._mismatched[cell]
                section = self._section_of[cell]
                cleared = Trigger(TriggerKind.SHED_CLEARED, _MISMATCH)
                await self._apply(section, self._table.get(section), {cell: cleared})
        if not lost:
            await self._tell_plant()

    async def _condition(
        self,
        name: str,
        kind: TriggerKind,
        holds: bool,
        section: int | None = None,
        **details: str | float,
    ) -> None:
        """Act on a condition of a section (None: of the line) when it begins and when it ends."""
        known = self._conditions.get((name, section))
        if known is holds:
            return
        self._conditions[name, section] = holds
        if holds or known is not None:
            await self._worker.outbox.report(
                name, active=holds, section=section, cell=None, **details
            )
        # At the first look a condition that does not hold is cleared too: the guard's life before
        # this one may have ended in the middle of it.
        trigger = Trigger(kind if holds else _CLEARED[kind], name)
        for number in self._settings.cells if section is None else (section,):
            triggers = dict.fromkeys(self._settings.cells[number], trigger)
            await self._apply(number, self._table.get(number), triggers)


_CLEARED: Final = {
    TriggerKind.HOLD: TriggerKind.HOLD_CLEARED,
    TriggerKind.SHED: TriggerKind.SHED_CLEARED,
}
_TRIGGER_OF: Final = {CommandKind.SET_MODE: TriggerKind.SET_MODE}


def _with_result(move: Move, result: WriteResult) -> Move:
    """Return the move with what became of it."""
    return msgspec.structs.replace(
        move,
        state=result.state,
        readback=result.readback,
        reasons=[*move.reasons, result.reason] if result.reason else move.reasons,
        attempts=result.attempts,
        t_written_ns=result.t_written_ns,
        t_verified_ns=result.t_verified_ns,
    )
