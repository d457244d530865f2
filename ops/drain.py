"""Ends the loop of a run so that nothing is left under way: each part when it has dealt with all
that was before it."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from ops.follow import Follower
from ops.processes import GATEWAY, GUARD, LOOP, Process
from ops.supervise import Supervisor

_SAMPLES_WITHIN_S: Final = 3.0
_MOVES_WITHIN_S: Final = 1.5
_LOOK_EVERY_S: Final = 0.05


async def drain(supervisor: Supervisor, follower: Follower) -> bool:
    """End gateway, loop and guard in this order.

    Returns:
        Whether everything that was published has been accounted for.
    """
    tally = follower.tally
    if not follower.is_following:
        return True
    await _end(supervisor, GATEWAY)
    await _settled(follower, lambda: tally.samples.waiting <= 0, _SAMPLES_WITHIN_S)
    await _end(supervisor, LOOP)
    await _settled(follower, lambda: tally.moves.open == 0, _MOVES_WITHIN_S)
    await _end(supervisor, GUARD)
    return await _settled(follower, lambda: tally.is_settled, _MOVES_WITHIN_S)


async def _end(supervisor: Supervisor, process: Process) -> None:
    names = [
        name
        for name in supervisor.states()
        if name == process.name or name.startswith(f"{process.name}-")
    ]
    await supervisor.stop(*names)


async def _settled(follower: Follower, is_settled: Callable[[], bool], within_s: float) -> bool:
    """Wait until all messages have been counted and the count is settled; return whether it is."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not (await follower.has_caught_up() and is_settled()):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)  # the broker has no event for this
            return True
    return False
