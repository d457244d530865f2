"""What a plant shows of its laboratory, on the way to `laboratory`."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from asyncua import ua

from opcua.laboratory import LaboratoryDesk, LaboratoryReader, ShownSample
from opcua.mapping import ClockNodes, LaboratoryNodes, Layout, Mapping, SignalNode
from opcua.nodes import LABORATORY_QUANTITIES, CellMode
from opcua.resolve import Readable, ResolvedLaboratory
from opcua.scada import open_scada
from opcua.simulation import LineSimulation
from ops.plantfile import PlantFile
from physics.signals import ANALYSED
from stream.records import LaboratoryReport
from tests.opcua.lines import Taker, open_gateway, scada_settings
from tests.opcua.small_plant import MAPPING

NOW_NS = 1_800_000_000_000_000_000
NODES = LaboratoryNodes(
    "ns=1;s=Drawn{cell}",
    (
        SignalNode("excess_alf3_wt_pct", "ns=1;s=Acid", Layout.ARRAY, scale=100.0),
        SignalNode("bath_temperature_c", "ns=1;s=Bath{cell}"),
    ),
)


def answer(value: Any) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value))


def look(drawn: list[Any], acid: list[float], bath: list[Any]) -> list[ShownSample]:
    ids = (ua.NodeId(1, 1),) * len(drawn)
    nodes = ResolvedLaboratory(
        Readable(NODES.drawn_signal, ids),
        (Readable(NODES.values[0], ids[:1]), Readable(NODES.values[1], ids)),
    )
    reader = LaboratoryReader(nodes, (1, 2))
    answers = [*map(answer, drawn), answer(acid), *map(answer, bath)]
    assert len(reader.node_ids) == len(answers)
    return reader.look(answers, NOW_NS)


def test_a_cell_without_a_sample_has_none_and_a_value_without_a_number_is_left_out() -> None:
    moment = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
    found = look([moment, 0.0], [0.12, 0.13], [float("nan"), 955.0])
    (sample,) = found
    assert sample.cell == 1
    assert sample.drawn_plant_s == moment.timestamp()
    values = dict(sample.values)
    assert values == {"excess_alf3_wt_pct": pytest.approx(12.0), "bath_temperature_c": None}
    never = datetime(1601, 1, 1, tzinfo=UTC)
    assert look([never, float("nan")], [0.12, 0.13], [950.0, 950.0]) == []
    assert look([1e300, "soon"], [0.12, 0.13], [950.0, 950.0]) == []


class Broker:
    """Takes reports; while it is `away` it refuses them."""

    def __init__(self) -> None:
        self.reports: list[LaboratoryReport] = []
        self.away = False
        self.asked = asyncio.Event()
        self.came = asyncio.Event()

    async def publish(self, report: LaboratoryReport) -> None:
        self.asked.set()
        if self.away:
            raise ConnectionError("the broker is away")
        self.reports.append(report)
        self.came.set()


def sample(cell: int, drawn_s: float, acid: float = 12.0) -> ShownSample:
    return ShownSample(cell, drawn_s, (("excess_alf3_wt_pct", acid), ("bath_temperature_c", None)))


async def test_a_sample_is_published_once_it_stands_and_once() -> None:
    mapping = Mapping(MAPPING.signals, MAPPING.setpoints, laboratory=NODES)
    broker = Broker()
    desk = LaboratoryDesk(mapping, [[1], [2]], broker.publish)
    running = asyncio.create_task(desk.run())
    try:
        desk.see([sample(1, 100.0, acid=11.0)], NOW_NS)  # the time is there, the value not yet
        desk.see([sample(1, 100.0), sample(2, 90.0)], NOW_NS)
        broker.away = True
        for _ in range(3):
            desk.see([sample(1, 100.0), sample(2, 90.0)], NOW_NS)
        async with asyncio.timeout(10):
            await broker.asked.wait()
            assert desk.published == 0
            broker.away = False
            while len(broker.reports) < 2:
                broker.came.clear()
                await broker.came.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    first, second = broker.reports
    assert (first.section, first.cell, first.excess_alf3_wt_pct) == (0, 1, 12.0)
    assert (first.t_drawn_plant_s, first.t_drawn_ns) == (100.0, 100_000_000_000), "time is UTC here"
    assert (first.alumina_wt_pct, first.bath_temperature_c) == (None, None)
    assert (second.section, second.cell) == (1, 2)


def test_a_plant_with_a_clock_of_its_own_does_not_tell_the_wall_time() -> None:
    clock = ClockNodes(plant_time="ns=1;s=Clock")
    mapping = Mapping(MAPPING.signals, MAPPING.setpoints, clock, laboratory=NODES)
    desk = LaboratoryDesk(mapping, [[1]], Broker().publish)
    assert desk._report(sample(1, 100.0), NOW_NS).t_drawn_ns is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": ()}, "values are none"),
        ({"values": (SignalNode("cell_voltage_v", "ns=1;s=V{cell}"),)}, "values are cell_voltage"),
        (
            {
                "values": (
                    SignalNode(
                        "alumina_wt_pct", nodes=("ns=1;s=A{cell}", "ns=1;s=B{cell}"), tolerance=0.1
                    ),
                )
            },
            "a sample has one node",
        ),
        ({"drawn": "ns=1;s=Drawn", "drawn_layout": Layout.LINE}, "a sample is of one cell"),
        ({"drawn": "ns=1;s=Drawn"}, "is the same node for every cell"),
    ],
)
def test_a_mapping_that_cannot_be_is_told(changes: dict[str, Any], message: str) -> None:
    chosen = {"drawn": NODES.drawn, "values": NODES.values} | changes
    with pytest.raises(ValueError, match=message):
        LaboratoryNodes(**chosen)


def test_the_simulated_line_shows_samples_hours_after_they_were_drawn(plant: PlantFile) -> None:
    cells, began_s = 3, 1.8e9
    simulation = LineSimulation(plant.design, plant.setpoints, cells, 3, began_s)
    accepted = dict(simulation.start)
    modes = np.full(cells, CellMode.AUTO, dtype=np.int64)
    assert [quantity.name for quantity in LABORATORY_QUANTITIES] == list(ANALYSED)
    shown: dict[int, float] = {}
    for minute in range(1, 44 * 6):
        scan = simulation.step(began_s + 600.0 * minute, accepted, modes)
        accepted = scan.wanted
        for at in np.flatnonzero(np.isfinite(scan.drawn_plant_s)):
            if int(at) not in shown:
                shown[int(at)] = scan.t_plant_s - scan.drawn_plant_s[at]
                assert 0.0 <= scan.analysed["alumina_wt_pct"][at] < 6.0
                assert 9.0 < scan.analysed["excess_alf3_wt_pct"][at] < 17.0
    assert len(shown) == cells
    assert all(4.0 * 3600.0 <= delay_s <= 20.0 * 3600.0 + 600.0 for delay_s in shown.values())


async def test_the_gateway_reads_what_the_scada_shows(plant: PlantFile, endpoint: str) -> None:
    """Before the first report there is nothing to publish; samples go on as ever."""
    taker, broker = Taker(), Broker()
    async with (
        open_scada(scada_settings(plant, endpoint)) as scada,
        open_gateway(endpoint, plant.opcua, taker, publish_report=broker.publish) as gateway,
    ):
        index = scada.display.scans
        await taker.until(lambda it: it.scans >= 8)
        assert scada.display.scans > index
        assert gateway.status.reports_published == 0
    assert broker.reports == []
    assert taker.events == []
