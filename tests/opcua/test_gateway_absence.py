"""A gateway that was away, or that the plant was away from: what it missed is had or counted."""

from dataclasses import replace

import numpy as np

from opcua.connector import LinkState
from opcua.mapping import ClockNodes
from opcua.resume import ResumePoint, resume_point
from opcua.scada import open_scada
from ops.plantfile import PlantFile
from tests.opcua.lines import (
    SECTIONS,
    Taker,
    open_gateway,
    plant_times,
    scada_settings,
    until,
)
from tests.opcua.proxy import wire_to


def _resume(taker: Taker, now_ns: int = 2**62) -> ResumePoint | None:
    newest = {number: taker.of_section(number)[-1] for number in range(len(SECTIONS))}
    return resume_point(newest, now_ns)


def _times(taker: Taker) -> list[float]:
    return np.concatenate([frame.t_plant_s for frame in taker.of_section(0)]).tolist()


async def test_a_restarted_gateway_reads_back_what_it_was_away_for(
    plant: PlantFile, endpoint: str
) -> None:
    taker = Taker()
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with open_gateway(endpoint, plant.opcua, taker):
            await taker.until(lambda it: it.scans >= 4)
        stopped_at = scada.display.scans
        await until(lambda: scada.display.scans >= stopped_at + 4)
        seen = taker.scans
        async with open_gateway(endpoint, plant.opcua, taker, resume=_resume(taker)) as gateway:
            await taker.until(lambda it: it.scans >= seen + 8)
        assert gateway.status.scans_backfilled >= 3
        made = await plant_times(scada)
    times = _times(taker)
    assert times == [time_s for time_s in made if times[0] <= time_s <= times[-1]]
    assert sum(frame.scans_missed for frame in taker.frames) == 0
    first, second = {frame.session for frame in taker.frames}
    assert first != second


async def test_a_restarted_gateway_counts_what_it_cannot_read_back(
    plant: PlantFile, endpoint: str
) -> None:
    taker = Taker()
    mapping = replace(plant.opcua, has_history=False)
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with open_gateway(endpoint, mapping, taker):
            await taker.until(lambda it: it.scans >= 4)
        stopped_at = scada.display.scans
        await until(lambda: scada.display.scans >= stopped_at + 4)
        seen = taker.scans
        async with open_gateway(endpoint, mapping, taker, resume=_resume(taker)):
            await taker.until(lambda it: it.scans >= seen + 4)
        made = await plant_times(scada)
    times = _times(taker)
    due = [time_s for time_s in made if times[0] <= time_s <= times[-1]]
    missed = sum(frame.scans_missed for frame in taker.of_section(0))
    assert missed == len(due) - len(times) >= 3


async def test_an_outage_of_a_plant_that_does_not_count_is_told_by_its_length(
    plant: PlantFile, endpoint: str
) -> None:
    taker = Taker()
    polled = replace(plant.opcua, clock=ClockNodes(), has_history=False)
    async with open_scada(scada_settings(plant, endpoint)) as scada, wire_to(endpoint) as wire:
        async with open_gateway(wire.endpoint, polled, taker, scan_period_s=0.25) as gateway:
            await taker.until(lambda it: it.scans >= 2)
            before = gateway.status.scans_missed  # on a loaded machine a look may have been late
            await wire.cut()
            await until(lambda: gateway.status.link.state is LinkState.LOST)
            broke_at = scada.display.scans
            await until(lambda: scada.display.scans >= broke_at + 4)
            await wire.join()
            await until(lambda: gateway.status.link.connections == 2)
            await until(lambda: gateway.status.scans_missed >= before + 3)
        assert sum(f.scans_missed for f in taker.of_section(0)) == gateway.status.scans_missed


async def test_a_plant_that_was_never_there_is_told_when_the_grace_is_over(
    plant: PlantFile, endpoint: str
) -> None:
    taker = Taker()
    now_ns = 1_800_000_000_000_000_000

    async with open_gateway(endpoint, plant.opcua, taker, clock_ns=lambda: now_ns) as gateway:
        await until(lambda: gateway.status.link.state is LinkState.LOST)
        assert taker.events == []
        now_ns += 6_000_000_000  # the error stays the same, so that the link has no news
        await taker.until(lambda it: it.events == [("scada_lost", True)])
