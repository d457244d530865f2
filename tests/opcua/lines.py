"""Lines to test with: a simulated SCADA in this process, and somebody who takes its frames."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua

from opcua.gateway import Gateway
from opcua.mapping import Mapping
from opcua.nodes import NAMESPACE_URI
from opcua.scada import Scada, ScadaSettings
from opcua.writer import Writer
from ops.plantfile import PlantFile
from stream.frames import SampleFrame

PATIENCE_S = 20.0
SECTIONS = ((1, 2), (3,))


def scada_settings(plant: PlantFile, endpoint: str, **changes: Any) -> ScadaSettings:
    """Three cells at 60x unless told otherwise."""
    chosen: dict[str, Any] = {"cells": plant.line.cell_count, "speed": 60.0, "seed": 7} | changes
    return ScadaSettings(plant.design, plant.signals, plant.setpoints, endpoint, **chosen)


@dataclass
class Taker:
    """Takes frames and events as the broker would; while it is `away` it refuses them."""

    frames: list[SampleFrame] = field(default_factory=list)
    events: list[tuple[str, bool]] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)  # of each event
    away: bool = False
    refused: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def publish(self, frame: SampleFrame) -> None:
        """Take a frame."""
        if self.away:
            self.refused += 1
            raise ConnectionError("the broker is away")
        async with self._news:
            self.frames.append(frame)
            self._news.notify_all()

    async def report(self, name: str, *, active: bool, **details: Any) -> None:
        """Take an event."""
        async with self._news:
            self.events.append((name, active))
            self.details.append(details)
            self._news.notify_all()

    async def until(self, is_so: Callable[["Taker"], bool]) -> None:
        """Wait until something holds of what was taken."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: is_so(self))

    def of_section(self, section: int) -> list[SampleFrame]:
        """Frames of one section, in order of arrival."""
        return [frame for frame in self.frames if frame.section == section]

    @property
    def scans(self) -> int:
        """Scans of section 0."""
        return sum(len(frame.t_plant_s) for frame in self.of_section(0))


@asynccontextmanager
async def open_gateway(
    endpoint: str, mapping: Mapping, taker: Taker, **changes: Any
) -> AsyncIterator[Gateway]:
    """A gateway at work; when the block is left it publishes what is left."""
    chosen: dict[str, Any] = {"publish_interval_s": 0.5} | changes
    gateway = Gateway(endpoint, mapping, SECTIONS, taker.publish, taker.report, **chosen)
    stop = asyncio.Event()
    running = asyncio.create_task(gateway.run(stop))
    try:
        yield gateway
    finally:
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)


async def plant_times(scada: Scada) -> list[float]:
    """Plant times of the scans that the plant made, oldest first: on a loaded machine the simulator
    itself skips some (`scans_skipped`), which nobody can have missed."""
    index = await scada.server.get_namespace_index(NAMESPACE_URI)
    clock = ua.NodeId("L1.Clock.PlantTime", index)
    values, _ = await scada.display.history.read_node_history(clock, None, None, 0)
    return sorted(value.Value.Value for value in values)


async def _clock(scada: Scada) -> ua.NodeId:
    index = await scada.server.get_namespace_index(NAMESPACE_URI)
    return ua.NodeId("L1.Clock.PlantTime", index)


async def until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(patience_s):
        while not is_so():  # noqa: ASYNC110 - the state belongs to another task without an event
            await asyncio.sleep(0.01)


async def follow(writer: Writer, cells: Iterable[int]) -> None:
    """Let cells follow a writer: asked for until it is shown, as the guard does, for what comes
    right after the plant has taken its cells back is left aside."""
    wanted = tuple(cells)
    async with asyncio.timeout(PATIENCE_S):
        while not all(writer.is_remote(cell) for cell in wanted):
            await writer.set_remote(wanted, True)
            await asyncio.sleep(0.3)
