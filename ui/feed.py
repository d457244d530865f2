"""The process `feed`: folds what moves on Kafka into the live picture in Redis.

It belongs to no consumer group and commits nothing: it reads the last minutes again when it
starts, so that neither its own restart nor an empty Redis blanks a page. The hours before them it
takes over from Redis, as its life before left them there; where Redis was emptied they are gone.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.retelling import Retelling
from stream.frame_codec import FrameError, decode_estimates, decode_rejects, decode_samples
from stream.kafka import KafkaConnection, make_consumer
from stream.masking import without_password
from stream.records import Command, Event, Move, Proposal, RecordError, decode
from stream.topics import (
    ACCEPTED,
    COMMANDS,
    DEAD_LETTERS,
    ESTIMATES,
    EVENTS,
    MOVES,
    PROPOSALS,
    REJECTS,
    SAMPLES,
    Topic,
)
from ui.fold import (
    count_unreadable,
    fold_accepted,
    fold_command,
    fold_estimates,
    fold_event,
    fold_move,
    fold_proposal,
    fold_rejects,
    note_arrival,
)
from ui.picture import Picture, init_picture
from ui.store import PictureWriter, read_history
from ui.trend import FINE
from ui.waiting import pause

_log: Final = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 10.0
_POLL_MS: Final = 250
_FOLDED_AT_ONCE: Final = 5_000
_HOUR_S: Final = 3600
_REMEMBERING_S: Final = 5.0


class Arrival(Protocol):
    """A Kafka message, as far as the feed looks at it; its time in ms."""

    topic: str
    value: bytes | None
    timestamp: int


@dataclass(frozen=True, slots=True)
class Source:
    """A topic of the feed: how it is folded, or None where all that counts is that something came,
    and how far back a start reads it."""

    topic: Topic
    fold: Callable[[Picture, bytes], Picture] | None
    look_back_s: int


_TREND_S: Final = int(FINE.span_s) + 60
SOURCES: Final = (
    # What was accepted says nothing of the gateway: the loop may be what is silent.
    Source(SAMPLES, None, 60),
    Source(ACCEPTED, lambda p, b: fold_accepted(p, decode_samples(b)), _TREND_S),
    Source(ESTIMATES, lambda p, b: fold_estimates(p, decode_estimates(b)), _TREND_S),
    Source(PROPOSALS, lambda p, b: fold_proposal(p, decode(b, Proposal)), _TREND_S),
    Source(MOVES, lambda p, b: fold_move(p, decode(b, Move)), _TREND_S),
    Source(COMMANDS, lambda p, b: fold_command(p, decode(b, Command)), 60),
    # Events come on change only: a cell may be in MANUAL since yesterday. A known limit: what
    # began earlier and still holds is not among the active events after a restart of the feed.
    Source(EVENTS, lambda p, b: fold_event(p, decode(b, Event)), 24 * _HOUR_S),
    Source(REJECTS, lambda p, b: fold_rejects(p, decode_rejects(b)), _HOUR_S),
    Source(DEAD_LETTERS, lambda p, b: fold_rejects(p, decode_rejects(b), dead=True), 24 * _HOUR_S),
)
_BY_TOPIC: Final[Mapping[str, Source]] = {source.topic.name: source for source in SOURCES}


def fold_message(picture: Picture, message: Arrival) -> Picture:
    """Return the picture after one message; one that cannot be read is counted."""
    topic, payload = message.topic, message.value
    fold = _BY_TOPIC[topic].fold
    if fold is None:
        return note_arrival(picture, topic, message.timestamp * 1_000_000)
    if payload is None:
        return count_unreadable(picture)
    try:
        return fold(picture, payload)
    except (FrameError, RecordError) as exc:
        _log.debug("A message on %s could not be read: %s", topic, exc)
        return count_unreadable(picture)


def fold_messages(picture: Picture, messages: Iterable[Arrival]) -> Picture:
    """Return the picture after all `messages`, taken in the order in which Kafka got them."""
    for message in sorted(messages, key=lambda message: message.timestamp):
        picture = fold_message(picture, message)
    return picture


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
        self._picture = init_picture(sections, columns, retelling)
        self._readable = asyncio.Event()

    @property
    def picture(self) -> Picture:
        """The picture as it stands in this process."""
        return self._picture

    async def run(self, stop: asyncio.Event) -> None:
        """Feed until `stop` is set; an outage of Kafka or Redis is reported and waited out."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._consume(stop)), group.create_task(self._publish(stop))]
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
            partition: now_ms - _BY_TOPIC[partition.topic].look_back_s * 1000
            for partition in partitions
        }
        begins: dict[TopicPartition, Any] = await consumer.offsets_for_times(since)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        for partition in partitions:
            begin = begins.get(partition)
            consumer.seek(partition, ends[partition] if begin is None else begin.offset)
        behind = {p for p in partitions if begins.get(p) is not None}
        held: list[Arrival] = []
        while behind:
            for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                held += batch
            for partition in tuple(behind):
                if await consumer.position(partition) >= ends[partition]:
                    behind.discard(partition)
        held.sort(key=lambda message: message.timestamp)
        # After an outage of Kafka the picture stands: what comes again is dropped by the fold. A
        # large line is shown as it grows: its minutes may take seconds to fold.
        for start in range(0, len(held), _FOLDED_AT_ONCE):
            some = held[start : start + _FOLDED_AT_ONCE]
            self._picture = await asyncio.to_thread(fold_messages, self._picture, some)
            self._readable.set()
        self._readable.set()

    async def _follow(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        while not stop.is_set():
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            if batches:
                arrived: list[Arrival] = [m for batch in batches.values() for m in batch]
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
