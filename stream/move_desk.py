"""Where permitted moves wait for the next write: intent on record, write, result on record."""

import asyncio
import logging
from typing import Final

import msgspec

from control.modes import Mode, Trigger, TriggerKind
from stream.app import Worker, section_key
from stream.edge import PlantEdge, SetpointWrite, WriteResult
from stream.edges import Edge, Edges
from stream.mode_keeper import ModeKeeper
from stream.records import Move, MoveState, encode
from stream.topics import MOVES

_log = logging.getLogger(__name__)
MISMATCH: Final = "readback_mismatch"
_GATHER_S: Final = 0.02  # proposals of one scan come within this: one write request for all
_BATCHES_AT_ONCE: Final = 4  # a cell that does not answer must not hold up the others
_MOVES_WAITING: Final = 2000  # more than a whole line's; beyond, the agent waits
_MISMATCH_STANDS_NS: Final = 60_000_000_000
_HELD_ENDS_AFTER_NS: Final = 30_000_000_000


class MoveDesk:
    """Takes judged moves; writes what is permitted, everything that comes together at once."""

    def __init__(self, worker: Worker, edge: PlantEdge, keeper: ModeKeeper) -> None:
        self._worker = worker
        self._edge = edge
        self._keeper = keeper
        self._queue: asyncio.Queue[tuple[Move, int]] = asyncio.Queue(_MOVES_WAITING)
        self._batches: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_BATCHES_AT_ONCE)
        self._held = Edges(_HELD_ENDS_AFTER_NS)
        self._mismatched: dict[int, int] = {}  # cell -> wall time until which it stays shed

    async def take(self, move: Move, expires_ns: int) -> None:
        """Take a judged move: one that is permitted waits for the next write."""
        if move.state is MoveState.INTENT:
            await self._queue.put((move, expires_ns))
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
        """Take up the mismatches that stood when the guard's life before this one ended."""
        until_ns = self._worker.clock_ns() + _MISMATCH_STANDS_NS
        for cell, mode in self._keeper.state(section).modes.items():
            if MISMATCH in mode.sheds:
                self._mismatched[int(cell)] = until_ns

    async def end_mismatches(self) -> None:
        """Let go of cells whose mismatch has stood long enough."""
        now_ns = self._worker.clock_ns()
        for cell, until_ns in list(self._mismatched.items()):
            section = self._keeper.section_of(cell)
            if now_ns >= until_ns and section is not None:
                del self._mismatched[cell]
                cleared = Trigger(TriggerKind.SHED_CLEARED, MISMATCH)
                await self._keeper.apply(section, self._keeper.state(section), {cell: cleared})

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
        if move.mode is not Mode.AUTO:
            return  # a cell that is not in AUTO holds all its moves: its mode says so already
        condition = (move.cell, move.setpoint)
        if self._held.update(condition, True, self._worker.clock_ns()) is Edge.BEGAN:
            await self._worker.outbox.report(
                "move_held",
                section=move.section,
                cell=move.cell,
                setpoint=move.setpoint,
                reason="; ".join(move.reasons),
            )

    def _batch_done(self, task: asyncio.Task[None]) -> None:
        self._slots.release()
        self._batches.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a batch of moves failed", exc_info=error)

    async def _write(self, batch: list[tuple[Move, int]]) -> None:
        """Intents first, on record; then the write; then the results."""
        await asyncio.gather(*(self._record(move) for move, _ in batch))
        for section in {move.section for move, _ in batch}:
            await self._keeper.flush(section)
        writes = [
            SetpointWrite(move.move_id, move.cell, move.setpoint, move.applied, expires_ns)
            for move, expires_ns in batch
            if move.applied is not None
        ]
        written = await self._edge.write(writes, self._keeper.may_write)
        results = {result.move_id: result for result in written}
        await asyncio.gather(*(self._settle(move, results[move.move_id]) for move, _ in batch))

    async def _settle(self, move: Move, result: WriteResult) -> None:
        """Put the result of a write on record, and shed a cell that does not follow."""
        await self._record(_with_result(move, result))
        now_ns = self._worker.clock_ns()
        self._held.update((move.cell, move.setpoint), False, now_ns)
        if result.state is MoveState.VERIFIED:
            self._held.update(("unwritten", move.cell, move.setpoint), False, now_ns)
        if result.state is not MoveState.FAILED:
            return
        if result.t_written_ns is None:
            await self._tell_unwritten(move, result)
            return
        await self._worker.outbox.report(
            MISMATCH,
            section=move.section,
            cell=move.cell,
            setpoint=move.setpoint,
            written=move.applied,
            readback=result.readback,
        )
        self._mismatched[move.cell] = self._worker.clock_ns() + _MISMATCH_STANDS_NS
        trigger = Trigger(TriggerKind.SHED, MISMATCH)
        state = self._keeper.state(move.section)
        await self._keeper.apply(move.section, state, {move.cell: trigger})

    async def _tell_unwritten(self, move: Move, result: WriteResult) -> None:
        condition = ("unwritten", move.cell, move.setpoint)
        if self._held.update(condition, True, self._worker.clock_ns()) is Edge.BEGAN:
            await self._worker.outbox.report(
                "write_failed",
                section=move.section,
                cell=move.cell,
                setpoint=move.setpoint,
                reason=result.reason,
            )


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
