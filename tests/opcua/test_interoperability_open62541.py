"""Our edge and a plant on open62541, plain and encrypted."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncua import ua

from opcua.certificates import make_certificates
from opcua.gateway import Gateway
from opcua.link import LinkError, open_link
from opcua.security import Policy
from opcua.writer import Writer
from ops.plantfile import load_plant
from ops.ports import free_port
from stream.edge import SetpointWrite
from stream.frames import Quality
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, Taker, follow, until
from tests.opcua.node_peer import ACME_NAMESPACE, ACME_PLANT
from tests.opcua.o6_peer import acme_mapping, o6_plant, require_o6
from tests.opcua.peer_security import opener, server_security

FEED, BEAM = "alumina_feed_rate_kg_per_h", "beam_position_mm"
CELLS = (1, 2)

pytestmark = pytest.mark.usefixtures("_o6")


@pytest.fixture(name="_o6", scope="module")
def _require_o6() -> None:
    require_o6()


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    make_certificates(folder, ["localhost", "127.0.0.1"], key_bits=2048)
    return folder


def _last(taker: Taker, signal: str) -> list[float]:
    frame = taker.frames[-1]
    values: list[float] = frame.value[-1, :, frame.signals.index(signal)].tolist()
    return values


def _write(cell: int, setpoint: str, value: float) -> SetpointWrite:
    return SetpointWrite(f"{cell}/{setpoint}", cell, setpoint, value, time.time_ns() + 10**10)


async def test_a_plant_on_open62541_is_read_and_driven_by_its_mapping_alone() -> None:
    mapping, setpoints = acme_mapping(), load_plant(ACME_PLANT).setpoints
    taker, stop = Taker(), asyncio.Event()
    async with o6_plant(free_port()) as endpoint:
        gateway = Gateway(
            endpoint, mapping, (CELLS,), taker.publish, taker.report, scan_period_s=0.25
        )
        reading = asyncio.create_task(gateway.run(stop))
        writer = Writer(endpoint, mapping, CELLS, setpoints, readback_deadline_s=4.0)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            await taker.until(lambda it: it.scans >= 6)

            await follow(writer, CELLS)
            wanted = [_write(1, FEED, 63.0), _write(2, FEED, 81.0), _write(2, BEAM, 207.0)]
            results = await writer.write(wanted)
            assert [result.state for result in results] == [MoveState.VERIFIED] * 3
            assert [result.readback for result in results] == pytest.approx([63.0, 81.0, 207.0])
            await taker.until(lambda it: _last(it, BEAM)[1] == pytest.approx(207.0))
        stop.set()
        await asyncio.wait_for(reading, PATIENCE_S)
    frame = taker.frames[0]
    assert (frame.quality == Quality.GOOD).all()
    seen = {name: frame.value[-1, :, k] for k, name in enumerate(frame.signals)}
    assert seen["cell_voltage_v"].tolist() == pytest.approx([4.41, 4.41], abs=0.02)
    assert seen["bath_temperature_c"].tolist() == pytest.approx([960.0, 960.0], abs=1.5)
    assert seen["line_current_ka"].tolist() == pytest.approx([118.5, 118.5], abs=0.2)
    assert taker.events == []


async def test_our_heartbeat_moves_theirs() -> None:
    """Theirs follows ours, so that it moves for no other reason."""
    setpoints = load_plant(ACME_PLANT).setpoints
    async with o6_plant(free_port()) as endpoint:
        writer = Writer(endpoint, acme_mapping(), CELLS, setpoints, readback_deadline_s=4.0)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            await until(lambda: writer.heartbeat_age_s() > 2.0)  # we may not beat yet
            writer.allow_heartbeat(600.0)
            await until(lambda: writer.heartbeat_age_s() < 0.5)
            writer.allow_heartbeat(0.0)
            await until(lambda: writer.heartbeat_age_s() > 2.0)


async def test_what_open62541_refuses_is_a_time_of_the_client_and_ours_sends_none() -> None:
    """One value to one node: refused with a source time, taken from our link."""
    async with o6_plant(free_port()) as endpoint:
        link = await open_link(endpoint)
        try:
            index = await link.client.get_namespace_index(ACME_NAMESPACE)
            node = ua.NodeId("POT11.FS", index)
            value = ua.Variant(25.0, ua.VariantType.Float)
            stamped = ua.DataValue(value, SourceTimestamp=datetime.now(UTC))
            item = ua.WriteValue(node, ua.AttributeIds.Value, Value=stamped)
            (status,) = await link.client.uaclient.session.write(ua.WriteParameters([item]))
            assert status.name == "BadWriteNotSupported"
            (held,) = await link.read([node])
            assert held.Value.Value == 20.0

            (status,) = await link.write([(node, value)])
            assert status.is_good()
            (held,) = await link.read([node])
            assert held.Value.Value == 25.0
            (status,) = await link.write([(node, ua.Variant(25.0, ua.VariantType.Double))])
            assert status.name == "BadTypeMismatch"
        finally:
            await link.close()


@pytest.mark.parametrize("policy", list(Policy))
async def test_it_is_read_and_written_encrypted(folder: Path, policy: Policy) -> None:
    mapping, setpoints = acme_mapping(), load_plant(ACME_PLANT).setpoints
    taker, stop = Taker(), asyncio.Event()
    async with o6_plant(free_port(), server_security(folder)) as endpoint:
        with pytest.raises(LinkError):
            await open_link(endpoint)  # plain
        guard = opener(folder, "guard", policy)
        writer = Writer(endpoint, mapping, CELLS, setpoints, readback_deadline_s=4.0, opener=guard)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            writer.allow_heartbeat(600.0)
            await follow(writer, CELLS)
            (result,) = await writer.write([_write(1, FEED, 63.0)])
            assert (result.state, result.readback) == (MoveState.VERIFIED, pytest.approx(63.0))
            await until(lambda: writer.heartbeat_age_s() < 0.5)
        gateway = Gateway(
            endpoint,
            mapping,
            (CELLS,),
            taker.publish,
            taker.report,
            scan_period_s=0.25,
            opener=opener(folder, "gateway", policy),
        )
        reading = asyncio.create_task(gateway.run(stop))
        await taker.until(lambda it: it.scans >= 4)
        stop.set()
        await asyncio.wait_for(reading, PATIENCE_S)
    assert taker.events == []
