"""Waiting that ends early when the process is told to stop.

Loops end by a flag besides being cancelled: a client library that takes a cancellation for an error
of its connection would otherwise keep its loop alive for ever.
"""

import asyncio


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Return after `seconds`, or as soon as `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
