"""What the supervisor itself has to report, sent to `events` without ever keeping it waiting."""

import asyncio
import contextlib
from typing import Final

from stream.outbox import Outbox

_KEPT: Final = 100  # reports that wait for a broker that is away; the oldest give way


class Journal:
    """A queue in front of an outbox: reporting returns at once, sending goes on behind it.

    Args:
        outbox: not started; it is started with the first report.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: asyncio.Queue[tuple[str, dict[str, str]]] = asyncio.Queue(_KEPT)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send. The topics must exist."""
        self._task = asyncio.create_task(self._send())

    def report(self, name: str, **details: str) -> None:
        """Put an event of the table in the queue."""
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait((name, details))

    async def stop(self) -> None:
        """Stop sending; what still waits is dropped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._outbox.stop()

    async def _send(self) -> None:
        while True:
            name, details = await self._waiting.get()
            await self._outbox.report(name, active=False, section=None, cell=None, **details)
