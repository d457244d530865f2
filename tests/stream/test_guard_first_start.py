"""A guard whose group has never read anything: what was said before it began."""

import pytest

from control.modes import Mode
from stream.records import MoveState
from tests.stream.guard_cases import (  # noqa: F401
    GuardedLine,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_command_given_while_no_guard_ran_is_obeyed_and_a_backlog_is_passed_over(
    line: GuardedLine,
) -> None:
    old = [await line.loop.propose(cell, 200.0, valid_s=-1.0) for cell in (1, 2, 3, 4)]
    await line.loop.command(2, Mode.MANUAL, valid_s=-7200.0)
    late = await line.loop.command(3, Mode.MANUAL, valid_s=-60.0)
    await line.loop.command(1, Mode.MANUAL, valid_s=120.0)
    async with line.guard() as life:
        await life.modes(Mode.MANUAL, 1)
        await life.ready(2, 3, 4)
        moved = await line.log.ended(await line.loop.propose(2, line.feed(2) + 1.0))
        assert moved.state is MoveState.VERIFIED
        await until(lambda: bool(line.log.named("command_refused")))
        told = [event.details["command_id"] for event in line.log.named("command_refused")]
        assert told == [late], "it came too late, and somebody waits for an answer"
        assert [line.log.states(proposal) for proposal in old] == [[]] * 4
        assert not line.log.named("move_held")
