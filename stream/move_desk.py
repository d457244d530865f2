"""Where permitted moves wait for the next write: intent on record, write, result on record."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from control.interlock import OPTIMISER_ROLE
from control.modes import Mode, Trigger, TriggerKind
from stream.app import Worker, section_key
from stream.audit.entries import intent_of, result_of
from stream.audit.files import AuditError
from stream.audit.keeper import AuditTrail
from stream.edge import PlantEdge, SetpointWrite, WriteResult
from stream.edges import Edges
from stream.judging import note_written
from stream.mode_keeper import ModeKeeper
from stream.records import Move, MoveState, encode
from stream.topics import MOVES

_log = logging.getLogger(__name__)
MISMATCH: Final = "readback_mismatch"
UNWRITTEN: Final = "write_failed"
HELD: Final = "move_held"
_GATHER_S: Final = 0.02  # proposals of one scan come within this: one write request for all
_BATCHES_AT_ONCE: Final = 4  # a cell that does not answer must not hold up the others
_MOVES_WAITING: Final = 2000  # more than a whole line's; beyond, the agent waits
_REFUSALS_IN_A_ROW: Final = 3  # design value: one may be a busy server, three are an answer
_STANDS_NS: Final = 60_000_000_000
_ENDS_AFTER_NS: Final = 30_000_000_000
_OVER: Final = "it is over"
Details = dict[str, str | float | None]
# What is known after a restart of what stood before it.
_UNKNOWN: Final[dict[str, Details]] = {
    MISMATCH: {"setpoint": "a setpoint", "written": "asked", "readback": "another value"},
    UNWRITTEN: {"setpoint": "a setpoint", "reason": "the plant refused it"},
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A permitted move that waits for the next write; see `MoveDesk.take`."""

    move: Move
    expires_ns: int
    stay: int
    may_write: Callable[[], bool]


class MoveDesk:
    """Takes judged moves; writes what is permitted, everything that comes together at once."""

    def __init__(
        self, worker: Worker, edge: PlantEdge, audit: AuditTrail, keeper: ModeKeeper
    ) -> None:
        self._worker = worker
        self._edge = edge
        self._audit = audit
        self._keeper = keeper
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(_MOVES_WAITING)
        self._batches: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_BATCHES_AT_ONCE)
        self._edges = Edges(_ENDS_AFTER_NS)
        self._told: dict[tuple[str, int], set[str]] = {}  # event, cell -> setpoints
        self._refused: dict[tuple[int, str], int] = {}  # cell, setpoint -> times in a row
        self._unproved: dict[tuple[int, str], int] = {}  # cell, setpoint -> times in a row
        # cell, cause -> until when it stays shed, monotonic, and the event's details
        self._standing: dict[tuple[int, str], tuple[int, Details]] = {}

    async def take(
        self, move: Move, expires_ns: int, stay: int, may_write: Callable[[], bool]
    ) -> None:
        """Take a judged move: one that is permitted waits for the next write.

        Args:
            move: as it was judged.
            expires_ns: wall time after which it must not be sent.
            stay: the stay, in AUTO or for an override in HOLD, that it was judged in.
            may_write: whether it may still be sent; asked again before every attempt.
        """
        if move.state is MoveState.INTENT:
            await self._queue.put(_Waiting(move, expires_ns, stay, may_write))
        else:
            await self._hold(move)

    async def run(self) -> None:
        """Write what is permitted; runs for ever."""
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(_GATHER_S)
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._slots.acquire()
            task = asyncio.create_task(self._write(batch))
            self._batches.add(task)
            task.add_done_callback(self._batch_done)

    def recall(self, section: int) -> None:
        """Take up what stood against cells when the guard's life before this one ended."""
        until_ns = self._worker.monotonic_ns() + _STANDS_NS
        for cell, mode in self._keeper.state(section).modes.items():
            for cause, details in _UNKNOWN.items():
                if cause in mode.sheds:
                    self._standing[int(cell), cause] = (until_ns, details)

    def cells_not_following(self) -> int:
        """Return how many cells stand shed because they did not take what was written."""
        return len({cell for cell, _ in self._standing})

    def end_what_is_over(self) -> None:
        """Let go of cells whose mismatch or refusal has stood long enough, and tell the end of what
        cannot go on because its cell is not in AUTO any more. Waits for nothing."""
        now_ns = self._worker.monotonic_ns()
        for (cell, cause), (until_ns, details) in list(self._standing.items()):
            section = self._keeper.section_of(cell)
            if now_ns >= until_ns and section is not None:
                del self._standing[cell, cause]
                cleared = Trigger(TriggerKind.SHED_CLEARED, cause)
                self._keeper.apply_at_once(section, {cell: cleared})
                if cause == MISMATCH:
                    self._keeper.reports.put(cause, section, cell=cell, **details)
        for (name, cell), setpoints in list(self._told.items()):
            if not self._keeper.is_in_auto(cell):
                for setpoint in list(setpoints):
                    self._note(name, cell, setpoint, False, _OVER)

    def _note(self, name: str, cell: int, setpoint: str, holds: bool, reason: str) -> None:
        """Tell people when moves of a cell begin to be held or refused, not every time, and when
        none of its setpoints is any more."""
        edge = self._edges.update((name, cell, setpoint), holds, self._worker.monotonic_ns())
        if edge is None:
            return
        told = self._told.setdefault((name, cell), set())
        if holds:
            told.add(setpoint)
        else:
            told.discard(setpoint)
            if told:
                return
            del self._told[name, cell]
        section = self._keeper.section_of(cell)
        self._keeper.reports.put(
            name, section, active=holds, cell=cell, setpoint=setpoint, reason=reason
        )

    async def _record(self, move: Move) -> None:
        await self._worker.outbox.send(
            MOVES.name,
            section_key(move.section),
            encode(move),
            self._worker.partition_of(move.section),
        )

    async def _hold(self, move: Move) -> None:
        """Put a held move on record; tell people when it begins, not every time."""
        await self._record(move)
        # Elsewhere all moves are held, and under an override those: both say so themselves. Who
        # asks from outside has the answer, and people nothing to do about it.
        is_overridden = self._keeper.orders.is_overridden(move)
        if move.mode is Mode.AUTO and not is_overridden and not move.is_from_outside:
            self._note(HELD, move.cell, move.setpoint, True, "; ".join(move.reasons))

    def _batch_done(self, task: asyncio.Task[None]) -> None:
        self._slots.release()
        self._batches.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a batch of moves failed", exc_info=error)

    async def _write(self, batch: list[_Waiting]) -> None:
        """Intents first, on record; then the write; then the results. Without an intent on record,
        nothing is written."""
        moves = [waiting.move for waiting in batch]
        await asyncio.gather(*(self._record(move) for move in moves))
        for section in {move.section for move in moves}:
            await self._keeper.flush(section)
        try:
            await self._audit.append([intent_of(move) for move in moves])
        except AuditError as exc:
            for move in moves:
                await self._settle(move, _unwritten(move, str(exc)))
            return
        self._keeper.recall_trips()
        writes = [
            SetpointWrite(
                one.move.move_id, one.move.cell, one.move.setpoint, one.move.applied, one.expires_ns
            )
            for one in batch
            if one.move.applied is not None
        ]
        may = {one.move.move_id: one.may_write for one in batch}
        written = await self._edge.write(writes, lambda write: may[write.move_id]())
        results = {result.move_id: result for result in written}
        self._audit.put([result_of(move, results[move.move_id]) for move in moves])
        for one in batch:
            if results[one.move.move_id].t_written_ns is not None:
                state = self._keeper.state(one.move.section)
                self._keeper.keep(one.move.section, note_written(state, one.move, one.stay))
        await asyncio.gather(*(self._settle(move, results[move.move_id]) for move in moves))

    async def _settle(self, move: Move, result: WriteResult) -> None:
        """Shed a cell that does not follow or refuses again and again, and put the result of a
        write on record."""
        place, by_hand = (move.cell, move.setpoint), move.role != OPTIMISER_ROLE
        # What was set since is not what was written, and no fault of the cell; nor is it that one
        # which does not follow us any more has kept its own value.
        mode = self._keeper.state(move.section).mode_of(move.cell)
        is_failed = (
            result.state is MoveState.FAILED
            and mode.is_remote
            and not self._keeper.orders.is_superseded(move)
            and not self._is_outdone_again(move, result)
        )
        if by_hand:
            if result.state is MoveState.VERIFIED:
                self._keeper.orders.confirm(move)
            elif self._keeper.orders.drop(move):
                self._tell_unwritten_override(move, result)
        if is_failed and result.t_written_ns is not None:
            details = {
                "setpoint": move.setpoint,
                "written": move.applied,
                "readback": result.readback,
            }
            await self._shed(move, MISMATCH, details)
            self._keeper.reports.put(MISMATCH, move.section, active=True, cell=move.cell, **details)
        elif is_failed:
            if result.attempts > 0:  # it came to the plant
                self._refused[place] = self._refused.get(place, 0) + 1
            if self._refused.get(place, 0) >= _REFUSALS_IN_A_ROW:
                del self._refused[place]
                await self._shed(move, UNWRITTEN, _UNKNOWN[UNWRITTEN])
            self._note(UNWRITTEN, *place, True, result.reason)
        elif result.state is MoveState.VERIFIED:
            self._refused.pop(place, None)
            self._unproved.pop(place, None)
            self._note(UNWRITTEN, *place, False, _OVER)
        if not move.is_from_outside:
            self._note(HELD, *place, False, _OVER)
        await self._record(_with_result(move, result))

    def _is_outdone_again(self, move: Move, result: WriteResult) -> bool:
        """Whether another value was permitted before this one could be proved, and that not for the
        third time: a stuck actuator must be found however fast values follow."""
        is_outdone = move.role == OPTIMISER_ROLE and self._keeper.orders.is_outdone(move)
        if not is_outdone or result.t_written_ns is None:
            return is_outdone
        place = (move.cell, move.setpoint)
        self._unproved[place] = self._unproved.get(place, 0) + 1
        return self._unproved[place] < _REFUSALS_IN_A_ROW

    def _tell_unwritten_override(self, move: Move, result: WriteResult) -> None:
        """Let whoever set it by hand know that it is not so."""
        self._keeper.reports.put(
            "command_refused",
            move.section,
            cell=move.cell,
            place=f"Cell {move.cell}",
            kind="apply_override",
            who=move.asked_by,
            reason=result.reason,
            command_id=move.proposal_id,
        )

    async def _shed(self, move: Move, cause: str, details: Details) -> None:
        """Hand a cell back before anything waits for Kafka."""
        self._standing[move.cell, cause] = (self._worker.monotonic_ns() + _STANDS_NS, details)
        trigger = Trigger(TriggerKind.SHED, cause)
        self._keeper.apply_at_once(move.section, {move.cell: trigger})
        await self._keeper.tell_plant()


def _unwritten(move: Move, reason: str) -> WriteResult:
    """Return the result of a move that was not sent, for the sake of the audit."""
    return WriteResult(move.move_id, MoveState.FAILED, move.previous, None, None, 0, reason)


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
