"""A plant that we did not build, driven by the whole line with a plant file and no code."""

from pathlib import Path

import pytest

from ops.plantfile import load_plant
from ops.ports import free_port
from stream.records import Move, MoveState
from tests.e2e.running_line import Line, running_line
from tests.opcua.node_peer import (
    ACME_NAMESPACE,
    ACME_PLANT,
    foreign_plant,
    require_node,
    run_client,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
FEED, BEAM = "alumina_feed_rate_kg_per_h", "beam_position_mm"


async def test_another_plant_is_driven_by_a_plant_file_alone(tmp_path: Path) -> None:
    node = require_node()
    plant = load_plant(ACME_PLANT)
    async with (
        foreign_plant(node, free_port(), tmp_path / "server") as endpoint,
        running_line(
            tmp_path,
            "--plant",
            str(ACME_PLANT),
            POTLINE_OPCUA__ENDPOINT=endpoint,
            POTLINE_GUARD__INITIAL_MODE="AUTO",
            POTLINE_GUARD__WARM_UP_H="0",
            POTLINE_AUDIT__FOLDER=str(tmp_path / "audit"),
        ) as line,
    ):
        assert line.opcua == endpoint
        await line.until(lambda: {move.cell for move in verified(line)} == {1, 2}, 90)
        await line.until(lambda: len(verified(line)) >= 4, 90)
        report = await line.end()
        names = [f"POT{number}.{tag}" for number in (11, 12) for tag in ("FS", "BS", "FI", "MS")]
        seen = await run_client(
            node, endpoint, tmp_path / "client", {"namespace": ACME_NAMESPACE, "read": names}
        )
    assert line.process.returncode == 0
    samples, moves = report["samples"], report["moves"]
    assert samples["accepted"] > 0
    assert samples["published"] == samples["accepted"] + samples["rejected"]
    assert samples["lost"] == 0
    assert moves["verified"] == moves["written"] > 0
    assert moves["unchecked"] == 0
    assert report["left_behind"]["processes"] == 0
    (feed, beam) = (
        next(row for row in plant.opcua.setpoints if row.name == name) for name in (FEED, BEAM)
    )
    for cell, pot in ((1, "POT11"), (2, "POT12")):
        value = {tag: seen["read"][f"{pot}.{tag}"]["value"] for tag in ("FS", "BS", "FI", "MS")}
        last = newest(line, cell)
        assert FEED in last
        assert value["FS"] == pytest.approx(feed.to_raw(last[FEED]), rel=1e-6)
        assert value["FI"] == pytest.approx(value["FS"])
        if BEAM in last:
            assert value["BS"] == round(beam.to_raw(last[BEAM]))


def verified(line: Line) -> list[Move]:
    return [move for move in line.moves if move.state is MoveState.VERIFIED]


def newest(line: Line, cell: int) -> dict[str, float]:
    """What was last written to a cell, by setpoint."""
    return {
        move.setpoint: move.applied
        for move in verified(line)
        if move.cell == cell and move.applied is not None
    }
