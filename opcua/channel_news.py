"""Tells which sensors are lost and which are back: by channel and fault, not by cell and scan.

Faults alike of one channel are one event a section, which names the number of cells; it is told
when it begins, when its cells change and when it ends.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from control.channel_faults import FAULT_WORDS, I64, Fault, Mask
from opcua.link_news import Report
from opcua.mapping import Layout
from opcua.scans import Ballot

# Two sensors that are read in the middle of a jump deviate for a scan, and mean nothing.
_BEGINS_AFTER_NS: Final = 2_000_000_000
_ENDS_AFTER_NS: Final = 30_000_000_000  # so that what flickers does not chatter
_AGAIN_AFTER_NS: Final = 10_000_000_000  # between two words on one thing whose cells change
_CELLS_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Subject:
    """What one event is about; the section is None where one value serves the whole line."""

    signal: str
    channel: int  # from 1, in the order of the plant file
    node: str
    fault: Fault
    section: int | None


@dataclass(frozen=True, slots=True)
class ChannelTold:
    """What is told: the cells that are without the channel, or were until it ended."""

    subject: Subject
    active: bool
    cells: tuple[int, ...]


@dataclass(slots=True)
class _Seen:
    """When a fault of a channel was seen at each cell, wall time; 0: not since it ended."""

    first_ns: I64
    last_ns: I64


@dataclass(slots=True)
class ChannelEdges:
    """Finds what is new in the votes.

    Attributes:
        sections: cell numbers of section 0, 1, ..., which are the votes' columns in order.
    """

    sections: Sequence[Sequence[int]]
    _seen: dict[tuple[str, int, Fault], _Seen] = field(default_factory=dict)
    _told: dict[Subject, tuple[tuple[int, ...], int]] = field(default_factory=dict)

    def take(self, ballots: Sequence[Ballot], now_ns: int) -> list[ChannelTold]:
        """Return what is to be told after a scan.

        Args:
            ballots: of the scan.
            now_ns: wall time of it.
        """
        told: list[ChannelTold] = []
        for ballot in ballots:
            name = ballot.row.name
            for at, of_channel in enumerate(ballot.fault):
                present = {Fault(code) for code in np.unique(of_channel)} - {Fault.NONE}
                for fault in Fault:
                    if fault in present or (name, at, fault) in self._seen:
                        standing = self._look((name, at, fault), of_channel == fault, now_ns)
                        for subject, cells in self._parts(ballot, at, fault, standing):
                            told += self._news(subject, cells, now_ns)
        return told

    def _look(self, key: tuple[str, int, Fault], is_seen: Mask, now_ns: int) -> Mask:
        """Return at which cells a fault stands: seen within 30 s, and by then for 2 s or more."""
        never = np.zeros(len(is_seen), dtype=np.int64)
        seen = self._seen.get(key, _Seen(never, never))
        last_ns = np.where(is_seen, now_ns, seen.last_ns)
        is_alive = (last_ns > 0) & (now_ns - last_ns < _ENDS_AFTER_NS)
        first_ns = np.where(is_seen & (seen.first_ns == 0), now_ns, seen.first_ns)
        if is_alive.any():
            self._seen[key] = _Seen(np.where(is_alive, first_ns, 0), np.where(is_alive, last_ns, 0))
        else:
            self._seen.pop(key, None)
        return is_alive & (last_ns - first_ns >= _BEGINS_AFTER_NS)

    def _parts(
        self, ballot: Ballot, at: int, fault: Fault, standing: Mask
    ) -> Iterator[tuple[Subject, tuple[int, ...]]]:
        """Yield the cells at which a fault stands, section by section."""
        row = ballot.row
        if row.layout is Layout.LINE:
            everyone = tuple(cell for cells in self.sections for cell in cells)
            subject = Subject(row.name, at + 1, row.nodes[at], fault, None)
            yield subject, everyone if standing[0] else ()
            return
        begin = 0
        for section, cells in enumerate(self.sections):
            mine = standing[begin : begin + len(cells)]
            subject = Subject(row.name, at + 1, row.nodes[at], fault, section)
            yield subject, tuple(cells[int(i)] for i in np.flatnonzero(mine))
            begin += len(cells)

    def _news(self, subject: Subject, cells: tuple[int, ...], now_ns: int) -> Iterator[ChannelTold]:
        before, told_ns = self._told.get(subject, ((), 0))
        if cells == before:
            return
        if not cells:
            del self._told[subject]
            yield ChannelTold(subject, False, before)
        elif not before or now_ns - told_ns >= _AGAIN_AFTER_NS:
            self._told[subject] = cells, now_ns
            yield ChannelTold(subject, True, cells)


class ChannelNews:
    """Tells of lost channels without holding anybody up."""

    def __init__(self, report: Report | None, sections: Sequence[Sequence[int]]) -> None:
        """Begin with all channels believed in order.

        Args:
            report: takes events.
            sections: cell numbers of section 0, 1, ...
        """
        self._report = report
        self._sections = sections
        self._edges = ChannelEdges(sections)
        self._waiting: dict[Subject, ChannelTold] = {}  # the newest word on each
        self._filled = asyncio.Event()

    def see(self, ballots: Sequence[Ballot], now_ns: int) -> None:
        """Take what the votes of one scan found.

        Args:
            ballots: of the scan.
            now_ns: wall time of it.
        """
        for told in self._edges.take(ballots, now_ns):
            self._waiting[told.subject] = told
            self._filled.set()

    async def run(self) -> None:
        """Tell until cancelled.

        Raises:
            Exception: whatever `report` raises.
        """
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                told = self._waiting.pop(next(iter(self._waiting)))
                if self._report is not None:
                    subject = told.subject
                    await self._report(
                        "channel_lost",
                        active=told.active,
                        section=subject.section,
                        signal=subject.signal,
                        channel=subject.channel,
                        node=subject.node,
                        cells=self._in_words(told),
                        fault=FAULT_WORDS[subject.fault],
                    )

    def _in_words(self, told: ChannelTold) -> str:
        """Return the cells for a sentence: all, the one, or how many and the first."""
        section, cells = told.subject.section, told.cells
        if section is None:
            return "the whole line"
        if len(cells) == 1:
            return f"cell {cells[0]}"
        if len(cells) == len(self._sections[section]):
            return f"all {len(cells)} cells of section {section}"
        named = ", ".join(map(str, cells[:_CELLS_NAMED]))
        more = ", ..." if len(cells) > _CELLS_NAMED else ""
        return f"{len(cells)} cells of section {section} ({named}{more})"
