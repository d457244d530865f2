"""Events as far back as they are kept, for a feed that starts: what began weeks ago may stand yet.

What is told of the line's alarms depends on the order of what was told. So they are read from the
beginning, in the order of their time, and only then shown; what comes meanwhile waits.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from stream.alarm_list import AlarmList
from stream.kafka import KafkaConnection, make_consumer
from stream.records import Event, RecordError, decode
from stream.topics import EVENTS
from ui.sources import Record
from ui.told import fold_told

_log: Final = logging.getLogger(__name__)
_POLL_MS: Final = 250


@dataclass(frozen=True, slots=True)
class Past:
    """What the events told so far.

    Attributes:
        alarms: of the line.
        ended: as in the picture, of the newest events that ended something.
        read_to: the first offset that is not in it, of each partition.
        count: events.
    """

    alarms: AlarmList
    ended: Mapping[str, int] = field(default_factory=dict)
    read_to: Mapping[TopicPartition, int] = field(default_factory=dict)
    count: int = 0


def fold_past(past: Past, records: Iterable[Record]) -> Past:
    """Return what was told with some more records, in the order of their time; those that cannot be
    read, or are in it already, change nothing."""
    alarms, ended, count = past.alarms, dict(past.ended), past.count
    for record in sorted(records, key=lambda one: one.timestamp):
        partition = TopicPartition(record.topic, record.partition)
        if record.value is None or record.offset < past.read_to.get(partition, 0):
            continue
        try:
            event = decode(record.value, Event)
        except RecordError as exc:
            _log.debug("An event could not be read: %s", exc)
            continue
        alarms, ended = fold_told(alarms, ended, event)
        count += 1
    return Past(alarms, ended, past.read_to, count)


async def read_past(connection: KafkaConnection, nothing_told: AlarmList) -> Past:
    """Read all events that Kafka has now.

    Args:
        connection: of Kafka.
        nothing_told: the list before anything is read.

    Raises:
        KafkaError, OSError: Kafka is away.
    """
    consumer = make_consumer(connection, EVENTS, client_id="potline-feed-past")
    try:
        await consumer.start()
        partitions = sorted(consumer.assignment())
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        behind = {one for one in partitions if begins[one] < ends[one]}
        past, waiting = Past(nothing_told), _Waiting(ends)
        while behind:
            for partition, some in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                waiting.add(partition, some)
            for partition in tuple(behind):
                if await consumer.position(partition) >= ends[partition]:
                    behind.discard(partition)
            # Beside the feed, which goes on showing what moves.
            past = await asyncio.to_thread(fold_past, past, waiting.take(behind))
        return Past(past.alarms, past.ended, ends, past.count)
    finally:
        await consumer.stop()


class _Waiting:
    """Records that cannot be folded before those of other partitions have come as far in time. So
    few are held at once, however many there are."""

    def __init__(self, ends: Mapping[TopicPartition, int]) -> None:
        self._ends = ends
        self._held: list[Any] = []
        self._come_to: dict[TopicPartition, int] = {}  # ms

    def add(self, partition: TopicPartition, records: Iterable[Any]) -> None:
        """Take in the next records of a partition, but for those past its end."""
        for record in records:
            if record.offset < self._ends[partition]:
                self._held.append(record)
                come_to = self._come_to.get(partition, 0)
                self._come_to[partition] = max(come_to, record.timestamp)

    def take(self, behind: Iterable[TopicPartition]) -> list[Any]:
        """Return the records than which nothing earlier can come any more; all where no partition
        is behind."""
        until_ms = min((self._come_to.get(one, 0) for one in behind), default=None)
        if until_ms is None:
            ready, self._held = self._held, []
            return ready
        ready = [one for one in self._held if one.timestamp < until_ms]
        self._held = [one for one in self._held if one.timestamp >= until_ms]
        return ready
