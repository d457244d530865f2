"""What every process of a run uses: memory, processor time, and the disk that all share."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

_MIB: Final = 1024 * 1024


@dataclass(slots=True)
class Bounded:
    """The first, the largest and the last of a quantity."""

    first: float | None = None
    largest: float = 0.0
    last: float = 0.0

    def add(self, value: float) -> None:
        """Take one reading."""
        self.first = value if self.first is None else self.first
        self.largest = max(self.largest, value)
        self.last = value

    def summary(self) -> dict[str, float | None]:
        """Return the three under the names of the report."""
        return {
            "first": None if self.first is None else round(self.first, 1),
            "max": round(self.largest, 1),
            "last": round(self.last, 1),
        }


@dataclass(slots=True)
class _OneProcess:
    rss_mb: Bounded = field(default_factory=Bounded)
    since_s: float | None = None
    until_s: float = 0.0
    cpu_s: float = 0.0  # of processes that have ended, and of the present one up to `counted_s`
    pid: int | None = None
    counted_s: float = 0.0


class Usage:
    """Readings of all processes, with their children, by the names of the process table."""

    def __init__(self) -> None:
        self._processes: dict[str, _OneProcess] = {}
        self.disk_mb = Bounded()

    def read(self, process_ids: Mapping[str, int], folder: Path, now_s: float) -> None:
        """Take one reading of every process and of the run folder.

        Args:
            process_ids: of those that run now.
            now_s: monotonic.
        """
        for name, pid in process_ids.items():
            with contextlib.suppress(psutil.Error):
                family = _family(pid)
                self._note(name, pid, _rss_mb(family), _cpu_s(family), now_s)
        self.disk_mb.add(folder_mb(folder))

    def _note(self, name: str, pid: int, rss_mb: float, cpu_s: float, now_s: float) -> None:
        one = self._processes.setdefault(name, _OneProcess())
        one.rss_mb.add(rss_mb)
        if one.since_s is None:
            one.since_s = now_s
            one.pid, one.counted_s = pid, cpu_s  # what its start took is not part of its load
        if one.pid != pid:
            one.pid, one.counted_s = pid, 0.0
        one.cpu_s += max(0.0, cpu_s - one.counted_s)
        one.counted_s, one.until_s = cpu_s, now_s

    def summary(self, restarts: Mapping[str, int]) -> dict[str, object]:
        """Return what each process used, under the names of the report."""
        rows: dict[str, object] = {}
        for name, one in self._processes.items():
            seconds = one.until_s - (one.since_s or 0.0)
            rows[name] = {
                "rss_mb": one.rss_mb.summary(),
                "cpu_pct": round(100 * one.cpu_s / seconds, 1) if seconds > 0 else None,
                "restarts": restarts.get(name, 0),
            }
        return rows


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    if pid == os.getpid():  # the supervisor: its children have rows of their own
        return [parent]
    return [parent, *parent.children(recursive=True)]


def _rss_mb(family: list[psutil.Process]) -> float:
    total = 0.0
    for process in family:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss / _MIB
    return total


def _cpu_s(family: list[psutil.Process]) -> float:
    total = 0.0
    for process in family:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def folder_mb(folder: Path) -> float:
    """Return how much disk a folder takes: blocks in use, as sparse files take fewer than their
    size."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total / _MIB
