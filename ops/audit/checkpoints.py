"""Checkpoints of an audit, from where they were kept: a topic, or a file."""

import asyncio
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from ops.mistakes import OperationError
from stream.kafka import KafkaConnection, KafkaUnreachableError, make_consumer
from stream.records import AuditCheckpoint, RecordError, decode
from stream.topics import CHECKPOINTS

_WITHIN_S: Final = 30.0
_POLL_MS: Final = 500


def read_checkpoint_file(path: Path) -> list[AuditCheckpoint]:
    """Return the checkpoints in a file, one a line as `potline tail audit-checkpoints --json` gives
    them.

    Raises:
        OperationError: it cannot be read, or a line is none.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise OperationError(
            f"{path} cannot be read: {exc.strerror}. Remedy: correct the path"
        ) from exc
    try:
        return [decode(line, AuditCheckpoint) for line in lines if line.strip()]
    except RecordError as exc:
        raise OperationError(f"{path}: {exc}. Remedy: one checkpoint a line, as JSON") from exc


async def read_checkpoint_topic(connection: KafkaConnection) -> list[AuditCheckpoint]:
    """Return all checkpoints that Kafka has. What is there and is none is left out: anybody may
    have written it, and what is not signed proves nothing.

    Raises:
        KafkaUnreachableError: there is no Kafka, or it does not answer in time.
    """
    consumer = make_consumer(
        connection, CHECKPOINTS, client_id="potline-audit", from_beginning=True
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            await consumer.start()
            payloads = await _read_to_end(consumer)
    except (KafkaError, OSError, TimeoutError) as exc:
        raise KafkaUnreachableError(
            f"{CHECKPOINTS.name} at {connection.address} cannot be read: "
            f"{exc or type(exc).__name__}. Remedy: start the broker, or name another with --kafka"
        ) from exc
    finally:
        await consumer.stop()
    found = []
    for payload in payloads:
        try:
            found.append(decode(payload, AuditCheckpoint))
        except RecordError:
            continue
    return found


async def _read_to_end(consumer: AIOKafkaConsumer) -> list[bytes]:
    places = list(consumer.assignment())
    first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    unread = {place for place in places if end[place] > first[place]}
    payloads = []
    while unread:
        for messages in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
            payloads += [message.value or b"" for message in messages]
        unread = {place for place in unread if await consumer.position(place) < end[place]}
    return payloads
