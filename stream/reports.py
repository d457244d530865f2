"""What is still to be made durable and told, in order, by a task of its own.

So what must be done at once, a change of mode and the word to the plant, never waits for a broker
that is away.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from stream.outbox import Outbox

_log = logging.getLogger(__name__)
_MOST_WAITING: Final = 10_000  # a whole long line that changes its mode a few dozen times


@dataclass(frozen=True, slots=True)
class _Report:
    """One event to be told once the state of its section is durable."""

    section: int | None
    name: str | None  # of the event; None where only the state is to be made durable
    details: dict[str, Any] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Reports:
    """A queue of reports. Where too many wait, the oldest is dropped, and that is logged."""

    def __init__(self, outbox: Outbox, flush: Callable[[int], Awaitable[None]]) -> None:
        """Make an empty one.

        Args:
            outbox: to Kafka.
            flush: makes what was kept of a section durable.
        """
        self._outbox = outbox
        self._flush = flush
        self._waiting: deque[_Report] = deque()
        self._came = asyncio.Event()

    def put(self, name: str | None, section: int | None, **details: object) -> asyncio.Event:
        """Let an event be told once its section's state is durable; returns what is set then."""
        report = _Report(section, name, details)
        if len(self._waiting) >= _MOST_WAITING:
            dropped = self._waiting.popleft()
            dropped.done.set()
            _log.error("Too many reports wait for Kafka; dropped %s %s", dropped.name, dropped)
        self._waiting.append(report)
        self._came.set()
        return report.done

    async def run(self) -> None:
        """Tell; runs for ever."""
        while True:
            while self._waiting:
                report = self._waiting[0]
                if report.section is not None:
                    await self._flush(report.section)
                if report.name is not None:
                    await self._outbox.report(report.name, section=report.section, **report.details)
                report.done.set()
                if self._waiting and self._waiting[0] is report:
                    self._waiting.popleft()
            self._came.clear()
            await self._came.wait()
