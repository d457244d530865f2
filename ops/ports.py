"""TCP ports of this machine: which are free, and whether something listens."""

import asyncio
import contextlib
import secrets
import socket
from typing import Final

# Below the ports that Linux (32768) and others (49152) give to outgoing connections. A client that
# tries a dead server's port out of that range again and again may come to be connected to itself,
# and then the server finds its port taken when it starts again.
_CHOSEN_FROM: Final = range(20_000, 32_000)
_ANSWER_S: Final = 1.0


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens now.

    Raises:
        OSError: none is free.
    """
    first = secrets.randbelow(len(_CHOSEN_FROM))
    for step in range(len(_CHOSEN_FROM)):
        port = _CHOSEN_FROM[(first + step) % len(_CHOSEN_FROM)]
        if is_free(port):
            return port
    raise OSError(f"no port from {_CHOSEN_FROM.start} to {_CHOSEN_FROM.stop} is free")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def is_open(host: str, port: int) -> bool:
    """Return whether something listens at the port; asks for at most a second."""
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S):
            return True
    except OSError:
        return False


async def answers(host: str, port: int) -> bool:
    """Return what `is_open` does, without keeping the event loop waiting."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
