"""Lines to test with: a simulated SCADA in this process, and somebody who takes its frames."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opcua.scada import ScadaSettings
from ops.plantfile import PlantFile
from stream.frames import SampleFrame

PATIENCE_S = 20.0


def scada_settings(plant: PlantFile, endpoint: str, **changes: Any) -> ScadaSettings:
    """Three cells at 60x unless told otherwise."""
    chosen: dict[str, Any] = {"cells": plant.line.cell_count, "speed": 60.0, "seed": 7} | changes
    return ScadaSettings(plant.design, plant.signals, plant.setpoints, endpoint, **chosen)


@dataclass
class Taker:
    """Takes frames and events as the broker would; while it is `away` it refuses them."""

    frames: list[SampleFrame] = field(default_factory=list)
    events: list[tuple[str, bool]] = field(default_factory=list)
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

    async def report(self, name: str, *, active: bool, **_: Any) -> None:
        """Take an event."""
        async with self._news:
            self.events.append((name, active))
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


async def until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(patience_s):
        while not is_so():  # noqa: ASYNC110 - the state belongs to another task without an event
            await asyncio.sleep(0.01)
