"""The three agents of the loop, in a real Faust worker at a real Kafka.

All tests share one running worker, each has sections of its own.
"""

from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pytest
import pytest_asyncio

from physics.signals import SETPOINTS, SIGNALS
from stream.app import Worker
from stream.frame_codec import (
    decode_estimates,
    decode_rejects,
    decode_samples,
    encode_samples,
)
from stream.frames import EstimateFrame, Origin, Quality, RejectFrame, SampleFrame
from stream.kafka import KafkaConnection, make_consumer
from stream.models import announce
from stream.records import Event, ModelRecord, Proposal, RecordError, RecordT, decode
from stream.run import _ends
from stream.topics import (
    ACCEPTED,
    ESTIMATES,
    EVENTS,
    LABORATORY,
    MODELS,
    PROPOSALS,
    REJECTS,
    SAMPLES,
)
from tests.stream.frame_cases import SECOND_NS, make_frame
from tests.stream.loop_cases import (
    CELLS,
    PERIOD_S,
    Brains,
    Gateway,
    HandClock,
    found,
    gateway_at,
    make_loop,
    plant_frame,
    running,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
RowT = TypeVar("RowT", EstimateFrame, RejectFrame, SampleFrame, Proposal)
PLANT_START_S = 36_000.0


@dataclass(frozen=True, slots=True)
class Line:
    """A running loop with a gateway in front of it."""

    connection: KafkaConnection
    clock: HandClock
    worker: Worker
    gateway: Gateway

    async def send(
        self, section: int, sequence: int, t_plant_s: float | None = None, **options: Any
    ) -> tuple[SampleFrame, int]:
        """Send a frame; returns it and its offset."""
        at_s = PLANT_START_S + sequence if t_plant_s is None else t_plant_s
        frame = plant_frame(section, sequence, at_s, self.clock.now_ns, **options)
        return frame, await self.gateway.send(frame)

    async def estimates(self, section: int, count: int) -> list[EstimateFrame]:
        return await found(
            self.connection,
            ESTIMATES,
            lambda payload: of(section, decode_estimates(payload)),
            count,
        )

    async def rejects(self, section: int, count: int) -> list[RejectFrame]:
        return await found(
            self.connection, REJECTS, lambda payload: of(section, decode_rejects(payload)), count
        )

    async def proposals(self, section: int, count: int) -> list[Proposal]:
        return await found(
            self.connection,
            PROPOSALS,
            lambda payload: of(section, as_record(payload, Proposal)),
            count,
        )

    async def events(self, name: str, section: int | None, count: int) -> list[Event]:
        def read(payload: bytes) -> Event | None:
            event = decode(payload, Event)
            is_wanted = (event.name, event.section, event.origin) == (name, section, "loop-test")
            return event if is_wanted else None

        return await found(self.connection, EVENTS, read, count)


def of(section: int, row: RowT) -> RowT | None:
    """The row, where it is of this section."""
    return row if row is not None and row.section == section else None


def as_record(payload: bytes, kind: type[RecordT]) -> RecordT | None:
    """The record, where it is one: other tests send to these topics what is none."""
    try:
        return decode(payload, kind)
    except RecordError:
        return None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(
    connection: KafkaConnection, brains: Brains, compute: Executor
) -> AsyncIterator[Line]:
    """A running loop with a gateway in front of it."""
    clock = HandClock()
    worker = make_loop(connection, brains, compute, clock)
    async with running(worker), gateway_at(connection) as gateway:
        yield Line(connection, clock, worker, gateway)


async def test_samples_become_estimates_and_the_first_of_a_period_proposals(line: Line) -> None:
    frames = [await line.send(0, sequence) for sequence in range(3)]
    estimates = await line.estimates(0, 3)
    assert [row.frames_applied for row in estimates] == [1, 2, 3]
    assert [row.frames_missing for row in estimates] == [0, 0, 0]
    assert estimates[2].cells == CELLS[0]
    assert estimates[2].origin == Origin(SAMPLES.name, 0, frames[2][1])
    assert estimates[2].t_source_ns == line.clock.now_ns
    np.testing.assert_allclose(estimates[2].values["beam_position_mm"], 200.0)
    assert (estimates[2].values["alumina_wt_pct_sd"] > 0).all()

    await line.send(0, 3, PLANT_START_S + PERIOD_S)
    proposals = await line.proposals(0, 4)
    assert sorted((row.sequence, row.cell) for row in proposals) == [(1, 1), (1, 2), (3, 1), (3, 2)]
    for proposal in proposals:
        assert set(proposal.setpoints) == set(SETPOINTS)
        assert (proposal.proposed_by, proposal.fallback) == ("mpc", None)
        assert proposal.proposal_id == f"0-1-{proposal.sequence}-{proposal.cell}"
        assert proposal.expires_ns == proposal.t_decided_ns + 5 * SECOND_NS


async def test_a_sample_that_cannot_be_is_rejected_and_told_once_until_it_has_long_gone(
    line: Line,
) -> None:
    bad, _ = await line.send(1, 0, cell_voltage_v=99.0)
    await line.send(1, 1, cell_voltage_v=99.0)
    rejects = await line.rejects(1, 2)
    assert [row.signal for row in rejects] == [("cell_voltage_v",) * 2] * 2
    assert rejects[0].original == (encode_samples(bad), None), "the message, once"
    assert set(rejects[0].reason) == {"out of physical range"}
    accepted = await found(
        line.connection, ACCEPTED, lambda payload: of(1, decode_samples(payload)), 2
    )
    assert isinstance(accepted[1], SampleFrame)
    assert (accepted[1].quality[0, :, 0] == Quality.REJECTED).all()
    line.clock.forward(31.0)
    await line.send(1, 2)
    began, ended = await line.events("sample_rejected", 1, 2)
    assert (began.active, ended.active) == (True, False)
    assert began.sentence == "Samples of section 1 are being rejected: out of physical range."


async def test_a_message_that_is_no_frame_is_kept_and_told_once(line: Line) -> None:
    junk = [b"loop-test not Arrow", b"loop-test nor this"]
    offsets = [await line.gateway.send_bytes(1, payload) for payload in junk]

    def read(payload: bytes) -> RejectFrame | None:
        row = decode_rejects(payload)
        return row if row.original[0] in junk else None

    rejects = await found(line.connection, REJECTS, read, 2)
    assert [row.original for row in rejects] == [(payload,) for payload in junk]
    assert [row.origin.offset for row in rejects] == offsets
    assert {row.reason for row in rejects} == {("malformed",)}
    (event,) = await line.events("message_unreadable", None, 1)
    assert event.active
    assert event.details["topic"] == SAMPLES.name


async def test_a_section_that_the_plant_does_not_have_is_rejected_whole(line: Line) -> None:
    frame = plant_frame(2, 0, PLANT_START_S, line.clock.now_ns)
    await line.gateway.send(replace(frame, section=77))
    (reject,) = await line.rejects(77, 1)
    assert reject.reason == ("unknown section",)
    assert reject.points == frame.points
    assert "section 77; the plant has [0, 1, 2" in reject.detail[0]


async def test_a_frame_that_comes_twice_is_rejected_once_and_applied_once(line: Line) -> None:
    frame, _ = await line.send(3, 0)
    again = await line.gateway.send(frame)
    await line.send(3, 1)
    (reject,) = await line.rejects(3, 1)
    assert reject.reason == ("duplicate",)
    assert reject.origin.offset == again
    estimates = await line.estimates(3, 2)
    assert [(row.sequence, row.frames_applied) for row in estimates] == [(0, 1), (1, 2)]


async def test_a_frame_of_more_bad_samples_than_a_reject_holds_stops_nothing(line: Line) -> None:
    await line.send(9, 0)
    giant = make_frame(
        1,
        section=9,
        scans=1,
        cells=tuple(range(1000, 21_000)),
        signals=SIGNALS,
        t_plant_s=PLANT_START_S + 1,
        now_ns=line.clock.now_ns,
    )
    await line.gateway.send(giant)
    await line.send(9, 2)
    (reject,) = await line.rejects(9, 1)
    assert (reject.reason, reject.points) == (("too many bad samples",), giant.points)
    assert reject.detail == ("120000 of 120000, first unknown cell",)
    estimates = await line.estimates(9, 2)
    assert [row.sequence for row in estimates] == [0, 2]


async def test_frames_that_never_came_are_counted_and_told(line: Line) -> None:
    await line.send(4, 5)
    await line.send(4, 6)
    await line.send(4, 9)
    await line.send(4, 1, PLANT_START_S + 20, session=2)
    estimates = await line.estimates(4, 4)
    assert [row.frames_missing for row in estimates] == [0, 0, 2, 3], "the first is where we joined"
    events = await line.events("samples_missing", 4, 2)
    assert [event.details["frames"] for event in events] == [2, 1]


async def test_a_cell_whose_setpoints_are_unknown_is_held_and_told_until_it_plans_again(
    line: Line,
) -> None:
    for sequence in range(2):
        await line.send(5, sequence, missing=["beam_position_mm"])
    began = await line.events("decision_fell_back", 5, 2)
    assert [(row.cell, row.active) for row in began] == [(11, True), (12, True)]
    assert began[0].sentence == (
        "Cell 11: the optimiser gave no optimal plan (the estimate or the setpoints are not "
        "usable); hold stepped in."
    )
    line.clock.forward(61.0)
    await line.send(5, 2, PLANT_START_S + PERIOD_S)
    ended = (await line.events("decision_fell_back", 5, 4))[2:]
    assert [(row.cell, row.active) for row in ended] == [(11, False), (12, False)]
    proposals = await line.proposals(5, 4)
    assert [(row.sequence, row.fallback) for row in proposals] == [
        (1, "hold"),
        (1, "hold"),
        (2, None),
        (2, None),
    ]
    assert [bool(row.setpoints) for row in proposals] == [False, False, True, True]


async def test_an_estimate_without_any_usable_sample_is_too_old_to_act_on(line: Line) -> None:
    for sequence in range(2):
        await line.send(6, sequence)
    await line.send(6, 2, PLANT_START_S + PERIOD_S, missing=SIGNALS)
    await line.send(6, 3, PLANT_START_S + PERIOD_S + 1)
    estimates = await line.estimates(6, 4)
    assert [row.t_source_ns for row in estimates] == [
        *[line.clock.now_ns] * 2,
        0,
        line.clock.now_ns,
    ]
    proposals = await line.proposals(6, 4)
    assert [row.sequence for row in proposals] == [1, 1, 3, 3]


async def test_which_model_decides_is_on_record(line: Line) -> None:
    await announce(line.worker, "reference-300ka", "abc123")
    (record,) = await found(
        line.connection, MODELS, lambda payload: as_record(payload, ModelRecord)
    )
    assert record.model_id == "reduced-lumped/abc123"
    assert (record.plant_name, record.plant_hash) == ("reference-300ka", "abc123")
    assert record.t_created_ns == line.clock.now_ns


async def test_the_worker_knows_how_far_it_is(line: Line) -> None:
    _, offset = await line.send(8, 0)
    _, last = await line.send(8, 1)
    await line.estimates(8, 2)
    assert line.worker.progress.done[SAMPLES.name, 0] in (offset, last), "one after the other"


async def test_the_watchdog_asks_how_far_the_topics_have_come(line: Line) -> None:
    _, last = await line.send(8, 2)
    probe = make_consumer(line.connection, client_id="test")
    await probe.start()
    try:
        ends = await _ends(probe, line.worker)
    finally:
        await probe.stop()
    assert ends is not None
    assert ends[SAMPLES.name, 0] == last + 1
    assert {topic for topic, _ in ends} == {
        SAMPLES.name,
        ACCEPTED.name,
        ESTIMATES.name,
        LABORATORY.name,
    }
