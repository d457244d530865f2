"""Feeders at fault: told once as a fault begins, once as it ends, in a running loop as well."""

from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from physics.estimate_state import to_bytes
from physics.plant import UNDISTURBED
from stream.estimate import EstimateState, decode_state, encode_state, warm_up_scan
from stream.feeder_news import FeederTold, tell_feeders
from stream.frames import EstimateFrame
from stream.kafka import KafkaConnection
from stream.records import Event, decode
from stream.topics import EVENTS
from tests.physics.line_record import record_line
from tests.stream.frame_cases import make_estimate_frame
from tests.stream.loop_cases import (
    CELLS,
    FEEDER_SECTION,
    Brains,
    HandClock,
    found,
    gateway_at,
    make_loop,
    plant_frame,
    running,
)

SECTION = FEEDER_SECTION
SESSION = 91
SCANS = 8


def believed(*shares: float, sd: float = 0.05) -> EstimateFrame:
    spread = np.full(len(shares), sd)
    return make_estimate_frame(
        {"feeder_efficiency": np.array(shares), "feeder_efficiency_sd": spread},
        section=SECTION,
        cells=CELLS[SECTION],
    )


def test_a_fault_is_told_as_it_begins_and_as_it_ends() -> None:
    first, second = CELLS[SECTION]
    told: tuple[int, ...] = ()
    for shares, news in (
        ((1.0, 1.0), []),
        ((0.72, 1.0), []),
        ((0.52, 1.0), [FeederTold(first, True, 52)]),
        ((0.48, 0.95), []),
        ((0.80, 0.61), [FeederTold(second, True, 61)]),
        ((np.nan, 0.61), []),
        ((0.97, 0.61), [FeederTold(first, False, 97)]),
        ((0.80, 0.61), []),
        ((0.80, 0.90), [FeederTold(second, False, 90)]),
    ):
        said, told = tell_feeders(believed(*shares), told)
        assert said == news, shares
    assert told == ()


def test_what_is_not_sure_is_not_told() -> None:
    assert tell_feeders(believed(0.6, 0.6, sd=0.2), ()) == ([], ())


def test_what_stands_told_outlives_a_restart(brains: Brains) -> None:
    told = CELLS[SECTION]
    state = EstimateState(filter=to_bytes(brains.estimator.init(2)), feeders_told=told)
    assert decode_state(encode_state(state), 2).feeders_told == told


def told_of_feeder(payload: bytes) -> Event | None:
    event = decode(payload, Event)
    return event if event.name == "feeder_at_fault" and event.section == SECTION else None


async def test_a_feeder_that_loses_half_is_told_to_people(
    connection: KafkaConnection, brains: Brains, compute: Executor
) -> None:
    always = replace(UNDISTURBED, faults_per_cell_day=1e6)
    record = record_line(brains.plant.design, 2, 1.0, seed=23, disturbances=always)
    clock = HandClock()
    compute.submit(warm_up_scan, brains.estimator, 2).result()
    async with (
        gateway_at(connection) as gateway,
        running(make_loop(connection, brains, compute, clock)),
    ):
        for sequence in range(len(record.t_plant_s) // SCANS):
            scans = slice(sequence * SCANS, (sequence + 1) * SCANS)
            usual = plant_frame(SECTION, sequence, 0.0, clock.now_ns, session=SESSION)
            value = record.value[scans]
            times_ns = np.full(value.shape, clock.now_ns, dtype=np.int64)
            await gateway.send(
                replace(
                    usual,
                    t_plant_s=record.t_plant_s[scans],
                    value=value,
                    quality=np.zeros(value.shape, dtype=np.uint8),
                    source_time_ns=times_ns,
                )
            )
            clock.forward(2.0)
        (event,) = await found(connection, EVENTS, told_of_feeder)
    assert event.active
    assert event.cell in CELLS[SECTION]
    share_pct = event.details["share_pct"]
    assert isinstance(share_pct, int)
    assert share_pct < 70
    assert f"about {share_pct} %" in event.sentence
