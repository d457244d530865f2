"""What people order of the guard beside modes: overrides, bypasses, limits, switches."""

from functools import partial

import pytest

from control.modes import Mode
from stream.audit.entries import LAPSE
from stream.records import WHOLE_SECTION, CommandKind, Event, MoveState
from tests.stream.guard_cases import (  # noqa: F401
    BEAM,
    FEED,
    GuardedLine,
    Life,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def override(life: Life, line: GuardedLine, cell: int, value: float, **more: object) -> str:
    """Set the feed of a cell by hand, for an hour if nothing else is said; return the command's id
    when it is answered. On a busy machine the plant may let go of a cell for a moment: again then.
    """
    wish = {"setpoint": FEED, "value": value, "duration_s": 3600.0} | more
    while True:
        kind, section = CommandKind.APPLY_OVERRIDE, (cell - 1) // 2
        command_id = await line.loop.order(kind, section, cell, **wish)
        answer = await line.log.told(partial(_is_answer_to, command_id))
        if "does not follow our setpoints" not in answer.sentence:
            return command_id
        await life.ready(cell)


def _is_answer_to(command_id: str, event: Event) -> bool:
    is_answer = event.name in ("command_obeyed", "command_refused")
    return is_answer and event.details["command_id"] == command_id


async def refused(line: GuardedLine, command_id: str) -> str:
    """Wait until a command is refused; return why."""

    def is_meant(event: Event) -> bool:
        refusal = event.name == "command_refused"
        return refusal and event.details["command_id"] == command_id

    return str((await line.log.told(is_meant)).details["reason"])


def edges(line: GuardedLine, name: str, cell: int | None) -> list[bool]:
    """Beginnings and ends of an event of a cell, in order."""
    return [event.active for event in line.log.named(name) if event.cell == cell]


@pytest.mark.contract(10)
async def test_an_override_wins_at_once_and_holds_the_optimiser_until_it_is_released(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        # Far beyond what a step allows the optimiser.
        await override(life, line, 2, 295.0, reason="tapping")
        await until(lambda: line.feed(2) == pytest.approx(295.0))
        began = await line.log.told(lambda event: event.name == "override_active")
        assert began.active
        assert "anna holds alumina_feed_rate_kg_per_h at 295.0 until" in began.sentence

        beam = life.writer.readback(2, BEAM)
        asked = await line.loop.propose(2, 200.0, beam=beam)
        held = await line.log.ended(asked)
        assert (held.state, held.reasons) == (MoveState.HELD, ["anna holds it at 295: tapping"])
        await until(lambda: line.log.states(asked, BEAM)[-1:] == [MoveState.VERIFIED])
        assert line.feed(2) == pytest.approx(295.0)

        await line.loop.order(CommandKind.RELEASE_OVERRIDE, 0, 2, setpoint=FEED)
        await until(lambda: edges(line, "override_active", 2) == [True, False])
        moved = await line.log.ended(await line.loop.propose(2, 200.0))
        assert moved.state is MoveState.VERIFIED
        assert moved.previous == pytest.approx(295.0), "it goes on from where it was left"
        assert not line.log.named("move_held"), "the override says so itself"
        written = [entry for entry in line.audited() if entry.actor == "anna"]
        assert [entry.action for entry in written] == [
            "command",
            "setpoint_intent",
            "setpoint_result",
            "command",
        ]
        assert written[1].applied == 295.0
        assert written[1].role == "operator"


@pytest.mark.contract(10)
async def test_what_an_override_may_not_is_refused_with_the_reason(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready(1, 2)
        stood = line.feed(2)
        cases = {
            await override(life, line, 2, 1000.0): "beyond the hard bounds",
            await override(life, line, 2, 200.0, role="viewer"): "'viewer' may not override",
            await override(life, line, 2, 200.0, duration_s=None): "does not say duration_s",
            await override(life, line, 2, 200.0, duration_s=-1.0): "override of 0 s",
            await override(life, line, 2, 200.0, who=" "): "does not say who asks",
            await override(life, line, 2, 200.0, reason="x" * 2000): "2000 characters",
            await override(life, line, 2, 200.0, reason=""): "needs a reason",
            await override(life, line, 2, 200.0, setpoint="tap"): "no setpoint 'tap'",
            await line.loop.order(CommandKind.APPLY_OVERRIDE, 0, WHOLE_SECTION): "name the cell",
            await line.loop.order(CommandKind.REQUEST_LIMIT, 0, 2): "name no cell",
            await line.loop.order(CommandKind.SET_MODE, 0, 2): "does not say mode",
        }
        for command_id, word in cases.items():
            assert word in await refused(line, command_id)
        assert line.feed(2) == stood
        await line.loop.command(2, Mode.MANUAL)  # from here on the plant moves it by itself
        await life.modes(Mode.MANUAL, 2)
        late = await override(life, line, 2, 200.0)
        assert "set it at the plant's own panel" in await refused(line, late)
        assert not line.log.named("override_active")


@pytest.mark.contract(10)
async def test_the_higher_role_keeps_it_and_both_are_told(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready(3)
        await override(life, line, 3, 200.0)
        await until(lambda: line.feed(3) == pytest.approx(200.0))
        await override(life, line, 3, 210.0, who="carla", role="engineer")
        await until(lambda: line.feed(3) == pytest.approx(210.0))
        again = await override(life, line, 3, 220.0)
        assert "carla (engineer) holds it" in await refused(line, again)
        await until(lambda: edges(line, "override_active", 3) == [True, False, True])
        assert line.feed(3) == pytest.approx(210.0)
        assert life.mode(3) is Mode.AUTO, "what was set since is no fault of the cell"


@pytest.mark.contract(10)
async def test_an_override_outlives_the_guard_and_ends_by_itself(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready(4)
        await override(life, line, 4, 205.0, duration_s=60.0)
        await until(lambda: line.feed(4) == pytest.approx(205.0))
        await until(lambda: edges(line, "override_active", 4) == [True])
        keeper = life.guard._keeper
        await until(lambda: all(one.is_written for one in keeper.state(1).overrides.values()))
        await keeper.flush(1)
    async with line.guard(first_life=False) as life:
        await until(lambda: edges(line, "override_active", 4) == [True, True])
        await life.ready(3)
        held = await line.log.ended(await line.loop.propose(4, 190.0))
        assert held.state is MoveState.HELD
        line.clock.forward(60.0)
        await until(lambda: edges(line, "override_active", 4)[-1] is False)
        await until(lambda: any(entry.action == LAPSE for entry in line.audited()))
        await life.ready(4)
        moved = await line.log.ended(await line.loop.propose(4, 206.0))
        assert moved.state is MoveState.VERIFIED


async def test_an_override_ends_with_our_control_of_the_cell(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready(1)
        await override(life, line, 1, 205.0)
        await until(lambda: edges(line, "override_active", 1) == [True])
        await line.loop.command(1, Mode.MANUAL)
        await until(lambda: edges(line, "override_active", 1) == [True, False])
        await line.loop.command(1, Mode.AUTO)
        await life.ready(1)
        moved = await line.log.ended(await line.loop.propose(1, line.feed(1) + 1.0))
        assert moved.state is MoveState.VERIFIED


@pytest.mark.contract(11)
async def test_a_bypass_lets_one_cell_past_one_check_and_never_past_a_hard_bound(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready(1, 2)
        limit = line.plant.setpoints[0]
        assert limit.name == FEED
        wish = {"check": "step", "duration_s": 600.0, "role": "engineer"}
        lower = await line.loop.order(
            CommandKind.REQUEST_BYPASS, 0, 2, **(wish | {"role": "operator"})
        )
        assert "'operator' may not bypass" in await refused(line, lower)
        hard = await line.loop.order(
            CommandKind.REQUEST_BYPASS, 0, 2, **(wish | {"check": "bounds"})
        )
        assert "cannot be bypassed" in await refused(line, hard)
        await line.loop.order(CommandKind.REQUEST_BYPASS, 0, 2, **wish)
        await until(lambda: edges(line, "bypass_active", 2) == [True])

        far = {cell: line.feed(cell) + 1.2 * limit.max_step for cell in (1, 2)}
        assert max(far.values()) < limit.high
        await until(lambda: all(life.has_room(cell, for_s=180.0) for cell in far))
        moves = {
            cell: await line.log.ended(await line.loop.propose(cell, far[cell])) for cell in far
        }
        assert moves[1].applied is not None
        assert moves[1].applied <= moves[1].previous + limit.max_step + 1e-6
        assert moves[2].applied == pytest.approx(far[2])
        beyond = await line.log.ended(await line.loop.propose(2, 1000.0))
        assert beyond.applied is None or beyond.applied <= limit.high

        await line.loop.order(CommandKind.RELEASE_BYPASS, 0, 2, check="step")
        await until(lambda: edges(line, "bypass_active", 2) == [True, False])
        none = await line.loop.order(CommandKind.RELEASE_BYPASS, 0, 2, check="step")
        assert "no such bypass" in await refused(line, none)


@pytest.mark.contract(10)
async def test_a_limit_is_changed_by_two_people_and_kept_over_a_restart(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready(3)
        highest = line.feed(3) + 2.0
        wish = {"setpoint": FEED, "limit": "high", "value": highest, "role": "engineer"}
        asked = await line.loop.order(CommandKind.REQUEST_LIMIT, 1, WHOLE_SECTION, **wish)
        wanted = await line.log.told(lambda event: event.name == "approval_wanted")
        digest = str(wanted.details["digest"])
        answer = {"subject": asked, "digest": digest, "role": "engineer"}
        own = await line.loop.order(CommandKind.APPROVE_LIMIT, 1, WHOLE_SECTION, **answer)
        assert "somebody else has to approve it" in await refused(line, own)
        await line.loop.order(CommandKind.APPROVE_LIMIT, 1, WHOLE_SECTION, who="dora", **answer)
        changed = await line.log.told(lambda event: event.name == "limits_changed")
        assert changed.details["approver"] == "dora"
        await life.ready(3)
        moved = await line.log.ended(await line.loop.propose(3, highest + 5.0))
        assert moved.state is MoveState.VERIFIED, moved.reasons
        assert moved.applied == pytest.approx(highest)
    async with line.guard(first_life=False) as life:
        await life.ready(3)
        over = await override(life, line, 3, highest + 1.0)
        assert "beyond the hard bounds" in await refused(line, over), "they hold people too"


async def test_a_request_that_is_rejected_is_over(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready(1)
        wish = {"setpoint": FEED, "limit": "max_step", "value": 1.0, "role": "engineer"}
        asked = await line.loop.order(CommandKind.REQUEST_LIMIT, 0, WHOLE_SECTION, **wish)
        wanted = await line.log.told(lambda event: event.name == "approval_wanted")
        await line.loop.order(CommandKind.REJECT_LIMIT, 0, WHOLE_SECTION, subject=asked)
        await until(lambda: edges(line, "approval_wanted", None) == [True, False])
        digest = str(wanted.details["digest"])
        late = await line.loop.order(
            CommandKind.APPROVE_LIMIT, 0, WHOLE_SECTION, who="dora", role="engineer", subject=asked,
            digest=digest,
        )  # fmt: skip
        assert "no such request" in await refused(line, late)


@pytest.mark.contract(3)
async def test_a_section_is_switched_off_and_on_by_one_command(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        await line.loop.order(CommandKind.SWITCH_OFF, 0, WHOLE_SECTION, reason="busbar")
        await life.modes(Mode.OFF, 1, 2)
        await until(lambda: not any(line.follows(cell) for cell in (1, 2)))
        assert all(life.mode(cell) is Mode.AUTO for cell in (3, 4))
        refusal = await refused(line, await line.loop.command(1, Mode.AUTO))
        assert "switched off" in refusal
        nobody = await line.loop.order(CommandKind.SWITCH_ON, 0, WHOLE_SECTION, role="manager")
        assert "cells 1, 2: the role 'manager' may not switch on" in await refused(line, nobody)
        await line.loop.order(CommandKind.SWITCH_ON, 0, WHOLE_SECTION, reason="over")
        await life.ready(1, 2)


@pytest.mark.contract(13)
async def test_while_nothing_can_be_put_on_record_only_the_way_to_the_safe_side_is_free(
    line: GuardedLine,
) -> None:
    """Found by `potline simulate-faults`: a switch-on was kept, and its record lost."""
    async with line.guard() as life:
        await life.ready(1, 2)
        with line.full_disk():
            await line.loop.order(CommandKind.SWITCH_OFF, 0, 1, reason="busbar")
            await life.modes(Mode.OFF, 1)
            on = await line.loop.order(CommandKind.SWITCH_ON, 0, 1, reason="over")
            assert "it cannot be put on record" in await refused(line, on)
            assert life.mode(1) is Mode.OFF
        await until(lambda: not life.guard._keeper._audit.error)
        await line.loop.order(CommandKind.SWITCH_ON, 0, 1, reason="over")
        await life.ready(1)


@pytest.mark.contract(6, 10)
async def test_a_move_is_not_sent_again_once_people_have_made_the_step_narrower(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready(3)
        step = line.plant.setpoints[0].max_step
        wish = {"setpoint": FEED, "limit": "max_step", "value": 0.5 * step, "role": "engineer"}
        asked = await line.loop.order(CommandKind.REQUEST_LIMIT, 1, WHOLE_SECTION, **wish)
        wanted = await line.log.told(lambda event: event.name == "approval_wanted")
        answer = {"subject": asked, "digest": str(wanted.details["digest"]), "role": "engineer"}

        line.scada.control.stick(3, FEED)  # for good: the last test wants it, too
        await until(lambda: life.has_room(3, for_s=180.0))
        wide = await line.loop.propose(3, line.feed(3) + 0.6 * step)
        move_id = f"{wide.proposal_id}/{FEED}"
        await until(lambda: any(row.request_id == move_id for row in line.audited()))
        await line.loop.order(CommandKind.APPROVE_LIMIT, 1, WHOLE_SECTION, who="dora", **answer)
        ended = await line.log.ended(wide)
        assert (ended.state, ended.attempts) == (MoveState.FAILED, 1)
        assert "it may not be sent again" in ended.reasons[-1]


@pytest.mark.contract(10)
async def test_an_override_that_the_plant_does_not_take_ends_and_is_told(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready(4)
        line.scada.control.stick(4, FEED)  # for good: only the test after this one follows
        asked = await override(life, line, 4, 230.0)
        assert "reads back" in await refused(line, asked)
        await until(lambda: edges(line, "override_active", 4)[-1:] == [False])
        assert life.guard._keeper.state(1).overrides == {}
        await life.modes(Mode.SHED, 4)


@pytest.mark.contract(2)
async def test_cells_that_do_not_take_what_is_written_shed_the_whole_line(
    line: GuardedLine,
) -> None:
    async with line.guard(shed_line_at_cells=2) as life:
        await life.ready()
        for cell in (1, 3):  # for good: no test comes after this one
            line.scada.control.stick(cell, FEED)
        await line.loop.propose(1, line.feed(1) + 5.0)
        await life.modes(Mode.SHED, 1)
        assert life.mode(2) is Mode.AUTO, "one cell is one cell"
        await line.loop.propose(3, line.feed(3) + 5.0)
        await life.modes(Mode.SHED)
        told = await line.log.told(lambda event: event.name == "line_not_following")
        assert (told.active, told.details["cells"]) == (True, 2)
        await until(lambda: not any(line.follows(cell) for cell in (1, 2, 3, 4)))
        await line.log.caught_up()
        assert len(line.log.named("line_not_following")) == 1, "one alarm for the line"
