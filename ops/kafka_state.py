"""What a Kafka cluster says about itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from stream.kafka import KafkaConnection, KafkaUnreachableError


@dataclass(frozen=True, slots=True)
class KafkaState:
    """A cluster as its metadata shows it."""

    cluster_id: str
    broker_count: int
    partitions: Mapping[str, int]  # of every topic


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
                names = await admin.list_topics()
                topics = await admin.describe_topics(names) if names else []
            finally:
                await admin.close()
    except (KafkaError, OSError, TimeoutError) as exc:
        reason = _reason(exc, timeout_s)
        raise KafkaUnreachableError(
            f"No Kafka at {connection.address}: {reason}. "
            "Remedy: start the broker, or set kafka.address to where it runs."
        ) from exc
    return KafkaState(
        cluster_id=cluster["cluster_id"],
        broker_count=len(cluster["brokers"]),
        partitions={topic["topic"]: len(topic["partitions"]) for topic in topics},
    )


def _reason(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, KafkaConnectionError):
        return "no broker answers, or it refuses the log-on"  # the client's own words are its log's
    return str(error) or type(error).__name__
