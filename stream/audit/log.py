"""The files of an audit: one writer, one file a day, durable before `append` returns.

Days that are over are packed (`stream.audit.files`). Nothing in a file is ever changed. The one
exception is half a line at the very end, left by a crash while it was written, on which nothing can
have relied: it is set aside in a file of its own, and the next record says so.
"""

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import msgspec

from stream.audit.chain import (
    FIRST_PREVIOUS,
    LONGEST_LINE,
    OPENED,
    RETIRED,
    AuditEntry,
    AuditLineError,
    AuditRecord,
    SealedRecord,
    from_line,
    is_seal_good,
    seal_record,
    to_line,
)
from stream.audit.files import (
    PACKED,
    AuditError,
    audit_files,
    day_of,
    file_name,
    first_seq,
    last_line,
    open_secret,
)
from stream.audit.keys import SealingKeys
from stream.records import AuditCheckpoint

_LOCK_FILE: Final = "audit.lock"
_CHAIN_BYTES: Final = 8
_LONGEST_GAP: Final = timedelta(days=7)
_ITSELF: Final = "audit"


class AuditLog:
    """Appends to an audit, as its only writer. Blocks while the disk works: call it from a thread.

    A context manager; a second one on the same folder is refused while the first is open.
    """

    def __init__(
        self,
        folder: Path,
        keys: SealingKeys,
        config_hash: str,
        clock_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Open the audit in a folder, or begin one.

        Raises:
            AuditError: another process writes there, the folder cannot be written, or the last
                record is not what was sealed: what cannot be trusted is not gone on with.
        """
        self.folder = folder
        self._keys = keys
        self._config_hash = config_hash
        self._clock_ns = clock_ns
        self._monotonic_ns = monotonic_ns
        self._file: IO[bytes] | None = None
        self._day: date | None = None
        self._size = 0  # of the file, up to its last whole line
        self._is_broken = False
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _take_lock(folder / _LOCK_FILE)
        except OSError as exc:
            raise _unwritable(folder, exc) from exc
        try:
            torn = self._set_torn_end_aside()
            self._last = self._find_last()
        except BaseException:
            self._lock.close()
            raise
        self.chain = self._last.record.chain if self._last else secrets.token_hex(_CHAIN_BYTES)
        try:
            self.append([AuditEntry(action=OPENED, actor=_ITSELF, reason=torn)])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def seq(self) -> int:
        """Number of the newest record; 0 before the first."""
        return self._last.record.seq if self._last else 0

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be appended any more."""
        return self._is_broken

    def append(self, entries: Sequence[AuditEntry]) -> list[AuditRecord]:
        """Append entries, together; they are on the disk when this returns.

        Raises:
            AuditError: they are not, and none of them is part of the chain.
            ValueError: a number in one of them is not finite, or its texts are too long.
        """
        if self._is_broken:
            raise AuditError(f"the audit in {self.folder} is closed. Remedy: open it anew")
        now_ns = self._clock_ns()
        sealed: list[SealedRecord] = []
        last = self._last
        for entry in entries:
            last = self._seal(entry, last, now_ns)
            sealed.append(last)
        try:
            self._write(b"".join(map(to_line, sealed)), now_ns)
        except OSError as exc:
            self._take_back()
            raise _unwritable(self.folder, exc) from exc
        self._last = last
        return [one.record for one in sealed]

    def checkpoint(self) -> AuditCheckpoint:
        """Return how far the chain has come, not signed yet."""
        last = self._last
        assert last is not None, "a log that is open has its opening record"
        return AuditCheckpoint(
            chain=self.chain, seq=last.record.seq, seal=last.seal, t_utc_ns=self._clock_ns()
        )

    def retire(self, days: int) -> list[Path]:
        """Remove files that are older than so many days; say so in the chain first.

        Nothing is removed where the newest file is of a day long after the one before: the line
        stood still, or the clock is wrong, and a wrong clock must not cost an audit.

        Raises:
            AuditError: a file cannot be removed.
        """
        files = audit_files(self.folder)
        if len(files) < 2 or day_of(files[-1]) - day_of(files[-2]) > _LONGEST_GAP:
            return []
        oldest = day_of(files[-1]) - timedelta(days=days)
        old = [
            (path, first_seq(after) - 1) for path, after in pairwise(files) if day_of(path) < oldest
        ]
        for path, through in old:
            retirement = AuditEntry(
                action=RETIRED,
                actor=_ITSELF,
                target=path.name,
                applied=float(through),
                reason=f"older than {days} days",
            )
            self.append([retirement])
            try:
                path.unlink()
            except OSError as exc:
                raise AuditError(f"{path} cannot be removed: {exc.strerror}") from exc
        return [path for path, _ in old]

    def close(self) -> None:
        """Let another writer in."""
        self._is_broken = True
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.close()

    def _seal(self, entry: AuditEntry, before: SealedRecord | None, now_ns: int) -> SealedRecord:
        record = AuditRecord(
            **msgspec.structs.asdict(entry),
            chain=self.chain,
            seq=before.record.seq + 1 if before else 1,
            previous=before.seal if before else FIRST_PREVIOUS,
            key_id=self._keys.newest,
            t_utc_ns=now_ns,
            t_monotonic_ns=self._monotonic_ns(),
            config_hash=self._config_hash,
        )
        return seal_record(record, self._keys.key)

    def _write(self, content: bytes, now_ns: int) -> None:
        """Write to the file of the day, made where the newest is of another."""
        if self._file is None or self._day != _day(now_ns):
            files = audit_files(self.folder)
            path = self.folder / file_name(self.seq + 1, now_ns)
            is_new = not files or files[-1].suffix == PACKED or day_of(files[-1]) != _day(now_ns)
            if not is_new:
                path = files[-1]
            file = _open_for_append(path)
            if self._file is not None:
                self._file.close()
            self._file, self._day = file, _day(now_ns)
            self._size = path.stat().st_size
            if is_new:
                _sync_folder(self.folder)
        left = memoryview(content)
        while left:
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())
        self._size += len(content)

    def _take_back(self) -> None:
        """Leave no half line behind a failed write; where that fails too, nothing is written any
        more."""
        if self._file is None:
            return
        try:
            self._file.truncate(self._size)
        except (OSError, ValueError):
            self.close()

    def _find_last(self) -> SealedRecord | None:
        """Return the newest record, with which the chain goes on."""
        for path in reversed(audit_files(self.folder)):
            line = last_line(path)
            if line is None:
                continue
            try:
                sealed = from_line(line)
            except AuditLineError as exc:
                raise AuditError(
                    f"the last line of {path} is no audit line: {exc}. Remedy: find out who "
                    "touched it (`potline audit verify`), move the folder away as evidence, and "
                    "begin a new one"
                ) from exc
            key = self._keys.by_id.get(sealed.record.key_id)
            if key is None or not is_seal_good(sealed, key):
                raise AuditError(
                    f"the last record in {path} is not what was sealed, or its key is missing. "
                    "Remedy: put the keys back; else find out who touched it (`potline audit "
                    "verify`), move the folder away as evidence, and begin a new one"
                )
            return sealed
        return None

    def _set_torn_end_aside(self) -> str:
        """Move half a line at the end of the newest file into a file of its own; say so."""
        files = audit_files(self.folder)
        if not files or files[-1].suffix == PACKED:
            return ""
        path = files[-1]
        try:
            with path.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                at = max(0, size - LONGEST_LINE)
                file.seek(at)
                tail = file.read()
                torn = tail[tail.rfind(b"\n") + 1 :]
                if not torn:
                    return ""
                aside = path.with_suffix(f".torn-{self._clock_ns()}")
                with open_secret(aside) as kept:
                    kept.write(torn)
                file.truncate(size - len(torn))
                os.fsync(file.fileno())
        except OSError as exc:
            raise _unwritable(path, exc) from exc
        return f"{len(torn)} bytes of a line that a crash had cut short are kept in {aside.name}"


def _take_lock(path: Path) -> IO[str]:
    """Return the open lock file; the lock ends with its process, however that ends.

    Raises:
        AuditError: another process has it.
    """
    lock = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise AuditError(
                f"the audit in {path.parent} is being written by process {owner}. Remedy: end that "
                "one first; two guards must not write to one plant"
            ) from exc
        raise
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _open_for_append(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab", buffering=0)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _day(t_ns: int) -> date:
    return datetime.fromtimestamp(t_ns / 1e9, UTC).date()


def _unwritable(path: Path, exc: OSError) -> AuditError:
    if isinstance(exc, AuditError):
        return exc
    return AuditError(
        f"the audit in {path} cannot be written: {exc.strerror or exc}. Remedy: free the disk or "
        "correct its rights"
    )
