"""A wire that can be cut: a TCP proxy between a client and a server.

It can also make the server's clock look wrong: see `opcua_clock`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from ops.ports import free_port
from tests.opcua.opcua_clock import ClockSetter


class Wire:
    """Passes bytes both ways until it is cut."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._flow = asyncio.Event()
        self._flow.set()
        self.server_ahead_ns: Callable[[], int] = lambda: 0  # by which its clock looks wrong

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"opc.tcp://127.0.0.1:{self.port}/potline"

    async def join(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Break all connections and take no new ones."""
        if self._server is not None:
            self._server.close()
            for end in list(self._ends):
                end.transport.abort()
            await self._server.wait_closed()
            self._server = None

    def freeze(self) -> None:
        """Pass nothing on, but keep the connections: a hung server."""
        self._flow.clear()

    def thaw(self) -> None:
        """Pass on again."""
        self._flow.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, back}
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer, ClockSetter()))
        for end in (writer, back):
            end.transport.abort()
            self._ends.discard(end)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: ClockSetter | None = None,
    ) -> None:
        while chunk := await reader.read(65536):
            await self._flow.wait()
            writer.write(chunk if clock is None else clock.take(chunk, self.server_ahead_ns()))
            await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def wire_to(endpoint: str) -> AsyncIterator[Wire]:
    """A joined wire to the server at `endpoint`."""
    wire = Wire(int(endpoint.rsplit(":", 1)[1].split("/")[0]))
    await wire.join()
    try:
        yield wire
    finally:
        wire.thaw()
        await wire.cut()
