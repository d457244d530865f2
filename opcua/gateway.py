"""Reads the plant scan by scan and publishes frames, one per section and publishing interval.

Reading never waits for publishing: between them lies a bounded buffer per section. What is
thrown away when it overflows, and what the plant's history no longer had, is counted in the next
frame's `scans_missed`; nothing is lost in silence.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from control.channel_faults import Stillness
from opcua.backfill import backfill
from opcua.channel_news import ChannelNews
from opcua.channels import make_rules, stillness_of
from opcua.connector import Connector, LinkStatus
from opcua.counter import watch_counter
from opcua.laboratory import LaboratoryDesk, LaboratoryReader, PublishReport
from opcua.link import Link, LinkError, open_link
from opcua.link_news import LinkNews, Report
from opcua.mapping import Mapping
from opcua.order import Arrival, ScanOrder
from opcua.packing import Packer
from opcua.poll_grid import PollGrid
from opcua.publishing import Publish, Publisher
from opcua.resolve import resolve
from opcua.resume import ResumePoint
from opcua.scan_reader import ScanReader
from opcua.scans import Scan
from stream.signals import SignalLimits

_log = logging.getLogger(__name__)
_TICK_S: Final = 0.1
_LABORATORY_EVERY_S: Final = 5.0  # wall time; samples are hours old when they are reported


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """What the gateway has done so far."""

    link: LinkStatus
    session: int
    scans_read: int = 0
    scans_backfilled: int = 0
    scans_missed: int = 0  # neither read nor to be had from history
    scans_dropped: int = 0  # read, but thrown away when a section's buffer was full
    duplicates: int = 0
    frames_published: int = 0
    points_published: int = 0
    frames_waiting: int = 0
    t_last_scan_ns: int = 0
    reports_published: int = 0  # of the laboratory


class Gateway:
    """The one-way door from the plant to `samples` and `laboratory`."""

    def __init__(
        self,
        endpoint: str,
        mapping: Mapping,
        sections: tuple[tuple[int, ...], ...],
        publish: Publish,
        report: Report | None = None,
        *,
        limits: Sequence[SignalLimits] = (),
        scan_period_s: float = 1.0,
        publish_interval_s: float = 1.0,
        buffer_packets: int = 120,
        drain_s: float = 1.5,
        resume: ResumePoint | None = None,
        publish_report: PublishReport | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        opener: Callable[[str], Awaitable[Link]] = open_link,
    ) -> None:
        """Make a gateway; `run` starts it.

        Args:
            endpoint: `opc.tcp://host:port/path`.
            mapping: the plant file's `[opcua]` table.
            sections: cell numbers of section 0, 1, ...
            publish: takes each frame, one at a time and in order per section.
            report: takes events.
            limits: of the signals; needed where a signal has several sensors.
            scan_period_s: wall time between looks at a plant that has no scan counter.
            publish_interval_s: wall time that one frame covers.
            buffer_packets: how many intervals are kept while the broker is away.
            drain_s: how long `run` may go on publishing after it was told to stop.
            resume: what a gateway before this one had published; what the plant scanned since is
                read back, or else counted as missed.
            publish_report: takes what the laboratory reports, where the mapping says where it does.
            clock_ns: wall clock, UTC nanoseconds.
            opener: makes a connection.

        Raises:
            ValueError: a signal with several sensors has no limits.
        """
        self._mapping = mapping
        self._cells = tuple(cell for section in sections for cell in section)
        self._resume = resume
        self._scan_period_s = scan_period_s
        self._drain_s = drain_s
        self._clock_ns = clock_ns
        self._signals = tuple(row.name for row in mapping.signals)
        self._rules = make_rules(mapping.signals, limits)
        self._stillness: dict[str, Stillness] = {}
        self._order = ScanOrder() if resume is None else resume.order
        self._grid: PollGrid | None = None  # of a plant that does not count, from the first look
        self._laboratory_due_s = -math.inf
        self._unclaimed_missed = 0  # looks that were not made, told with the next scan
        session = clock_ns() if resume is None else max(clock_ns(), resume.session + 1)
        self._packer = Packer(publish_interval_s, session)
        self._publisher = Publisher(sections, self._signals, publish, buffer_packets)
        for section, scans in ({} if resume is None else resume.behind).items():
            if section < len(sections):
                self._publisher.note_missed(section, scans)
        self._desk = LaboratoryDesk(mapping, sections, publish_report)
        self._news = LinkNews(report, clock_ns)
        self._channel_news = ChannelNews(report, sections)
        self._connector = Connector(endpoint, self._news.see, clock_ns, opener)
        self._counts = GatewayStatus(self._connector.status, self._packer.session)

    @property
    def status(self) -> GatewayStatus:
        """What it has done so far and how its connection stands."""
        return replace(
            self._counts,
            link=self._connector.status,
            session=self._packer.session,
            scans_dropped=self._publisher.dropped_scans,
            frames_published=self._publisher.frames,
            points_published=self._publisher.points,
            frames_waiting=self._publisher.waiting,
            reports_published=self._desk.published,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Read and publish until `stop` is set; then publish what is left and return.

        Raises:
            Exception: whatever `publish` or `report` raise besides `OSError`: a bug.
        """
        reading = [
            asyncio.create_task(self._connector.run(self._serve), name="gateway: read"),
            asyncio.create_task(self._tick(), name="gateway: tick"),
        ]
        telling = [
            asyncio.create_task(self._publisher.run(), name="gateway: publish"),
            asyncio.create_task(self._news.run(), name="gateway: events"),
            asyncio.create_task(self._channel_news.run(), name="gateway: channels"),
            asyncio.create_task(self._desk.run(), name="gateway: laboratory"),
        ]
        stopped = asyncio.create_task(self._until(stop), name="gateway: stop")
        try:
            await _first_of([stopped, *reading, *telling])
            await _cancel(reading)
            self._publisher.add(self._packer.flush())
            drained = asyncio.create_task(self._publisher.drain(self._drain_s))
            await _first_of([drained, *telling])
        finally:
            await _cancel([stopped, *reading, *telling])

    @staticmethod
    async def _until(stop: asyncio.Event) -> None:
        await stop.wait()

    async def _serve(self, link: Link, ready: Callable[[], None]) -> None:
        """Find the nodes and read until the connection breaks."""
        nodes = await resolve(link, self._mapping, self._cells)
        reader = ScanReader(nodes, self._rules)
        await self._look(link, reader)
        ready()
        if nodes.scan_counter is None:
            await self._poll(link, reader)
            return
        patience_s = max(2.0, 3.0 * self._scan_period_s)
        async with watch_counter(link, nodes.scan_counter) as counter:
            while True:
                await counter.wait_for_other_than(self._order.counter, patience_s)
                await self._look(link, reader)

    async def _poll(self, link: Link, reader: ScanReader) -> None:
        """Look once per scan period."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() if self._grid is None else self._grid.next_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await self._look(link, reader)

    def _count_looks(self, began_s: float, now_ns: int) -> None:
        """Note a look at a plant that does not count its scans, and the looks missed before it: in
        an outage, in a delay, or while no gateway ran."""
        if self._grid is None:
            self._grid = PollGrid(self._scan_period_s, began_s)
            if self._resume is not None:
                self._unclaimed_missed += self._resume.polls_missed(now_ns, self._scan_period_s)
        self._grid, missed = self._grid.look(began_s)
        self._unclaimed_missed += missed

    async def _look(self, link: Link, reader: ScanReader) -> None:
        """Read one scan; take it if it is new, after those that were missed before it."""
        began_s = asyncio.get_running_loop().time()
        answers = await link.read(reader.node_ids)
        now_ns = self._clock_ns()
        scan = reader.scan(answers, now_ns, self._stillness)
        has_counter = reader.nodes.scan_counter is None or scan.counter is not None
        if not has_counter or not math.isfinite(scan.t_plant_s):
            raise LinkError(f"{link.address}: the plant's clock or scan counter has no value")
        if reader.nodes.scan_counter is None:
            self._count_looks(began_s, now_ns)
        arrival, missing = self._order.judge(scan)
        if arrival is Arrival.DUPLICATE:
            self._count(duplicates=1)
            return
        if arrival is Arrival.RESTARTED:
            _log.warning("The plant's clock went back; a new session begins.")
            self._publisher.add(self._packer.flush())
            self._packer.session = max(now_ns, self._packer.session + 1)
            self._order = ScanOrder()
        found = await self._backfilled(link, reader, missing, scan) if missing else []
        missed = len(missing) - len(found) + self._unclaimed_missed
        self._unclaimed_missed = 0
        self._count(scans_backfilled=len(found), scans_missed=missed)
        for one in [*found, replace(scan, missed_before=missed)]:
            self._order = self._order.after(one)
            self._count(scans_read=1)
            self._publisher.add(self._packer.add(one))
        self._stillness = stillness_of(scan.ballots)
        self._channel_news.see(scan.ballots, now_ns)
        self._counts = replace(self._counts, t_last_scan_ns=now_ns)
        await self._look_at_laboratory(link, reader)

    async def _look_at_laboratory(self, link: Link, reader: ScanReader) -> None:
        """Read, now and then, what the plant shows of its laboratory."""
        now_s = asyncio.get_running_loop().time()
        nodes = reader.nodes
        if nodes.laboratory is None or now_s < self._laboratory_due_s:
            return
        self._laboratory_due_s = now_s + _LABORATORY_EVERY_S
        laboratory = LaboratoryReader(nodes.laboratory, nodes.cells)
        answers = await link.read(laboratory.node_ids)
        now_ns = self._clock_ns()
        self._desk.see(laboratory.look(answers, now_ns), now_ns)

    async def _backfilled(
        self, link: Link, reader: ScanReader, missing: range, scan: Scan
    ) -> list[Scan]:
        """Return those of the missing scans that the server still has, newer than all taken."""
        if not self._mapping.has_history:
            return []
        until_ns = scan.newest_source_time_ns
        since_ns = self._order.source_time_ns
        try:
            found = await backfill(
                link,
                reader,
                missing[0],
                missing[-1],
                since_ns,
                until_ns,
                scan.t_received_ns,
                self._stillness,
            )
        except LinkError as exc:
            _log.warning("%d scans could not be had from history: %s", len(missing), exc)
            return []
        newest_s = self._order.t_plant_s
        return [
            one
            for one in found
            if one.t_plant_s < scan.t_plant_s and (newest_s is None or one.t_plant_s > newest_s)
        ]

    async def _tick(self) -> None:
        """Let no scan wait longer than an interval, and no lost plant go untold."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._news.see(self._connector.status)
            self._publisher.add(self._packer.due(self._clock_ns()))

    def _count(self, **more: int) -> None:
        self._counts = replace(
            self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()}
        )


async def _first_of(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for one task to end, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
