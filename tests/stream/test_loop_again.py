"""A loop that starts again, and is given again what it has done before."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor

from aiokafka import AIOKafkaConsumer, TopicPartition

from control.problem import SolverStatus
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
from tests.stream.loop_cases import (
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

SECTION = 7
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
    """Wait until the agents are done with these messages of the section, their state stored."""
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
            stood_in = (await proposals_of_section(connection, 4))[2:]
            events = await found(connection, EVENTS, about_section, 3)
    assert (last.sequence, last.frames_applied, last.frames_missing) == (3, 4, 0)
    assert last.frames_skipped >= 3, "all were seen again, and not applied again"
    ends = await ends_of(connection)
    sent = {name: ends[place] - begin[place] for name, place in PLACES.items()}
    assert sent == {"samples": 4, "accepted": 4, "estimates": 4, "rejects": 0}

    assert {row.sequence for row in planned} == {1}
    assert {row.sequence for row in stood_in} == {3}
    assert {row.fallback for row in stood_in} == {"previous_plan"}, "the plan of the life before"
    assert {row.solver_status for row in stood_in} == {SolverStatus.TIME_LIMIT.name.lower()}
    assert [event.name for event in events] == [
        "decision_late",
        "decision_fell_back",
        "decision_fell_back",
    ]
    assert events[1].sentence.endswith("previous_plan stepped in.")


def about_section(payload: bytes) -> Event | None:
    event = decode(payload, Event)
    return event if event.section == SECTION and event.origin == "loop-test" else None
