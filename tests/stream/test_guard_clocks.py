"""What the guard does when the clock of the plant's server and its own are apart."""

import pytest

from control.modes import Mode
from stream.records import MoveState
from tests.stream.guard_cases import (  # noqa: F401
    AUTOMATIC,
    BY_OPERATOR,
    CELLS,
    GuardedLine,
    calm_line,
    shared_line,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

_APART, _DRIFT, _MEASURED = "scada_clock_apart", "scada_clock_drift", "scada_clock_measured"


def _edges(line: GuardedLine, name: str) -> list[bool]:
    return [event.active for event in line.log.named(name)]


@pytest.mark.contract(12)
@pytest.mark.parametrize("ahead_s", [-3.0, 3.0], ids=["behind", "ahead"])
async def test_a_plant_whose_clock_is_wrong_sheds_and_comes_back_once_it_is_right(
    line: GuardedLine, ahead_s: float
) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await line.log.clear()
        line.plant_ahead_s = ahead_s
        await life.modes(Mode.SHED)
        assert all(life.mode_state(cell).sheds == (_APART,) for cell in CELLS)
        await until(lambda: not any(line.follows(cell) for cell in CELLS))
        told = await line.log.told(lambda event: event.name == _APART)
        assert told.active
        offset_ms, error_ms = (float(told.details[name]) for name in ("offset_ms", "error_ms"))  # type: ignore[arg-type]
        assert abs(offset_ms - 1e3 * ahead_s) <= error_ms + 1.0
        held = await line.log.ended(await line.loop.propose(2, line.feed(2) + 5.0))
        assert (held.state, held.mode) == (MoveState.HELD, Mode.SHED)
        line.plant_ahead_s = 0.0
        await life.ready()
        await until(lambda: _edges(line, _APART) == [True, False])


@pytest.mark.contract(2, 12)
async def test_cells_that_were_shed_for_a_clock_wait_for_a_person_where_that_is_the_policy(
    line: GuardedLine,
) -> None:
    async with line.guard(BY_OPERATOR) as life:
        await life.armed()
        await life.ready()
        line.plant_ahead_s = -3.0
        await life.modes(Mode.SHED)
        await line.loop.command(1, Mode.AUTO)
        refused = await line.log.told(lambda event: event.name == "command_refused")
        assert refused.details["reason"] == f"not over yet: {_APART}"
        line.plant_ahead_s = 0.0
        await until(lambda: all(life.mode_state(cell).sheds == () for cell in CELLS))
        assert all(life.mode(cell) is Mode.SHED for cell in CELLS)
        await line.loop.command(1, Mode.AUTO)
        await life.ready(1)
        assert [life.mode(cell) for cell in (2, 3, 4)] == [Mode.SHED] * 3


@pytest.mark.contract(12)
async def test_a_clock_that_drifts_is_told_before_it_sheds(line: GuardedLine) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        await until(lambda: bool(line.log.named(_MEASURED)))
        await line.log.clear()
        line.plant_ahead_s = -0.6
        told = await line.log.told(lambda event: event.name == _DRIFT)
        assert told.active
        assert "behind the guard's" in told.sentence
        line.plant_ahead_s = 0.0
        await until(lambda: _edges(line, _DRIFT) == [True, False])
        await until(lambda: len(line.log.named(_MEASURED)) >= 2)
        assert all(_APART not in life.mode_state(cell).sheds for cell in CELLS)
        assert not line.log.named(_APART)


@pytest.mark.contract(12)
async def test_a_cause_of_the_last_life_goes_on_and_is_told_anew(line: GuardedLine) -> None:
    async with line.guard(AUTOMATIC) as life:
        await life.ready()
        line.plant_ahead_s = 40.0
        await life.modes(Mode.SHED)
        await line.log.told(lambda event: event.name == _APART and event.active)
    await line.log.clear()
    async with line.guard(AUTOMATIC, first_life=False) as life:
        await line.log.told(lambda event: event.name == _APART and event.active)
        assert all(_APART in life.mode_state(cell).sheds for cell in CELLS)
        assert not any(line.follows(cell) for cell in CELLS)
        line.plant_ahead_s = 0.0
        await life.ready()
        await until(lambda: _edges(line, _APART) == [True, False])
