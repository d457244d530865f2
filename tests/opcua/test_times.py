"""What wrong clocks do to the gateway at a plant without one of its own: they do not silence it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from asyncua import ua

from opcua.gateway import Gateway
from tests.opcua.lines import PATIENCE_S, Taker
from tests.opcua.small_plant import MAPPING, SmallPlant, small_plant

CELLS = (1, 2)
HOUR = timedelta(hours=1)


@asynccontextmanager
async def _read(endpoint: str, taker: Taker) -> AsyncIterator[Gateway]:
    gateway = Gateway(
        endpoint,
        MAPPING,
        (CELLS,),
        taker.publish,
        taker.report,
        scan_period_s=0.1,
        publish_interval_s=0.1,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(gateway.run(stop))
    try:
        yield gateway
    finally:
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)


@asynccontextmanager
async def _live(plant: SmallPlant, ahead: dict[int, timedelta]) -> AsyncIterator[None]:
    """Let both voltages move; each is stamped with its own error of the clock."""

    async def move() -> None:
        while True:
            for cell in CELLS:
                stamp = datetime.now(UTC) + ahead.get(cell, timedelta())
                value = ua.DataValue(ua.Variant(4.2), SourceTimestamp=stamp)
                await plant.show(f"V{cell}", value)
            await asyncio.sleep(0.05)

    moving = asyncio.create_task(move())
    try:
        yield
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)


async def test_a_stamp_of_the_future_reaches_samples_and_silences_nobody(endpoint: str) -> None:
    taker, ahead = Taker(), {2: HOUR}
    async with small_plant(endpoint) as plant, _live(plant, ahead), _read(endpoint, taker):
        await taker.until(lambda it: it.scans >= 3)
        ahead.clear()
        seen = taker.scans
        await taker.until(lambda it: it.scans >= seen + 3)
    first = taker.frames[0]
    assert first.source_time_ns[0, 1, 0] - first.t_received_ns > 3_000_000_000_000
    assert len({frame.session for frame in taker.frames}) == 1
    times = [t for frame in taker.frames for t in frame.t_plant_s]
    assert max(times) < time.time() + 1.0


async def test_a_clock_that_is_set_back_begins_a_session_at_once(endpoint: str) -> None:
    taker, ahead = Taker(), dict.fromkeys(CELLS, timedelta())
    async with small_plant(endpoint) as plant, _live(plant, ahead), _read(endpoint, taker):
        await taker.until(lambda it: it.scans >= 3)
        first = taker.frames[0].session
        ahead.update(dict.fromkeys(CELLS, -HOUR))
        await taker.until(lambda it: it.frames[-1].session > first)
        seen = taker.scans
        await taker.until(lambda it: it.scans >= seen + 3)
    assert len({frame.session for frame in taker.frames}) == 2
