"""The gateway on a real server whose voltage has several sensors, some of which fail."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from control.channel_faults import FAULT_WORDS, Fault
from control.events import EVENTS
from opcua.connector import LinkState
from opcua.gateway import Gateway
from opcua.mapping import Layout, Mapping, SignalNode
from opcua.scada import open_scada
from ops.plantfile import PlantFile
from stream.frames import Quality, SampleFrame
from stream.rejects import Reason
from stream.screening import Screen
from stream.section_picture import SectionPicture, see_samples
from tests.opcua.lines import (
    SECTIONS,
    Taker,
    open_gateway,
    plant_times,
    scada_settings,
    until,
)
from tests.opcua.proxy import wire_to
from tests.opcua.sensor_plant import (
    LIMITS,
    TOLERANCE_V,
    TRUE_V,
    SensorPlant,
    fast_clock_ns,
    mapping_of,
    sensor_plant,
)
from tests.stream.frame_cases import origin

LAYOUTS = [Layout.SCALAR, Layout.ARRAY]
LOST = "channel_lost"


@dataclass
class Watched:
    """A plant, who reads it, and who takes what was read."""

    plant: SensorPlant
    gateway: Gateway
    taker: Taker

    async def told(self, fault: Fault, *, active: bool = True) -> list[dict[str, Any]]:
        """Wait until a fault is told, or its end, of both sections; return what is told."""

        def found(taker: Taker) -> list[dict[str, Any]]:
            return [
                details
                for event, details in zip(taker.events, taker.details, strict=True)
                if event == (LOST, active) and details["fault"] == FAULT_WORDS[fault]
            ]

        await self.taker.until(lambda it: {d["section"] for d in found(it)} == {0, 1})
        return found(self.taker)

    async def next_frames(self, scans: int = 4) -> list[SampleFrame]:
        """Return frames that are published from now on."""
        seen = len(self.taker.frames)
        before = self.taker.scans
        await self.taker.until(lambda it: it.scans >= before + scans)
        return self.taker.frames[seen:]


@asynccontextmanager
async def watched(endpoint: str, mapping: Mapping) -> AsyncIterator[Watched]:
    """A plant with all sensors in order, and a gateway that has read some scans."""
    taker = Taker()
    async with (
        sensor_plant(endpoint) as plant,
        open_gateway(
            endpoint,
            mapping,
            taker,
            limits=LIMITS,
            scan_period_s=0.05,
            clock_ns=fast_clock_ns,
        ) as gateway,
    ):
        await taker.until(lambda it: it.scans >= 4)
        yield Watched(plant, gateway, taker)


def voltages(frames: list[SampleFrame]) -> tuple[np.ndarray, np.ndarray]:
    """Values and qualities of all voltages in some frames."""
    value = [frame.value[:, :, frame.signals.index("cell_voltage_v")].ravel() for frame in frames]
    quality = [frame.quality[:, :, 0].ravel() for frame in frames]
    return np.concatenate(value), np.concatenate(quality)


BREAK: dict[Fault, Callable[[SensorPlant], None]] = {
    Fault.STUCK: lambda plant: plant.stuck.add("B"),
    Fault.BAD_STATUS: lambda plant: plant.bad.add("B"),
    Fault.DEVIATES: lambda plant: plant.off_v.update(B=3.0),
    Fault.LATE: lambda plant: plant.late.add("B"),
}


@pytest.mark.contract(8)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("fault", BREAK)
async def test_one_of_three_that_fails_is_told_and_moves_nothing(
    endpoint: str, fault: Fault, layout: Layout
) -> None:
    async with watched(endpoint, mapping_of(layout)) as line:
        assert line.taker.events == []
        BREAK[fault](line.plant)
        begun = await line.told(fault)
        frames = await line.next_frames()
        value, quality = voltages(frames)
        assert np.abs(value - TRUE_V).max() < TOLERANCE_V
        assert (quality == Quality.GOOD).all()
    assert [(row["section"], row["cells"]) for row in begun] == [
        (0, "all 2 cells of section 0"),
        (1, "cell 3"),
    ]
    assert {row["channel"] for row in begun} == {2}
    assert {row["signal"] for row in begun} == {"cell_voltage_v"}
    assert all(row["node"].startswith(f"ns=1;s={layout}.B") for row in begun)
    for row in begun:
        assert "Channel 2 of cell_voltage_v" in EVENTS[LOST].sentence.format(**row)
    values = np.concatenate([voltages([frame])[0] for frame in line.taker.frames])
    assert np.abs(values - TRUE_V).max() < TOLERANCE_V, "not while it was not told either"


@pytest.mark.contract(8)
async def test_a_channel_that_is_back_is_told_once(endpoint: str) -> None:
    async with watched(endpoint, mapping_of(Layout.ARRAY)) as line:
        line.plant.bad.add("C")
        await line.told(Fault.BAD_STATUS)
        line.plant.bad.clear()
        await line.told(Fault.BAD_STATUS, active=False)
        assert line.taker.events == [(LOST, True)] * 2 + [(LOST, False)] * 2


@pytest.mark.contract(8)
@pytest.mark.parametrize("layout", LAYOUTS)
async def test_the_last_channel_is_used_and_marked(endpoint: str, layout: Layout) -> None:
    """Marked as uncertain, which screening lets pass: a lost sensor stops no control."""
    async with watched(endpoint, mapping_of(layout)) as line:
        line.plant.bad.update("AB")
        await line.told(Fault.BAD_STATUS)
        frames = await line.next_frames()
    value, quality = voltages(frames)
    assert np.abs(value - TRUE_V).max() < TOLERANCE_V
    assert (quality == Quality.UNCERTAIN).all()
    frame = frames[-1]
    screen = Screen(frame.section, frame.cells, LIMITS)
    _, screened = screen.step(screen.initial_state(), frame, b"", origin(), fast_clock_ns())
    assert screened.accepted is not None
    assert screened.rejects is None
    assert screened.accepted.usable_points == frame.points


@pytest.mark.contract(8)
async def test_two_that_disagree_give_the_worse_and_no_average(endpoint: str) -> None:
    async with watched(endpoint, mapping_of(Layout.ARRAY, 2)) as line:
        value, quality = voltages(await line.next_frames())
        assert np.abs(value - TRUE_V).max() < TOLERANCE_V
        assert (quality == Quality.GOOD).all()
        line.plant.off_v["A"] = 3.0
        begun = await line.told(Fault.DEVIATES)
        value, quality = voltages(await line.next_frames())
    assert np.abs(value - (TRUE_V + 3.0)).max() < TOLERANCE_V
    assert (quality == Quality.UNCERTAIN).all()
    assert {row["channel"] for row in begun} == {1, 2}, "nobody can tell who is right"


@pytest.mark.contract(8)
@pytest.mark.parametrize("layout", LAYOUTS)
async def test_no_channel_left_is_no_voltage_for_screening_and_guard(
    endpoint: str, layout: Layout
) -> None:
    """From here on it is what a bad sample of a single sensor is: `cell_silent`, and shed."""
    async with watched(endpoint, mapping_of(layout)) as line:
        before = line.taker.of_section(0)[-1]
        line.plant.bad.update("ABC")
        await line.told(Fault.BAD_STATUS)
        after = next(f for f in reversed(await line.next_frames()) if f.section == 0)
    value, quality = voltages([after])
    assert np.isnan(value).all()
    assert (quality == Quality.BAD).all()
    screen = Screen(0, before.cells, LIMITS)
    state, screened = screen.step(screen.initial_state(), before, b"", origin(0), fast_clock_ns())
    assert screened.accepted is not None
    picture = see_samples(SectionPicture(), screened.accepted)
    _, screened = screen.step(state, after, b"", origin(1), fast_clock_ns())
    assert screened.rejects is not None
    assert set(screened.rejects.reason) == {Reason.BAD_STATUS}
    assert screened.accepted is not None
    silent = see_samples(picture, screened.accepted)
    assert silent.order == after.order
    assert silent.newest_source_ns == picture.newest_source_ns, "nothing was heard of a voltage"


async def test_the_source_time_is_that_of_the_oldest_channel(endpoint: str) -> None:
    async with watched(endpoint, mapping_of(Layout.ARRAY)) as line:
        line.plant.late.add("C")
        await line.told(Fault.LATE)
        frames = await line.next_frames()
    lags = [frame.source_time_ns[:, :, 1] - frame.source_time_ns[:, :, 0] for frame in frames]
    assert max(map(np.max, lags)) < 1_000_000_000, "the two that are left are of the scan"
    older = [
        (frame.source_time_ns[:, :, 1] - frame.source_time_ns[:, :, 0]).max()
        for frame in line.taker.frames
    ]
    assert max(older) > 1_000_000_000, "the third was taken in until it was too old"
    for frame in line.taker.frames:
        voltage, current = frame.source_time_ns[:, :, 0], frame.source_time_ns[:, :, 1]
        assert (voltage <= current).all(), "never newer than the scan"
        assert (current - voltage <= 5_000_000_000).all(), "and never too old"


async def test_scans_come_from_history_also_where_a_sensor_has_none(
    plant: PlantFile, endpoint: str
) -> None:
    """The second "sensor" is a read-back in millimetres: lost by its range, and without history."""
    space = "ns=plant;s=L1.Snapshot"
    sensors = (f"{space}.CellVoltage", f"{space}.SP.BeamPosition.Readback")
    rows = tuple(
        replace(row, node="", nodes=sensors, tolerance=0.05)
        if row.name == "cell_voltage_v"
        else row
        for row in plant.opcua.signals
    )
    mapping, taker = replace(plant.opcua, signals=rows), Taker()
    async with open_scada(scada_settings(plant, endpoint)) as scada, wire_to(endpoint) as wire:
        async with open_gateway(wire.endpoint, mapping, taker, limits=plant.signals) as gateway:
            await taker.until(lambda it: it.scans >= 4)
            await wire.cut()
            await until(lambda: gateway.status.link.state is LinkState.LOST)
            broke_at = scada.display.scans
            await until(lambda: scada.display.scans >= broke_at + 4)
            await wire.join()
            await until(lambda: gateway.status.scans_backfilled >= 3)
            again = taker.scans
            await taker.until(lambda it: it.scans >= again + 8)
        made = await plant_times(scada)
    frames = taker.of_section(0)
    times = np.concatenate([frame.t_plant_s for frame in frames]).tolist()
    assert times == [time_s for time_s in made if times[0] <= time_s <= times[-1]]
    at = frames[0].signals.index("cell_voltage_v")
    assert all(np.isfinite(frame.value[:, :, at]).all() for frame in frames)
    assert all((frame.quality[:, :, at] == Quality.UNCERTAIN).all() for frame in frames)
    told = {row["fault"] for row in taker.details if "fault" in row}
    assert told <= {FAULT_WORDS[Fault.OUT_OF_RANGE]}, "what a history lacks is no news"


async def test_two_names_of_one_node_are_found_on_the_server(endpoint: str) -> None:
    row = SignalNode(
        "cell_voltage_v",
        layout=Layout.ARRAY,
        nodes=("ns=1;s=array.A", "/Objects/array.A"),
        tolerance=0.05,
    )
    async with (
        sensor_plant(endpoint),
        open_gateway(endpoint, Mapping((row,), ()), Taker(), limits=LIMITS) as gateway,
    ):
        await until(lambda: gateway.status.link.state is LinkState.LOST)
        assert "are the same node ns=1;s=array.A" in gateway.status.link.error


async def test_every_channel_that_is_missing_is_named(endpoint: str) -> None:
    nodes = ("ns=1;s=scalar.A{cell}", "ns=1;s=none.B{cell}")
    row = SignalNode("cell_voltage_v", nodes=nodes, tolerance=0.05)
    async with (
        sensor_plant(endpoint),
        open_gateway(endpoint, Mapping((row,), ()), Taker(), limits=LIMITS) as gateway,
    ):
        await until(lambda: gateway.status.link.state is LinkState.LOST)
        error = gateway.status.link.error
    assert "lacks 3 of 6 nodes" in error
    assert "cell_voltage_v, channel 2, of cell 3: ns=1;s=none.B3" in error


def test_a_gateway_without_limits_says_what_it_needs() -> None:
    async def publish(_: SampleFrame) -> None: ...

    with pytest.raises(ValueError, match="no limits to vote by"):
        Gateway("opc.tcp://127.0.0.1:1", mapping_of(Layout.ARRAY), SECTIONS, publish)
