"""What is sent gets there, once, whatever the broker does meanwhile."""

import asyncio
import gc
import logging
import os
from pathlib import Path

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError

from control.events import EVENTS as EVENT_TABLE
from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from stream.kafka import MAX_MESSAGE_BYTES, KafkaConnection, create_topics
from stream.outbox import Outbox
from stream.records import Event, RecordError, decode
from stream.topics import EVENTS, MODELS, MOVES, Shape, Topic
from tests.stream.frame_cases import NOW_NS
from tests.stream.loop_cases import HandClock, found


def outbox_at(connection: KafkaConnection) -> Outbox:
    return Outbox(connection, "outbox-test", HandClock())


def connections_to(connection: KafkaConnection) -> int:
    """How many connections of this process to the broker are open."""
    port = int(connection.bootstrap[0].rpartition(":")[2])
    return sum(
        row.raddr.port == port
        for row in psutil.Process(os.getpid()).net_connections("tcp")
        if row.raddr and row.status == psutil.CONN_ESTABLISHED
    )


async def until_logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until a line with these words has been logged."""
    async with asyncio.timeout(20):
        while words not in caplog.text:  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.05)


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take whatever comes, as a broker does that hangs."""
    try:
        while await reader.read(1000):
            pass
    finally:
        writer.close()


def own(payload: bytes) -> bytes | None:
    """What this module sends to topics that others use too."""
    return payload if payload.startswith(b"outbox-test") else None


def event_named(name: str, payload: bytes) -> Event | None:
    try:
        event = decode(payload, Event)
    except RecordError:
        return None
    return event if event.name == name and event.origin == "outbox-test" else None


async def test_an_event_carries_its_sentence_filled_in(connection: KafkaConnection) -> None:
    async with outbox_at(connection) as outbox:
        await outbox.report("samples_missing", active=True, section=3, frames=7)
        await outbox.report("samples_missing", section=4, frames=1)
    first, second = await found(
        connection, EVENTS, lambda payload: event_named("samples_missing", payload), 2
    )
    assert first.sentence == "7 frames of section 3 never arrived."
    assert (first.active, first.section, first.cell) == (True, 3, None)
    assert first.details == {"frames": 7}
    assert first.priority is EVENT_TABLE["samples_missing"].priority
    assert first.advice == EVENT_TABLE["samples_missing"].advice
    assert first.t_event_ns == NOW_NS
    assert not second.active
    assert first.event_id != second.event_id, "in the same nanosecond too"


async def test_an_event_that_the_table_does_not_have_is_a_mistake(
    connection: KafkaConnection,
) -> None:
    outbox = outbox_at(connection)
    with pytest.raises(KeyError, match="no_such_event"):
        await outbox.report("no_such_event")
    with pytest.raises(KeyError, match="frames"):
        await outbox.report("samples_missing", section=3)
    assert connections_to(connection) == 0, "nothing was sent"


async def test_many_that_send_at_once_share_one_connection(connection: KafkaConnection) -> None:
    outbox = outbox_at(connection)
    values = [b"outbox-test %d" % number for number in range(8)]
    await asyncio.gather(*(outbox.send(MOVES.name, b"1", value) for value in values))
    assert sorted(await found(connection, MOVES, own, len(values))) == values
    await outbox.stop()
    assert connections_to(connection) == 0, "a producer that nobody holds any more is left open"


async def test_a_message_goes_to_the_partition_asked_for(connection: KafkaConnection) -> None:
    async with outbox_at(connection) as outbox:
        await outbox.send(MODELS.name, b"1", b"outbox-test in 1", 1)
    assert await found(connection, MODELS, own) == [b"outbox-test in 1"]


async def test_a_message_sent_while_the_broker_is_away_arrives_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    launch = await prepare_broker(tmp_path, port=free_port())
    connection = KafkaConnection(launch.address)
    outbox = outbox_at(connection)
    starting = asyncio.create_task(outbox.start())
    await until_logged(caplog, f"No Kafka at {launch.address}")
    async with Broker(launch) as broker:
        await create_topics(connection, 1)
        async with asyncio.timeout(20):
            await starting
        await outbox.send(MOVES.name, b"1", b"outbox-test before")
        await broker.kill()
        sending = asyncio.create_task(outbox.send(MOVES.name, b"1", b"outbox-test meanwhile"))
        await until_logged(caplog, "Got error produce response")
        assert not sending.done(), "whoever sends waits"
        await broker.start()
        async with asyncio.timeout(40):
            await sending
        await outbox.send(MOVES.name, b"1", b"outbox-test after")
        await outbox.stop()
        assert await found(connection, MOVES, own, 3) == [
            b"outbox-test before",
            b"outbox-test meanwhile",
            b"outbox-test after",
        ]


async def test_a_message_too_large_for_the_broker_is_a_mistake_and_the_next_goes_on(
    connection: KafkaConnection,
) -> None:
    """The broker's refusal is fatal to an idempotent producer: a new one takes over."""
    narrow = Topic("narrow", Shape.RECORD, "Move", "section", "test", (), "")
    admin = AIOKafkaAdminClient(bootstrap_servers=connection.bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(narrow.name, 1, 1, topic_configs={"max.message.bytes": "1000"})]
        )
    finally:
        await admin.close()
    async with outbox_at(connection) as outbox, asyncio.timeout(30):
        await outbox.send(narrow.name, b"1", b"outbox-test short")
        with pytest.raises(MessageSizeTooLargeError):
            await outbox.send(narrow.name, b"1", b"outbox-test " + bytes(5000))
        await outbox.send(narrow.name, b"1", b"outbox-test last")
    rows = await found(connection, narrow, own, 2)
    assert rows == [b"outbox-test short", b"outbox-test last"]


async def test_a_message_too_large_for_the_producer_is_a_mistake_and_stops_nobody(
    connection: KafkaConnection,
) -> None:
    async with outbox_at(connection) as outbox, asyncio.timeout(30):
        with pytest.raises(MessageSizeTooLargeError):
            await outbox.send(MOVES.name, b"1", bytes(MAX_MESSAGE_BYTES + 1))
        await outbox.send(MOVES.name, b"1", b"outbox-test after a giant")

    def is_last(payload: bytes) -> bytes | None:
        return payload if payload == b"outbox-test after a giant" else None

    assert len(await found(connection, MOVES, is_last)) == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # as an error, it would keep the word back
async def test_who_does_not_wait_for_a_broker_that_hangs_leaves_nothing_open() -> None:
    left_open: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: left_open.append(context["message"])
    )
    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outbox = outbox_at(KafkaConnection(f"kafka://127.0.0.1:{port}"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await outbox.start()
        gc.collect()  # a producer that was not closed says so when it goes
        await asyncio.sleep(0)
    assert left_open == []
