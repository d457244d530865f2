"""What the guard does when something falls silent, when it comes back, and when it is restarted."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from control.modes import WAITING, Mode, ModePolicy
from opcua.nodes import CellMode, WatchdogState
from stream.records import Event, MoveState
from tests.stream.guard_cases import (  # noqa: F401
    AUTOMATIC,
    BY_OPERATOR,
    CELLS,
    FEED,
    PATIENCE_S,
    SECTIONS,
    GuardedLine,
    Life,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _has_shed_by_itself(line: GuardedLine) -> bool:
    """Whether the plant went over to local control because our heartbeat stands still."""
    is_shed = line.scada.control.watchdog.state is WatchdogState.SHED
    return is_shed and not any(line.follows(cell) for cell in CELLS)


def _is_silence_of(event: Event, section: int) -> bool:
    return event.name == "decisions_silent" and event.section == section


@pytest.mark.contract(1, 2)
async def test_a_lost_scada_sheds_the_line_and_a_person_brings_it_back(line: GuardedLine) -> None:
    async with line.guard(BY_OPERATOR) as life:
        await life.armed()
        await life.ready()
        await until(lambda: all(line.follows(cell) for cell in CELLS))
        await line.wire.cut()
        await life.modes(Mode.SHED)
        await until(lambda: bool(line.log.named("scada_lost")))
        began = line.log.named("scada_lost")[0]
        assert began.active
        assert life.writer.address in began.sentence
        await until(lambda: _has_shed_by_itself(line))

        await line.loop.command(1, Mode.AUTO)
        await until(lambda: bool(line.log.named("command_refused")))
        assert "no connection to SCADA" in line.log.named("command_refused")[0].sentence
        held = await line.log.ended(await line.loop.propose(2, line.feed(2) + 5.0))
        assert (held.state, held.mode) == (MoveState.HELD, Mode.SHED)

        await line.wire.join()
        await until(lambda: len(line.log.named("scada_lost")) >= 2)
        assert not line.log.named("scada_lost")[1].active
        await until(lambda: life.mode_state(1).sheds == ())
        await until(lambda: life.sees_plant(1))
        await line.loop.command(1, Mode.AUTO)
        await life.modes(Mode.AUTO, 1)
        await until(lambda: line.follows(1))
        assert [life.mode(cell) for cell in (2, 3, 4)] == [Mode.SHED] * 3
        await until(lambda: not any(line.follows(cell) for cell in (2, 3, 4)))


@pytest.mark.contract(1, 2)
async def test_a_hung_scada_sheds_the_line_and_comes_back_by_itself_where_that_is_allowed(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        line.wire.freeze()
        await life.modes(Mode.SHED)
        await until(lambda: bool(line.log.named("scada_heartbeat_lost")))
        assert line.log.named("scada_heartbeat_lost")[0].active
        assert not line.log.named("scada_lost"), "the connection stands, but nobody is there"
        line.wire.thaw()
        await life.ready()
        await until(lambda: all(line.follows(cell) for cell in CELLS))
        moved = await line.log.ended(await line.loop.propose(2, line.feed(2) + 2.0))
        assert moved.state is MoveState.VERIFIED


@pytest.mark.contract(2, 7)
async def test_silent_samples_hold_then_shed_their_section_and_no_other(
    line: GuardedLine,
) -> None:
    # Six seconds between hold and shed, so that a busy machine does not miss the hold.
    async with line.guard(AUTOMATIC, shed_after_s=6.0) as life:
        await life.ready()
        await line.log.clear()
        line.loop.silent.add(1)
        await life.modes(Mode.HOLD, 3, 4)
        assert all(line.follows(cell) for cell in (3, 4)), "setpoints are kept meanwhile"
        held = await line.log.ended(await line.loop.propose(3, line.feed(3) + 5.0))
        assert held.state is MoveState.HELD
        await life.modes(Mode.SHED, 3, 4)
        await until(lambda: not any(line.follows(cell) for cell in (3, 4)))
        beats = line.scada.control.watchdog.counter or 0
        await until(lambda: (line.scada.control.watchdog.counter or 0) > beats + 5)
        assert all(line.follows(cell) for cell in (1, 2)), "our sign of life goes on for them"
        assert [life.mode(cell) for cell in (1, 2)] == [Mode.AUTO] * 2
        await line.log.told(lambda event: event.name == "decisions_silent")
        begun = [
            event
            for event in line.log.events
            if event.active and event.name != "sign_of_life_late"  # which a busy machine has too
        ]
        assert {(event.name, event.section) for event in begun if event.cell is None} == {
            ("samples_stale", 1),
            ("decisions_silent", 1),
        }

        line.loop.silent.add(0)
        await line.log.told(lambda event: _is_silence_of(event, 0))
        await until(lambda: _has_shed_by_itself(line))
        line.loop.silent.clear()
        await life.ready()
        await until(lambda: all(line.follows(cell) for cell in CELLS))
        for section in SECTIONS:
            silence = partial(_is_silence_of, section=section)
            await line.log.told(lambda event, is_of=silence: is_of(event) and not event.active)
            told = [event.active for event in line.log.events if silence(event)]
            assert told[:2] == [True, False]


@pytest.mark.contract(2, 7, 8)
async def test_a_cell_whose_voltage_nobody_vouches_for_is_shed_alone(line: GuardedLine) -> None:
    """All sensors of the cell's voltage are lost, while its other signals come as before."""
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await line.log.clear()
        line.loop.without_voltage.add(2)
        await life.modes(Mode.SHED, 2)
        assert life.mode_state(2).sheds == ("cell_silent",)
        await until(lambda: not line.follows(2))
        told = await line.log.told(lambda event: event.name == "cell_silent")
        assert (told.active, told.cell) == (True, 2)
        assert "no usable voltage" in told.sentence
        assert [life.mode(cell) for cell in (1, 3, 4)] == [Mode.AUTO] * 3
        line.loop.without_voltage.clear()
        await life.ready(2)
        await line.log.told(lambda event: event.name == "cell_silent" and not event.active)


@pytest.mark.contract(7, 12)
async def test_samples_from_the_future_shed_for_nobody_can_tell_how_old_they_are(
    line: GuardedLine,
) -> None:
    """A guard whose clock was set back would take silence for fresh samples: found by
    `potline simulate-faults`."""
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await line.log.clear()
        line.loop.ahead_s = 5.0
        await life.modes(Mode.SHED)
        await until(lambda: not any(line.follows(cell) for cell in CELLS))
        event = await line.log.told(lambda event: event.name == "clocks_apart")
        assert event.active
        assert float(event.details["ahead_s"] or 0.0) > 1.0
        line.loop.ahead_s = 0.0
        await line.log.told(lambda event: event.name == "clocks_apart" and not event.active)
        await life.ready()


async def _take_at_plant(line: GuardedLine, life: Life, cell: int) -> None:
    """Take a cell as a person at the plant would, when nothing is wrong with the guard: where a
    busy machine let its heartbeat stand still meanwhile, the plant's watchdog may have been it,
    and the taking is done again."""
    handover = life.guard._keeper.handover

    def is_taken() -> bool:
        return life.mode(cell) is Mode.MANUAL

    async with asyncio.timeout(3 * PATIENCE_S):
        while not is_taken():
            await until(
                lambda: line.follows(cell) and not handover.is_doubted(line.clock.monotonic_ns())
            )
            await line.log.clear()
            taken_ns = line.clock.monotonic_ns()
            line.scada.control.mode_target[cell - 1] = CellMode.AUTO
            with suppress(TimeoutError):
                await until(is_taken, 15.0)
            assert is_taken() or handover.is_doubted(taken_ns), "nothing was wrong with the guard"


async def test_a_cell_that_a_person_takes_at_the_plant_stays_with_that_person(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await _take_at_plant(line, life, 2)
        assert life.mode_state(2).who == "scada"
        assert not line.follows(2)
        await until(
            lambda: any("MANUAL by scada" in e.sentence for e in line.log.named("mode_changed"))
        )
        assert [life.mode(cell) for cell in (1, 3, 4)] == [Mode.AUTO] * 3
        assert not line.log.named("plant_took_over")
        await line.loop.command(2, Mode.AUTO)
        await life.ready()
        assert all(line.follows(cell) for cell in CELLS)


async def test_what_the_plant_took_from_a_dead_guard_waits_for_a_person_where_that_is_the_policy(
    line: GuardedLine,
) -> None:
    async with line.guard(BY_OPERATOR) as life:
        await life.armed()
        await life.ready()
    await until(lambda: _has_shed_by_itself(line))
    await line.log.clear()
    async with line.guard(BY_OPERATOR, first_life=False) as life:
        await life.modes(Mode.SHED)
        await until(lambda: len(line.log.named("plant_took_over")) >= 4)
        told = {(event.section, event.active) for event in line.log.named("plant_took_over")}
        assert told == {(0, True), (0, False), (1, True), (1, False)}
        assert all(life.mode_state(cell).sheds == () for cell in CELLS)
        assert not any(line.follows(cell) for cell in CELLS)
        await line.loop.command(1, Mode.AUTO)
        await life.ready(1)
        assert [life.mode(cell) for cell in (2, 3, 4)] == [Mode.SHED] * 3
        assert not any(line.follows(cell) for cell in (2, 3, 4))


async def test_silent_decisions_shed_and_a_cell_without_a_plan_is_shed_alone(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC, control_period_s=60.0) as life:
        await life.modes(Mode.AUTO)
        await life.modes(Mode.SHED)
        await until(lambda: _has_shed_by_itself(line))
        for section in SECTIONS:
            await line.log.told(partial(_is_silence_of, section=section))
        assert life.mode_state(1).holds == (), "samples and estimates are fresh"
        assert "decisions_silent" in life.mode_state(1).sheds
        without_plan: set[int] = set()
        deciding = asyncio.create_task(line.loop.decide_for_ever(without_plan))
        try:
            await life.modes(Mode.AUTO)
            without_plan.add(2)
            await life.modes(Mode.SHED, 2)
            assert life.mode_state(2).sheds == ("cell_unregulated",)
            await until(lambda: not line.follows(2))
            await until(lambda: bool(line.log.named("cell_unregulated")))
            assert "no plan, bad_input" in line.log.named("cell_unregulated")[0].sentence
            assert [life.mode(cell) for cell in (1, 3, 4)] == [Mode.AUTO] * 3
            without_plan.clear()
            await life.modes(Mode.AUTO)
            await until(lambda: not line.log.named("cell_unregulated")[-1].active)
        finally:
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)


async def test_cells_are_handed_back_before_anything_waits_for_kafka(line: GuardedLine) -> None:
    """A plant whose watchdog is patient, and a state that cannot be made durable."""
    watchdog = line.scada.control.watchdog
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        line.scada.control.watchdog = replace(line.scada.control.watchdog, timeout_s=1e9)
        async with life.no_flushing():
            line.loop.silent.update(SECTIONS)
            await life.modes(Mode.SHED)
            await until(lambda: not any(line.follows(cell) for cell in CELLS))
            assert not line.log.named("decisions_silent"), "nobody can be told yet"
        line.loop.silent.clear()
        await until(lambda: bool(line.log.named("decisions_silent")))
        await life.ready()
        line.scada.control.watchdog = replace(
            line.scada.control.watchdog, timeout_s=watchdog.timeout_s
        )


async def test_a_cell_that_lost_its_estimate_in_a_hold_waits_for_a_new_one(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        line.loop.silent.add(0)
        await life.modes(Mode.HOLD, 1, 2)
        line.loop.unestimated.add(2)
        await line.loop.send_estimates(0, (1, 2))
        await until(lambda: life.estimated(0) == {1})
        line.loop.silent.clear()
        await life.modes(Mode.AUTO, 1)
        assert life.mode(2) is Mode.HOLD
        assert life.mode_state(2).holds == (WAITING,)
        line.loop.unestimated.clear()
        await life.ready()


async def test_a_new_line_is_in_advisory_until_a_person_says_otherwise(line: GuardedLine) -> None:
    async with line.guard(ModePolicy()) as life:
        proposal = await line.loop.propose(1, 200.0)
        held = await line.log.ended(proposal)
        assert (held.state, held.mode) == (MoveState.HELD, Mode.ADVISORY)
        await until(lambda: life.estimated(0) == {1, 2})
        await until(lambda: life.sees_plant(1))
        await line.loop.command(1, Mode.AUTO)
        await life.modes(Mode.AUTO, 1)
        await until(lambda: line.follows(1))
        assert [life.mode(cell) for cell in (2, 3, 4)] == [Mode.ADVISORY] * 3
        await until(lambda: not any(line.follows(cell) for cell in (2, 3, 4)))


@pytest.mark.contract(9)
async def test_what_people_said_and_what_was_done_survives_a_restart(line: GuardedLine) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        proposal = await line.loop.propose(2, line.feed(2) + 4.0)
        await line.log.ended(proposal)
        calmed = await line.loop.command(2, Mode.MANUAL)
        await life.modes(Mode.MANUAL, 2)
        await line.loop.command(2, Mode.AUTO)
        await life.modes(Mode.AUTO, 2)
        await line.loop.command(1, Mode.MANUAL)
        await life.modes(Mode.MANUAL, 1)

    async with line.guard(AUTOMATIC, first_life=False) as life:
        await line.loop.repeat(proposal)
        await life.ready(2, 3, 4)
        assert life.mode(1) is Mode.MANUAL
        assert (life.mode_state(1).who, life.mode_state(1).reason) == ("anna", "test")
        await until(lambda: all(line.follows(cell) for cell in (2, 3, 4)))
        await until(lambda: not line.follows(1))

        await line.loop.command(2, Mode.MANUAL, command_id=calmed)
        await line.loop.command(3, Mode.MANUAL)
        await line.loop.command(4, Mode.MANUAL)
        await life.modes(Mode.MANUAL, 3, 4)
        later = await line.log.ended(await line.loop.propose(2, line.feed(2) + 1.0))
        assert later.state is MoveState.VERIFIED, later.reasons
        assert life.mode(2) is Mode.AUTO, "that command was obeyed in the life before"
        written = [state for state in line.log.states(proposal) if state is not MoveState.HELD]
        assert written == [MoveState.INTENT, MoveState.VERIFIED], "at most held as not newer"


async def test_causes_left_by_a_life_that_ended_in_an_outage_are_cleared(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        line.scada.control.stick(4, FEED)
        failed = await line.log.ended(await line.loop.propose(4, line.feed(4) + 20.0))
        assert failed.state is MoveState.FAILED
        await life.modes(Mode.SHED, 4)
        line.loop.silent.add(1)
        await line.wire.cut()
        await until(lambda: "decisions_silent" in life.mode_state(3).sheds)
        assert set(life.mode_state(4).sheds) == {
            "readback_mismatch",
            "scada_lost",
            "decisions_silent",
        }
        await life.modes(Mode.SHED)
        # Told is durable; what this life knows and has not told, the next has not to take back.
        for name in ("scada_lost", "decisions_silent"):
            await line.log.told(lambda event, name=name: event.name == name and event.active)

    await line.wire.join()
    line.loop.silent.clear()
    await line.log.clear()
    async with line.guard(AUTOMATIC, first_life=False) as life:
        await life.modes(Mode.AUTO, 1, 2, 3)
        assert all(life.mode_state(cell).sheds == () for cell in (1, 2, 3))
        assert all(life.mode_state(cell).holds == () for cell in CELLS)
        await until(lambda: all(line.follows(cell) for cell in (1, 2, 3)))
        assert life.mode_state(4).sheds == ("readback_mismatch",), "which stands for a minute"
        told_before = {"scada_lost", "decisions_silent"}
        await until(lambda: told_before <= {e.name for e in line.log.events if not e.active})
        # What still holds at the first look is told anew; then nothing is wrong in this life.
        begun = {event.name for event in line.log.events if event.active}
        assert begun <= {"plant_took_over", "samples_stale", *told_before}


@pytest.mark.contract(1)
async def test_what_misses_its_turn_is_told_before_anything_is_held(line: GuardedLine) -> None:
    def late(section: int | None) -> list[bool]:
        told = line.log.named("sign_of_life_late")
        return [event.active for event in told if event.section == section]

    async with line.guard(AUTOMATIC, max_input_age_s=30.0, shed_after_s=30.0) as life:
        await life.ready()
        await line.log.clear()
        line.loop.silent.add(1)
        await until(lambda: late(1)[:1] == [True])
        line.loop.silent.clear()
        await until(lambda: late(1)[-1:] == [False])
        line.wire.freeze()
        await until(lambda: late(None)[:1] == [True])
        assert not any(event.name in ("samples_stale", "scada_lost") for event in line.log.events)
        line.wire.thaw()


@pytest.mark.contract(12)
async def test_clocks_that_drift_apart_are_told_before_they_shed(line: GuardedLine) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready(1)
        line.loop.ahead_s = 0.6
        told = await line.log.told(lambda event: event.name == "clocks_drift")
        assert told.active
        assert 100 < int(str(told.details["ahead_ms"])) <= 600
        assert life.mode(1) is Mode.AUTO
        line.loop.ahead_s = 0.0
        await until(lambda: not line.log.named("clocks_drift")[-1].active)
        assert not line.log.named("clocks_apart")
