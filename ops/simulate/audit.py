"""A simulated disk with an audit on it, and what a guard has of that."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from ops.simulate.clockwork import Clockwork, Process
from ops.simulate.invariants import Judge
from stream.audit.chain import AuditEntry, AuditRecord
from stream.audit.entries import result_unknown, see_trips, unanswered
from stream.audit.files import AuditError
from stream.edge import Claim

_DISK_TAKES_S: Final = 0.005
_LOOK_EVERY_S: Final = 1.0  # as the audit of a real guard looks


@dataclass(eq=False)
class SimDisk:
    """Where the audit is kept: outlives processes, has one writer, and may be full.

    Attributes:
        full_until_s: until then nothing can be written.
        owner: the process that has the lock.
        claim: to be the one writer, kept last.
    """

    clockwork: Clockwork
    judge: Judge
    random: random.Random
    full_until_s: float = 0.0
    owner: Process | None = None
    entries: list[AuditEntry] = field(default_factory=list)
    claim: Claim | None = None

    async def read(self) -> Claim | None:
        """Return the claim that was kept last."""
        return self.claim

    async def write(self, claim: Claim) -> None:
        """Keep a claim.

        Raises:
            OSError: the disk is full.
        """
        if self.clockwork.now_s < self.full_until_s:
            raise OSError("no space left on device")
        self.claim = claim


class SimAudit:
    """An `AuditTrail` on a simulated disk: what is appended is there, or an error is raised."""

    def __init__(self, disk: SimDisk, process: Process) -> None:
        self._disk = disk
        self._at = process
        self._waiting: list[AuditEntry] = []
        self._turn = asyncio.Lock()
        self._came = asyncio.Event()
        self.error = ""
        self.left_tripped: Mapping[int, str] | None = None

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Make entries durable.

        Raises:
            AuditError: the disk is full, or another process writes there.
        """
        async with self._turn:  # one after the other, as the thread of the disk has it
            # The disk takes its time; what is put meanwhile waits for the next turn.
            taken, self._waiting = [*self._waiting, *entries], []
            try:
                await asyncio.sleep(self._disk.random.expovariate(1.0 / _DISK_TAKES_S))
                self._write(taken)
            except (AuditError, asyncio.CancelledError):
                self._waiting = [*taken[: len(taken) - len(entries)], *self._waiting]
                raise

    def put(self, entries: Sequence[AuditEntry]) -> None:
        """Keep entries until they can be written."""
        self._waiting += entries
        self._came.set()

    async def run(self) -> None:
        """Write what was put, for ever."""
        while True:
            self._came.clear()
            with suppress(AuditError):
                await self.append([])
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._came.wait()

    def _write(self, entries: list[AuditEntry]) -> None:
        disk = self._disk
        if self._at.is_dead:
            raise AuditError("this process is dead")
        if disk.clockwork.now_s < disk.full_until_s:
            self.error = "no space left on device"
            raise AuditError(self.error)
        if disk.owner is not self._at and disk.owner is not None and not disk.owner.is_dead:
            self.error = "another process writes the audit"
            raise AuditError(self.error)
        if disk.owner is not self._at:
            disk.owner = self._at
            self.left_tripped = see_trips({}, disk.entries)
            entries = [*close_intents(disk.entries), *entries]
        self.error = ""
        disk.entries += entries
        disk.judge.see_entries(entries, disk)


def close_intents(entries: list[AuditEntry]) -> list[AuditEntry]:
    """Return results for the intents of a life that has ended."""
    return [result_unknown(record) for record in unanswered(_as_records(entries))]


def _as_records(entries: list[AuditEntry]) -> list[AuditRecord]:
    records: list[Any] = list(entries)
    return records
