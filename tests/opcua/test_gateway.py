"""The gateway on a real server, over a wire that breaks, to a broker that goes away."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from opcua.connector import LinkState
from opcua.gateway import Gateway
from opcua.mapping import ClockNodes
from opcua.scada import open_scada
from ops.plantfile import PlantFile
from physics.signals import SIGNALS
from stream.frames import Quality
from tests.opcua.lines import (
    PATIENCE_S,
    SECTIONS,
    Taker,
    open_gateway,
    plant_times,
    scada_settings,
    until,
)
from tests.opcua.proxy import wire_to


def _assert_whole(taker: Taker, made: list[float], missed: int = 0) -> None:
    """Sequences without a gap, plant times that rise, and every scan of the plant there or told."""
    for section in range(len(SECTIONS)):
        frames = taker.of_section(section)
        assert [frame.sequence for frame in frames] == list(range(len(frames)))
        times = np.concatenate([frame.t_plant_s for frame in frames]).tolist()
        due = [time_s for time_s in made if times[0] <= time_s <= times[-1]]
        absent = sorted(set(due) - set(times))
        assert times == [time_s for time_s in due if time_s not in absent]
        assert len(absent) == missed
        assert sum(frame.scans_missed for frame in frames) == missed


async def test_every_scan_arrives_in_each_section(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with open_gateway(endpoint, plant.opcua, taker) as gateway:
            await taker.until(lambda it: it.scans >= 8)
        made = await plant_times(scada)
    _assert_whole(taker, made)
    frame = taker.of_section(0)[1]
    assert frame.cells == (1, 2)
    assert set(frame.signals) == set(SIGNALS)
    assert (frame.quality == Quality.GOOD).all()
    current = frame.value[:, :, frame.signals.index("line_current_ka")]
    assert (current[:, 0] == current[:, 1]).all()
    assert gateway.status.frames_published == len(taker.frames)
    assert gateway.status.points_published == sum(frame.points for frame in taker.frames)
    assert taker.events == []


async def test_stopping_publishes_what_is_left(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    async with (
        open_scada(scada_settings(plant, endpoint)),
        open_gateway(endpoint, plant.opcua, taker, publish_interval_s=60.0) as gateway,
    ):
        await until(lambda: gateway.status.scans_read >= 3)
        assert taker.frames == []
    assert taker.scans == gateway.status.scans_read
    assert gateway.status.frames_waiting == 0


async def test_scans_missed_in_an_outage_come_from_history(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    async with open_scada(scada_settings(plant, endpoint)) as scada, wire_to(endpoint) as wire:
        async with open_gateway(wire.endpoint, plant.opcua, taker) as gateway:
            await taker.until(lambda it: it.scans >= 4)
            await wire.cut()
            await taker.until(lambda it: it.events == [("scada_lost", True)])
            assert gateway.status.link.state is LinkState.LOST
            broke_at = scada.display.scans
            await until(lambda: scada.display.scans >= broke_at + 4)
            await wire.join()
            await taker.until(lambda it: it.events == [("scada_lost", True), ("scada_lost", False)])
            again = taker.scans
            await taker.until(lambda it: it.scans >= again + 8)
        assert gateway.status.scans_backfilled >= 3
        assert gateway.status.link.connections == 2
        made = await plant_times(scada)
    _assert_whole(taker, made)


async def test_scans_that_cannot_be_had_are_counted(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    without_history = replace(plant.opcua, has_history=False)
    async with open_scada(scada_settings(plant, endpoint)) as scada, wire_to(endpoint) as wire:
        async with open_gateway(wire.endpoint, without_history, taker) as gateway:
            await taker.until(lambda it: it.scans >= 4)
            wire.freeze()  # a hung server: found out by the missing answer
            await until(lambda: gateway.status.link.state is LinkState.LOST)
            broke_at = scada.display.scans
            await until(lambda: scada.display.scans >= broke_at + 4)
            wire.thaw()
            await taker.until(lambda it: any(frame.scans_missed for frame in it.frames))
            await taker.until(lambda it: len(it.of_section(0)) == len(it.of_section(1)))
        assert gateway.status.scans_backfilled == 0
        assert gateway.status.scans_missed >= 4
        made = await plant_times(scada)
    _assert_whole(taker, made, gateway.status.scans_missed)


async def test_a_restarted_server_is_read_on(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    settings = scada_settings(plant, endpoint)
    origin_ns = 1_000_000_000_000_000_000
    settings = replace(settings, origin_ns=origin_ns)
    async with open_gateway(endpoint, plant.opcua, taker) as gateway:
        async with open_scada(settings):
            await taker.until(lambda it: it.scans >= 4)
        await until(lambda: gateway.status.link.state is LinkState.LOST)
        seen = taker.scans
        async with open_scada(settings):
            await taker.until(lambda it: it.scans >= seen + 4)
    assert len({frame.session for frame in taker.frames}) == 1
    times = np.concatenate([frame.t_plant_s for frame in taker.of_section(0)])
    assert (np.diff(times) > 0).all()


async def test_a_plant_clock_that_goes_back_begins_a_session(
    plant: PlantFile, endpoint: str
) -> None:
    taker = Taker()
    async with open_gateway(endpoint, plant.opcua, taker) as gateway:
        async with open_scada(scada_settings(plant, endpoint)) as scada:
            await until(lambda: scada.display.scans >= 30)
            await taker.until(lambda it: it.scans >= 4)
        await until(lambda: gateway.status.link.state is LinkState.LOST)
        first = taker.frames[-1].session
        later = replace(scada_settings(plant, endpoint), origin_ns=scada.now_ns(), speed=1.0)
        async with open_scada(later):
            await taker.until(lambda it: it.frames[-1].session > first)
    of_new = [frame for frame in taker.of_section(0) if frame.session > first]
    assert [frame.sequence for frame in of_new] == list(range(len(of_new)))


async def test_a_dead_broker_costs_no_scan_until_the_buffer_is_full(
    plant: PlantFile, endpoint: str
) -> None:
    taker = Taker()
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with open_gateway(endpoint, plant.opcua, taker) as gateway:
            await taker.until(lambda it: it.scans >= 2)
            taker.away = True
            read = gateway.status.scans_read
            await until(lambda: gateway.status.scans_read >= read + 6)
            assert gateway.status.frames_waiting >= 2
            taker.away = False
            await taker.until(lambda it: it.scans >= read + 6)
        made = await plant_times(scada)
    assert taker.refused > 0
    _assert_whole(taker, made)


async def test_a_full_buffer_drops_the_oldest_and_says_so(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with open_gateway(endpoint, plant.opcua, taker, buffer_packets=1) as gateway:
            await taker.until(lambda it: it.scans >= 2)
            taker.away = True
            await until(lambda: gateway.status.scans_dropped >= 4)
            taker.away = False
            await taker.until(lambda it: sum(f.scans_missed for f in it.of_section(1)) > 0)
        made = await plant_times(scada)
    dropped = sum(frame.scans_missed for frame in taker.frames)
    assert dropped == gateway.status.scans_dropped
    _assert_whole(taker, made, sum(frame.scans_missed for frame in taker.of_section(0)))


async def test_a_bug_in_publishing_ends_theopen_gateway(plant: PlantFile, endpoint: str) -> None:
    async def publish(_: object) -> None:
        raise ArithmeticError("a bug")

    gateway = Gateway(endpoint, plant.opcua, SECTIONS, publish, publish_interval_s=0.25)
    async with open_scada(scada_settings(plant, endpoint)):
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(gateway.run(asyncio.Event()), PATIENCE_S)
    assert caught.group_contains(ArithmeticError)


async def test_without_a_counter_the_line_is_polled(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    polled = replace(plant.opcua, clock=ClockNodes(), has_history=False)
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with open_gateway(endpoint, polled, taker, scan_period_s=0.1) as gateway:
            await taker.until(lambda it: it.scans >= 6)
        assert gateway.status.duplicates > 0  # it looks more often than the plant scans
        assert gateway.status.scans_read <= scada.display.scans
    frame = taker.frames[0]
    assert frame.t_plant_s[0] == pytest.approx(frame.newest_source_time_ns / 1e9, abs=1.0)


async def test_nodes_that_are_missing_are_all_named(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    mapping = replace(
        plant.opcua,
        signals=tuple(
            replace(row, node=row.node.replace("Snapshot", "Elsewhere"))
            for row in plant.opcua.signals
        ),
        clock=ClockNodes("ns=plant;s=L1.Line", "/Objects/plant:Nowhere/plant:Counter"),
    )
    async with (
        open_scada(scada_settings(plant, endpoint)),
        open_gateway(endpoint, mapping, taker) as gateway,
    ):
        await until(lambda: gateway.status.link.state is LinkState.LOST)
        error = gateway.status.link.error
    assert "lacks 7 of" in error
    for row in mapping.signals[:5]:
        assert f"{row.name}: {row.node}" in error
    assert "scan counter: /Objects/plant:Nowhere/plant:Counter" in error
    assert taker.frames == []


async def test_no_server_is_an_event_once(plant: PlantFile, endpoint: str) -> None:
    taker = Taker()
    now_ns = 0

    def clock_ns() -> int:
        nonlocal now_ns
        now_ns += 10_000_000_000
        return now_ns

    async with open_gateway(endpoint, plant.opcua, taker, clock_ns=clock_ns) as gateway:
        await taker.until(lambda it: it.events == [("scada_lost", True)])
        error = gateway.status.link.error
        assert endpoint in error
        async with open_scada(scada_settings(plant, endpoint)):
            await taker.until(lambda it: it.events[-1] == ("scada_lost", False))
    assert taker.events[:2] == [("scada_lost", True), ("scada_lost", False)]
