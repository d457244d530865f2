"""From a proposal to the plant and back, and what people say to the guard."""

import asyncio

import pytest

from control.modes import Mode
from opcua.watchdog import Watchdog
from stream.audit.entries import COMMAND, INTENT, MODE, OBEYED, RESULT, unanswered
from stream.edge import WriteResult
from stream.records import Event, MoveState
from stream.topics import ACCEPTED, COMMANDS, PROPOSALS
from tests.stream.guard_cases import (  # noqa: F401
    BEAM,
    FEED,
    PATIENCE_S,
    Clock,
    GuardedLine,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.contract(5, 6)
async def test_a_permitted_move_is_on_record_before_it_is_written_and_then_verified(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        proposal = await line.loop.propose(2, line.feed(2) + 5.0)
        verified = await line.log.ended(proposal)
        assert line.log.states(proposal) == [MoveState.INTENT, MoveState.VERIFIED]
        intent = line.log.of(proposal)[0]
        assert intent.t_written_ns is None
        assert verified.t_written_ns is not None
        assert verified.t_verified_ns is not None
        assert verified.t_permitted_ns <= verified.t_written_ns <= verified.t_verified_ns
        assert line.log.moves_taken_ns[line.log.moves.index(intent)] <= verified.t_written_ns
        assert verified.applied == pytest.approx(proposal.setpoints[FEED])
        assert verified.readback == pytest.approx(proposal.setpoints[FEED], abs=0.05)
        assert line.feed(2) == pytest.approx(proposal.setpoints[FEED], abs=0.05)


@pytest.mark.contract(5)
async def test_every_write_stands_in_the_audit_with_its_intent_and_its_result(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        proposal = await line.loop.propose(2, line.feed(2) + 5.0)
        verified = await line.log.ended(proposal)
        held = await line.log.ended(await line.loop.propose(2, line.feed(2) + 1.0, age_s=60.0))
        assert held.state is MoveState.HELD
        await line.loop.command(3, Mode.MANUAL)
        await life.modes(Mode.MANUAL, 3)
    records = line.audited()
    intent, result = [row for row in records if row.request_id == verified.move_id]
    assert (intent.action, result.action) == (INTENT, RESULT)
    assert intent.t_utc_ns <= (verified.t_written_ns or 0) <= result.t_utc_ns
    assert (intent.asked, intent.applied) == (verified.asked, verified.applied)
    assert (result.result, result.applied) == ("verified", verified.readback)
    assert not [row for row in records if row.request_id == held.move_id], "it reached nobody"
    (command,) = [row for row in records if row.action == COMMAND]
    assert (command.target, command.asked, command.result) == ("C003", "set_mode MANUAL", OBEYED)
    changes = [row for row in records if row.action == MODE and row.target == "C003"]
    assert (changes[-1].old, changes[-1].applied) == ("AUTO", "MANUAL")
    assert changes[-1].actor == command.actor
    assert unanswered(records) == []


@pytest.mark.contract(13)
async def test_nothing_is_written_without_an_audit_and_cells_are_handed_back(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        before = line.feed(2)
        with line.full_disk():
            refused = await line.log.ended(await line.loop.propose(2, before + 5.0))
            assert (refused.state, refused.attempts) == (MoveState.FAILED, 0)
            assert "audit" in refused.reasons[-1]
            await life.modes(Mode.SHED)
            await until(lambda: not any(line.follows(cell) for cell in (1, 2, 3, 4)))
            assert line.feed(2) == before
            event = await line.log.told(lambda event: event.name == "audit_unwritable")
            assert event.active
        await until(lambda: not line.log.named("audit_unwritable")[-1].active)
        await life.ready()
        verified = await line.log.ended(await line.loop.propose(2, line.feed(2) + 1.0))
        assert verified.state is MoveState.VERIFIED


@pytest.mark.contract(4)
async def test_a_move_that_was_judged_in_an_earlier_stay_is_not_sent(line: GuardedLine) -> None:
    """It waited for Kafka while its cell went to MANUAL and came back: found by
    `potline simulate-faults`."""
    async with line.guard() as life:
        await life.ready()
        stood = line.feed(2)
        async with life.no_flushing():
            proposal = await line.loop.propose(2, stood + 5.0)
            await until(lambda: bool(line.log.of(proposal)))
            life.change_mode(2, Mode.MANUAL)
            life.change_mode(2, Mode.AUTO)
            assert life.mode(2) is Mode.AUTO
        ended = await line.log.ended(proposal)
        assert (ended.state, ended.attempts) == (MoveState.EXPIRED, 0)
        assert line.feed(2) == stood
        first = await line.log.ended(await line.loop.propose(2, stood + 5.0))
        assert first.applied == pytest.approx(stood), "the first write of this stay"


async def test_a_proposal_that_comes_again_gives_no_second_move(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        proposal = await line.loop.propose(
            3, line.feed(3) + 2.0, beam=life.writer.readback(3, BEAM)
        )
        await line.log.ended(proposal)
        await line.loop.repeat(proposal)
        later = await line.loop.propose(3, line.feed(3) + 2.0)
        ended = await line.log.ended(later)
        assert ended.state is MoveState.VERIFIED, ended.reasons
        await until(lambda: len(line.log.states(proposal, BEAM)) == 2)
        assert line.log.states(proposal) == [MoveState.INTENT, MoveState.VERIFIED]
        assert line.log.states(proposal, BEAM) == [MoveState.INTENT, MoveState.VERIFIED]


async def test_a_move_is_held_with_its_reason_and_never_reaches_the_plant(
    line: GuardedLine,
) -> None:
    def is_hold_of_cell(event: Event) -> bool:
        return event.name == "move_held" and event.cell == 1

    def is_hold_of_feed(event: Event) -> bool:
        return is_hold_of_cell(event) and event.details["setpoint"] == FEED

    async with line.guard() as life:
        await life.ready()
        before = line.feed(1)
        old = await line.loop.propose(1, before + 5.0, age_s=30.0)
        held = await line.log.ended(old)
        assert (held.state, held.applied) == (MoveState.HELD, None)
        assert "the sample behind this decision is 30" in held.reasons[0]
        begun = await line.log.told(lambda event: is_hold_of_feed(event) and event.active)
        assert "the sample behind this decision is 30" in begun.sentence

        line.loop.anode_effects.add(1)
        await until(lambda: life.picture(0).is_in_anode_effect(1))
        burning = await line.log.ended(await line.loop.propose(1, before + 5.0))
        assert "anode effect" in burning.reasons[0]

        late = await line.log.ended(await line.loop.propose(1, before + 5.0, valid_s=0.0))
        assert "expired" in late.reasons[0]
        await line.log.caught_up()
        assert len(list(filter(is_hold_of_feed, line.log.events))) == 1, "told once, while it lasts"
        assert line.feed(1) == before
        line.loop.calm()
        await until(lambda: not life.picture(0).is_in_anode_effect(1), 40.0)
        async with asyncio.timeout(2 * PATIENCE_S):
            while not any(is_hold_of_cell(event) and not event.active for event in line.log.events):
                # As long as its end is not told: a leap of the clock may itself get moves held.
                line.clock.forward(31.0)
                await life.ready()
                proposal = await line.loop.propose(
                    1, line.feed(1) + 1.0, beam=life.writer.readback(1, BEAM)
                )
                await line.log.ended(proposal)
                await line.log.caught_up()


@pytest.mark.contract(3)
async def test_nothing_is_written_before_the_plant_follows(line: GuardedLine) -> None:
    watchdog = line.scada.control.watchdog
    line.scada.control.watchdog = Watchdog(timeout_s=0.0)  # a plant that trusts nobody
    async with line.guard() as life:
        await life.modes(Mode.AUTO)
        await until(lambda: life.writer.is_remote(1) is False)
        held = await line.log.ended(await line.loop.propose(1, line.feed(1) + 1.0))
        assert held.reasons == ["the plant does not follow our setpoints yet"]
        line.scada.control.watchdog = Watchdog(timeout_s=watchdog.timeout_s)
        await life.ready()
        moved = await line.log.ended(await line.loop.propose(1, line.feed(1) + 1.0))
        assert moved.state is MoveState.VERIFIED, moved.reasons


@pytest.mark.contract(15)
async def test_a_move_that_expires_before_its_turn_is_never_sent(line: GuardedLine) -> None:
    line.edge_clock = Clock(line.clock.ahead_ns + 1_000_000_000)
    async with line.guard() as life:
        await life.ready()
        before = line.feed(4)
        proposal = await line.loop.propose(4, before + 5.0, valid_s=0.8)
        expired = await line.log.ended(proposal)
        assert line.log.states(proposal) == [MoveState.INTENT, MoveState.EXPIRED]
        assert expired.t_written_ns is None
        assert expired.attempts == 0
        assert "expired" in expired.reasons[-1]
        assert life.mode(4) is Mode.AUTO, "nothing is wrong with the cell"
        assert line.feed(4) == before


async def test_a_command_is_obeyed_and_the_plant_goes_along(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        await until(lambda: line.follows(2))
        await line.loop.command(2, Mode.MANUAL, reason="anode change")
        await until(lambda: not line.follows(2))
        assert life.mode(2) is Mode.MANUAL
        assert all(line.follows(cell) for cell in (1, 3, 4))
        await line.log.told(
            lambda event: event.sentence == "Cell 2: AUTO -> MANUAL by anna: anode change."
        )

        held = await line.log.ended(await line.loop.propose(2, line.feed(2) + 5.0))
        assert (held.state, held.mode) == (MoveState.HELD, Mode.MANUAL)
        assert held.reasons == ["the cell is in MANUAL"]
        await line.log.caught_up()
        told = [event.details["reason"] for event in line.log.named("move_held")]
        assert "the cell is in MANUAL" not in told, "the mode says so already"

        await line.loop.command(2, Mode.AUTO)
        await life.modes(Mode.WARM, 2)
        await life.modes(Mode.AUTO, 2)
        await until(lambda: line.follows(2))


async def test_a_command_that_may_not_be_obeyed_is_refused_with_the_reason(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        asked = {
            await line.loop.command(1, Mode.MANUAL, role="auditor"): "the role 'auditor' may not",
            await line.loop.command(1, Mode.MANUAL, valid_s=-1.0): "it came too late",
            await line.loop.command(99, Mode.MANUAL, section=0): "there is no such cell",
            await line.loop.command(3, Mode.MANUAL, section=0): "there is no such cell",
            await line.loop.command(1, Mode.TRIPPED): "cannot be asked for",
        }
        await until(lambda: len(line.log.named("command_refused")) == len(asked))
        for event in line.log.named("command_refused"):
            assert asked[str(event.details["command_id"])] in str(event.details["reason"])
            assert event.details["who"] == "anna"
        assert [life.mode(cell) for cell in (1, 3)] == [Mode.AUTO, Mode.AUTO]


async def test_a_command_that_comes_again_is_not_obeyed_again(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        first = await line.loop.command(3, Mode.MANUAL)
        await life.modes(Mode.MANUAL, 3)
        await line.loop.command(3, Mode.AUTO)
        await life.modes(Mode.AUTO, 3)
        await line.loop.command(3, Mode.MANUAL, command_id=first)
        await line.loop.command(4, Mode.MANUAL)
        await life.modes(Mode.MANUAL, 4)
        assert life.mode(3) is Mode.AUTO
        assert not line.log.named("command_refused")


async def test_what_cannot_be_read_or_belongs_nowhere_is_kept_with_the_rejects(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        await line.loop.send(PROPOSALS.name, 0, b"{")
        await line.loop.send(COMMANDS.name, 0, b'{"command_id": 1}')
        await line.loop.propose(99, 180.0)
        for section in (7, 8):
            await line.loop.send_samples(section, (71, 72))
            await line.loop.send_estimates(section, (71, 72))
        await until(lambda: len(line.log.named("message_unreadable")) == 2)  # once a topic
        reasons = [str(event.details["reason"]) for event in line.log.named("message_unreadable")]
        assert any("not a Proposal" in reason for reason in reasons)
        assert any("not a Command" in reason for reason in reasons)
        await until(lambda: len(line.log.rejects) == 3)
        details = [frame.detail[0] for frame in line.log.rejects]
        assert "cell 99 is not of section 49" in details
        await line.loop.send(ACCEPTED.name, 0, b"no frame")
        await until(lambda: bool(line.log.named("agent_failed")))
        assert line.log.named("agent_failed")[0].details["agent"] == "guard-samples"
        moved = await line.log.ended(await line.loop.propose(1, line.feed(1) + 1.0))
        assert moved.state is MoveState.VERIFIED, "and the guard goes on"


@pytest.mark.contract(2, 6, 12)
async def test_a_cell_that_does_not_follow_is_shed_and_the_others_are_not(
    line: GuardedLine,
) -> None:
    async with line.guard() as life:
        await life.ready()
        line.scada.control.stick(2, FEED)
        stuck = await line.loop.propose(2, line.feed(2) + 20.0)
        well = await line.loop.propose(1, line.feed(1) + 3.0)
        failed = await line.log.ended(stuck)
        assert (failed.state, failed.attempts) == (MoveState.FAILED, 2)
        assert "reads back" in failed.reasons[-1]
        assert (await line.log.ended(well)).state is MoveState.VERIFIED
        await life.modes(Mode.SHED, 2)
        await until(lambda: not line.follows(2))
        event = await line.log.told(lambda event: event.name == "readback_mismatch")
        assert (event.cell, event.details["written"]) == (2, failed.applied)
        assert life.mode_state(2).sheds == ("readback_mismatch",)
        assert [life.mode(cell) for cell in (1, 3, 4)] == [Mode.AUTO] * 3
        assert all(line.follows(cell) for cell in (1, 3, 4))

        await line.loop.command(2, Mode.AUTO)
        await until(lambda: bool(line.log.named("command_refused")))
        reason = line.log.named("command_refused")[0].details["reason"]
        assert reason == "not over yet: readback_mismatch"

        line.clock.set(61.0)
        await asyncio.sleep(1.0)  # several looks of the guard
        assert "readback_mismatch" in life.mode_state(2).sheds, "a clock that is set is no time"
        line.clock.forward(61.0)  # as long as a mismatch stands
        await life.modes(Mode.AUTO)
        assert life.mode_state(2).sheds == ()
        await until(lambda: len(line.log.named("readback_mismatch")) >= 2)
        assert [event.active for event in line.log.named("readback_mismatch")] == [True, False]


async def test_a_cell_whose_plant_refuses_three_writes_in_a_row_is_shed(line: GuardedLine) -> None:
    async with line.guard() as life:
        await life.ready()
        move = await line.log.ended(await line.loop.propose(3, line.feed(3) + 1.0))
        refused = WriteResult(move.move_id, MoveState.FAILED, None, None, None, 1, "BadOutOfRange")
        taken = WriteResult(move.move_id, MoveState.VERIFIED, move.applied, 1, 1, 1, "")
        for result in (refused, refused, taken, refused, refused):
            await life.guard._desk._settle(move, result)
        assert life.mode(3) is Mode.AUTO, "two in a row may be a busy server"
        await life.guard._desk._settle(move, refused)
        assert life.mode_state(3).sheds == ("write_failed",)
        await until(lambda: not line.follows(3))
        assert [life.mode(cell) for cell in (1, 2, 4)] == [Mode.AUTO] * 3
        await until(lambda: bool(line.log.named("write_failed")))
        told = line.log.named("write_failed")
        assert (told[0].active, told[0].cell) == (True, 3)
        line.clock.forward(61.0)
        await life.modes(Mode.AUTO)
        await until(lambda: not line.log.named("write_failed")[-1].active)
