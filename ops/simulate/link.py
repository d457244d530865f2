"""A bad wire to a simulated SCADA, and the connection that the real writer has over it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncua import ua

from opcua.link import Link, LinkError
from opcua.subscription import Told
from ops.simulate.clockwork import Clockwork, Process
from ops.simulate.scada import TRIP_NODE, SimScada, moment_of


@dataclass
class Wire:
    """The network between a client and the server.

    Attributes:
        mean_delay_s: of one way.
        cut_until_s: until then connections break and none can be made.
        deaf_until_s: until then what is sent gets lost, and nobody is told: half-open connections.
    """

    clockwork: Clockwork
    random: random.Random
    mean_delay_s: float = 0.003
    cut_until_s: float = 0.0
    deaf_until_s: float = 0.0

    @property
    def is_cut(self) -> bool:
        """Whether there is no connection."""
        return self.clockwork.now_s < self.cut_until_s

    @property
    def is_deaf(self) -> bool:
        """Whether what is sent gets lost."""
        return self.clockwork.now_s < self.deaf_until_s

    def delay_s(self) -> float:
        """Return how long something is under way, now and then much longer than usual."""
        if self.random.random() < 0.002:
            return self.random.uniform(0.2, 1.5)
        return self.random.expovariate(1.0 / self.mean_delay_s)


class SimLink(Link):
    """A connection over the wire to one life of the server. Answers, or breaks, or hangs."""

    def __init__(
        self,
        client: Process,
        wire: Wire,
        find_server: Callable[[], SimScada | None],
        on_send: Callable[[ua.NodeId, float], None],
    ) -> None:
        """Take a connection that was made.

        Args:
            client: whose it is.
            wire: between the two.
            find_server: the server that lives now, or None.
            on_send: told of every value at the moment in which it is sent.
        """
        self.address = "opc.tcp://plant"
        self._at = client
        self._wire = wire
        self._find = find_server
        self._on_send = on_send
        server = find_server()
        self._life = -1 if server is None else server.session
        self._is_closed = False
        self.is_told_of_trip = False  # whoever writes on it knows that the plant has tripped
        self._told_s = -1.0  # when it was told of the contact last

    @property
    def is_whole(self) -> bool:
        """Whether it has not broken."""
        server = self._find()
        is_same = server is not None and server.session == self._life
        return is_same and not self._wire.is_cut and not self._is_closed

    async def read(
        self,
        node_ids: Sequence[ua.NodeId],
        attribute: ua.AttributeIds = ua.AttributeIds.Value,
        timeout_s: float = 4.0,
    ) -> list[ua.DataValue]:
        """Read over the wire."""

        def serve(server: SimScada) -> list[ua.DataValue]:
            return [server.read(node_id, attribute) for node_id in node_ids]

        asked_s = self._at.monotonic_s()
        answer: list[ua.DataValue] = await self._ask(serve, timeout_s)
        for node_id, value in zip(node_ids, answer, strict=True):
            if str(node_id.Identifier) == TRIP_NODE and attribute == ua.AttributeIds.Value:
                self._see_contact(value, asked_s)
        return answer

    def _see_contact(self, value: ua.DataValue, asked_s: float) -> None:
        """Know that the trip is over, as it was read: a deaf wire loses what is told."""
        is_known = value.StatusCode is None or value.StatusCode.is_good()
        is_over = is_known and value.Value is not None and value.Value.Value == 0
        if is_over and asked_s >= self._told_s:
            self.is_told_of_trip = False

    async def write(
        self, nodes: Sequence[tuple[ua.NodeId, ua.Variant]], timeout_s: float = 4.0
    ) -> list[ua.StatusCode]:
        """Write over the wire; what is under way may arrive after this has given up."""
        sent_s = self._at.monotonic_s()
        for node_id, variant in nodes:
            self._on_send(node_id, variant.Value)
        server = self._find()
        if server is not None and server.freeze_at_next is not None and nodes:
            ending, for_s = server.freeze_at_next
            if str(nodes[0][0].Identifier).endswith(ending):
                server.freeze_at_next = None
                server.process.freeze(for_s)

        def serve(server: SimScada) -> list[ua.StatusCode]:
            return [server.write(node_id, variant, sent_s, self) for node_id, variant in nodes]

        answer: list[ua.StatusCode] = await self._ask(serve, timeout_s)
        return answer

    @asynccontextmanager
    async def watch(self, node_id: ua.NodeId, told: Told, queue: int) -> AsyncIterator[None]:  # noqa: ARG002
        """Be told of the trip contact over the wire, in order, while the block lasts."""
        over, last_s = False, 0.0

        def take(value: int) -> None:
            self.is_told_of_trip, self._told_s = bool(value), self._at.monotonic_s()
            told.datachange_notification(None, value, _Notice(value))

        def tell(value: int) -> None:
            nonlocal last_s
            clockwork, wire = self._wire.clockwork, self._wire
            last_s = max(last_s, clockwork.now_s + wire.delay_s())

            def arrive() -> None:
                if not over and self.is_whole and not wire.is_deaf:
                    self._at.call(lambda: take(value))

            clockwork.at(last_s, arrive)

        await self._ask(lambda server: server.subscribe(tell), 4.0)
        try:
            yield
        finally:
            over = True

    async def ask_time(self, timeout_s: float = 4.0) -> datetime | None:
        """Ask over the wire what the server's clock shows."""

        def serve(server: SimScada) -> datetime:
            return moment_of(server.process.clock_ns())

        answer: datetime = await self._ask(serve, timeout_s)
        return answer

    async def translate(self, paths: list[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """The mapping has no browse paths here."""
        if paths:
            raise LinkError(f"{self.address}: no browse paths in a simulation")
        return []

    async def close(self) -> None:
        """Drop the connection."""
        self._is_closed = True

    async def _ask(self, serve: Callable[[SimScada], Any], timeout_s: float) -> Any:
        done = self._at.loop.create_future()
        clockwork, wire = self._wire.clockwork, self._wire

        def finish(result: Any, error: str = "") -> None:
            def settle() -> None:
                if done.done():
                    return
                if error:
                    done.set_exception(LinkError(f"{self.address}: {error}"))
                else:
                    done.set_result(result)

            self._at.call(settle)

        def arrive() -> None:
            server = self._find()
            if server is None or not self.is_whole:
                finish(None, "the connection broke")
            elif not wire.is_deaf:
                server.process.call(lambda: answer(server))

        def answer(server: SimScada) -> None:
            result = serve(server)
            if not wire.is_deaf:
                clockwork.after(wire.delay_s(), lambda: back(result))

        def back(result: Any) -> None:
            if wire.is_cut:
                finish(None, "the connection broke")
            else:
                finish(result)

        def leave() -> None:
            clockwork.after(wire.delay_s(), arrive)

        if not self.is_whole:
            raise LinkError(f"{self.address}: the connection broke")
        if self._at.is_frozen:  # stopped just now: it sends when it goes on
            self._at.call(leave)
        else:
            leave()
        try:
            async with asyncio.timeout(timeout_s):
                return await done
        except TimeoutError as exc:
            raise LinkError(f"{self.address}: no answer in time") from exc


class _Item:
    def __init__(self, value: int) -> None:
        self.Value = ua.DataValue(ua.Variant(value, ua.VariantType.Int32))


class _Notice:
    """What comes with a value that a subscription tells, as far as anybody looks at it."""

    def __init__(self, value: int) -> None:
        self.monitored_item = _Item(value)
