"""Writes permitted setpoints and reads back what the plant made of them; keeps the heartbeat.

It answers to `stream.edge.PlantEdge`. Nothing waits for a connection: what cannot be written now
has failed, and what has expired is not sent. Where the plant has a token of the one writer, nothing
is written, heartbeat included, but under it (`opcua.lease`).
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from types import TracebackType
from typing import Final, Self

from control.limits import SetpointLimits
from opcua.clock_asking import ClockAsking
from opcua.connector import Connector, LinkState, LinkStatus
from opcua.fit import check_fit
from opcua.heartbeat import PlantBeat
from opcua.lease_keeper import LeaseKeeper
from opcua.link import Link, LinkError, open_link
from opcua.mapping import Mapping
from opcua.plant_picture import PictureReader, PlantPicture
from opcua.resolve import resolve
from opcua.trip_contact import TripContact
from opcua.wire_values import wire_count, wire_value
from opcua.write_batch import WRITE_TIMEOUT_S, BatchRules, LivePlant, WriteBatch
from stream.edge import (
    ClaimBook,
    ClockOffset,
    NoClaimBook,
    SetpointWrite,
    TripSigns,
    WriteResult,
)
from stream.frames import F64

_log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 0.25
_BEAT_EVERY_S: Final = 1.0
_PICTURE_GOOD_FOR_S: Final = 2.0


class Writer:
    """The one way out to the plant."""

    def __init__(
        self,
        endpoint: str,
        mapping: Mapping,
        cells: Iterable[int],
        setpoints: Iterable[SetpointLimits],
        *,
        readback_deadline_s: float,
        watchdog_timeout_s: float = 3.0,
        claims: ClaimBook | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
        opener: Callable[[str], Awaitable[Link]] = open_link,
    ) -> None:
        """Make a writer; `start` connects it.

        Args:
            endpoint: `opc.tcp://host:port/path`.
            mapping: the plant file's `[opcua]` table.
            cells: numbers of all cells.
            setpoints: limits of the plant file; their tolerances judge the read-back.
            readback_deadline_s: within which a write is verified, its one retry included.
            watchdog_timeout_s: of the plant; a writer whose heartbeat stood still for longer has
                lost its cells, and so its line is free.
            claims: where it is kept that we are the one writer; None: nowhere.
            clock_ns: wall clock, UTC nanoseconds; `monotonic_s`: one that nobody sets.
            opener: makes a connection.
        """
        self._mapping = mapping
        self._cells = tuple(cells)
        self._setpoints = tuple(setpoints)
        self._rules = BatchRules(
            self._cells,
            {row.name: row.readback_tolerance for row in self._setpoints},
            readback_deadline_s,
            clock_ns,
        )
        self._clock_ns = clock_ns
        self._monotonic_s = monotonic_s
        self.live: LivePlant | None = None
        self.picture = PlantPicture()
        self._looked_s = -math.inf  # monotonic; when `picture` was asked for
        self._beats = 0  # ours, as many as were sent
        self._plant_beat = PlantBeat(monotonic_s())
        self._beat_until_s = 0.0  # monotonic; not before the guard says so
        self._lease = LeaseKeeper(watchdog_timeout_s, claims or NoClaimBook(), monotonic_s)
        self._trip = TripContact(monotonic_s, has_contact=mapping.trip is not None)
        self._clock = ClockAsking(clock_ns, monotonic_s)
        self._connector = Connector(endpoint, clock_ns=clock_ns, opener=opener)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- life -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._connector.run(self._serve), name="writer")

    async def stop(self) -> None:
        """Disconnect."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def wait_connected(self, timeout_s: float) -> bool:
        """Return whether there is a connection, after at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.is_connected:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _serve(self, link: Link, ready: Callable[[], None]) -> None:
        """Look at the plant and beat until the connection breaks."""
        nodes = await resolve(link, self._mapping, self._cells)
        check_fit(link.address, nodes, self._setpoints)
        live = LivePlant(link, nodes, PictureReader(nodes))
        self._lease.begin(nodes, link.address)
        self._clock.begin()
        self._trip.begin()
        async with nullcontext() if nodes.trip is None else self._trip.watch(link, nodes.trip):
            await self.look(live)
            await self._claim(live)
            self.live = live
            ready()
            self._changed.set()
            try:
                await self._go_on(live)
            finally:
                self.live = None

    async def _go_on(self, live: LivePlant) -> None:
        next_beat_s, asking = 0.0, None
        try:
            while True:
                now_s = self._monotonic_s()
                if now_s >= next_beat_s:
                    next_beat_s = now_s + _BEAT_EVERY_S
                    await self._beat(live)
                await asyncio.sleep(_LOOK_EVERY_S)
                # Beside the look and before it, where no long answer is in its way; nobody waits
                # for it, least of all the heartbeat.
                if asking is None or asking.done():
                    asking = asyncio.create_task(self._clock.ask(live.link))
                    await asyncio.sleep(0.0)
                await self.look(live)
                await self._claim(live)
        finally:
            if asking is not None:  # nothing of it outlives the link
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _claim(self, live: LivePlant) -> None:
        await self._lease.take_if_free(live, may_take_over=self._may_beat())

    async def look(self, live: LivePlant) -> PlantPicture:
        """Read the plant's picture and keep it.

        Raises:
            LinkError: no answer in time, or the connection broke.
        """
        asked_s = self._monotonic_s()
        self.picture = await live.reader.look(live.link, self._clock_ns())
        self._looked_s = asked_s
        if live.nodes.trip is not None:
            self._trip.look(live.link.address, self.picture.trip, asked_s)
        self._lease.see(self.picture, asked_s)
        self._plant_beat = self._plant_beat.see(self.picture.beat, self._monotonic_s())
        return self.picture

    async def _beat(self, live: LivePlant) -> None:
        node = live.nodes.heartbeat_out
        if node is None or self.other_writer or not self._may_beat():
            return
        self._beats += 1
        beat = wire_count(node.variant_type, self._beats)
        status = (await live.link.write([(node.node_ids[0], beat)]))[0]
        if not status.is_good():
            await self.look(live)  # which tells whether another writer is the reason
            if not self.other_writer:
                raise LinkError(f"{live.link.address}: the heartbeat was refused: {status.name}")

    def _may_beat(self) -> bool:
        return self._monotonic_s() < self._beat_until_s

    # -- what the guard asks ----------------------------------------------------------------

    @property
    def status(self) -> LinkStatus:
        """How the connection stands, since when, and why."""
        return self._connector.status

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self.live is not None

    @property
    def address(self) -> str:
        """Where the plant is."""
        return self.status.address

    @property
    def last_error(self) -> str:
        """Why there is no connection; "" where there is one."""
        if self.is_connected:
            return ""
        return self.status.error or (
            "not connected yet" if self.status.state is LinkState.CONNECTING else "disconnected"
        )

    @property
    def other_writer(self) -> str:
        """Who writes instead of us, as far as is known; "" where it is us or nobody."""
        return self._lease.other_writer

    @property
    def trip_signs(self) -> TripSigns:
        """What the plant's own protection has said."""
        return self._trip.signs

    def know_trips(self, times_set: int) -> None:
        """Take in that the guard has tripped its cells for all that was set so often."""
        self._trip.know(times_set)

    def heartbeat_age_s(self) -> float:
        """Wall time since the plant's heartbeat moved (where it has none, its server's clock)."""
        return self._plant_beat.age_s(self._monotonic_s())

    def clock_offset(self) -> ClockOffset | None:
        """Return how far the server's clock is from ours; None while that is not known."""
        return self._clock.offset() if self.is_connected else None

    def allow_heartbeat(self, for_s: float) -> None:
        """Let our heartbeat run for so long; 0 stops it, so that the plant sheds by itself."""
        self._beat_until_s = self._monotonic_s() + for_s

    def _fresh(self) -> PlantPicture | None:
        is_old = self._monotonic_s() - self._looked_s > _PICTURE_GOOD_FOR_S
        return None if self.live is None or is_old else self.picture

    def readback(self, cell: int, setpoint: str) -> float | None:
        """Return the plant's own value of a setpoint, as last read; None when unknown or old."""
        picture = self._fresh()
        return None if picture is None else picture.readback(cell, setpoint)

    def readbacks(self) -> dict[str, F64]:
        """Return the read-backs of all cells by setpoint, (C,); empty when unknown or old."""
        picture = self._fresh()
        return (
            {}
            if picture is None
            else {name: picture.values(name) for name in self._rules.tolerance}
        )

    def is_remote(self, cell: int) -> bool | None:
        """Whether the plant follows our setpoints for this cell; None when unknown."""
        picture = self._fresh()
        if picture is None or cell not in picture.cells:
            return None
        return picture.is_remote[picture.cells.index(cell)]

    async def set_remote(self, cells: Collection[int], remote: bool) -> None:
        """Ask the plant to follow our setpoints for these cells, or to control them itself.

        A plant without modes is not asked. What cannot be asked now is not asked later; `is_remote`
        shows what came of it.
        """
        live = self.live
        if live is None or live.nodes.modes is None or not cells or self.other_writer:
            return
        modes = live.nodes.modes
        value = wire_value(
            modes.target.variant_type, modes.row.remote if remote else modes.row.local
        )
        at = {cell: index for index, cell in enumerate(self._cells)}
        nodes = [(modes.target.node_ids[at[cell]], value) for cell in cells if cell in at]
        try:
            statuses = await live.link.write(nodes, WRITE_TIMEOUT_S)
        except LinkError as exc:
            _log.warning("The modes of %d cells could not be set: %s", len(cells), exc)
            return
        refused = [status.name for status in statuses if not status.is_good()]
        if refused:
            _log.warning("The plant refused the modes of %d cells: %s", len(refused), refused[0])

    async def write(
        self,
        writes: Sequence[SetpointWrite],
        may_write: Callable[[SetpointWrite], bool] = lambda _: True,
    ) -> list[WriteResult]:
        """Write and read back; never raises for what the plant does or does not do.

        Args:
            writes: permitted values, in the unit of each setpoint's name.
            may_write: whether a value may still be written; asked before every attempt.

        Returns:
            One result for each, in order, within the deadline.
        """

        def may(write: SetpointWrite) -> bool:
            return not self._trip.bars_writing and may_write(write)

        return await WriteBatch(self, self._rules, may).run(writes)
