"""A loop that starts again, and is given again what it has done before."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.app import Worker
from stream.frame_codec import decode_estimates
from stream.frames import EstimateFrame
from stream.kafka import KafkaConnection
from stream.records import Event, Proposal, RecordError, decode
from stream.topics import (
    ACCEPTED,
    ESTIMATES,
    EVENTS,
    LOOP_APP,
    PROPOSALS,
    REJECTS,
    SAMPLES,
    partition_of,
)
from tests.stream.frame_cases import NOW_NS, SECOND_NS
from tests.stream.loop_cases import (
    AGAIN_SECTION,
    PARTITIONS,
    PERIOD_S,
    Brains,
    HandClock,
    found,
    gateway_at,
    make_loop,
    plant_frame,
    running,
)

SECTION = AGAIN_SECTION
START_S = 72_000.0
PLACES = {
    topic.name: TopicPartition(topic.name, partition_of(SECTION, PARTITIONS))
    for topic in (SAMPLES, ACCEPTED, ESTIMATES, REJECTS)
}


async def ends_of(connection: KafkaConnection) -> dict[TopicPartition, int]:
    """The offset that the next message of each topic of the section will get."""
    consumer = AIOKafkaConsumer(**connection.client_options())
    await consumer.start()
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(list(PLACES.values()))
        return ends
    finally:
        await consumer.stop()


async def set_back(connection: KafkaConnection, offsets: dict[TopicPartition, int]) -> None:
    """Let the loop's group begin at these offsets, as after a crash before its commit."""
    consumer = AIOKafkaConsumer(
        group_id=LOOP_APP, enable_auto_commit=False, **connection.client_options()
    )
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()


async def until_done(worker: Worker, offsets: Mapping[str, int]) -> None:
    """Wait until the agents are done with these messages of the partition, their state stored."""
    places = [PLACES[name] for name in offsets if name in worker.progress.topics]
    async with asyncio.timeout(20):
        while any(  # noqa: ASYNC110 - progress is a count, not an event
            worker.progress.done.get((place.topic, place.partition), -1) < offsets[place.topic]
            for place in places
        ):
            await asyncio.sleep(0.02)


async def estimates_of_section(connection: KafkaConnection, count: int) -> list[EstimateFrame]:
    def read(payload: bytes) -> EstimateFrame | None:
        row = decode_estimates(payload)
        return row if row.section == SECTION else None

    return await found(connection, ESTIMATES, read, count)


async def proposals_of_section(connection: KafkaConnection, count: int) -> list[Proposal]:
    def read(payload: bytes) -> Proposal | None:
        try:
            row = decode(payload, Proposal)
        except RecordError:
            return None
        return row if row.section == SECTION else None

    return await found(connection, PROPOSALS, read, count)


async def test_what_comes_again_after_a_restart_is_not_applied_again(
    connection: KafkaConnection, brains: Brains, compute: Executor
) -> None:
    clock = HandClock()
    begin = await ends_of(connection)
    async with gateway_at(connection) as gateway:
        first = make_loop(connection, brains, compute, clock)
        async with running(first):
            for sequence in range(3):
                await gateway.send(plant_frame(SECTION, sequence, START_S + sequence, clock.now_ns))
            await estimates_of_section(connection, 3)
            planned = await proposals_of_section(connection, 2)
            await until_done(first, {name: begin[place] + 2 for name, place in PLACES.items()})
        await set_back(
            connection, {PLACES[name]: begin[PLACES[name]] for name in PLACES if name != "rejects"}
        )

        late = make_loop(connection, brains, compute, clock, deadline_s=1e-9)
        async with running(late):
            await gateway.send(plant_frame(SECTION, 3, START_S + PERIOD_S, clock.now_ns))
            last = (await estimates_of_section(connection, 4))[-1]
            (event,) = await found(connection, EVENTS, about_section)
        in_time = make_loop(connection, brains, compute, clock)
        async with running(in_time):
            await gateway.send(plant_frame(SECTION, 4, START_S + 2 * PERIOD_S, clock.now_ns))
            proposals = await proposals_of_section(connection, 4)
            await estimates_of_section(connection, 5)
    assert (last.sequence, last.frames_applied, last.frames_missing) == (3, 4, 0)
    assert last.frames_skipped >= 3, "all were seen again, and not applied again"
    ends = await ends_of(connection)
    sent = {name: ends[place] - begin[place] for name, place in PLACES.items()}
    assert sent == {"samples": 5, "accepted": 5, "estimates": 5, "rejects": 0}

    assert {row.sequence for row in planned} == {1}
    assert {row.fallback for row in planned} == {None}
    assert event.name == "decision_late"
    assert [row.sequence for row in proposals] == [1, 1, 4, 4], "what was late has not been sent"
    assert {row.fallback for row in proposals} == {None}


async def test_what_a_life_began_to_report_ends_in_the_next(
    connection: KafkaConnection, brains: Brains, compute: Executor
) -> None:
    section, clock = 9, HandClock(NOW_NS + 3600 * SECOND_NS)
    begin_s = START_S + 50 * PERIOD_S

    def reported(name: str) -> Callable[[bytes], tuple[int | None, bool] | None]:
        def read(payload: bytes) -> tuple[int | None, bool] | None:
            event = decode(payload, Event)
            own = (event.name, event.section, event.origin) == (name, section, "loop-test")
            return (event.cell, event.active) if own else None

        return read

    async with gateway_at(connection) as gateway:

        async def send(sequence: int, **options: Any) -> None:
            at_s = begin_s + sequence * PERIOD_S
            await gateway.send(
                plant_frame(section, sequence, at_s, clock.now_ns, session=3, **options)
            )

        killed = make_loop(connection, brains, compute, clock)
        async with running(killed):
            for sequence in range(4):
                await send(sequence, cell_voltage_v=99.0, missing=["beam_position_mm"])
            await found(connection, EVENTS, reported("sample_rejected"), 1)
            await found(connection, EVENTS, reported("decision_fell_back"), 2)
            ends = await ends_of(connection)
            await until_done(killed, {ESTIMATES.name: ends[PLACES[ESTIMATES.name]] - 1})
        after = make_loop(connection, brains, compute, clock)
        async with running(after):
            for count in range(3):
                await send(4 + count)
                await until_done(after, {place.topic: ends[place] + count for place in ends})
                clock.forward(61.0)
            rejected = await found(connection, EVENTS, reported("sample_rejected"), 2)
            fell_back = await found(connection, EVENTS, reported("decision_fell_back"), 4)
    assert rejected == [(None, True), (None, False)]
    assert fell_back == [(19, True), (20, True), (19, False), (20, False)]


def about_section(payload: bytes) -> Event | None:
    event = decode(payload, Event)
    return event if event.section == SECTION and event.origin == "loop-test" else None
