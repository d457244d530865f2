"""Ready checks: how a start is known to have worked."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from ops.follow import Follower
from ops.ports import answers

ReadyCheck = Callable[[], Awaitable[bool]]
_ANSWER_S: Final = 1.0


def listens(host: str, port: int) -> ReadyCheck:
    """Return the check that something accepts connections at an address."""

    async def check() -> bool:
        return await answers(host, port)

    return check


def answers_http(host: str, port: int, path: str) -> ReadyCheck:
    """Return the check that a web server answers a path, with whatever status: one that says that
    it lacks something has started all the same."""

    async def check() -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_connection(host, port)
                request = f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n"
                writer.write(request.encode())
                status = await reader.readline()
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return status.startswith(b"HTTP/")

    return check


def has_written(follower: Follower, topic_name: str) -> ReadyCheck:
    """Return the check that a message of the run has arrived on a topic."""

    async def check() -> bool:
        return follower.silent_for_s(topic_name) is not None

    return check
