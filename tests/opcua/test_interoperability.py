"""Our edge and a stack that is not ours, both ways round."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from opcua.gateway import Gateway
from opcua.nodes import NAMESPACE_URI, CellMode
from opcua.scada import open_scada
from opcua.writer import Writer
from ops.plantfile import PlantFile, load_plant
from ops.ports import free_port
from stream.edge import SetpointWrite
from stream.frames import Quality
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, Taker, follow, scada_settings
from tests.opcua.node_peer import ACME_PLANT, foreign_plant, require_node, run_client

FEED, BEAM = "alumina_feed_rate_kg_per_h", "beam_position_mm"
CELLS = (1, 2)


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js with node-opcua."""
    return require_node()


def _write(cell: int, setpoint: str, value: float) -> SetpointWrite:
    return SetpointWrite(f"{cell}/{setpoint}", cell, setpoint, value, time.time_ns() + 10**10)


async def test_another_client_reads_writes_and_subscribes(
    node: str, plant: PlantFile, endpoint: str, tmp_path: Path
) -> None:
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        answer = await run_client(
            node,
            endpoint,
            tmp_path,
            {
                "namespace": NAMESPACE_URI,
                "write": {
                    "L1.Comm.HbOptimiser": {"type": "UInt32", "value": 5},
                    "L1.C002.ModeTarget": {"type": "Int32", "value": int(CellMode.MANUAL)},
                    "L1.C001.SP.AluminaFeedRate.Target": {"type": "Double", "value": "NaN"},
                    "L1.C001.PV.CellVoltage": {"type": "Double", "value": 1.0},
                },
                "browse": "Line1/Cells/C001",
                "subscribe": "L1.Clock.ScanCounter",
                "changes": 4,
                "read": ["L1.Snapshot.CellVoltage", "L1.C002.ModeActual", "L1.Clock.PlantTime"],
            },
        )
        assert scada.control.watchdog.counter == 5
    assert answer["written"] == {
        "L1.Comm.HbOptimiser": "Good",
        "L1.C002.ModeTarget": "Good",
        "L1.C001.SP.AluminaFeedRate.Target": "BadOutOfRange",
        "L1.C001.PV.CellVoltage": "BadNotWritable",
    }
    assert answer["changes"] == 4
    assert {"PV", "SP", "ModeTarget", "ModeActual"} <= set(answer["browsed"])
    volts = answer["read"]["L1.Snapshot.CellVoltage"]
    assert (volts["type"], len(volts["value"]), volts["status"]) == ("Double", 3, "Good")
    assert answer["read"]["L1.C002.ModeActual"]["value"] == CellMode.MANUAL
    assert abs(volts["sourceTime"] / 1e3 - time.time()) < PATIENCE_S


async def test_another_client_sees_what_the_writer_wrote(
    node: str, plant: PlantFile, endpoint: str, tmp_path: Path
) -> None:
    cells = (1, 2, 3)
    async with open_scada(scada_settings(plant, endpoint)):
        writer = Writer(endpoint, plant.opcua, cells, plant.setpoints, readback_deadline_s=4.0)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            writer.allow_heartbeat(600.0)
            await follow(writer, cells)
            results = await writer.write([_write(cell, FEED, 140.0 + cell) for cell in cells])
            assert {result.state for result in results} == {MoveState.VERIFIED}
            targets = [f"L1.C{cell:03d}.SP.AluminaFeedRate.Target" for cell in cells]
            readbacks = [f"L1.C{cell:03d}.SP.AluminaFeedRate.Readback" for cell in cells]
            answer = await run_client(
                node,
                endpoint,
                tmp_path,
                {"namespace": NAMESPACE_URI, "read": targets + readbacks},
            )
    for names in (targets, readbacks):
        seen = [answer["read"][name]["value"] for name in names]
        assert seen == pytest.approx([result.readback for result in results])


@pytest.mark.parametrize("most", [0, 5])
async def test_another_plant_is_driven_by_its_mapping_alone(
    node: str, tmp_path: Path, most: int
) -> None:
    """Also where one request may name five nodes only: 17 are read, and 9 of them by a path."""
    acme = load_plant(ACME_PLANT)
    mapping, setpoints = acme.opcua, acme.setpoints
    taker, stop = Taker(), asyncio.Event()
    async with foreign_plant(node, free_port(), tmp_path, most) as endpoint:
        gateway = Gateway(
            endpoint, mapping, (CELLS,), taker.publish, taker.report, scan_period_s=0.25
        )
        reading = asyncio.create_task(gateway.run(stop))
        writer = Writer(endpoint, mapping, CELLS, setpoints, readback_deadline_s=4.0)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            writer.allow_heartbeat(600.0)
            await taker.until(lambda it: it.scans >= 6)

            assert [writer.is_remote(cell) for cell in CELLS] == [False, False]
            await follow(writer, CELLS)
            wanted = [_write(1, FEED, 63.0), _write(2, FEED, 81.0), _write(2, BEAM, 207.0)]
            results = await writer.write(wanted)
            assert [result.state for result in results] == [MoveState.VERIFIED] * 3
            assert [result.readback for result in results] == pytest.approx([63.0, 81.0, 207.0])
            assert writer.heartbeat_age_s() < 3.0  # its server's clock stands in
            await taker.until(lambda it: _beam(it)[1] == pytest.approx(207.0))
        stop.set()
        await asyncio.wait_for(reading, PATIENCE_S)
    frame = taker.frames[0]
    assert (frame.quality == Quality.GOOD).all()
    seen = {name: frame.value[-1, :, k] for k, name in enumerate(frame.signals)}
    assert seen["cell_voltage_v"].tolist() == pytest.approx([4.41, 4.41], abs=0.02)
    assert seen["bath_temperature_c"].tolist() == pytest.approx([960.0, 960.0], abs=1.5)
    assert seen["alumina_fed_kg"].tolist() == pytest.approx([2500.0, 2500.0], abs=100.0)
    assert seen["voltage_noise_mv"].tolist() == pytest.approx([12.0, 12.0])
    assert seen["line_current_ka"].tolist() == pytest.approx([118.5, 118.5], abs=0.2)
    times = np.concatenate([one.t_plant_s for one in taker.frames])
    assert (np.diff(times) > 0.0).all()
    assert abs(times[-1] - time.time()) < PATIENCE_S
    assert [one.sequence for one in taker.frames] == list(range(len(taker.frames)))
    assert taker.events == []


def _beam(taker: Taker) -> list[float]:
    frame = taker.frames[-1]
    beam: list[float] = frame.value[-1, :, frame.signals.index(BEAM)].tolist()
    return beam
