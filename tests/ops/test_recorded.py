"""A history out of accepted frames, from a real Kafka."""

import asyncio
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from rich.console import Console

from ops.calibrate import record_from_kafka
from ops.mistakes import OperationError
from ops.plantfile import load_plant
from ops.recorded import CellRecorder, read_recorded
from ops.settings import DEFAULT_PLANT, load_settings
from stream.frame_codec import encode_samples
from stream.frames import Quality, SampleFrame
from stream.kafka import KafkaConnection, KafkaUnreachableError, create_topics, make_producer
from stream.topics import ACCEPTED

PARTITIONS = 12
SIGNALS = ("cell_voltage_v", "alumina_fed_kg")


def frame(
    session: int, first_s: float, voltage: float, cells: tuple[int, ...] = (41, 42)
) -> SampleFrame:
    """Five scans, a second apart; the second cell is 0.1 V higher."""
    shape = (5, len(cells), len(SIGNALS))
    t_plant_s = first_s + np.arange(5.0)
    value = np.empty(shape)
    value[:, :, 0] = voltage + 0.1 * np.arange(len(cells))
    value[:, :, 1] = t_plant_s[:, None]
    return SampleFrame(
        section=0,
        session=session,
        sequence=int(first_s),
        cells=cells,
        signals=SIGNALS,
        t_plant_s=t_plant_s,
        value=value,
        quality=np.zeros(shape, dtype=np.uint8),
        source_time_ns=np.ones(shape, dtype=np.int64),
        t_received_ns=1,
    )


def ignore(read: int, total: int) -> None:
    """Watch nothing."""


def column(recorder: CellRecorder, name: str) -> NDArray[np.float64]:
    return recorder.columns()[name]


def test_scans_become_means_and_the_running_total_its_last_reading() -> None:
    recorder = CellRecorder(42)
    for first_s in (0.0, 5.0, 10.0):
        recorder.add(frame(1, first_s, 4.0 + first_s / 100.0))
    assert column(recorder, "t_plant_s").tolist() == [5.0, 15.0]
    np.testing.assert_allclose(column(recorder, "cell_voltage_v"), [4.125, 4.2])
    assert column(recorder, "alumina_fed_kg").tolist() == [9.0, 14.0]
    assert recorder.cells == {41, 42}


def test_frames_that_come_again_and_samples_turned_away_do_not_count() -> None:
    recorder = CellRecorder(41)
    bad = frame(1, 0.0, 4.0)
    bad.quality[2, 0, 0] = Quality.REJECTED
    bad.value[2, 0, 0] = 99.0
    for each in (bad, frame(1, 5.0, 4.2), bad):
        recorder.add(each)
    np.testing.assert_allclose(column(recorder, "cell_voltage_v"), [(4 * 4.0 + 5 * 4.2) / 9])


def test_the_newest_session_counts() -> None:
    recorder = CellRecorder(41)
    for each in (frame(1, 500.0, 4.0), frame(2, 0.0, 4.4), frame(1, 600.0, 4.0)):
        recorder.add(each)
    assert column(recorder, "t_plant_s").tolist() == [5.0]
    np.testing.assert_allclose(column(recorder, "cell_voltage_v"), [4.4])


async def send(connection: KafkaConnection, *payloads: bytes) -> None:
    """Put messages on the last partition of `accepted` and wait until they are in the log."""
    await create_topics(connection, PARTITIONS)
    producer = make_producer(connection, "test")
    await producer.start()
    try:
        for payload in payloads:
            await producer.send_and_wait(ACCEPTED.name, payload, key=b"11", partition=11)
    finally:
        await producer.stop()


async def test_what_kafka_holds_of_a_cell_is_read_whole(kafka: str) -> None:
    connection = KafkaConnection(kafka)
    frames = (encode_samples(frame(9, s, 4.0, cells=(241, 242))) for s in (0.0, 5.0, 10.0))
    await send(connection, *frames, b"no frame")
    told: list[tuple[int, int]] = []
    columns = await read_recorded(
        connection, PARTITIONS, 242, lambda read, total: told.append((read, total))
    )
    assert columns["t_plant_s"].tolist() == [5.0, 15.0]
    np.testing.assert_allclose(columns["cell_voltage_v"], 4.1)
    assert told[-1][0] == told[-1][1] >= 4
    with pytest.raises(OperationError, match=r"nothing of cell 299.*241, 242"):
        await read_recorded(connection, PARTITIONS, 299, ignore)


def test_what_was_read_can_be_kept_and_read_again(kafka: str, tmp_path: Path) -> None:
    connection = KafkaConnection(kafka)
    asyncio.run(send(connection, encode_samples(frame(9, 0.0, 4.0, cells=(251, 252)))))
    settings = load_settings({"kafka.address": kafka, "kafka.partitions": PARTITIONS})
    plant = load_plant(DEFAULT_PLANT)
    kept = tmp_path / "kept.parquet"
    recording = record_from_kafka(settings, plant, 251, kept, Console())
    np.testing.assert_allclose(recording.columns["cell_voltage_v"], 4.0)
    assert kafka in recording.origin
    rows = pyarrow.parquet.read_table(kept).to_pydict()
    assert rows["cell"] == [251]
    assert rows["cell_voltage_v"] == [4.0]


async def test_no_kafka_is_one_sentence() -> None:
    with pytest.raises(KafkaUnreachableError, match="Remedy"):
        await read_recorded(KafkaConnection("kafka://127.0.0.1:1"), PARTITIONS, 1, ignore)
