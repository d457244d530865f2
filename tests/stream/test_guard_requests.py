"""What an optimiser from outside asks of a real guard, beside the decisions of our own loop."""

import asyncio
from functools import partial

import pytest

from control.modes import Mode
from stream.audit.entries import INTENT, RESULT
from stream.records import Event, MoveState
from stream.topics import REQUESTS
from tests.stream.guard_cases import (  # noqa: F401
    AUTOMATIC,
    FEED,
    SECTIONS,
    GuardedLine,
    Loop,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
_AGAIN_S = 0.2


async def _request_for_ever(loop: Loop, feed: float) -> None:
    while True:
        for section, cells in SECTIONS.items():
            await loop.request(section, dict.fromkeys(cells, feed))
        await asyncio.sleep(_AGAIN_S)


@pytest.mark.contract(5, 6)
async def test_a_request_is_written_and_the_audit_names_who_asked(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        asked = await line.loop.request(0, {1: line.feed(1) + 3.0, 2: line.feed(2) + 4.0})
        for cell, value in asked.values.items():
            verified = await line.log.answered(asked, cell)
            assert verified.state is MoveState.VERIFIED, verified.reasons
            assert verified.asked_by == "hal"
            assert line.feed(cell) == pytest.approx(value, abs=0.05)
        await until(lambda: life.has_room(2))
        ours = await line.log.ended(await line.loop.propose(2, line.feed(2) + 1.0))
        assert (ours.state, ours.asked_by) == (MoveState.VERIFIED, "optimiser")
        await until(lambda: life.has_room(2))
        again = await line.loop.request(0, {2: line.feed(2) + 1.0})
        assert (await line.log.answered(again, 2)).state is MoveState.VERIFIED
    rows = [row for row in line.audited() if row.request_id == f"{asked.decision_id}/2/{FEED}"]
    assert [row.action for row in rows] == [INTENT, RESULT]
    assert {(row.actor, row.role, row.target) for row in rows} == {
        ("hal", "optimiser", f"C002/{FEED}")
    }
    assert "trial" in rows[0].reason


@pytest.mark.contract(10, 13)
async def test_what_is_held_says_why_and_is_no_alarm(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        before = line.feed(2)
        line.loop.anode_effects.add(2)
        await until(lambda: life.picture(0).is_in_anode_effect(2))
        held = await line.log.answered(await line.loop.request(0, {2: before + 1.0}), 2)
        assert held.state is MoveState.HELD
        assert "anode effect" in held.reasons[0]
        assert line.feed(2) == before
        await line.log.caught_up()
        assert not [event for event in line.log.named("move_held") if event.cell == 2]


@pytest.mark.contract(15)
async def test_the_same_request_is_written_once_over_a_restart(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        asked = await line.loop.request(0, {2: line.feed(2) + 4.0})
        assert (await line.log.answered(asked, 2)).state is MoveState.VERIFIED
    async with line.guard(first_life=False) as life:
        await life.ready()
        # As a front that was started again would: under the same id, and issued later.
        await line.loop.request(0, asked.values, request_id=asked.request_id)
        other = await line.loop.request(0, {2: line.feed(2)})
        await line.log.answered(other, 2)
        states = [move.state for move in line.log.of_request(asked, 2)]
        assert states == [MoveState.INTENT, MoveState.VERIFIED]


@pytest.mark.contract(15)
async def test_of_requests_that_wait_only_the_newest_is_written(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        stood = line.feed(2)
        async with life.no_flushing():
            first = await line.loop.request(0, {2: stood + 4.0})
            await until(lambda: bool(line.log.of_request(first, 2)))
            await until(lambda: life.has_room(2))
            second = await line.loop.request(0, {2: stood + 2.0})
            await until(lambda: bool(line.log.of_request(second, 2)))
        older = await line.log.answered(first, 2)
        assert (older.state, older.attempts) == (MoveState.EXPIRED, 0)
        newer = await line.log.answered(second, 2)
        assert newer.state is MoveState.VERIFIED
        assert line.feed(2) == pytest.approx(newer.applied or 0.0, abs=0.05)


@pytest.mark.contract(1, 2)
async def test_requests_do_not_make_a_loop_look_alive(line: GuardedLine) -> None:
    def is_silence(event: Event) -> bool:
        return event.name == "decisions_silent" and event.active

    asking = asyncio.create_task(_request_for_ever(line.loop, 180.0))
    try:
        async with line.guard(AUTOMATIC, control_period_s=60.0) as life:
            await life.modes(Mode.AUTO)
            await life.modes(Mode.SHED)
            await line.log.told(is_silence)
            assert "decisions_silent" in life.mode_state(1).sheds
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def test_what_is_no_request_of_anybody_is_kept_with_the_rejects(line: GuardedLine) -> None:
    def rejected(text: str) -> bool:
        return any(text in frame.detail[0] for frame in line.log.rejects)

    async with line.guard() as life:
        await life.ready()
        await line.loop.send(REQUESTS.name, 0, b'{"request_id": 1}')
        await line.loop.send(REQUESTS.name, 0, b"x" * 60_000)
        await line.loop.request(0, {3: 180.0})
        await line.loop.request(7, {1: 180.0})
        await line.loop.request(0, {})
        await line.loop.request(0, {1: 180.0}, who="optimiser")
        for text in (
            "not a SetpointRequest",
            "no request is so long: 60000 bytes",
            "cells [3] are not of section 0",
            "cells [1] are not of section 7",
            "cells [] are not of section 0, or there are none",
            "nobody from outside is called 'optimiser'",
        ):
            await until(partial(rejected, text))
        late = await line.loop.request(0, {1: 180.0}, valid_s=-1.0)
        held = await line.log.answered(await line.loop.request(0, {1: line.feed(1)}), 1)
        assert held.state is MoveState.VERIFIED
        assert "expired" in (await line.log.answered(late, 1)).reasons[0]


@pytest.mark.contract(6)
async def test_a_value_that_another_has_outdone_is_no_fault_of_its_cell_and_a_stuck_one_is(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        await until(lambda: life.has_room(3))
        begin = line.feed(3)
        line.scada.control.stick(3, FEED)
        asked = []
        for step in (3.0, 4.0):
            asked.append(await line.loop.request(1, {3: begin + step}))
            await asyncio.sleep(4 * _AGAIN_S)
        outdone, stuck = [await line.log.answered(one, 3) for one in asked]
        assert (outdone.state, stuck.state) == (MoveState.FAILED, MoveState.FAILED)
        told = await line.log.told(lambda event: event.name == "readback_mismatch")
        assert told.details["written"] == stuck.applied, "the newest, not what it has outdone"
        await life.modes(Mode.SHED, 3)
        assert len(line.log.named("readback_mismatch")) == 1
