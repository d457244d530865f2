"""A reduced cell's file goes on record in Kafka, one record a plant and grid."""

import asyncio
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ops.mistakes import OperationError
from ops.publish import publish_reduced
from ops.reduced_file import save_reduced
from physics.reduced.field_cell import FieldCell
from stream.kafka import KafkaConnection, create_topics, make_consumer
from stream.records import LEARNT, ModelRecord, decode
from stream.topics import MODELS
from tests.ops.reduced_cells import ABOUT, make_some_cell

PARTITIONS = 12


@pytest.fixture(scope="module")
def cell() -> FieldCell:
    return make_some_cell()


async def test_a_file_is_on_record_and_a_later_one_replaces_it(
    cell: FieldCell, kafka: str, tmp_path: Path
) -> None:
    """What a compacted topic keeps is the last record of each key in its partition."""
    connection = KafkaConnection(kafka)
    await create_topics(connection, PARTITIONS)
    path = tmp_path / "cell.reduced"
    abouts = (
        replace(ABOUT, plant_hash="published"),
        replace(ABOUT, plant_hash="published", errors={"field": 0.0005}),
        replace(ABOUT, plant_hash="published", grid="30x1x30"),
    )
    sent, digests = [], []
    for about in abouts:
        digests.append(save_reduced(path, cell, about))
        sent.append(await publish_reduced(connection, path))
    rows = await _read(connection, "published", len(sent))
    first, second, other = (record for _, _, record in rows)
    assert [first, second, other] == sent
    assert [row.artefact_sha256 for row in sent] == digests
    assert first.artefact_sha256 != second.artefact_sha256
    assert second.artefact_sha256 != sha256(path.read_bytes()).hexdigest() == digests[-1]
    assert (second.kind, second.grid, second.program) == (LEARNT, ABOUT.grid, ABOUT.program)
    assert (second.errors, second.plant_name) == ({"field": 0.0005}, ABOUT.plant_name)
    assert Path(second.artefact_path) == path.resolve()
    assert MODELS.compacted
    kept = {(partition, key): record for partition, key, record in rows}
    assert list(kept.values()) == [second, other]


async def test_without_kafka_it_says_so(cell: FieldCell, tmp_path: Path, unused_port: int) -> None:
    path = tmp_path / "cell.reduced"
    save_reduced(path, cell, ABOUT)
    nobody = KafkaConnection(f"kafka://127.0.0.1:{unused_port}")
    with pytest.raises(OperationError, match="does not take the record"):
        await publish_reduced(nobody, path)


@pytest.fixture
def unused_port() -> int:
    from ops.ports import free_port

    return free_port()


async def _read(
    connection: KafkaConnection, plant_hash: str, count: int
) -> list[tuple[int, bytes, ModelRecord]]:
    """Partition, key and record of the first so many of a plant, in the order of their times."""
    consumer = make_consumer(connection, MODELS, client_id="test", from_beginning=True)
    await consumer.start()
    rows: list[tuple[int, bytes, ModelRecord]] = []
    try:
        async with asyncio.timeout(30):
            while len(rows) < count:
                for place, messages in (await consumer.getmany(timeout_ms=200)).items():
                    rows += [
                        (place.partition, message.key, decode(message.value, ModelRecord))
                        for message in messages
                        if plant_hash in (message.key or b"").decode()
                    ]
    finally:
        await consumer.stop()
    return sorted(rows, key=lambda row: row[2].t_created_ns)
