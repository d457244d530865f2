"""The process `feed`: folds what moves on Kafka into the live picture in Redis.

It belongs to no consumer group and commits nothing: it reads the last minutes again when it
starts, so that neither its own restart nor an empty Redis blanks a page. The hours before them it
takes over from Redis, as its life before left them there; where Redis was emptied they are gone.
For alarms it reads all events that are kept (`ui.past`); until then the picture says that they are
not known.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.retelling import Retelling
from stream.kafka import KafkaConnection, make_consumer
from stream.masking import without_password
from stream.topics import EVENTS
from ui.past import Past, fold_past, read_past
from ui.picture import Picture, init_picture
from ui.sources import SOURCE_OF, SOURCES, Record, fold_messages
from ui.store import PictureWriter, read_history
from ui.waiting import pause

_log: Final = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 10.0
_POLL_MS: Final = 250
_FOLDED_AT_ONCE: Final = 5_000
_REMEMBERING_S: Final = 5.0


class Feed:
    """Kafka to Redis.

    Args:
        kafka, redis_address: where they are.
        sections: the cell numbers of every section.
        columns: what trends keep.
        write_interval_s: longest time between a change and its being in Redis.
        retelling: when alarms that last are told again; None: as by default.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        redis_address: str,
        sections: tuple[tuple[int, ...], ...],
        columns: tuple[str, ...],
        write_interval_s: float = 0.25,
        retelling: Retelling | None = None,
    ) -> None:
        self._kafka = kafka
        self._redis_address = redis_address
        self._sections = sections
        self._columns = columns
        self._write_interval_s = write_interval_s
        picture = init_picture(sections, columns, retelling)
        line = replace(picture.line, is_reading_events=True)
        self._picture = replace(picture, line=line)
        self._readable = asyncio.Event()
        self._folding = asyncio.Lock()  # while a thread makes the next picture of this one
        self._read_to: dict[TopicPartition, int] = {}  # of events; none before the first look back
        self._has_read = asyncio.Event()  # some more of them
        self._held: dict[tuple[int, int], Record] = {}  # events that those before have to precede

    @property
    def picture(self) -> Picture:
        """The picture as it stands in this process."""
        return self._picture

    async def run(self, stop: asyncio.Event) -> None:
        """Feed until `stop` is set; an outage of Kafka or Redis is reported and waited out."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._consume(stop)),
                group.create_task(self._recall(stop)),
                group.create_task(self._publish(stop)),
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()

    async def _remember(self) -> None:
        """Take over the history that Redis still holds, if it can be had at once."""
        try:
            async with (
                asyncio.timeout(_REMEMBERING_S),
                Redis.from_url(self._redis_address) as redis,
            ):
                history = await read_history(redis, self._sections, self._columns)
        except (RedisError, OSError, TimeoutError, msgspec.MsgspecError) as exc:
            _log.info("The trends begin afresh: no history in Redis (%s).", exc)
        else:
            self._picture = replace(self._picture, history=history)

    async def _recall(self, stop: asyncio.Event) -> None:
        """Read the events as far back as they are kept, and know the alarms from then on: after the
        first look back, so that what moves is shown first."""
        await self._until_read({})
        wait_s = _FIRST_WAIT_S
        while not stop.is_set():
            began_s = time.monotonic()
            try:
                past = await read_past(self._kafka, self._picture.line.alarms)
            except (KafkaError, OSError) as exc:
                _log.info("The events before are not read yet (%s).", exc or type(exc).__name__)
                await pause(stop, wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                continue
            # From there on all is held, and what comes after it is not in it.
            await self._until_read(past.read_to)
            async with self._folding:
                self._know(past)
            took_s = time.monotonic() - began_s
            _log.info("Read %d events of before in %.1f s; alarms are known.", past.count, took_s)
            return

    def _know(self, past: Past) -> None:
        """Take over what was told before, and what came since."""
        past = fold_past(past, self._held.values())
        self._held = {}
        line = replace(
            self._picture.line,
            alarms=past.alarms,
            ended=dict(past.ended),
            is_reading_events=False,
        )
        self._picture = replace(self._picture, line=line)

    async def _until_read(self, ends: Mapping[TopicPartition, int]) -> None:
        """Return when the events were looked back at, and are read as far as that."""
        while not self._read_to or any(self._read_to.get(p, 0) < end for p, end in ends.items()):
            self._has_read.clear()
            await self._has_read.wait()

    def _note(self, records: Iterable[Record]) -> None:
        """Note how far the events are read, and hold them where those before are not yet."""
        is_reading = self._picture.line.is_reading_events
        for record in records:
            if record.topic != EVENTS.name:
                continue
            partition = TopicPartition(record.topic, record.partition)
            if partition in self._read_to:
                self._read_to[partition] = max(self._read_to[partition], record.offset + 1)
            if is_reading:
                self._held[record.partition, record.offset] = record
        self._has_read.set()

    async def _consume(self, stop: asyncio.Event) -> None:
        wait_s = _FIRST_WAIT_S
        while not stop.is_set():
            consumer = make_consumer(
                self._kafka, *(source.topic for source in SOURCES), client_id="potline-feed"
            )
            try:
                await consumer.start()
                wait_s = _FIRST_WAIT_S
                await self._read_back(consumer)
                await self._follow(consumer, stop)
            except (KafkaError, OSError) as exc:
                _log.warning(
                    "No Kafka at %s (%s); start the broker or set kafka.address. Again in %.1f s.",
                    without_password(self._kafka.address),
                    exc or type(exc).__name__,
                    wait_s,
                )
            finally:
                await consumer.stop()
            await pause(stop, wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _read_back(self, consumer: AIOKafkaConsumer) -> None:
        """Fold what the topics still hold of the last minutes, in order of time."""
        now_ms = time.time_ns() // 1_000_000
        partitions = sorted(consumer.assignment())
        since = {
            partition: now_ms - SOURCE_OF[partition.topic].look_back_s * 1000
            for partition in partitions
        }
        begins: dict[TopicPartition, Any] = await consumer.offsets_for_times(since)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        behind = set()
        for partition in partitions:
            begin, end = begins.get(partition), ends[partition]
            offset = end if begin is None else begin.offset
            # After an outage of Kafka no event is folded twice: an old end would end what stands.
            known = self._read_to.get(partition)
            if known is not None and known <= end:
                offset = known
            consumer.seek(partition, offset)
            if offset < end:
                behind.add(partition)
        held: list[Record] = []
        while behind:
            for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                held += batch
            for partition in tuple(behind):
                if await consumer.position(partition) >= ends[partition]:
                    behind.discard(partition)
        events = [one for one in partitions if one.topic == EVENTS.name]
        read_to = {one: await consumer.position(one) for one in events}
        held.sort(key=lambda message: message.timestamp)
        # After an outage of Kafka the picture stands: what comes again is dropped by the fold. A
        # large line is shown as it grows: its minutes may take seconds to fold.
        for start in range(0, len(held), _FOLDED_AT_ONCE):
            some = held[start : start + _FOLDED_AT_ONCE]
            async with self._folding:
                self._picture = await asyncio.to_thread(fold_messages, self._picture, some)
                self._note(some)
            self._readable.set()
        self._read_to = read_to
        self._has_read.set()
        self._readable.set()

    async def _follow(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        while not stop.is_set():
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            if batches:
                arrived: list[Record] = [m for batch in batches.values() for m in batch]
                self._note(arrived)
                self._picture = fold_messages(self._picture, arrived)

    async def _publish(self, stop: asyncio.Event) -> None:
        await self._readable.wait()
        wait_s = _FIRST_WAIT_S
        async with Redis.from_url(self._redis_address) as redis:
            writer = PictureWriter(redis, life=time.time_ns())
            while not stop.is_set():
                try:
                    await writer.write(self._picture, time.time_ns())
                except (RedisError, OSError) as exc:
                    _log.warning(
                        "No Redis at %s (%s); start it or set redis.address. Again in %.1f s.",
                        without_password(self._redis_address),
                        exc,
                        wait_s,
                    )
                    await pause(stop, wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                else:
                    wait_s = _FIRST_WAIT_S
                    await pause(stop, self._write_interval_s)


async def run_feed(
    kafka: KafkaConnection,
    redis_address: str,
    sections: tuple[tuple[int, ...], ...],
    columns: tuple[str, ...],
    stop: asyncio.Event,
    retelling: Retelling | None = None,
) -> None:
    """Run the process `feed` until `stop` is set.

    Args:
        sections: the cell numbers of every section.
        columns: what trends keep, see `ui.quantities.trend_columns`.
        retelling: when alarms that last are told again; None: as by default.
    """
    await Feed(kafka, redis_address, sections, columns, retelling=retelling).run(stop)
