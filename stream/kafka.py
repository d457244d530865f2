"""How to reach Kafka: one description of a cluster, and the clients and topics made from it.

Errors::

    KafkaUnreachableError  no broker answered; names the address and the remedy
    TopicsUnfitError       topics exist with other partitions than the table wants
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stream.topics import TABLES, TOPICS, Topic

_SEGMENT_BYTES: Final = 32 * 1024 * 1024  # retention acts on whole segments
MAX_MESSAGE_BYTES: Final = 9_000_000
_MOST_REPLICAS: Final = 3  # as many as the cluster has brokers, up to this


class KafkaUnreachableError(ConnectionError):
    """No broker answered at the address."""


class TopicsUnfitError(ValueError):
    """A topic exists with another number of partitions than the table wants."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """A Kafka cluster and how to log on to it.

    Attributes:
        address: `kafka://host:port[,host:port]`.
        security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        sasl_mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; with a SASL protocol only.
        ca_file: certificate authority of the brokers; None means the system's.
        certificate_file, key_file: the client's own certificate, for mutual TLS.
    """

    address: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: str | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @property
    def bootstrap(self) -> list[str]:
        """host:port of every broker named in the address."""
        return [part.strip() for part in self.address.removeprefix("kafka://").split(",")]

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def uses_sasl(self) -> bool:
        """Whether the connection logs on with a user and password."""
        return self.security_protocol.startswith("SASL_")

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS settings, or None for a plain connection."""
        if not self.uses_tls:
            return None
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context

    def client_options(self) -> dict[str, Any]:
        """Return what every aiokafka client is made with."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
        }
        if self.uses_sasl:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return options


def make_producer(connection: KafkaConnection, client_id: str) -> AIOKafkaProducer:
    """Return a producer (not started) that awaits the log and never doubles a message."""
    return AIOKafkaProducer(
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        request_timeout_ms=10_000,
        max_request_size=MAX_MESSAGE_BYTES,
        **connection.client_options(),
    )


def make_consumer(
    connection: KafkaConnection,
    *topics: Topic,
    client_id: str,
    from_beginning: bool = False,
) -> AIOKafkaConsumer:
    """Return a consumer (not started) of all partitions of `topics`, outside any group."""
    return AIOKafkaConsumer(
        *(topic.name for topic in topics),
        client_id=client_id,
        group_id=None,
        auto_offset_reset="earliest" if from_beginning else "latest",
        enable_auto_commit=False,
        fetch_max_wait_ms=250,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        metadata_max_age_ms=30_000,
        **connection.client_options(),
    )


def _wanted_topics(partitions: int, replicas: int) -> list[NewTopic]:
    wanted = [
        NewTopic(
            name=topic.name,
            num_partitions=partitions,
            replication_factor=replicas,
            topic_configs={
                "cleanup.policy": "compact" if topic.compacted else "delete",
                "segment.bytes": str(_SEGMENT_BYTES),
                "max.message.bytes": str(MAX_MESSAGE_BYTES),
            }
            | (
                {}
                if topic.compacted
                else {
                    "retention.ms": str(topic.retention_ms),
                    "retention.bytes": str(topic.retention_bytes),
                }
            ),
        )
        for topic in TOPICS
    ]
    wanted += [
        NewTopic(
            name=table.changelog,
            num_partitions=partitions,
            replication_factor=replicas,
            topic_configs={
                "cleanup.policy": "compact",
                "segment.bytes": str(_SEGMENT_BYTES // 4),
                # Each frame overwrites its section's state: compact early, or states pile up.
                "min.cleanable.dirty.ratio": "0.1",
                "max.compaction.lag.ms": "60000",
                "segment.ms": "60000",
                "delete.retention.ms": "60000",
                "max.message.bytes": str(MAX_MESSAGE_BYTES),
            },
        )
        for table in TABLES
    ]
    return wanted


async def create_topics(connection: KafkaConnection, partitions: int) -> list[str]:
    """Create every topic and changelog of the table that is not there yet.

    Returns:
        The names that were created.

    Raises:
        KafkaUnreachableError: no broker answers.
        TopicsUnfitError: a topic exists with another number of partitions.
    """
    admin = AIOKafkaAdminClient(client_id="potline-topics", **connection.client_options())
    try:
        await admin.start()
        try:
            brokers = len((await admin.describe_cluster())["brokers"])
            wanted = _wanted_topics(partitions, min(brokers, _MOST_REPLICAS))
            present = set(await admin.list_topics())
            missing = [topic for topic in wanted if topic.name not in present]
            if missing:
                await _create(admin, missing)
            kept = [topic.name for topic in wanted if topic.name in present]
            for description in await admin.describe_topics(kept) if kept else []:
                found = len(description["partitions"])
                if found != partitions:
                    raise TopicsUnfitError(
                        f"topic {description['topic']!r} has {found} partitions, the settings "
                        f"say {partitions}. Remedy: set kafka.partitions = {found}, "
                        "or delete the topic."
                    )
        finally:
            await admin.close()
    except (KafkaError, OSError, TimeoutError) as exc:
        raise KafkaUnreachableError(
            f"No Kafka at {connection.address}: {exc}. "
            "Remedy: start the broker, or set kafka.address to where it runs."
        ) from exc
    return [topic.name for topic in missing]


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[NewTopic]) -> None:
    response = await admin.create_topics(missing)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name!r} could not be created")
