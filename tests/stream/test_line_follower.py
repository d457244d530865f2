"""Who follows the line on Kafka goes on when the broker does, and says meanwhile that it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from control.modes import ModePolicy
from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from stream.kafka import KafkaConnection, create_topics
from stream.line_follower import LineFollower
from stream.line_view import init_view
from stream.outbox import Outbox
from stream.records import Event
from tests.stream.guard_cases import until
from tests.stream.loop_cases import HandClock

_CELLS = {0: (1, 2)}


@asynccontextmanager
async def _following(connection: KafkaConnection, told: list[Event]) -> AsyncIterator[LineFollower]:
    follower = LineFollower(connection, init_view(_CELLS, ModePolicy()), told.append)
    running = asyncio.create_task(follower.run())
    try:
        yield follower
        assert not running.done(), f"ended by itself: {running}"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_outage_of_the_broker_shows_and_what_was_told_after_it_is_read(
    tmp_path: Path,
) -> None:
    launch = await prepare_broker(tmp_path, port=free_port())
    connection = KafkaConnection(launch.address)
    told: list[Event] = []
    async with Broker(launch) as broker, Outbox(connection, "guard", HandClock()) as outbox:
        await create_topics(connection, 1)
        async with _following(connection, told) as follower:
            await until(lambda: follower.is_following)
            await outbox.report("scada_lost", active=True, address="a plant", error="gone")
            await until(lambda: len(follower.view.alarms.active) == 1)
            await broker.kill()
            await until(lambda: not follower.is_following)
            assert len(follower.view.alarms.active) == 1, "what is known stays"
            await broker.start()
            await until(lambda: follower.is_following)
            await outbox.report("scada_lost", active=False, address="a plant", error="")
            await until(lambda: not follower.view.alarms.active)
    assert [event.active for event in told] == [True, False], "each once"
