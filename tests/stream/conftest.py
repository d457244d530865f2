"""A Kafka of this room's own, with the topics of the table in it."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
import pytest_asyncio

from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from stream.kafka import KafkaConnection, create_topics
from tests.physics.compilations import compilations
from tests.stream.loop_cases import PARTITIONS, Brains, make_brains

__all__ = ["compilations"]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def connection(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KafkaConnection]:
    """A running Kafka with every topic, `PARTITIONS` each."""
    folder = tmp_path_factory.mktemp("stream-kafka")
    async with Broker(await prepare_broker(folder, port=free_port())) as broker:
        there = KafkaConnection(broker.address)
        await create_topics(there, PARTITIONS)
        yield there


@pytest.fixture(scope="package")
def brains() -> Brains:
    """The estimator, the controller and the linear models of the reference plant, made once."""
    return make_brains()


@pytest.fixture(scope="package")
def compute() -> Iterator[Executor]:
    """The one thread that JAX and the solver run on."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute") as executor:
        yield executor
