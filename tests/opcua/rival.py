"""Another writer at a simulated line: takes the newest token without asking, and beats."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncua import ua

from opcua.link import Link, open_link
from opcua.nodes import NAMESPACE_URI
from opcua.scada import Scada

_BEAT_EVERY_S = 0.2
UINT32 = ua.VariantType.UInt32


class Rival:
    """The other writer.

    Attributes:
        beats: heartbeats that the plant took.
    """

    def __init__(self, link: Link, namespace: int) -> None:
        self._link = link
        self._namespace = namespace
        self.beats = 0

    async def write(self, name: str, count: int) -> str:
        """Write a count; the name of the status."""
        node = ua.NodeId(name, self._namespace)
        return (await self._link.write([(node, ua.Variant(count, UINT32))]))[0].name

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            if await self.write("L1.Comm.HbOptimiser", 1_000_000 + self.beats) == "Good":
                self.beats += 1
            await asyncio.sleep(_BEAT_EVERY_S)


@asynccontextmanager
async def rival_at(scada: Scada) -> AsyncIterator[Rival]:
    """A rival that has the newest token and beats until the block is left."""
    link = await open_link(scada.settings.endpoint)
    rival = Rival(link, await scada.server.get_namespace_index(NAMESPACE_URI))
    beating: asyncio.Task[None] | None = None
    try:
        newer = scada.writes.fence.token + 1
        assert await rival.write("L1.Comm.WriterToken", newer) == "Good"
        beating = asyncio.create_task(rival.run())
        yield rival
    finally:
        if beating is not None:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        await link.close()
