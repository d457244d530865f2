"""What tests of every room may ask for: a real Kafka and a real Redis, one of each a session."""

import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from ops.redis_server import RedisServer, prepare_redis

logging.getLogger("asyncua").setLevel(logging.WARNING)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a running Apache Kafka without topics, `kafka://127.0.0.1:port`."""
    folder = tmp_path_factory.mktemp("kafka")
    async with Broker(await prepare_broker(folder, port=free_port())) as broker:
        yield broker.address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a running, empty Redis, `redis://127.0.0.1:port/0`."""
    folder = tmp_path_factory.mktemp("redis")
    async with RedisServer(prepare_redis(folder, port=free_port())) as server:
        yield server.address
