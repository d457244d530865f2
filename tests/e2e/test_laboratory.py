"""A sample of the simulated plant's laboratory, from the bath to a verified addition of AlF3."""

from pathlib import Path

import pytest

from ops.laboratory_file import publish_samples
from physics.signals import ALF3_SETPOINT
from stream.estimate import SAMPLED_COLUMN
from stream.records import Event, Move, MoveState
from tests.e2e.running_line import Line, running_line
from tests.stream.laboratory_cases import make_report

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]
CELLS = 12  # the more, the sooner one of them is sampled
PARTITIONS = 12


def taken_in(line: Line) -> list[Event]:
    return [event for event in line.events if event.name == "laboratory_taken_in"]


def dosed(line: Line, cell: int) -> list[Move]:
    """Moves of the addition that the plant has confirmed; the first only writes the read-back."""
    return [
        move
        for move in line.moves
        if (move.cell, move.setpoint, move.state) == (cell, ALF3_SETPOINT, MoveState.VERIFIED)
    ]


async def test_a_sample_is_taken_in_and_an_addition_is_verified(tmp_path: Path) -> None:
    async with running_line(tmp_path, "--cells", str(CELLS), "--speed", "600") as line:
        await line.until(lambda: len({move.cell for move in line.moves}) == CELLS, 120)
        # One that a person reports of the last cell, drawn a quarter of an hour ago.
        newest = line.estimates[-1]
        drawn_s = newest.t_plant_s - 900.0
        by_hand = make_report(
            CELLS, drawn_s, section=0, t_reported_ns=newest.t_estimated_ns, alumina_wt_pct=None
        )
        await publish_samples(line.kafka, PARTITIONS, [by_hand, by_hand])
        await line.until(lambda: len(dosed(line, CELLS)) >= 2, 120)
        # And the first that the plant's own laboratory reports.
        await line.until(lambda: any(event.cell != CELLS for event in taken_in(line)), 240)
        cell = next(event.cell for event in taken_in(line) if event.cell != CELLS)
        assert cell is not None
        await line.until(lambda: len(dosed(line, cell)) >= 2, 120)
        report = await line.end()
    assert line.process.returncode == 0
    assert [event.cell for event in taken_in(line)].count(CELLS) == 1, "it was reported twice"
    assert line.estimates[-1].values[SAMPLED_COLUMN][cell - 1] == 1.0
    sampled = {event.cell for event in taken_in(line)}
    assert {m.cell for m in line.moves if m.setpoint == ALF3_SETPOINT} <= sampled
    # At ten times the usual speed a loaded machine may not read back in time; that every write is
    # verified is asked of a line at its own pace (test_line.py).
    assert report["moves"]["unchecked"] == 0, report["moves"]
    assert report["samples"]["lost"] == 0, report["samples"]
    assert report["dead_letters"] == 0, report
    assert report["messages"]["laboratory"] >= 3
