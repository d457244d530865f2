"""Follows all topics of a run from where they stood at its start, and keeps the tally of it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ops.ports import answers
from ops.tally import READ_TOPICS, Tally
from stream.kafka import KafkaConnection, KafkaUnreachableError, make_consumer
from stream.records import DECIDES, ModelRecord, RecordError, decode
from stream.topics import MODELS

_log = logging.getLogger(__name__)
_POLL_MS: Final = 200
_AT_ONCE: Final = 200  # messages decoded between two looks at everything else
_AGAIN_S: Final = 0.5
_ANSWER_S: Final = 2.0
_FAREWELL_S: Final = 1.0
_ANNOUNCEMENTS: Final = {MODELS.name}  # told once a start, so that the follower must not miss them


async def end_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, also one whose broker is gone: aiokafka then lets the cancellation of its
    own fetch out of `stop`, which would be taken for one of ours."""
    await asyncio.gather(asyncio.create_task(consumer.stop()), return_exceptions=True)


class Follower:
    """A consumer of all topics, outside any group, that folds what it reads into a tally.

    It begins where each topic ends, but reads `models` whole: with a Kafka that came late, the loop
    may have announced what decides before the follower could read. Announcements from before the
    run do not count.

    Args:
        partitions: of every topic.
        started_ns: wall time of the run's start, UTC.
        clock_s: monotonic.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        partitions: int,
        started_ns: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._started_ns = started_ns
        self._clock_s = clock_s
        self._places = [
            TopicPartition(topic.name, partition)
            for topic in READ_TOPICS
            for partition in range(partitions)
        ]
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self.tally = Tally(started_ns)
        self.newest_s: dict[str, float] = {}  # topic -> when its newest message arrived

    async def start(self) -> None:
        """Note where every topic stands and follow from there. The topics must exist.

        Raises:
            KafkaUnreachableError: the broker cannot be reached.
        """
        consumer = make_consumer(self._connection, client_id="potline-report", from_beginning=True)
        consumer.assign(self._places)
        try:
            await consumer.start()
            ends = await consumer.end_offsets(self._places)
        except (KafkaError, OSError) as exc:
            await end_consumer(consumer)
            raise KafkaUnreachableError(
                f"No Kafka at {self._connection.address}: {exc}. "
                "Remedy: start the broker, or set kafka.address to where it runs."
            ) from exc
        for place in self._places:
            if place.topic not in _ANNOUNCEMENTS:
                consumer.seek(place, ends[place])
        self._consumer = consumer
        self.tally = Tally(
            self._started_ns,
            {(place.topic, place.partition): end for place, end in ends.items()},
        )
        self._task = asyncio.create_task(self._follow(consumer))

    async def stop(self) -> None:
        """Stop reading; what cannot be told to Kafka within a second is not told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            ending = asyncio.create_task(end_consumer(self._consumer))
            await asyncio.wait({ending}, timeout=_FAREWELL_S)
            ending.cancel()

    @property
    def is_following(self) -> bool:
        """Whether it has been started: the topics are there."""
        return self._consumer is not None

    async def can_reach_kafka(self) -> bool:
        """Return whether any broker that the address names accepts connections."""
        for place in self._connection.bootstrap:
            host, _, port = place.rpartition(":")
            if await answers(host, int(port)):
                return True
        return False

    async def has_caught_up(self) -> bool:
        """Return whether all that the broker has now has been counted; False while it is away."""
        if self._consumer is None:
            return False
        try:
            async with asyncio.timeout(_ANSWER_S):
                ends = await self._consumer.end_offsets(self._places)
                for place in self._places:
                    if await self._consumer.position(place) < ends[place]:
                        return False
        except (KafkaError, OSError, TimeoutError):
            return False
        return True

    def silent_for_s(self, topic_name: str) -> float | None:
        """Return how long ago the newest message of a topic arrived; None if none has."""
        newest = self.newest_s.get(topic_name)
        return None if newest is None else self._clock_s() - newest

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        is_away = False
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
            except KafkaError as error:
                if not is_away:
                    _log.warning("Kafka at %s: %s.", self._connection.address, error)
                is_away = True
                await asyncio.sleep(_AGAIN_S)
                continue
            is_away = False
            for place, messages in batches.items():
                for message in messages:
                    self.tally.add(
                        place.topic, place.partition, message.offset, message.value or b""
                    )
                if self._is_news(place.topic, [message.value or b"" for message in messages]):
                    self.newest_s[place.topic] = self._clock_s()
            await asyncio.sleep(0)

    def _is_news(self, topic_name: str, payloads: Sequence[bytes]) -> bool:
        """Return whether any of these messages was sent in this run."""
        if topic_name not in _ANNOUNCEMENTS:
            return True
        for payload in payloads:
            with contextlib.suppress(RecordError):
                record = decode(payload, ModelRecord)
                # a file that somebody publishes meanwhile decides nothing
                if record.kind == DECIDES and record.t_created_ns >= self._started_ns:
                    return True
        return False
