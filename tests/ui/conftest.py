"""What tests of the screens share: a Kafka with topics, databases of Redis, a line that runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

# Hypothesis's plugin imports it when a run ends, where CPython 3.11 can fail in its parser if the
# collector of garbage comes in between. Imported here, it is there already.
import hypothesis  # noqa: F401
import pytest
import pytest_asyncio
from redis import Redis

from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from stream.kafka import KafkaConnection, create_topics

PARTITIONS = 3
_databases = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def topics(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KafkaConnection]:
    """A Kafka for the screens alone, with every topic of the table: the feed reads back all that
    was sent, and what other rooms' tests send is not for it."""
    folder = tmp_path_factory.mktemp("kafka-ui")
    async with Broker(await prepare_broker(folder, port=free_port())) as broker:
        connection = KafkaConnection(broker.address)
        await create_topics(connection, PARTITIONS)
        yield connection


@pytest.fixture
def database(redis: str) -> str:
    """Address of a database of Redis with nothing in it; there are sixteen, and the first is
    everybody's."""
    address = f"{redis.rsplit('/', 1)[0]}/{1 + next(_databases) % 15}"
    with Redis.from_url(address) as connection:
        connection.flushdb()
    return address


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], limit_s: float = 20.0
) -> None:
    """Return once `condition` holds.

    Raises:
        AssertionError: it did not within `limit_s`.
    """
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        answer = condition()
        if (await answer) if not isinstance(answer, bool) else answer:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {limit_s} s: {condition}")


@pytest_asyncio.fixture
async def stop() -> AsyncIterator[asyncio.Event]:
    """Set at the end of the test, so that what it started ends."""
    event = asyncio.Event()
    yield event
    event.set()
