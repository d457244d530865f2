"""Reports of a laboratory in a running loop: taken in once, or turned away with their bytes."""

from collections.abc import Callable
from concurrent.futures import Executor

from stream.estimate import SAMPLED_COLUMN
from stream.frame_codec import decode_estimates, decode_rejects
from stream.frames import EstimateFrame, RejectFrame
from stream.kafka import KafkaConnection, make_producer
from stream.records import Event, LaboratoryReport, decode, encode
from stream.rejects import Reason
from stream.topics import ESTIMATES, EVENTS, LABORATORY, REJECTS, partition_of
from tests.stream.frame_cases import NOW_NS, SECOND_NS
from tests.stream.laboratory_cases import make_report
from tests.stream.loop_cases import (
    CELLS,
    LABORATORY_SECTION,
    PARTITIONS,
    Brains,
    HandClock,
    found,
    gateway_at,
    make_loop,
    plant_frame,
    running,
)

SECTION = LABORATORY_SECTION
CELL, NEIGHBOUR = CELLS[SECTION]
START_S = 500_000.0
SESSION = 77


async def send(connection: KafkaConnection, *payloads: bytes) -> None:
    producer = make_producer(connection, "test-laboratory")
    await producer.start()
    try:
        for payload in payloads:
            at = partition_of(SECTION, PARTITIONS)
            await producer.send_and_wait(LABORATORY.name, payload, partition=at)
    finally:
        await producer.stop()


def estimates_since(sequence: int) -> Callable[[bytes], EstimateFrame | None]:
    def read(payload: bytes) -> EstimateFrame | None:
        frame = decode_estimates(payload)
        is_ours = (frame.section, frame.session) == (SECTION, SESSION)
        return frame if is_ours and frame.sequence >= sequence else None

    return read


def rejected_report(payload: bytes) -> RejectFrame | None:
    frame = decode_rejects(payload)
    return frame if frame.origin.topic == LABORATORY.name else None


def told(name: str) -> Callable[[bytes], Event | None]:
    def read(payload: bytes) -> Event | None:
        event = decode(payload, Event)
        return event if event.name == name else None

    return read


def report(cell: int, t_drawn_plant_s: float, **changes: object) -> LaboratoryReport:
    return make_report(cell, t_drawn_plant_s, **{"section": SECTION} | changes)


async def test_reports_are_taken_in_once_or_turned_away_and_outlive_a_restart(
    connection: KafkaConnection, brains: Brains, compute: Executor
) -> None:
    clock = HandClock(NOW_NS + 7200 * SECOND_NS)
    good = report(CELL, START_S + 300.0, excess_alf3_wt_pct=11.0)
    async with gateway_at(connection) as gateway:

        async def frames(first: int, count: int) -> None:
            for sequence in range(first, first + count):
                at_s = START_S + 600.0 * sequence
                frame = plant_frame(SECTION, sequence, at_s, clock.now_ns, session=SESSION)
                await gateway.send(frame)

        async with running(make_loop(connection, brains, compute, clock)):
            await frames(0, 3)
            await found(connection, ESTIMATES, estimates_since(2))
            await send(
                connection,
                encode(good),
                encode(report(9999, START_S)),
                encode(report(NEIGHBOUR, START_S - 9.0)),
                encode(report(NEIGHBOUR, START_S + 9.0, section=4711)),
                encode(good),
            )
            await found(connection, REJECTS, rejected_report, 2)
            await frames(3, 2)
            await found(connection, ESTIMATES, estimates_since(4))  # the one before is stored
            (taken,) = await found(connection, EVENTS, told("laboratory_taken_in"))
        async with running(make_loop(connection, brains, compute, clock)):
            await send(connection, encode(good))
            await frames(5, 2)
            last = (await found(connection, ESTIMATES, estimates_since(5), 2))[-1]
            rejects = await found(connection, REJECTS, rejected_report, 3)
            refused = await found(connection, EVENTS, told("laboratory_refused"))
            events = await found(connection, EVENTS, told("laboratory_taken_in"))
    assert last.values[SAMPLED_COLUMN].tolist() == [1.0, 0.0], "and it is kept over a restart"
    assert {frame.reason[0]: frame.original[0] for frame in rejects} == {
        Reason.UNKNOWN_CELL: encode(report(9999, START_S)),
        Reason.UNKNOWN_SECTION: encode(report(NEIGHBOUR, START_S + 9.0, section=4711)),
        Reason.TOO_OLD: encode(report(NEIGHBOUR, START_S - 9.0)),
    }
    assert [event.event_id for event in events] == [taken.event_id]
    assert taken.cell == CELL
    assert "excess AlF3 11.0 wt%" in taken.sentence
    assert "less than believed" in taken.sentence
    assert refused[0].section in (SECTION, -1)
