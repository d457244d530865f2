"""Following a run on a real Kafka: where it starts, that it catches up, that an outage costs
nothing; and `potline tail` on the same topics."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.broker import Broker, prepare_broker
from ops.follow import Follower
from ops.ports import free_port
from ops.tail import print_topic
from stream.frame_codec import encode_samples
from stream.kafka import KafkaConnection, KafkaUnreachableError, create_topics, make_producer
from stream.records import DECIDES, LEARNT, ModelRecord, MoveState, encode
from stream.topics import MODELS, MOVES, SAMPLES, Topic
from tests.ops.records import START_NS, move, sample_frame

PARTITIONS = 12


@pytest.fixture
async def connection(kafka: str) -> KafkaConnection:
    """The session's Kafka, with all topics."""
    connection = KafkaConnection(kafka)
    await create_topics(connection, PARTITIONS)
    return connection


async def send(connection: KafkaConnection, *messages: tuple[Topic, bytes]) -> None:
    """Put messages on partition 0 of their topics and wait until they are in the log."""
    producer = make_producer(connection, "test")
    await producer.start()
    try:
        for topic, payload in messages:
            await producer.send_and_wait(topic.name, payload, key=b"any", partition=0)
    finally:
        await producer.stop()


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait on a state."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another program's work
            await asyncio.sleep(0.02)


async def test_a_run_is_counted_from_its_start_to_its_end(connection: KafkaConnection) -> None:
    """What was there before does not count; what comes does, and then it has caught up."""
    await send(connection, (SAMPLES, encode_samples(sample_frame(0))))
    follower = Follower(connection, PARTITIONS, START_NS)
    assert not await follower.has_caught_up()
    await follower.start()
    try:
        async with asyncio.timeout(10):
            while not await follower.has_caught_up():  # noqa: ASYNC110 - it looks at Kafka
                await asyncio.sleep(0.02)
        assert follower.silent_for_s("moves") is None
        await send(
            connection,
            (SAMPLES, encode_samples(sample_frame(1))),
            (MOVES, encode(move(1, MoveState.INTENT))),
            (MOVES, encode(move(1, MoveState.VERIFIED))),
        )
        await until(lambda: follower.tally.moves.verified == 1)
        assert await follower.has_caught_up()
        assert follower.tally.samples.published == 12
        assert (follower.silent_for_s("moves") or 0.0) < 30.0
    finally:
        await follower.stop()


async def test_what_decides_may_have_been_announced_before_the_follower_reads(
    connection: KafkaConnection,
) -> None:
    """It counts when it is of this run, and not when it is of a run before, or of a mere file."""
    before, a_file, after = (
        ModelRecord(
            model_id=f"{kind}/{n}",
            kind=kind,
            plant_name="reference",
            plant_hash="0",
            parameters={},
            t_created_ns=START_NS + n,
        )
        for kind, n in ((DECIDES, -1), (LEARNT, 1), (DECIDES, 1))
    )
    await send(connection, (MODELS, encode(before)), (MODELS, encode(a_file)))
    for expected in (None, 0.0):
        follower = Follower(connection, PARTITIONS, START_NS, clock_s=lambda: 1.0)
        await follower.start()
        try:
            await send(connection, (MOVES, encode(move(1, MoveState.INTENT))))
            await until(lambda: follower.silent_for_s(MOVES.name) is not None)  # noqa: B023
            async with asyncio.timeout(10):
                while not await follower.has_caught_up():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            if expected is not None:
                await until(lambda: follower.silent_for_s(MODELS.name) == expected)  # noqa: B023
            assert follower.silent_for_s(MODELS.name) == expected
        finally:
            await follower.stop()
        await send(connection, (MODELS, encode(after)))


async def test_tail_prints_what_is_there_and_what_comes(connection: KafkaConnection) -> None:
    """From the beginning, for one cell, and no more than was asked for."""
    await send(
        connection,
        (MOVES, encode(move(5, MoveState.INTENT, cell=7))),
        (MOVES, encode(move(6, MoveState.INTENT, cell=8))),
        (MOVES, encode(move(7, MoveState.VERIFIED, cell=7))),
    )
    lines: list[str] = []
    async with asyncio.timeout(20):
        await print_topic(connection, MOVES, lines.append, is_from_beginning=True, cell=7, limit=2)
    assert [line.split()[5] for line in lines] == ["intent:", "verified:"]
    following = asyncio.create_task(print_topic(connection, MOVES, lines.append, limit=1))
    while not following.done():  # it starts where the topic ends when it gets there
        await send(connection, (MOVES, encode(move(8, MoveState.HELD, cell=9))))
    assert "cell 9" in lines[-1]


async def test_no_broker_is_one_sentence() -> None:
    """With the address and the remedy."""
    nowhere = KafkaConnection(f"kafka://127.0.0.1:{free_port()}")
    for attempt in (
        Follower(nowhere, PARTITIONS, START_NS).start(),
        print_topic(nowhere, SAMPLES, print),
    ):
        with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1.* Remedy: "):
            await attempt


@pytest.mark.slow
async def test_tail_ends_when_the_broker_does(tmp_path: Path) -> None:
    """With one sentence, instead of waiting for ever."""
    broker = Broker(await prepare_broker(tmp_path, port=free_port()))
    await broker.start()
    connection = KafkaConnection(broker.address)
    await create_topics(connection, 1)
    await send(connection, (MOVES, encode(move(1, MoveState.INTENT))))
    lines: list[str] = []
    following = asyncio.create_task(
        print_topic(connection, MOVES, lines.append, is_from_beginning=True)
    )
    try:
        await until(lambda: bool(lines))
        await broker.kill()
        with pytest.raises(KafkaUnreachableError, match="No Kafka at"):
            await asyncio.wait_for(following, 60)
    finally:
        following.cancel()
        await broker.stop()


@pytest.mark.slow
async def test_killing_the_broker_costs_the_follower_nothing(tmp_path: Path) -> None:
    """After kill -9 and a restart in the same folder it goes on where it was."""
    broker = Broker(await prepare_broker(tmp_path, port=free_port()))
    await broker.start()
    connection = KafkaConnection(broker.address)
    await create_topics(connection, PARTITIONS)
    follower = Follower(connection, PARTITIONS, START_NS)
    try:
        await follower.start()
        for n in range(5):
            await send(connection, (SAMPLES, encode_samples(sample_frame(n))))
        await broker.kill()
        assert not await follower.has_caught_up()
        await broker.start()
        for n in range(5, 10):
            await send(connection, (SAMPLES, encode_samples(sample_frame(n))))
        await until(lambda: follower.tally.samples.published == 120)
        assert follower.tally.samples.never_published == 0
        assert await follower.has_caught_up()
    finally:
        await follower.stop()
        await broker.stop()
