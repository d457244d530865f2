"""The feed on a real Kafka and Redis: what moves is shown, and a restart blanks no page."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from msgspec.structs import replace as changed
from redis.asyncio import Redis

from control.modes import Mode
from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from ops.redis_server import RedisServer, prepare_redis
from stream.active import subject_of
from stream.alarm_list import AlarmList
from stream.frame_codec import encode_estimates, encode_rejects, encode_samples
from stream.kafka import KafkaConnection, create_topics, make_consumer, make_producer
from stream.records import Command, CommandKind, Event, encode
from tests.ui.conftest import until
from tests.ui.line_story import SECOND_NS, LineStory, make_event, make_mode_event, make_rejects
from tests.ui.test_fold import told
from ui.feed import Feed
from ui.past import Past, _Waiting, fold_past
from ui.picture import JOURNAL_LENGTH, init_picture
from ui.quantities import trend_columns
from ui.sources import SOURCES, fold_message
from ui.store import NOTHING_READ, PictureWriter, Reading, read_picture

Publish = Callable[[LineStory, int, int], Awaitable[None]]


async def publish(producer: AIOKafkaProducer, story: LineStory, first: int, steps: int) -> None:
    """Send `steps` steps of a story, ending now."""
    now_ns = time.time_ns()
    for step in range(first, first + steps):
        at_ns = now_ns - (first + steps - 1 - step) * SECOND_NS
        frame, estimate = story.accepted(step, at_ns), story.estimate(step, at_ns)
        await producer.send_and_wait("accepted", encode_samples(frame), key=b"0", partition=0)
        await producer.send_and_wait("estimates", encode_estimates(estimate), key=b"0", partition=0)
    proposal = story.proposal(first + steps - 1, story.cells[0], now_ns)
    await producer.send_and_wait("proposals", encode(proposal), key=b"0", partition=0)
    for move in story.moves(proposal, Mode.AUTO, now_ns):
        await producer.send_and_wait("moves", encode(move), key=b"0", partition=0)


@asynccontextmanager
async def feeding(
    kafka: KafkaConnection, redis_address: str, cells: tuple[int, ...]
) -> AsyncIterator[Feed]:
    """A feed that runs for as long as the block does."""
    stop = asyncio.Event()
    feed = Feed(kafka, redis_address, (cells,), trend_columns())
    task = asyncio.create_task(feed.run(stop))
    try:
        yield feed
    finally:
        stop.set()
        await task


@asynccontextmanager
async def sending(kafka: KafkaConnection) -> AsyncIterator[AIOKafkaProducer]:
    producer = make_producer(kafka, "story")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def reading_of(address: str) -> Reading:
    async with Redis.from_url(address) as redis:
        return await read_picture(redis)


async def test_picture_shows_what_was_and_what_comes(
    topics: KafkaConnection, database: str
) -> None:
    cells = (101, 102, 103)
    story = LineStory(0, cells, session=time.time_ns())
    async with sending(topics) as producer:
        await publish(producer, story, 0, 20)
        async with feeding(topics, database, cells):

            async def shows(step: int) -> bool:
                reading = await reading_of(database)
                return (
                    reading is not NOTHING_READ
                    and reading.sections[0].estimate_order == (story.session, step)
                    and "0/beam_position_mm" in reading.sections[0].moves
                )

            await until(lambda: shows(19))
            before = await reading_of(database)
            assert len(before.history[0]) == 20
            assert before.sections[0].modes[0] is Mode.AUTO
            await publish(producer, story, 20, 1)
            await until(lambda: shows(20))
            after = await reading_of(database)
            assert after.line.points_accepted == 21 * 4 * 3 * 6
            assert after.life == before.life


async def test_restart_with_an_empty_redis_brings_the_picture_back(
    topics: KafkaConnection, database: str
) -> None:
    cells = (111, 112)
    story = LineStory(0, cells, session=time.time_ns())

    async def has_trend() -> bool:
        return len((await reading_of(database)).history.get(0, ())) == 30

    async with sending(topics) as producer:
        await publish(producer, story, 0, 30)
        event = make_mode_event(112, Mode.MANUAL, time.time_ns())
        await producer.send_and_wait("events", encode(event), key=b"mode_changed")
        async with feeding(topics, database, cells):
            await until(has_trend)
        async with Redis.from_url(database) as redis:
            await redis.flushdb()
        async with feeding(topics, database, cells):
            await until(has_trend)
            section = (await reading_of(database)).sections[0]
            assert section.modes == (Mode.AUTO, Mode.MANUAL)


async def test_what_began_weeks_ago_and_still_stands_is_known_after_a_restart(
    database: str, tmp_path: Path
) -> None:
    """On a Kafka of its own: where a topic has younger events first, its old ones are read too."""
    cells = (141, 142)
    hour_ns = 3600 * SECOND_NS
    began = make_event(
        "cell_silent", time.time_ns() - 25 * hour_ns, active=True, cell=141, number=9, age_s=40
    )
    limit = make_event(
        "limit_narrowed", time.time_ns() - 20 * 24 * hour_ns, active=True, number=8,
        subject="beam/high", limit="high", setpoint="beam", value=4,
    )  # fmt: skip

    async def send(event: Event, at_ns: int) -> None:
        await producer.send_and_wait(
            "events", encode(event), key=event.name.encode(), timestamp_ms=at_ns // 1_000_000
        )

    broker = Broker(await prepare_broker(tmp_path, port=free_port()))
    kafka = KafkaConnection(broker.address)
    async with broker, AsyncExitStack() as stack:
        await create_topics(kafka, 3)
        producer = await stack.enter_async_context(sending(kafka))
        young = make_mode_event(142, Mode.MANUAL, time.time_ns(), number=7)
        for event in (limit, began, young):
            await send(event, event.t_event_ns)
        async with feeding(kafka, database, cells) as feed:
            await until(lambda: young in feed.picture.line.journal)
            await until(lambda: not feed.picture.line.is_reading_events)
            assert {subject_of(began), subject_of(limit)} <= feed.picture.line.active.keys()
            assert began not in feed.picture.line.journal, "what is shown of the journal is a day"

            async def is_told() -> bool:
                line = (await reading_of(database)).line
                return subject_of(began) in line.alarms.alarms and not line.is_reading_events

            await until(is_told)
            # What comes then is told at once, and ends what began weeks ago.
            for event in (limit, began):
                over = changed(event, active=False, event_id=f"{event.event_id}9")
                now_ns = time.time_ns()
                await send(changed(over, t_event_ns=now_ns), now_ns)
            await until(lambda: subject_of(limit) not in feed.picture.line.active)
            await until(lambda: subject_of(began) not in feed.picture.line.active)


async def test_alarms_are_not_known_before_kafka_has_told_of_the_past(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = KafkaConnection(f"kafka://127.0.0.1:{free_port()}")
    with caplog.at_level(logging.WARNING, logger="ui.feed"):
        async with feeding(nowhere, database, (1,)) as feed:
            assert feed.picture.line.is_reading_events
            await until(lambda: f"No Kafka at {nowhere.address}" in caplog.text)
            assert feed.picture.line.is_reading_events


async def test_events_that_come_again_after_an_outage_end_nothing_that_stands(
    topics: KafkaConnection, database: str
) -> None:
    cells = (151,)
    now_ns = time.time_ns()

    async def send(event: Event) -> None:
        await producer.send_and_wait("events", encode(event), key=event.name.encode())

    def silent(number: int, active: bool) -> Event:
        return make_event(
            "cell_silent", now_ns + number, number=number + 2, active=active, cell=151, age_s=9
        )

    async with sending(topics) as producer:
        for number, active in ((1, True), (2, False)):
            await send(silent(number, active))
        for number in range(10, 10 + JOURNAL_LENGTH + 20):
            await send(make_mode_event(151, Mode.MANUAL, now_ns + number, number=number))
        await send(silent(900, True))
        async with feeding(topics, database, cells) as feed:
            await until(lambda: not feed.picture.line.is_reading_events)
            await until(lambda: len(feed.picture.line.journal) == JOURNAL_LENGTH)
            assert subject_of(silent(900, True)) in feed.picture.line.active
            # As when a consumer has failed: another one begins.
            sources = (source.topic for source in SOURCES)
            consumer = make_consumer(topics, *sources, client_id="again")
            await consumer.start()
            try:
                await feed._read_back(consumer)
            finally:
                await consumer.stop()
            assert subject_of(silent(900, True)) in feed.picture.line.active
        await send(silent(1000, False))


def test_events_are_taken_in_the_order_of_their_time_whatever_partition_is_read_first() -> None:
    ends = {TopicPartition("events", 0): 2, TopicPartition("events", 1): 3}
    first, second = ends
    waiting = _Waiting(ends)
    waiting.add(first, [At(0, 0, 10), At(0, 1, 40), At(0, 2, 50)])
    assert waiting.take({second}) == [], "of the other one something earlier may come"
    waiting.add(second, [At(1, 0, 20), At(1, 1, 30)])
    assert [one.timestamp for one in waiting.take({second})] == [10, 20]
    waiting.add(second, [At(1, 2, 60)])
    assert [one.timestamp for one in waiting.take(())] == [40, 30, 60], "all, to be sorted"
    assert waiting.take(()) == []


def test_what_was_read_already_is_not_told_twice_and_what_cannot_be_read_is_left_out() -> None:
    began = make_event("cell_silent", 1_000_000, active=True, cell=1, number=7, age_s=9)
    over = make_event("cell_silent", 2_000_000, cell=1, number=8, age_s=9)
    past = fold_past(
        Past(AlarmList()), [At(0, 0, 1, encode(began)), At(0, 1, 2, b"{"), At(0, 2, 3)]
    )
    assert (list(past.alarms.active), past.count) == ([subject_of(began)], 1)
    read = replace(past, read_to={TopicPartition("events", 0): 3})
    assert fold_past(read, [At(0, 0, 1, encode(began))]) == read
    after = fold_past(read, [At(0, 3, 4, encode(over))])
    assert after.alarms.active == {}
    assert after.ended == {over.event_id: 1_000_000}


async def test_a_new_life_takes_the_hours_before_over_from_redis(database: str) -> None:
    nowhere = KafkaConnection(f"kafka://127.0.0.1:{free_port()}")
    cells = (1, 2, 3, 4)
    picture = told(100)
    async with Redis.from_url(database) as redis:
        await PictureWriter(redis, life=1).write(picture, time.time_ns())
    async with feeding(nowhere, database, cells) as feed:
        await until(lambda: len(feed.picture.history[0]) == 100)


async def test_bad_bytes_are_counted_and_the_feed_goes_on(
    topics: KafkaConnection, database: str
) -> None:
    cells = (121, 122)
    story = LineStory(0, cells, session=time.time_ns())
    async with sending(topics) as producer:
        for topic in ("accepted", "moves", "events", "rejects"):
            await producer.send_and_wait(topic, b"\xff{not at all", partition=1)
            await producer.send_and_wait(topic, None, key=b"0", partition=1)
        await producer.send_and_wait("rejects", encode_rejects(make_rejects(1, time.time_ns())))
        await publish(producer, story, 0, 2)
        async with feeding(topics, database, cells) as feed:
            await until(lambda: feed.picture.sections[0].estimate_order[0] == story.session)
            await until(lambda: feed.picture.line.unreadable >= 8)
            assert feed.picture.line.refused["malformed"] >= 1


async def test_a_redis_that_goes_and_comes_gets_the_whole_picture_again(
    topics: KafkaConnection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cells = (131,)
    story = LineStory(0, cells, session=time.time_ns())
    server = RedisServer(prepare_redis(tmp_path, port=free_port()))
    await server.start()

    async def is_shown() -> bool:
        return len((await reading_of(server.address)).history.get(0, ())) == 3

    async with sending(topics) as producer:
        await publish(producer, story, 0, 3)
        async with feeding(topics, server.address, cells):
            await until(is_shown)
            await server.stop()
            with caplog.at_level(logging.WARNING):
                await until(lambda: f"No Redis at {server.address}" in caplog.text)
            assert "start it or set redis.address" in caplog.text
            await server.start()
            await until(is_shown)
    await server.stop()


async def test_no_kafka_is_one_sentence_with_address_and_remedy(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = KafkaConnection(f"kafka://127.0.0.1:{free_port()}")
    with caplog.at_level(logging.WARNING, logger="ui.feed"):
        async with feeding(nowhere, database, (1,)):
            await until(lambda: f"No Kafka at {nowhere.address}" in caplog.text)
    assert "start the broker or set kafka.address" in caplog.text


@dataclass
class At:
    partition: int
    offset: int
    timestamp: int
    value: bytes | None = None
    topic: str = "events"


@dataclass
class Come:
    topic: str
    value: bytes | None
    timestamp: int = 0


def test_that_samples_came_is_noted_without_reading_them_and_accepted_ones_prove_nothing() -> None:
    blank = init_picture(((1, 2, 3, 4),), trend_columns())
    picture = fold_message(blank, Come("samples", b"not a frame", 1_790_000_000_123))
    assert picture.line.newest_ns == {"samples": 1_790_000_000_123_000_000}
    assert picture.line.unreadable == 0
    story = LineStory(0, (1, 2, 3, 4))
    accepted = encode_samples(story.accepted(0, 1_790_000_000 * SECOND_NS))
    picture = fold_message(blank, Come("accepted", accepted))
    assert "samples" not in picture.line.newest_ns


def test_a_command_is_folded_too() -> None:
    command = Command(
        command_id="a", kind=CommandKind.SET_MODE, section=0, cell=1, mode=Mode.MANUAL,
        issued_by="ann", role="operator", reason="tapping", t_issued_ns=1, expires_ns=2,
    )  # fmt: skip
    picture = fold_message(init_picture(((1,),), ()), Come("commands", encode(command)))
    assert picture.line.commands == {1: command}
