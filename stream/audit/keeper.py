"""The audit of a running guard: what must be durable first, what may follow, and checkpoints.

The disk works in a thread of its own, so no agent waits for it but the one that has to. What is
done at once for safety's sake, a cell handed back, never waits: it is put, and written as soon as
it can be.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.audit.chain import AuditEntry, unfit
from stream.audit.checkpoint import EVERY_S, is_due, sign_checkpoint
from stream.audit.entries import GUARD, result_unknown, unanswered
from stream.audit.files import AuditError, newest_records, pack_finished
from stream.audit.log import AuditLog
from stream.audit.trip_file import TripFile
from stream.outbox import Outbox
from stream.records import encode
from stream.topics import CHECKPOINTS

_log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 1.0
_TRY_AGAIN_AFTER_S: Final = 2.0
_HOUSEKEEPING_EVERY_S: Final = 3600.0
_MOST_WAITING: Final = 10_000


class AuditTrail(Protocol):
    """What the guard needs of an audit."""

    @property
    def error(self) -> str:
        """Why it cannot be written now; "" where it can."""

    @property
    def left_tripped(self) -> Mapping[int, str] | None:
        """The cells that the life before this one left tripped, as the audit says, and what caused
        it; None until the audit has been opened, which is before anything of this life is in it."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Return when these entries, and all that were put before, are durable.

        Raises:
            AuditError: they are not; nothing may be written to the plant.
        """

    def put(self, entries: Sequence[AuditEntry]) -> None:
        """Let entries be written as soon as can be; waits for nothing."""


class AuditKeeper:
    """An `AuditTrail` on files, which opens them and keeps trying to."""

    def __init__(
        self,
        open_log: Callable[[], AuditLog],
        outbox: Outbox,
        signing_key: Ed25519PrivateKey,
        retention_days: int,
    ) -> None:
        """Make a keeper; the first entry, or `run`, opens the log.

        Args:
            open_log: opens the audit; called again after it failed.
            outbox: to Kafka, for checkpoints.
            signing_key: signs them.
            retention_days: after which a day's file is removed.
        """
        self._open_log = open_log
        self._outbox = outbox
        self._signing_key = signing_key
        self._retention_days = retention_days
        self._log: AuditLog | None = None
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._waiting: deque[AuditEntry] = deque()
        self._dropped = 0
        self._came = asyncio.Event()
        self._error = ""
        self._left_tripped: Mapping[int, str] | None = None
        self._trips: TripFile | None = None
        self._has_ended = False
        self._has_opened = False
        self._tried_s = -_TRY_AGAIN_AFTER_S
        self._tidied_s = time.monotonic()

    @property
    def error(self) -> str:
        """Why it cannot be written now; "" where it can."""
        return self._error

    @property
    def left_tripped(self) -> Mapping[int, str] | None:
        """The cells that the life before this one left tripped; see `AuditTrail`."""
        return self._left_tripped

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Return when these entries, and all that were put before, are durable.

        Raises:
            AuditError: they are not; nothing may be written to the plant.
        """
        if self._has_ended:
            raise AuditError("the audit has been closed, for the guard ends")
        for entry in entries:
            if reason := unfit(entry):
                raise AuditError(f"{entry.action} cannot be put on record: {reason}")
        asked = asyncio.ensure_future(self._in_thread(lambda: self._write(entries)))
        # Shielded: a caller that is cancelled must not leave half a batch behind.
        await asyncio.shield(asked)

    def put(self, entries: Sequence[AuditEntry]) -> None:
        """Let entries be written as soon as can be; waits for nothing."""
        for entry in entries:
            if reason := unfit(entry):  # one that can never be written must not stop all others
                _log.error(
                    "%s by %.80s cannot be put on record: %s", entry.action, entry.actor, reason
                )
                self._dropped += 1
            else:
                self._waiting.append(entry)
        while len(self._waiting) > _MOST_WAITING:
            with suppress(IndexError):  # the disk's thread may just have taken them all
                self._waiting.popleft()
                self._dropped += 1
        self._came.set()

    async def run(self) -> None:
        """Write what was put, sign checkpoints, pack and retire; runs until it is cancelled, and
        then lets another writer in."""
        signing = asyncio.create_task(self._sign())  # by itself: it may wait for Kafka
        try:
            while True:
                self._came.clear()
                with suppress(AuditError):  # in `error`; whoever must not go on looks there
                    await self._in_thread(lambda: self._write(()))
                await self._tidy_if_due()
                if signing.done():
                    await signing  # it has failed, and that is the guard's failure
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._came.wait()
        finally:
            signing.cancel()
            await self._end()

    async def _end(self) -> None:
        try:
            await self._in_thread(lambda: self._write(()))
        except AuditError as exc:
            _log.error("%d entries of the audit were lost: %s", len(self._waiting), exc)
        self._has_ended = True
        await self._in_thread(self._close)
        self._disk.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)

    async def _sign(self) -> None:
        """Ship a checkpoint whenever one is due, the first with the first record."""
        signed_seq, signed_s = 0, -EVERY_S
        while True:
            log, now_s = self._log, time.monotonic()
            if log is not None and is_due(log.seq, now_s, signed_seq, signed_s):
                checkpoint = sign_checkpoint(log.checkpoint(), self._signing_key)
                key = checkpoint.chain.encode()
                await self._outbox.send(CHECKPOINTS.name, key, encode(checkpoint))
                signed_seq, signed_s = checkpoint.seq, now_s
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _tidy_if_due(self) -> None:
        if time.monotonic() - self._tidied_s < _HOUSEKEEPING_EVERY_S or self._log is None:
            return
        self._tidied_s = time.monotonic()
        try:
            # Packing takes long, and concerns no file that is being written: not in the disk's
            # thread, where intents would wait for it.
            for path in await asyncio.to_thread(pack_finished, self._log.folder):
                _log.info("Packed %s.", path)
            await self._in_thread(self._retire)
        except AuditError as exc:
            _log.error("%s; tried again in an hour", exc)

    # -- in the thread of the disk ----------------------------------------------------------

    def _write(self, entries: Sequence[AuditEntry]) -> None:
        try:
            log = self._opened()
            waiting, dropped = self._take_waiting(), self._dropped
            told = [*self._told_of_trouble(), *waiting, *entries]
            if told:
                try:
                    log.append(told)
                except OSError:
                    self._waiting.extendleft(reversed(waiting))
                    raise
                self._dropped -= dropped
                self._note_trips(told)
        except (OSError, ValueError) as exc:
            self._fail(exc)
            raise AuditError(self._error) from exc
        if self._error:
            _log.warning("The audit is written again.")
            self._error = ""

    def _note_trips(self, entries: Sequence[AuditEntry]) -> None:
        """Keep trips in a file of their own too. They are on record by now: a file that cannot be
        written is tried again with the next change, and is no reason to take that back."""
        if self._trips is None:
            return
        try:
            self._trips.see(entries)
        except OSError as exc:
            _log.error("which cells stand tripped cannot be kept: %s", exc)

    def _opened(self) -> AuditLog:
        """Return the log, opened where it was not; not tried again at every entry."""
        if self._has_ended:
            raise AuditError("the audit has been closed, for the guard ends")
        if self._log is not None and not self._log.is_closed:
            return self._log
        if time.monotonic() - self._tried_s < _TRY_AGAIN_AFTER_S:
            raise AuditError(self._error)
        self._tried_s = time.monotonic()
        self._close()
        log = self._open_log()
        try:
            # Of the lives before this one; what this one does not know yet it will come to know.
            if not self._has_opened:
                records = newest_records(log.folder)
                if closed := unanswered(records):
                    log.append([result_unknown(intent) for intent in closed])
                trips = TripFile(log.folder)
                self._left_tripped = trips.recall(records)
                self._trips = trips
        except BaseException:
            log.close()
            raise
        self._log, self._has_opened = log, True
        return log

    def _told_of_trouble(self) -> list[AuditEntry]:
        """Return what the audit says of itself after it could not be written; there is always
        something then, for only a record that was written shows that it can be again."""
        told = []
        if self._error:
            told.append(AuditEntry(action="audit_recovered", actor=GUARD, reason=self._error))
        if self._dropped:
            reason = f"{self._dropped} entries were lost while the audit could not be written"
            told.append(AuditEntry(action="entries_lost", actor=GUARD, reason=reason))
        return told

    def _fail(self, exc: Exception) -> None:
        if str(exc) != self._error:
            _log.error("%s", exc)
        self._error = str(exc)

    def _retire(self) -> None:
        if self._log is not None and not self._log.is_closed:
            for path in self._log.retire(self._retention_days):
                _log.info("Removed %s, older than %d days.", path, self._retention_days)

    def _close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def _take_waiting(self) -> list[AuditEntry]:
        taken = []
        while True:
            try:
                taken.append(self._waiting.popleft())
            except IndexError:
                return taken
