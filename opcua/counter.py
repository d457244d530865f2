"""Wakes a reader when the plant's scan counter moves: one subscription to one node."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from asyncua import ua

from opcua.link import Link, LinkError

_QUEUE: Final = 1  # only the newest counter matters; missed ones show as a gap in the numbers


class CounterWatch:
    """The newest counter that the server has told."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._value: int | None = None
        self._moved = asyncio.Event()
        self._ended = ""

    async def wait_for_other_than(self, counter: int | None, patience_s: float) -> None:
        """Return when the counter is another, or after `patience_s`.

        Raises:
            LinkError: the server ended the subscription.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not self._ended and self._value in (None, counter):
                    self._moved.clear()
                    await self._moved.wait()
        if self._ended:
            raise LinkError(self._ended)
        self._value = None

    def datachange_notification(self, _node: object, value: object, _data: object) -> None:
        """Take a new counter (called by asyncua)."""
        if isinstance(value, int):
            self._value = value
            self._moved.set()

    def status_change_notification(self, status: ua.StatusChangeNotification) -> None:
        """Take the end of the subscription (called by asyncua)."""
        self._ended = f"{self._address}: the server ended the subscription: {status.Status.name}"
        self._moved.set()


@asynccontextmanager
async def watch_counter(link: Link, node_id: ua.NodeId) -> AsyncIterator[CounterWatch]:
    """Subscribe to the counter.

    Raises:
        LinkError: the server refuses, or the connection broke.
    """
    watch = CounterWatch(link.address)
    async with link.watch(node_id, watch, _QUEUE):
        yield watch
