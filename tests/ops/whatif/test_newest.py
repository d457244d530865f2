"""The newest estimate of a cell, from a real Kafka."""

import asyncio

import pytest

from ops.mistakes import OperationError
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from ops.whatif.newest import read_newest_estimate
from physics.estimator_tuning import EstimatorTuning, make_setting
from stream.frame_codec import encode_estimates
from stream.kafka import KafkaConnection, KafkaUnreachableError, create_topics, make_producer
from stream.topics import ESTIMATES
from tests.ops.whatif.frames import make_estimate

PARTITIONS = 12
PLANT = load_plant(DEFAULT_PLANT)
SETTING = make_setting(
    PLANT.design, {row.name: row.noise_sd for row in PLANT.signals}, EstimatorTuning()
)


@pytest.mark.asyncio(loop_scope="session")
async def test_the_newest_frame_of_the_cells_section_counts(kafka: str) -> None:
    connection = KafkaConnection(kafka)
    await create_topics(connection, PARTITIONS)
    producer = make_producer(connection, "test-whatif")
    await producer.start()
    try:
        for sequence in range(130):  # more than are looked back at
            for section, cells in ((3, (71, 72)), (15, (361, 362))):  # of one partition
                frame = make_estimate(
                    SETTING,
                    cells,
                    section=section,
                    sequence=sequence,
                    alumina_wt_pct=(2.0 + sequence / 1000.0, 3.0),
                )
                await producer.send(
                    ESTIMATES.name, encode_estimates(frame), partition=section % PARTITIONS
                )
        await producer.send(ESTIMATES.name, b"no frame", partition=3)
    finally:
        await producer.stop()
    newest = await read_newest_estimate(connection, PARTITIONS, 71)
    assert newest.section == 3
    assert newest.sequence == 129
    assert newest.values["alumina_wt_pct"][0] == 2.129
    with pytest.raises(
        OperationError, match=r"no estimate of cell 7; cells there: .*71, 72.*--nom"
    ):
        await read_newest_estimate(connection, PARTITIONS, 7)


def test_a_kafka_that_is_away_is_a_sentence() -> None:
    connection = KafkaConnection("kafka://127.0.0.1:1")
    with pytest.raises(KafkaUnreachableError, match="--nominal"):
        asyncio.run(read_newest_estimate(connection, PARTITIONS, 7))
