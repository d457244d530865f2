"""Two hundred cells at their real speed."""

import asyncio

import numpy as np
import pytest

from opcua.gateway import Gateway
from opcua.scada import open_scada
from opcua.writer import Writer
from ops.plantfile import PlantFile
from physics.design import sections
from stream.edge import SetpointWrite
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, Taker, follow, scada_settings

CELLS = tuple(range(1, 201))
FEED = "alumina_feed_rate_kg_per_h"


@pytest.mark.slow
async def test_two_hundred_cells_are_read_and_written(plant: PlantFile, endpoint: str) -> None:
    taker, stop = Taker(), asyncio.Event()
    parts = sections(plant.line, len(CELLS))
    by_section = plant.line.cells_per_section
    async with open_scada(scada_settings(plant, endpoint, cells=len(CELLS), speed=1.0)) as scada:
        gateway = Gateway(endpoint, plant.opcua, parts, taker.publish, taker.report)
        reading = asyncio.create_task(gateway.run(stop))
        async with Writer(
            endpoint, plant.opcua, CELLS, plant.setpoints, readback_deadline_s=4.0
        ) as writer:
            assert await writer.wait_connected(PATIENCE_S)
            writer.allow_heartbeat(600.0)
            await follow(writer, CELLS)
            expires_ns = scada.now_ns() + 10_000_000_000
            results = await writer.write(
                [SetpointWrite(str(cell), cell, FEED, 150.0, expires_ns) for cell in CELLS]
            )
            assert {result.state for result in results} == {MoveState.VERIFIED}
            await taker.until(lambda it: it.scans >= 6)
        stop.set()
        await asyncio.wait_for(reading, PATIENCE_S)
    assert {frame.section for frame in taker.frames} == set(range(len(parts)))
    assert all(len(frame.cells) <= by_section for frame in taker.frames)
    assert gateway.status.scans_missed == 0
    # One scan a second leaves at once: it does not wait for an interval to fill.
    waits_ms = [(frame.t_received_ns - frame.newest_source_time_ns) / 1e6 for frame in taker.frames]
    assert np.median(waits_ms) < 500.0
