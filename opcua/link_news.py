"""Tells that the plant is lost and that it is back: each once, however often the link breaks."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from opcua.connector import LinkState, LinkStatus

_GRACE_S: Final = 5.0  # at start the plant may still be starting too
_MAX_REPORTS: Final = 100


class Report(Protocol):
    """Tells of an event of the event table."""

    async def __call__(
        self,
        name: str,
        *,
        active: bool,
        section: int | None = None,
        cell: int | None = None,
        **details: str | float | int | None,
    ) -> None: ...


class LinkNews:
    """Decides what is told of a link, and tells it without holding anybody up."""

    def __init__(self, report: Report | None, clock_ns: Callable[[], int]) -> None:
        """Begin the grace in which a plant that is not there yet is no news.

        Args:
            report: takes events.
            clock_ns: wall clock, UTC nanoseconds.
        """
        self._report = report
        self._clock_ns = clock_ns
        self._began_ns = clock_ns()
        self._is_told = False
        self._waiting: deque[tuple[bool, LinkStatus, str]] = deque(maxlen=_MAX_REPORTS)
        self._news = asyncio.Event()

    def see(self, status: LinkStatus) -> None:
        """Take how the link stands: at every change, and again while it stays as it is, since a
        link that was lost in the grace and is lost still is news when the grace is over."""
        if status.state is LinkState.LOST and not self._is_told:
            is_starting = status.connections == 0 and (
                self._clock_ns() - self._began_ns < _GRACE_S * 1e9
            )
            if not is_starting:
                self._is_told = True
                self._add(True, status, status.error)
        elif status.state is LinkState.CONNECTED and self._is_told:
            self._is_told = False
            self._add(False, status, "connected again")

    def _add(self, is_lost: bool, status: LinkStatus, error: str) -> None:
        self._waiting.append((is_lost, status, error))
        self._news.set()

    async def run(self) -> None:
        """Tell until cancelled.

        Raises:
            Exception: whatever `report` raises.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                is_lost, status, error = self._waiting.popleft()
                if self._report is not None:
                    await self._report(
                        "scada_lost", active=is_lost, address=status.address, error=error
                    )
