"""The writer on a real server: verified, refused, expired, cut off."""

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from opcua.connector import LinkState
from opcua.nodes import CellMode
from opcua.scada import Scada, open_scada
from opcua.writer import Writer
from ops.plantfile import PlantFile
from stream.edge import PlantEdge, SetpointWrite
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, follow, scada_settings, until
from tests.opcua.proxy import Wire, wire_to

FEED, BEAM = "alumina_feed_rate_kg_per_h", "beam_position_mm"
CELLS = (1, 2, 3)


def _write(cell: int, setpoint: str, value: float, valid_s: float = 60.0) -> SetpointWrite:
    expires_ns = time.time_ns() + int(valid_s * 1e9)
    return SetpointWrite(f"{cell}/{setpoint}/{value}", cell, setpoint, value, expires_ns)


@asynccontextmanager
async def _line(
    plant: PlantFile,
    endpoint: str,
    deadline_s: float = 2.0,
    clock_ns: Callable[[], int] = time.time_ns,
) -> AsyncIterator[tuple[Scada, Writer, Wire]]:
    """A simulated line with all cells remote, and a writer at the end of a wire."""
    async with open_scada(scada_settings(plant, endpoint)) as scada, wire_to(endpoint) as wire:
        writer = Writer(
            wire.endpoint,
            plant.opcua,
            CELLS,
            plant.setpoints,
            readback_deadline_s=deadline_s,
            clock_ns=clock_ns,
        )
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            writer.allow_heartbeat(600.0)
            await follow(writer, CELLS)
            yield scada, writer, wire


@pytest.mark.contract(6)
async def test_a_batch_is_written_and_verified(plant: PlantFile, endpoint: str) -> None:
    async with _line(plant, endpoint) as (scada, writer, _):
        edge: PlantEdge = writer
        beams = [edge.readback(cell, BEAM) or 0.0 for cell in CELLS]
        writes = [_write(cell, FEED, 150.0 + cell) for cell in CELLS]
        writes += [_write(cell, BEAM, beams[cell - 1] + 0.5) for cell in CELLS]
        results = await edge.write(writes)
        assert [result.move_id for result in results] == [write.move_id for write in writes]
        for write, result in zip(writes, results, strict=True):
            assert result.state is MoveState.VERIFIED
            assert result.readback == pytest.approx(write.value, abs=0.05)
            assert result.attempts == 1
            assert result.t_written_ns is not None
            assert result.t_verified_ns is not None
            assert result.t_verified_ns - result.t_written_ns < 1_000_000_000
        assert scada.control.accepted[FEED].tolist() == pytest.approx([151.0, 152.0, 153.0])
        assert writer.readbacks()[FEED].tolist() == pytest.approx([151.0, 152.0, 153.0])
        assert edge.heartbeat_age_s() < 2.0


async def test_a_value_that_is_in_force_already_is_verified(
    plant: PlantFile, endpoint: str
) -> None:
    async with _line(plant, endpoint) as (_, writer, _):
        first, second = [(await writer.write([_write(1, FEED, 160.0)]))[0] for _ in range(2)]
        assert (first.state, second.state) == (MoveState.VERIFIED, MoveState.VERIFIED)


@pytest.mark.contract(6)
async def test_a_cell_that_does_not_follow_fails_after_one_retry(
    plant: PlantFile, endpoint: str
) -> None:
    async with _line(plant, endpoint, deadline_s=0.8) as (scada, writer, _):
        scada.control.stick(2, FEED)
        begin_s = time.monotonic()
        good, stuck = await writer.write([_write(1, FEED, 130.0), _write(2, FEED, 130.0)])
        assert time.monotonic() - begin_s < 0.8 + 0.5
        assert good.state is MoveState.VERIFIED
        assert (stuck.state, stuck.attempts) == (MoveState.FAILED, 2)
        assert stuck.t_written_ns is not None
        assert stuck.t_verified_ns is None
        assert "written as 130 but reads back" in stuck.reason


@pytest.mark.contract(15)
async def test_an_expired_write_is_not_sent(plant: PlantFile, endpoint: str) -> None:
    async with _line(plant, endpoint) as (scada, writer, _):
        before = scada.control.target[FEED].copy()
        (late,) = await writer.write([_write(1, FEED, 130.0, valid_s=-1.0)])
        assert (late.state, late.attempts, late.t_written_ns) == (MoveState.EXPIRED, 0, None)
        assert scada.control.target[FEED].tolist() == before.tolist()


async def test_what_cannot_be_written_fails_with_its_reason(
    plant: PlantFile, endpoint: str
) -> None:
    reasons = {
        _write(1, FEED, math.nan): "not a finite number",
        _write(2, FEED, 1e6): "BadOutOfRange",
        _write(99, FEED, 150.0): "maps no target",
        _write(1, "anode_colour", 1.0): "maps no target",
    }
    async with _line(plant, endpoint) as (_, writer, _):
        sound = _write(3, FEED, 155.0)
        *results, verified = await writer.write([*reasons, sound])
    for result, reason in zip(results, reasons.values(), strict=True):
        assert result.state is MoveState.FAILED
        assert reason in result.reason
        assert result.t_written_ns is None
    assert verified.state is MoveState.VERIFIED  # the others do not hold it up


@pytest.mark.contract(15)
async def test_a_write_in_an_outage_fails_at_once_and_is_never_sent(
    plant: PlantFile, endpoint: str
) -> None:
    async with _line(plant, endpoint) as (scada, writer, wire):
        before = scada.control.target[FEED].copy()
        await wire.cut()
        await until(lambda: not writer.is_connected)
        begin_s = time.monotonic()
        (result,) = await writer.write([_write(1, FEED, 130.0)])
        assert time.monotonic() - begin_s < 1.0  # half its deadline: it waits for nothing
        assert (result.state, result.attempts) == (MoveState.FAILED, 0)
        assert wire.endpoint in result.reason
        assert writer.readback(1, FEED) is None
        assert writer.is_remote(1) is None
        assert writer.readbacks() == {}
        assert writer.last_error != ""
        await writer.set_remote(CELLS, True)
        await wire.join()
        assert await writer.wait_connected(PATIENCE_S)
        assert writer.status.connections == 2
        assert writer.last_error == ""
        assert scada.control.target[FEED].tolist() == before.tolist()


async def test_a_hung_server_fails_the_write_within_its_deadline(
    plant: PlantFile, endpoint: str
) -> None:
    async with _line(plant, endpoint) as (_, writer, wire):
        wire.freeze()
        begin_s = time.monotonic()
        (result,) = await writer.write([_write(1, FEED, 130.0)])
        assert time.monotonic() - begin_s < 2.0
        assert result.state is MoveState.FAILED
        assert "no answer" in result.reason
        await until(lambda: writer.status.state is LinkState.LOST)


@pytest.mark.contract(12)
async def test_what_the_plant_said_grows_old_although_the_clock_is_set_back(
    plant: PlantFile, endpoint: str
) -> None:
    ahead_ns = [0]
    async with _line(plant, endpoint, clock_ns=lambda: time.time_ns() + ahead_ns[0]) as line:
        _, writer, wire = line
        assert writer.readback(1, FEED) is not None
        wire.freeze()
        ahead_ns[0] = -3600_000_000_000
        await until(lambda: writer.readback(1, FEED) is None)
        assert writer.is_connected, "long before it is known that the server hangs"


@pytest.mark.contract(1)
async def test_a_heartbeat_that_is_stopped_gives_the_cells_back(
    plant: PlantFile, endpoint: str
) -> None:
    async with _line(plant, endpoint) as (scada, writer, _):
        writer.allow_heartbeat(0.0)
        await until(lambda: not any(writer.is_remote(cell) for cell in CELLS))
        assert scada.control.modes.tolist() == [CellMode.AUTO] * 3
        writer.allow_heartbeat(600.0)
        await follow(writer, CELLS)
        await writer.set_remote([2], False)
        await until(lambda: writer.is_remote(2) is False)
        assert writer.is_remote(1) is True


async def test_a_writer_without_a_plant_says_so(plant: PlantFile, endpoint: str) -> None:
    writer = Writer(endpoint, plant.opcua, CELLS, plant.setpoints, readback_deadline_s=1.0)
    assert writer.last_error == "disconnected"
    async with writer:
        assert not await writer.wait_connected(0.5)
        await until(lambda: writer.status.state is LinkState.LOST)
        assert endpoint in writer.last_error
        assert writer.address == endpoint
