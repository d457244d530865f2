"""What became of requests of optimisers from outside, as `moves` tells it; and who waits for it.

It is filled from `moves` alone, some while back too, so that a request that comes again under its
id is answered from what is known, also after a restart.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stream.records import Move, MoveState

# A line of 240 cells once a second for longer than a request may be good.
_MOST_CELLS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about: which setpoint of which cells, and the values."""

    setpoint: str
    values: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Became:
    """How far one cell of a request has come.

    Attributes:
        applied: what was permitted; None where nothing was.
        judged_ns: when the interlock judged it.
        sentence: why, in the interlock's words.
    """

    setpoint: str
    asked: float
    state: MoveState
    applied: float | None
    judged_ns: int
    sentence: str

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state is not MoveState.INTENT


@dataclass(slots=True)
class Entry:
    """One request.

    Attributes:
        asked: as this process was asked; None where only `moves` tell of it.
        became: of each cell, as far as known.
        sent: sections that were told of it; `doubted`: those of which it is not known.
    """

    asked: Asked | None = None
    became: dict[int, Became] = field(default_factory=dict)
    sent: set[int] = field(default_factory=set)
    doubted: set[int] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def is_about(self, asked: Asked) -> bool:
        """Whether this is what was asked under that id before, as far as that is known."""
        if self.asked is not None:
            return self.asked == asked
        return all(
            one.setpoint == asked.setpoint and asked.values.get(cell) == one.asked
            for cell, one in self.became.items()
        )


class RequestBook:
    """Keeps the newest requests by the ids of their decisions."""

    def __init__(self, most_cells: int = _MOST_CELLS) -> None:
        """Make one that knows of none.

        Args:
            most_cells: of all requests that are kept; beyond, the oldest are forgotten.
        """
        self._most_cells = most_cells
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._cells = 0

    def take(self, move: Move) -> None:
        """See a move: it may be of a request."""
        if not move.is_from_outside:
            return
        decision, _, _ = move.proposal_id.rpartition("/")
        entry = self._entries.get(decision)
        if entry is None:
            entry = self._entries[decision] = Entry()
        known = entry.became.get(move.cell)
        if known is not None and known.is_final:
            return  # a repeat; or its intent, which came late
        if known is None and entry.asked is None:
            self._cells += 1
        entry.sent.add(move.section)
        entry.became[move.cell] = Became(
            move.setpoint,
            move.asked,
            move.state,
            move.applied,
            move.t_permitted_ns,
            "; ".join(move.reasons),
        )
        entry.news.set()
        self._forget()

    def find(self, decision: str) -> Entry | None:
        """Return what is known of a request; None where it was never heard of."""
        return self._entries.get(decision)

    def open(self, decision: str, asked: Asked) -> Entry:
        """Return the entry of a request that is about to be sent, made where there is none."""
        entry = self._entries.get(decision)
        if entry is None:
            entry = self._entries[decision] = Entry()
        if entry.asked is None:
            entry.asked = asked
            self._cells += len(asked.values) - len(entry.became)
        self._forget()
        return entry

    def _forget(self) -> None:
        while self._cells > self._most_cells and len(self._entries) > 1:
            _, oldest = self._entries.popitem(last=False)
            cells = oldest.became if oldest.asked is None else oldest.asked.values
            self._cells -= len(cells)


async def wait_for_all(entry: Entry, deadline_s: float) -> None:
    """Return when all cells of a request that was opened have come to their end, or it is too late.

    Args:
        deadline_s: by the clock of the event loop.
    """
    cells = entry.asked.values if entry.asked is not None else ()
    try:
        async with asyncio.timeout_at(deadline_s):
            while not all(cell in entry.became and entry.became[cell].is_final for cell in cells):
                entry.news.clear()
                await entry.news.wait()
    except TimeoutError:
        return
