"""`potline laboratory`: samples from a file, with every mistake told, onto the topic."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.laboratory_file import publish_samples, read_samples
from ops.mistakes import ConfigurationError, OperationError
from ops.plantfile import PlantFile, load_plant
from ops.settings import DEFAULT_PLANT
from stream.kafka import KafkaConnection, create_topics, make_consumer
from stream.records import LaboratoryReport, decode
from stream.topics import LABORATORY

PARTITIONS = 12
NOW_NS = 1_800_000_000_000_000_000
GOOD = """cell,drawn_at,drawn_plant_s,excess_alf3_wt_pct,bath_temperature_c
7,2026-03-01T06:30:00+01:00,,11.4,958

30,,4000.5,12.1,
"""


@pytest.fixture(scope="module")
def plant() -> PlantFile:
    return load_plant(DEFAULT_PLANT, 48)


def written(folder: Path, text: str) -> Path:
    path = folder / "samples.csv"
    path.write_text(text)
    return path


def test_each_row_is_a_report(tmp_path: Path, plant: PlantFile) -> None:
    first, second = read_samples(written(tmp_path, GOOD), plant, "anna", NOW_NS)
    assert (first.section, first.cell, first.t_drawn_plant_s) == (0, 7, 1_772_343_000.0)
    assert first.t_drawn_ns == 1_772_343_000_000_000_000
    assert (first.excess_alf3_wt_pct, first.bath_temperature_c) == (11.4, 958.0)
    assert (first.alumina_wt_pct, first.reported_by) == (None, "anna")
    assert (second.section, second.cell, second.t_drawn_plant_s) == (1, 30, 4000.5)
    assert (second.t_drawn_ns, second.bath_temperature_c) == (None, None)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("49,,4000,12,950", r"cell = '49' .*csv:2.*must be 1 to 48"),
        ("7,,4000,1e999,950", r"excess_alf3_wt_pct = '1e999' .*csv:2"),
        ("7,,4000,12,9_x", r"bath_temperature_c = '9_x'"),
        ("7,2026-03-01T06:30:00,,12,950", "must be a time with its zone"),
        ("7,,,12,950", "give drawn_at or drawn_plant_s"),
        ("7,,4000,,", "nothing was analysed"),
        ("7,,4000,12,95", "bath_temperature_c 95 is not in 800 to 1100"),
        ("7,2099-03-01T06:30:00Z,,12,950", "time in the future"),
        ("7,,4000,12,950,1", "more values than there are columns"),
    ],
)
def test_a_mistake_is_told_with_line_and_value(
    tmp_path: Path, plant: PlantFile, row: str, said: str
) -> None:
    path = written(tmp_path, GOOD.splitlines()[0] + "\n" + row + "\n")
    with pytest.raises(ConfigurationError, match=said):
        read_samples(path, plant, "anna", NOW_NS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cell.* is missing"),
        ("cell,drawn_plant_s,alf3\n", "unknown name. Known are"),
        ("cell,drawn_plant_s,alumina_wt\n", "Did you mean alumina_wt_pct"),
        ("cell,drawn_plant_s,alumina_wt_pct\n", "give 1 to 10000 samples"),
        ("cell,alumina_wt_pct\n7,2.0\n", "drawn_at or drawn_plant_s"),
    ],
)
def test_a_file_that_is_none_is_told(
    tmp_path: Path, plant: PlantFile, text: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_samples(written(tmp_path, text), plant, "anna", NOW_NS)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_samples(tmp_path / "none.csv", plant, "anna", NOW_NS)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["laboratory", *words])


def test_a_file_can_be_checked_and_the_help_teaches(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    result = run(str(path), "--check", "--cells", "48")
    assert result.exit_code == 0
    assert "2 samples can be reported" in result.stdout
    assert isinstance(run(str(path), "--check", "--cells", "24").exception, ConfigurationError)
    assert "cell,drawn_at,excess_alf3_wt_pct" in run("--help").stdout


async def test_samples_go_to_the_partition_of_their_section(
    tmp_path: Path, plant: PlantFile, kafka: str
) -> None:
    connection = KafkaConnection(kafka)
    await create_topics(connection, PARTITIONS)
    reports = read_samples(written(tmp_path, GOOD), plant, "anna", NOW_NS)
    await publish_samples(connection, PARTITIONS, reports)
    consumer = make_consumer(connection, LABORATORY, client_id="test", from_beginning=True)
    await consumer.start()
    try:
        read = [await consumer.getone() for _ in reports]
    finally:
        await consumer.stop()
    got = {message.partition: decode(message.value, LaboratoryReport) for message in read}
    assert got == {0: reports[0], 1: reports[1]}
    assert {message.partition: message.key for message in read} == {0: b"0", 1: b"1"}


async def test_without_kafka_it_says_so(
    tmp_path: Path, plant: PlantFile, unused_tcp_port: int
) -> None:
    reports = read_samples(written(tmp_path, GOOD), plant, "anna", NOW_NS)
    nobody = KafkaConnection(f"kafka://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(OperationError, match="does not take the samples"):
        await publish_samples(nobody, PARTITIONS, reports)
