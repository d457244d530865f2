"""What the guard does when another writes to the plant: nothing there, and says so."""

import pytest

from control.modes import Mode
from stream.audit.entries import CLAIM, HANDOVER
from stream.records import MoveState
from tests.opcua.rival import rival_at
from tests.stream.guard_cases import (  # noqa: F401
    CELLS,
    GuardedLine,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.contract(2, 14)
async def test_a_guard_whose_line_is_taken_sheds_and_comes_back_when_the_other_is_silent(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.armed()
        await life.ready()
        await until(lambda: all(line.follows(cell) for cell in CELLS))
        own = line.scada.writes.fence.token
        handed = [record for record in line.audited() if record.action == HANDOVER]
        async with rival_at(line.scada) as rival:
            await life.modes(Mode.SHED)
            assert life.mode_state(1).sheds == ("another_writer",)
            await until(lambda: bool(line.log.named("another_writer")))
            began = line.log.named("another_writer")[0]
            assert began.active
            assert life.writer.address in began.sentence
            assert str(own + 1) in began.sentence
            held = await line.log.ended(await line.loop.propose(2, line.feed(2) + 5.0))
            assert (held.state, held.mode) == (MoveState.HELD, Mode.SHED)
            refused, beats = line.scada.writes.fenced_off, rival.beats
            await until(lambda: rival.beats > beats + 20)  # longer than the watchdog waits
            assert line.scada.writes.fence.token == own + 1, "it is left to who lives"
            assert line.scada.writes.fenced_off == refused, "it does not try again and again"
            assert all(line.follows(cell) for cell in CELLS), "they are the other's now"
            asked = [record for record in line.audited() if record.action == HANDOVER]
            assert asked == handed, "what is not asked of the plant is not on record as asked"
        await until(lambda: line.scada.writes.fence.token == own + 2)
        await until(lambda: len(line.log.named("another_writer")) == 2)
        assert not line.log.named("another_writer")[1].active
        await life.modes(Mode.AUTO)
        await until(lambda: all(line.follows(cell) for cell in CELLS))
    claims = [record for record in line.audited() if record.action == CLAIM]
    assert [record.applied for record in claims][-1] == own + 2


@pytest.mark.contract(14)
async def test_a_guard_that_starts_beside_another_waits_and_writes_nothing(
    line: GuardedLine,
) -> None:
    async with rival_at(line.scada) as rival:
        token, refused = line.scada.writes.fence.token, line.scada.writes.fenced_off
        async with line.guard() as life:
            await life.modes(Mode.SHED)
            await until(lambda: bool(line.log.named("another_writer")))
            beats = rival.beats
            await until(lambda: rival.beats > beats + 20)
            assert line.scada.writes.fence.token == token
            assert line.scada.writes.fenced_off == refused
            assert life.mode(1) is Mode.SHED


@pytest.mark.contract(14)
async def test_a_guard_that_comes_after_one_on_the_same_machine_does_not_wait(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.armed()
        await until(lambda: all(line.follows(cell) for cell in CELLS))
        token = line.scada.writes.fence.token
    async with line.guard(first_life=False) as life:
        await until(lambda: life.writer.is_connected)
        assert (life.writer.other_writer, line.scada.writes.fence.token) == ("", token + 1)
