"""Processes killed in mid-run: nothing lost, nothing applied twice, nothing written unchecked."""

from pathlib import Path

import pytest

from stream.records import MoveState
from tests.e2e.running_line import Line, running_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


def verified(line: Line) -> int:
    return sum(move.state is MoveState.VERIFIED for move in line.moves)


async def one_more_round(line: Line, within_s: float) -> None:
    """Frames are estimated and moves verified again."""
    moves, estimates = verified(line), len(line.estimates)
    await line.until(
        lambda: verified(line) >= moves + 24 and len(line.estimates) > estimates + 2, within_s
    )


async def test_the_loop_and_then_the_broker_are_killed(tmp_path: Path) -> None:
    async with running_line(tmp_path) as line:
        await one_more_round(line, 60)

        applied_before = line.estimates[-1].frames_applied
        session_before = line.estimates[-1].session
        line.child("loop").kill()
        await one_more_round(line, 90)
        assert line.estimates[-1].frames_applied > applied_before, "it went on from its table"
        assert line.estimates[-1].session == session_before

        line.child("broker").kill()
        await one_more_round(line, 120)

        line.child("guard").kill()
        await one_more_round(line, 90)

        report = await line.end()
    assert line.process.returncode == 0
    restarts = {name: row["restarts"] for name, row in report["processes"].items()}
    assert {restarts[name] for name in ("loop", "broker", "guard")} == {1}
    samples, estimates, moves = report["samples"], report["estimates"], report["moves"]
    assert samples["published"] == samples["accepted"] + samples["rejected"]
    assert samples["rejected"] == 0
    assert samples["lost"] == 0
    assert estimates["applied_twice"] == 0
    assert estimates["unapplied"] == 0
    assert estimates["state_lost"] == 0
    assert moves["unchecked"] == 0
    assert report["left_behind"]["processes"] == 0


async def test_the_gateway_and_the_plant_are_killed(tmp_path: Path) -> None:
    async with running_line(tmp_path) as line:
        await one_more_round(line, 60)
        line.child("gateway").kill()
        await one_more_round(line, 90)
        line.child("scada").kill()
        await line.until(lambda: any(event.name == "scada_lost" for event in line.events), 20)
        await one_more_round(line, 120)
        report = await line.end()
    assert line.process.returncode == 0
    assert report["moves"]["unchecked"] == 0
    assert report["estimates"]["applied_twice"] == 0
    samples = report["samples"]
    assert samples["gateway_sessions"] == 2
    assert samples["published"] == samples["accepted"] + samples["rejected"]
    assert samples["lost"] == 0, "what the plant scanned meanwhile came from its history"
    lost = [event for event in line.events if event.name == "scada_lost"]
    assert {event.active for event in lost} == {True, False}, "it was told when it began and ended"
    assert report["left_behind"]["processes"] == 0
