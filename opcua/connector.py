"""What keeps trying to have a connection to the plant, and says how that stands."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from opcua.link import Link, LinkError, describe, open_link

_log = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 5.0


class LinkState(StrEnum):
    """How the connection stands."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the connection stands, since when, and why."""

    state: LinkState
    address: str
    since_ns: int
    connections: int = 0  # how many times it has been made
    error: str = ""


class Connector:
    """Keeps a link: connects, lets one coroutine use it, and begins again when it breaks."""

    def __init__(
        self,
        endpoint: str,
        on_change: Callable[[LinkStatus], None] = lambda _: None,
        clock_ns: Callable[[], int] = time.time_ns,
        opener: Callable[[str], Awaitable[Link]] = open_link,
    ) -> None:
        self._endpoint = endpoint
        self._opener = opener
        self._on_change = on_change
        self._clock_ns = clock_ns
        self.status = LinkStatus(LinkState.STOPPED, endpoint, clock_ns())

    def _become(self, state: LinkState, error: str = "") -> None:
        if (state, error) == (self.status.state, self.status.error):
            return
        made = self.status.connections + (state is LinkState.CONNECTED)
        self.status = replace(
            self.status, state=state, error=error, since_ns=self._clock_ns(), connections=made
        )
        self._on_change(self.status)

    async def run(self, serve: Callable[[Link, Callable[[], None]], Awaitable[None]]) -> None:
        """Connect and serve until `serve` returns by itself; after each error begin again.

        Args:
            serve: gets the link and a function that it calls once it has found all that it needs;
                only then does the link count as connected.
        """
        wait_s = _FIRST_WAIT_S
        self._become(LinkState.CONNECTING)

        def ready() -> None:
            nonlocal wait_s
            wait_s = _FIRST_WAIT_S
            _log.info("Connected to SCADA at %s.", self._endpoint)
            self._become(LinkState.CONNECTED)

        try:
            while True:
                try:
                    link = await self._opener(self._endpoint)
                    try:
                        await serve(link, ready)
                    finally:
                        await link.close()
                except LinkError as exc:
                    error = str(exc)
                except Exception as exc:  # noqa: BLE001 - a bug must not end the watch
                    _log.exception("Unforeseen trouble with SCADA at %s.", self._endpoint)
                    error = f"{self._endpoint}: {describe(exc)}"
                else:
                    return
                _end_if_cancelled()
                _log.log(
                    logging.DEBUG if error == self.status.error else logging.WARNING,
                    "No use of SCADA at %s; start it, or correct opcua.endpoint or the mapping. "
                    "Again in %.1f s.",
                    error,
                    wait_s,
                )
                self._become(LinkState.LOST, error)
                await asyncio.sleep(wait_s)
                wait_s = min(2.0 * wait_s, _LONGEST_WAIT_S)
        finally:
            self._become(LinkState.STOPPED)


def _end_if_cancelled() -> None:
    """Go on being cancelled where the client library has made another error of it.

    Raises:
        asyncio.CancelledError: this task was asked to end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
