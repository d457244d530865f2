"""What a Kafka cluster says about itself."""

import asyncio
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.kafka import KafkaConnection, KafkaUnreachableError


@dataclass(frozen=True, slots=True)
class KafkaState:
    """A cluster as its metadata shows it."""

    cluster_id: str
    broker_count: int
    topics: frozenset[str]


async def read_kafka_state(connection: KafkaConnection, timeout_s: float = 5.0) -> KafkaState:
    """Ask a cluster for its metadata.

    Raises:
        KafkaUnreachableError: no broker answers in time, or it refuses the log-on.
    """
    admin = AIOKafkaAdminClient(
        client_id="potline-doctor",
        request_timeout_ms=int(timeout_s * 1000),
        **connection.client_options(),
    )
    try:
        async with asyncio.timeout(timeout_s):
            try:
                await admin.start()
                cluster = await admin.describe_cluster()
                topics = await admin.list_topics()
            finally:
                await admin.close()
    except (KafkaError, OSError, TimeoutError) as exc:
        reason = str(exc) or f"no answer within {timeout_s:g} s"
        raise KafkaUnreachableError(
            f"No Kafka at {connection.address}: {reason}. "
            "Remedy: start the broker, or set kafka.address to where it runs."
        ) from exc
    return KafkaState(
        cluster_id=cluster["cluster_id"],
        broker_count=len(cluster["brokers"]),
        topics=frozenset(topics),
    )
