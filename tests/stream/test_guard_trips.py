"""A guard whose line trips: nothing moves until a person has looked, whoever is restarted."""

from functools import partial

import pytest

from control.modes import Mode
from stream.records import WHOLE_SECTION, CommandKind
from tests.stream.guard_cases import (  # noqa: F401
    AUTOMATIC,
    CELLS,
    GuardedLine,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.contract(9)
async def test_the_plant_s_own_trip_trips_the_line_until_both_are_reset(line: GuardedLine) -> None:
    reset = partial(line.loop.order, CommandKind.RESET_TRIP)
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await until(lambda: all(line.follows(cell) for cell in CELLS))
        await line.scada.trip(is_set=True)
        await life.modes(Mode.TRIPPED)
        assert all(life.mode_state(cell).trip == "plant_trip" for cell in CELLS)
        told = await line.log.told(lambda event: event.name == "plant_trip")
        assert (told.active, told.section, told.cell) == (True, None, None)
        held = await line.log.ended(await line.loop.propose(1, line.feed(1) + 5.0))
        assert held.mode is Mode.TRIPPED
        await reset(0, WHOLE_SECTION, reason="looked at")
        await until(lambda: bool(line.log.named("command_refused")))
        refusal = str(line.log.named("command_refused")[0].details["reason"])
        assert refusal == "cells 1, 2: not over yet: plant_trip"
    async with line.guard(AUTOMATIC, first_life=False) as life:
        await until(lambda: life.writer.trip_signs.stands is True)
        assert all(life.mode(cell) is Mode.TRIPPED for cell in CELLS)
        await line.scada.trip(is_set=False)
        await until(lambda: all(not life.mode_state(cell).sheds for cell in CELLS))
        assert all(life.mode(cell) is Mode.TRIPPED for cell in CELLS), "nothing resets it by itself"
        for section in (0, 1):
            await reset(section, WHOLE_SECTION, reason="looked at")
        await life.modes(Mode.MANUAL)
        await line.loop.command(1, Mode.AUTO)
        await life.ready(1)


@pytest.mark.contract(9)
async def test_a_trip_that_lasts_a_moment_is_told_and_stays_until_a_person_resets_it(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await line.log.clear()
        for is_set in (True, False):
            await line.scada.trip(is_set=is_set)
        await life.modes(Mode.TRIPPED)
        await until(lambda: [one.active for one in line.log.named("plant_trip")] == [True, False])
        for section in (0, 1):
            await line.loop.order(CommandKind.RESET_TRIP, section, WHOLE_SECTION, reason="seen")
        await life.modes(Mode.MANUAL)


@pytest.mark.contract(9)
async def test_a_trip_that_is_on_record_and_not_in_the_table_stands_in_the_next_life(
    line: GuardedLine,
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        for is_set in (True, False):
            await line.scada.trip(is_set=is_set)
        await life.modes(Mode.TRIPPED)
    async with line.guard(AUTOMATIC) as life:  # whose table has never heard of it
        await life.modes(Mode.TRIPPED)
        assert {life.mode_state(cell).trip for cell in CELLS} == {"plant_trip"}
        for section in (0, 1):
            await line.loop.order(CommandKind.RESET_TRIP, section, WHOLE_SECTION, reason="seen")
        await life.modes(Mode.MANUAL)
    async with line.guard(AUTOMATIC) as life:
        await life.ready()


@pytest.mark.contract(9)
async def test_a_line_without_current_trips_until_a_person_resets_it_and_one_alarm_says_so(
    line: GuardedLine,
) -> None:
    reset = partial(line.loop.order, CommandKind.RESET_TRIP)
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        line.loop.current_ka = 12.0
        await life.modes(Mode.TRIPPED)
        await until(lambda: not any(line.follows(cell) for cell in CELLS))
        told = await line.log.told(lambda event: event.name == "line_without_current")
        assert (told.active, told.details["current_ka"]) == (True, 12.0)
        await line.log.caught_up()
        assert len(line.log.named("line_without_current")) == 1, "one alarm, not one a cell"
        await reset(0, WHOLE_SECTION, reason="looked at")
        await until(lambda: bool(line.log.named("command_refused")))
        refusal = str(line.log.named("command_refused")[0].details["reason"])
        assert refusal == "cells 1, 2: not over yet: line_without_current"
    async with line.guard(AUTOMATIC, first_life=False) as life:
        assert all(life.mode_state(cell).trip == "line_without_current" for cell in CELLS)
        line.loop.current_ka = 300.0
        await until(lambda: all(not life.mode_state(cell).sheds for cell in CELLS))
        assert all(life.mode(cell) is Mode.TRIPPED for cell in CELLS), "nothing resets it by itself"
        await reset(0, WHOLE_SECTION, reason="looked at")
        await life.modes(Mode.MANUAL, 1, 2)
        assert all(life.mode(cell) is Mode.TRIPPED for cell in (3, 4))
        await line.loop.command(1, Mode.AUTO)
        await life.ready(1)
        await reset(1, WHOLE_SECTION, reason="looked at")
        await life.modes(Mode.MANUAL, 3, 4)
