"""The doctor: what is right, and every kind of wrong with its remedy, on real servers."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from opcua.scada import ScadaSettings, open_scada
from ops.broker import Broker, prepare_broker
from ops.broker_jars import jars_folder, read_lock
from ops.doctor import Finding, Verdict, examine
from ops.plantfile import load_plant
from ops.ports import free_port
from ops.settings import DEFAULT_PLANT, Settings, load_settings
from stream.kafka import KafkaConnection, create_topics


def make(**flags: object) -> Settings:
    dotted = {key.replace("__", "."): value for key, value in flags.items()}
    return load_settings(dotted, environment={"POTLINE_SETTINGS": ""})


async def rows(settings: Settings, what: str) -> list[Finding]:
    return [finding for finding in await examine(settings) if finding.what == what]


async def test_a_machine_that_can_run_the_demo_has_nothing_bad(kafka: str) -> None:
    findings = await examine(make())
    assert [f for f in findings if f.verdict is Verdict.BAD] == []
    assert {"Python", "Java", "Kafka", "Redis", "plant file", "SCADA"} <= {f.what for f in findings}
    (jars,) = [f for f in findings if f.what == "Kafka's jars"]
    assert jars.verdict is Verdict.GOOD


async def test_jars_that_are_not_here_yet_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (jars,) = await rows(make(), "Kafka's jars")
    assert jars.verdict is Verdict.NOTE
    assert "potline broker fetch" in jars.text
    jars_folder(read_lock()).mkdir(parents=True)
    (jars,) = await rows(make(), "Kafka's jars")
    assert jars.verdict is Verdict.BAD
    assert "is missing" in jars.text


@pytest.mark.parametrize(
    ("what", "flag", "scheme"),
    [
        ("Kafka", "kafka.address", "kafka://127.0.0.1:{}"),
        ("Redis", "redis.address", "redis://127.0.0.1:{}/0"),
        ("SCADA", "opcua.endpoint", "opc.tcp://127.0.0.1:{}"),
    ],
)
async def test_nobody_at_an_address_is_bad(what: str, flag: str, scheme: str) -> None:
    address = scheme.format(free_port())
    (finding,) = await rows(make(**{flag: address}), what)
    assert finding.verdict is Verdict.BAD
    assert address in finding.text
    assert f"set {flag} to where it runs" in finding.text


async def topics_when(settings: Settings, text: str) -> Finding:
    """Wait until the finding about topics holds `text`: a broker takes a new topic into its
    metadata a little after it has answered that it is created."""
    async with asyncio.timeout(20):
        while True:
            found = await rows(settings, "topics")
            if len(found) == 1 and text in found[0].text:
                return found[0]
            await asyncio.sleep(0.1)


async def test_a_named_kafka_is_asked_for_its_topics(tmp_path: Path) -> None:
    async with Broker(await prepare_broker(tmp_path, port=free_port())) as broker:
        connection = KafkaConnection(broker.address)
        settings = make(kafka__address=broker.address, kafka__partitions=2)
        (finding,) = await rows(settings, "Kafka")
        assert finding.verdict is Verdict.GOOD
        admin = AIOKafkaAdminClient(bootstrap_servers=connection.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic("samples", 2, 1)])
        finally:
            await admin.close()
        topics = await topics_when(settings, "start: accepted,")
        assert topics.verdict is Verdict.NOTE
        assert "samples" not in topics.text

        await create_topics(connection, 2)
        topics = await topics_when(settings, "are there")
        assert topics.verdict is Verdict.GOOD
        (topics,) = await rows(make(kafka__address=broker.address, kafka__partitions=3), "topics")
        assert topics.verdict is Verdict.BAD
        assert "set kafka.partitions" in topics.text


@pytest.mark.slow
async def test_a_named_scada_must_have_every_node_of_the_plant_file(tmp_path: Path) -> None:
    plant = load_plant(DEFAULT_PLANT, 2)
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/potline"
    settings = ScadaSettings(plant.design, plant.signals, plant.setpoints, endpoint, 2, 60.0, 1)
    other = tmp_path / "other.toml"
    other.write_text(DEFAULT_PLANT.read_text().replace("L1.Snapshot.CellVoltage", "L1.Voltages"))
    async with open_scada(settings):
        (finding,) = await rows(make(opcua__endpoint=endpoint, cells=2), "SCADA")
        assert finding.verdict is Verdict.GOOD, finding.text
        (finding,) = await rows(make(opcua__endpoint=endpoint, cells=2, plant_file=other), "SCADA")
        assert finding.verdict is Verdict.BAD
        assert "L1.Voltages" in finding.text
        assert f"Remedy: correct [opcua] in {other}" in finding.text


async def test_a_named_redis_says_its_version(redis: str) -> None:
    (finding,) = await rows(make(redis__address=redis), "Redis")
    assert finding.verdict is Verdict.GOOD
    assert finding.text.startswith("version ")


async def test_a_java_that_is_none_is_bad(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho no java here\nexit 3\n")
    java.chmod(0o755)
    (finding,) = await rows(make(java=java), "Java")
    assert finding.verdict is Verdict.BAD
    assert "no java here" in finding.text
    java.write_text("not a program")
    java.chmod(0o644)
    (finding,) = await rows(make(java=java), "Java")
    assert "cannot be run" in finding.text


async def test_every_mistake_of_the_plant_file_is_a_row(tmp_path: Path) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text("schema_version = 1\n")
    findings = await rows(make(plant_file=plant), "plant file")
    assert len(findings) > 5
    assert {f.verdict for f in findings} == {Verdict.BAD}


async def test_a_taken_port_of_the_control_room_is_noted(redis: str) -> None:
    port = int(redis.rpartition(":")[2].removesuffix("/0"))
    (finding,) = await rows(make(ui__port=port), "control room")
    assert finding.verdict is Verdict.NOTE
    assert str(port) in finding.text


async def test_the_disk_of_the_run_is_looked_at(tmp_path: Path) -> None:
    (finding,) = await rows(make(run__folder=tmp_path / "runs" / "today"), "disk")
    assert str(tmp_path) in finding.text
