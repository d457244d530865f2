"""What a gateway had published before it was away: the newest frame of each section."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.frame_codec import FrameError, decode_samples
from stream.frames import SampleFrame
from stream.kafka import KafkaConnection, make_consumer
from stream.topics import SAMPLES, partition_of

_log = logging.getLogger(__name__)
_WITHIN_S: Final = 10.0
_MESSAGES_PER_SECTION: Final = 4  # so far back, since other sections share the partition
_POLL_MS: Final = 500


async def newest_samples(
    connection: KafkaConnection, partitions: int, sections: Sequence[int]
) -> dict[int, SampleFrame]:
    """Return each section's newest frame; a section without one is left out.

    A Kafka that does not answer in time is a warning and an empty answer: a gateway that reads the
    plant is worth more than the count of what nobody read.

    Args:
        partitions: of every topic.
        sections: numbers of the sections.
    """
    consumer = make_consumer(connection, client_id="potline-gateway-resume")
    try:
        async with asyncio.timeout(_WITHIN_S):
            await consumer.start()
            return await _read(consumer, partitions, sections)
    except (KafkaError, OSError, TimeoutError) as exc:
        _log.warning(
            "What was published before could not be read from Kafka at %s (%s): the scans that the "
            "plant made meanwhile are neither read back nor counted.",
            connection.address,
            exc or type(exc).__name__,
        )
        return {}
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, partitions: int, sections: Sequence[int]
) -> dict[int, SampleFrame]:
    sharing: dict[TopicPartition, set[int]] = defaultdict(set)
    for section in sections:
        sharing[TopicPartition(SAMPLES.name, partition_of(section, partitions))].add(section)
    consumer.assign(list(sharing))
    first = await consumer.beginning_offsets(list(sharing))
    end = await consumer.end_offsets(list(sharing))
    for place, wanted in sharing.items():
        back = _MESSAGES_PER_SECTION * len(wanted)
        consumer.seek(place, max(first[place], end[place] - back))
    newest: dict[int, SampleFrame] = {}
    unread = {place for place in sharing if end[place] > first[place]}
    while unread:
        for place, messages in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
            for message in messages:
                try:
                    frame = decode_samples(message.value)
                except FrameError:
                    continue
                held = newest.get(frame.section)
                if frame.section in sharing[place] and (held is None or frame.order > held.order):
                    newest[frame.section] = frame
        unread = {place for place in unread if await consumer.position(place) < end[place]}
    return newest
