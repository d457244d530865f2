"""The simulated SCADA as any OPC UA client sees it."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from asyncua import Client, Node, ua

from opcua.nodes import NAMESPACE_URI, CellMode, LimitState, WatchdogState
from opcua.scada import Scada, open_scada, run_scada
from opcua.scans import to_ns
from ops.plantfile import PlantFile
from ops.ports import free_port
from tests.opcua.lines import PATIENCE_S, scada_settings, until

REMOTE = ua.Variant(int(CellMode.REMOTE_CASCADE), ua.VariantType.Int32)
FEED_TARGET = "L1.C{cell:03d}.SP.AluminaFeedRate.Target"
FEED_READBACK = "L1.C{cell:03d}.SP.AluminaFeedRate.Readback"


class Operator:
    """A client that knows the namespace."""

    def __init__(self, client: Client, namespace: int) -> None:
        self.client = client
        self._namespace = namespace

    def node(self, identifier: str, cell: int = 0) -> Node:
        """A node by its identifier."""
        return self.client.get_node(ua.NodeId(identifier.format(cell=cell), self._namespace))

    async def value(self, identifier: str, cell: int = 0) -> object:
        """The value of a node."""
        return await self.node(identifier, cell).read_value()

    async def write(self, items: Sequence[tuple[str, int, ua.DataValue | ua.Variant]]) -> list[str]:
        """Write in one request; the names of the statuses."""
        request = ua.WriteParameters()
        for identifier, cell, value in items:
            data = value if isinstance(value, ua.DataValue) else ua.DataValue(value)
            request.NodesToWrite.append(
                ua.WriteValue(
                    NodeId=self.node(identifier, cell).nodeid,
                    AttributeId=ua.AttributeIds.Value,
                    Value=data,
                )
            )
        statuses = await self.client.uaclient.session.write(request)
        return [status.name for status in statuses]

    async def beat(self, count: int) -> None:
        """Write the optimiser's heartbeat."""
        beat = ua.Variant(count, ua.VariantType.UInt32)
        assert await self.write([("L1.Comm.HbOptimiser", 0, beat)]) == ["Good"]

    async def until_value(self, identifier: str, wanted: object, cell: int = 0) -> None:
        """Wait until a node holds a value."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.value(identifier, cell) != wanted:  # noqa: ASYNC110 - a remote state
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _operator(endpoint: str) -> AsyncIterator[Operator]:
    async with Client(endpoint) as client:
        yield Operator(client, await client.get_namespace_index(NAMESPACE_URI))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(plant: PlantFile) -> AsyncIterator[Scada]:
    """A simulated line for the tests that can share one."""
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/potline"
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        yield scada


IN_SHARED_LOOP = pytest.mark.asyncio(loop_scope="module")


def _double(value: float) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.Double)


async def _until_scan(scada: Scada, count: int) -> None:
    await until(lambda: scada.display.scans >= count)


@IN_SHARED_LOOP
async def test_nodes_carry_unit_and_ranges_of_the_plant_file(shared: Scada) -> None:
    async with _operator(shared.settings.endpoint) as operator:
        voltage = operator.node("L1.C002.PV.CellVoltage")
        found = await operator.client.nodes.objects.get_child(
            [
                f"{voltage.nodeid.NamespaceIndex}:{part}"
                for part in ("Line1", "Cells", "C002", "PV", "CellVoltage")
            ]
        )
        assert found == voltage
        assert await voltage.read_type_definition() == ua.NodeId(ua.ObjectIds.AnalogUnitRangeType)
        unit = await operator.value("L1.C002.PV.CellVoltage.EngineeringUnits")
        assert isinstance(unit, ua.EUInformation)
        assert (unit.UnitId, unit.DisplayName.Text) == (5655636, "V")
        normal = await operator.value("L1.C002.PV.CellVoltage.EURange")
        instrument = await operator.value("L1.C002.PV.CellVoltage.InstrumentRange")
        assert (normal, instrument) == (ua.Range(3.5, 5.5), ua.Range(0.0, 60.0))
        assert await operator.value("L1.C001.SP.BeamPosition.HiLim") == 380.0


async def test_a_scan_has_one_source_time_and_follows_the_wall_clock(
    plant: PlantFile, endpoint: str
) -> None:
    origin_ns = to_ns(datetime.now(UTC)) - 50_000_000_000
    settings = scada_settings(plant, endpoint, origin_ns=origin_ns)
    async with open_scada(settings) as scada, _operator(endpoint) as operator:
        await _until_scan(scada, 2)
        arrays = ("L1.Snapshot.CellVoltage", "L1.Snapshot.BathTemperature")
        names = (*arrays, "L1.Clock.PlantTime", "L1.Clock.ScanCounter")
        answers = await operator.client.uaclient.session.read_attributes(
            [operator.node(name).nodeid for name in names], ua.AttributeIds.Value
        )
        assert len({answer.SourceTimestamp for answer in answers}) == 1
        volts, degrees, plant_time_s, _ = (answer.Value.Value for answer in answers)
        assert all(3.5 < volt < 6.0 for volt in volts)
        assert all(900.0 < degree < 1000.0 for degree in degrees)
        wall_s = (to_ns(answers[0].SourceTimestamp) - origin_ns) / 1e9
        # The grid is a quarter of a second of wall time; showing it may be late by as much again.
        assert plant_time_s - origin_ns / 1e9 == pytest.approx(60.0 * wall_s, abs=60.0)


async def test_plant_time_goes_on_over_a_restart(plant: PlantFile, endpoint: str) -> None:
    origin_ns = to_ns(datetime.now(UTC))
    times: list[float] = []
    for _ in range(2):
        settings = scada_settings(plant, endpoint, origin_ns=origin_ns)
        async with open_scada(settings) as scada, _operator(endpoint) as operator:
            await _until_scan(scada, 1)
            times.append(float(str(await operator.value("L1.Clock.PlantTime"))))
    assert times[1] > times[0]


@IN_SHARED_LOOP
@pytest.mark.contract(13)
async def test_unsound_writes_are_refused_one_by_one(shared: Scada) -> None:
    async with _operator(shared.settings.endpoint) as operator:
        old = datetime(2001, 1, 1, tzinfo=UTC)
        statuses = await operator.write(
            [
                (FEED_TARGET, 1, _double(math.nan)),
                (FEED_TARGET, 1, _double(math.inf)),
                (FEED_TARGET, 1, _double(1e30)),
                (FEED_TARGET, 1, ua.Variant(180, ua.VariantType.Int32)),
                (FEED_TARGET, 1, ua.DataValue(_double(180.0), ua.StatusCode(0x80000000))),
                ("L1.Snapshot.CellVoltage", 0, _double(4.2)),
                ("L1.C001.PV.CellVoltage", 0, _double(4.2)),
                (FEED_READBACK, 1, _double(180.0)),
                ("L1.C001.ModeTarget", 0, ua.Variant(5, ua.VariantType.Int32)),
                ("L1.Nowhere", 0, _double(4.2)),
                (FEED_TARGET, 2, ua.DataValue(_double(181.0), SourceTimestamp=old)),
            ]
        )
        assert statuses == [
            *["BadOutOfRange"] * 3,
            *["BadTypeMismatch"],
            *["BadWriteNotSupported"],
            *["BadNotWritable"] * 3,
            "BadOutOfRange",
            "BadNotWritable",
            "Good",
        ]
        stored = await operator.node(FEED_TARGET, 2).read_data_value()
        assert stored.SourceTimestamp.year > 2001  # the client's clock is not the plant's
        feed = "L1.C{cell:03d}.SP.AluminaFeedRate"
        await operator.until_value(f"{feed}.LastWriter", "anonymous", 2)
        assert await operator.value(f"{feed}.LastWriteTime", 2) == stored.SourceTimestamp
        assert await operator.value(f"{feed}.RejectReason", 2) == ""
        reason = "BadWriteNotSupported: it came with the status Bad; only good values are taken"
        await operator.until_value(f"{feed}.RejectReason", reason, 1)


@IN_SHARED_LOOP
async def test_a_target_at_its_limit_is_shown_as_such(shared: Scada) -> None:
    async with _operator(shared.settings.endpoint) as operator:
        await operator.beat(20)
        highest = await operator.value("L1.C003.SP.BeamPosition.HiLim")
        assert isinstance(highest, float)
        await operator.write(
            [
                ("L1.C003.ModeTarget", 0, REMOTE),
                ("L1.C003.SP.BeamPosition.Target", 0, _double(highest)),
            ]
        )
        await operator.until_value("L1.C003.SP.BeamPosition.LimitState", LimitState.HIGH)


@IN_SHARED_LOOP
async def test_nobody_is_administrator(shared: Scada) -> None:
    client = Client(shared.settings.endpoint)
    client.set_user("admin")
    client.set_password("wrong")
    with pytest.raises(ua.UaError):
        await client.connect()
    async with _operator(shared.settings.endpoint) as operator:
        with pytest.raises(ua.UaError):
            await operator.client.nodes.objects.add_folder(2, "Mine")


@IN_SHARED_LOOP
async def test_a_cell_follows_targets_only_while_it_is_remote(
    plant: PlantFile, shared: Scada
) -> None:
    async with _operator(shared.settings.endpoint) as operator:
        await operator.beat(1)
        before = shared.control.accepted[plant.setpoints[0].name].copy()
        assert (
            await operator.write(
                [
                    ("L1.C001.ModeTarget", 0, REMOTE),
                    (FEED_TARGET, 1, _double(150.0)),
                    (FEED_TARGET, 2, _double(150.0)),
                ]
            )
            == ["Good"] * 3
        )
        await operator.until_value(FEED_READBACK, 150.0, 1)
        assert await operator.value("L1.C001.ModeActual") == CellMode.REMOTE_CASCADE
        assert await operator.value("L1.C002.ModeActual") == CellMode.AUTO
        arrays = await operator.value("L1.Snapshot.SP.AluminaFeedRate.Readback")
        assert isinstance(arrays, list)
        assert arrays[0] == 150.0
        assert arrays[1] == pytest.approx(before[1], abs=30.0)
        async with asyncio.timeout(PATIENCE_S):  # its target goes back to what it does itself
            while await operator.value(FEED_TARGET, 2) == 150.0:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert await operator.value(FEED_TARGET, 2) == pytest.approx(before[1], abs=30.0)


@pytest.mark.contract(1)
async def test_a_silent_optimiser_loses_its_cells(plant: PlantFile, endpoint: str) -> None:
    settings = scada_settings(plant, endpoint, watchdog_timeout_s=0.6)
    async with open_scada(settings) as scada, _operator(endpoint) as operator:
        await operator.beat(1)
        assert await operator.write([("L1.C001.ModeTarget", 0, REMOTE)]) == ["Good"]
        await operator.until_value("L1.C001.ModeActual", CellMode.REMOTE_CASCADE)
        feed = plant.setpoints[0].name
        held = float(scada.control.accepted[feed][0])
        await operator.until_value("L1.Comm.WatchdogState", WatchdogState.SHED)
        await operator.until_value("L1.C001.ModeActual", CellMode.AUTO)
        handed_over = float(scada.control.accepted[feed][0])
        assert handed_over == pytest.approx(held, abs=1.0)  # without a bump
        await operator.beat(2)
        await operator.until_value("L1.Comm.WatchdogState", WatchdogState.ALIVE)
        assert await operator.value("L1.C001.ModeTarget") == CellMode.AUTO  # it must be asked for


@IN_SHARED_LOOP
async def test_history_gives_scans_back(shared: Scada) -> None:
    async with _operator(shared.settings.endpoint) as operator:
        await _until_scan(shared, 4)
        counter = operator.node("L1.Clock.ScanCounter")
        newest = await counter.read_raw_history(None, None, 2)
        forward = await counter.read_raw_history(newest[-1].SourceTimestamp, None, 10)
        last, before = (value.Value.Value for value in newest)
        assert last == before + 1
        assert [value.Value.Value for value in forward][:2] == [before, last]
        scalar = await operator.node("L1.C001.PV.CellVoltage").read_raw_history(None, None, 2)
        assert scalar == []


async def test_it_stops_when_told(plant: PlantFile, endpoint: str) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    settings = scada_settings(plant, endpoint)
    running = asyncio.create_task(run_scada(settings, stop, lambda _: ready.set()))
    await asyncio.wait_for(ready.wait(), PATIENCE_S)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_S)
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await Client(endpoint, timeout=1).connect()


@pytest.mark.parametrize(("cells", "speed"), [(0, 60.0), (301, 60.0), (3, 0.5), (3, 601.0)])
def test_settings_out_of_range_are_refused(plant: PlantFile, cells: int, speed: float) -> None:
    with pytest.raises(ValueError, match="the simulator runs"):
        scada_settings(plant, "opc.tcp://127.0.0.1:4840", cells=cells, speed=speed)
