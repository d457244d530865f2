"""What a process prints: kept in a file that cannot grow without bound, the last lines at hand."""

import os
from collections import deque
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 2 * 1024 * 1024  # of one file; one older file is kept beside it
_TAIL_BYTES: Final = 16 * 1024


class RotatingLog:
    """A log file of at most `limit_bytes`, with one older one (`<name>.1`) of the same size."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._limit_bytes = limit_bytes
        self._file = path.open("ab", buffering=0)
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes as they came; they need not end with a line."""
        if self._file.tell() and self._file.tell() + len(chunk) > self._limit_bytes:
            self._file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._file = self.path.open("ab", buffering=0)
        self._file.write(chunk[-self._limit_bytes :])
        self._tail.append(chunk[-_TAIL_BYTES:])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= _TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def last_lines(self, count: int) -> list[str]:
        """Return at most `count` lines, the newest last."""
        text = b"".join(self._tail).decode(errors="replace")
        return [line for line in text.splitlines() if line.strip()][-count:]

    def close(self) -> None:
        """Close the file; the last lines stay at hand."""
        self._file.close()


class Outlet:
    """The pipe into which a process prints, read without blocking."""

    def __init__(self, log: RotatingLog) -> None:
        self.log = log
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)

    def hand_over(self) -> None:
        """Close our copy of the writing end, once the process has its own."""
        os.close(self.write_end)

    def drain(self) -> bool:
        """Move what has been printed into the log; return whether more may come."""
        while True:
            try:
                chunk = os.read(self.read_end, 65536)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.log.write(chunk)

    def close(self) -> None:
        """Stop reading."""
        os.close(self.read_end)
