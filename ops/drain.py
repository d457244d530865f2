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
_REST_S: Final = 1.0  # what the screens and the servers take to end
_LOOK_EVERY_S: Final = 0.05


async def drain(supervisor: Supervisor, follower: Follower) -> bool:
    """End gateway, loop and guard in this order, within the time that the supervisor has.

    While Kafka cannot be reached nothing moves between them, so that they end together and nothing
    is waited for: what is under way stays in the log of the broker.

    Returns:
        Whether everything that was published has been accounted for.
    """
    tally = follower.tally
    if not follower.is_following:
        return True
    if not await follower.can_reach_kafka():
        await asyncio.gather(*(_end(supervisor, row) for row in (GATEWAY, LOOP, GUARD)))
        return False

    async def settled(is_settled: Callable[[], bool], within_s: float, later_s: float) -> bool:
        """Wait until all is counted and settled, leaving `later_s` of the time for what follows."""
        within_s = min(within_s, supervisor.time_left_s() - later_s)
        if within_s <= 0 or not await follower.can_reach_kafka():
            return False
        return await _settled(follower, is_settled, within_s)

    await _end(supervisor, GATEWAY)
    guard_s = GUARD.stop_grace_s + _REST_S
    await settled(lambda: tally.samples.waiting <= 0, _SAMPLES_WITHIN_S, guard_s)
    await _end(supervisor, LOOP)
    await settled(lambda: tally.moves.open == 0, _MOVES_WITHIN_S, guard_s)
    await _end(supervisor, GUARD)
    return await settled(lambda: tally.is_settled, _MOVES_WITHIN_S, _REST_S)


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
