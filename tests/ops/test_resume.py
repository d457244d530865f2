"""The newest frame of each section, on a real Kafka."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from ops.resume import newest_samples
from stream.frame_codec import encode_samples
from stream.kafka import KafkaConnection, create_topics, make_producer
from stream.topics import SAMPLES, partition_of
from tests.ops.records import START_NS, sample_frame

PARTITIONS = 2


async def test_each_sections_newest_frame_is_found(tmp_path: Path) -> None:
    async with Broker(await prepare_broker(tmp_path, port=free_port())) as broker:
        connection = KafkaConnection(broker.address)
        await create_topics(connection, PARTITIONS)
        assert await newest_samples(connection, PARTITIONS, range(4)) == {}
        producer = make_producer(connection, "test")
        await producer.start()
        try:
            for sequence in range(20):
                for section in (0, 1, 2):
                    frame = replace(
                        sample_frame(sequence), section=section, scan_counter=100 * section
                    )
                    await producer.send_and_wait(
                        SAMPLES.name,
                        encode_samples(frame),
                        partition=partition_of(section, PARTITIONS),
                    )
            await producer.send_and_wait(SAMPLES.name, b"no frame", partition=0)
        finally:
            await producer.stop()
        newest = await asyncio.wait_for(newest_samples(connection, PARTITIONS, range(4)), 30)
    assert {section: frame.sequence for section, frame in newest.items()} == {0: 19, 1: 19, 2: 19}
    assert {section: frame.scan_counter for section, frame in newest.items()} == {
        0: 0,
        1: 100,
        2: 200,
    }
    assert {frame.session for frame in newest.values()} == {START_NS}


async def test_a_kafka_that_does_not_answer_is_no_obstacle(
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = f"kafka://127.0.0.1:{free_port()}"
    assert await newest_samples(KafkaConnection(address), PARTITIONS, range(2)) == {}
    assert address in caplog.text
