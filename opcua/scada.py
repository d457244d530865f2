"""The simulated SCADA: an OPC UA server in front of a simulated line, for the demo and for tests.

Three beats: a scan (every `scan_interval_s` of wall time) runs the plant and shows its instruments;
ten times a second targets and modes that were written take effect; once a second the heartbeat
moves and scalars are refreshed. All values of one scan bear one source time.
"""

import asyncio
import gc
import math
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from asyncua import Server, ua
from asyncua.server.internal_server import InternalServer

from control.limits import SetpointLimits
from opcua.address_space import AddressSpace, build_address_space
from opcua.display import Display
from opcua.fence import LEASE
from opcua.line_control import HEARTBEAT, MODE, TRIP, LineControl
from opcua.nodes import CellMode, setpoints_of
from opcua.scans import to_datetime
from opcua.security import secure_server
from opcua.server_setup import prepare_server
from opcua.simulation import LineScan, LineSimulation
from opcua.write_log import WriteLog
from opcua.write_rules import Anonymous, Attempt, RuledWrites, WriteRule
from physics.design import PlantDesign
from stream.accounts import Role
from stream.signals import SignalLimits

_SHORTEST_SCAN_S: Final = 0.25
_APPLY_S: Final = 0.1
_REFRESH_S: Final = 1.0
_SESSION_TIMEOUT_MS: Final = (5_000.0, 30_000.0)
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ScadaSettings:
    """What to simulate, where, and how fast.

    Attributes:
        design, signals, setpoints: of the plant file.
        endpoint: `opc.tcp://host:port/path`; bind 127.0.0.1 unless the network is yours.
        cells: 1 to 300.
        speed: plant seconds per wall second, 1 to 600.
        seed: of all random numbers.
        origin_ns: wall time at which plant time began to run at `speed`, so that it goes on over
            restarts; None: now.
        watchdog_timeout_s: standstill of the optimiser's heartbeat after which cells are shed.
        certificates: folder as `potline certs` made it: only signed and encrypted connections with
            an account are taken then. None: plain connections of anybody.
    """

    design: PlantDesign
    signals: tuple[SignalLimits, ...]
    setpoints: tuple[SetpointLimits, ...]
    endpoint: str
    cells: int = 24
    speed: float = 60.0
    seed: int = 1
    origin_ns: int | None = None
    watchdog_timeout_s: float = 3.0
    certificates: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.cells <= 300:
            raise ValueError(f"{self.cells} cells: the simulator runs 1 to 300; set cells")
        if not 1.0 <= self.speed <= 600.0:
            raise ValueError(f"speed {self.speed}: the simulator runs at 1 to 600; set speed")

    @property
    def scan_interval_s(self) -> float:
        """Wall time between scans."""
        return max(_SHORTEST_SCAN_S, self.design.line.scan_period_s / self.speed)


class Scada:
    """A running simulated SCADA; make it with `open_scada`."""

    def __init__(
        self,
        settings: ScadaSettings,
        server: Server,
        space: AddressSpace,
        control: LineControl,
        origin_ns: int,
    ) -> None:
        self.settings = settings
        self._server = server
        self.writes = RuledWrites(
            server.iserver.aspace, _rules(space, settings.setpoints), self.take_attempt
        )
        server.iserver.attribute_service = self.writes
        self._space = space
        self._control = control
        self._write_log = WriteLog()
        self.display = Display(server, space, control)
        server.iserver.history_manager.set_storage(self.display.history)
        self._origin_ns = origin_ns
        # Wall time on a clock that nobody sets: the grid of scans must not jump.
        self._wall_offset_ns = time.time_ns() - time.monotonic_ns()
        self._slot = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="plant")
        self.scans_skipped = 0
        self.heartbeat = 0
        self.running: asyncio.Task[None]  # all beats; ends only by failing

    def now_ns(self) -> int:
        """Wall time, steady."""
        return time.monotonic_ns() + self._wall_offset_ns

    def plant_time_s(self, slot: int) -> float:
        """Return the plant time of a scan on the grid."""
        wall_s = slot * self.settings.scan_interval_s
        return self._origin_ns / _NS_PER_S + self.settings.speed * wall_s

    def slot_at(self, now_ns: int) -> int:
        """Return the newest scan on the grid that is due."""
        return math.floor((now_ns - self._origin_ns) / _NS_PER_S / self.settings.scan_interval_s)

    @property
    def server(self) -> Server:
        """The asyncua server."""
        return self._server

    @property
    def control(self) -> LineControl:
        """Targets, modes and watchdog."""
        return self._control

    def close(self) -> None:
        """Let go of the thread in which the plant runs."""
        self._thread.shutdown(wait=False)

    async def trip(self, *, is_set: bool) -> None:
        """Trip the line as the plant's own protection would, or end that."""
        self._control.trip(is_set=is_set)
        await self.display.show_control(self.now_ns())

    def take_attempt(self, attempt: Attempt) -> None:
        """Pass on a write if it stands, and note it in any case."""
        self._write_log.take(attempt)
        if attempt.value is not None and attempt.rule.meaning != LEASE:  # the fence has that
            self._control.take_write(attempt.rule, attempt.value, time.monotonic())

    async def show(self, simulation: LineSimulation) -> None:
        """Take the first scan and fill all nodes, so that nobody reads a value that is none."""
        self._slot = self.slot_at(self.now_ns())
        first = await self._step(simulation)
        await self.display.show_constants(
            self.settings.speed, self.settings.watchdog_timeout_s, self.now_ns()
        )
        await self.display.show_control(self.now_ns())
        await self.display.show_scan(first, self.now_ns())
        await self.display.show_scalars(first, self.now_ns())

    async def run(self, simulation: LineSimulation) -> None:
        """Run all beats until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._scan(simulation), name="scada: scan")
            group.create_task(self._apply(), name="scada: apply")
            group.create_task(self._beat(), name="scada: heartbeat")

    async def _scan(self, simulation: LineSimulation) -> None:
        refresh_every = max(1, round(_REFRESH_S / self.settings.scan_interval_s))
        while True:
            self._slot += 1
            due_s = self._origin_ns / _NS_PER_S + self._slot * self.settings.scan_interval_s
            await asyncio.sleep(max(0.0, due_s - self.now_ns() / _NS_PER_S))
            late = self.slot_at(self.now_ns()) - self._slot
            if late > 0:
                self.scans_skipped += late
                self._slot += late
            scan = await self._step(simulation)
            await self.display.show_scan(scan, self.now_ns())
            if self.display.scans % refresh_every == 0:
                await self.display.show_scalars(scan, self.now_ns())

    async def _step(self, simulation: LineSimulation) -> LineScan:
        """Run the line to the present slot, in a thread."""
        scan = await asyncio.get_running_loop().run_in_executor(
            self._thread,
            simulation.step,
            self.plant_time_s(self._slot),
            self._control.accepted_copy(),
            self._control.modes.copy(),
        )
        self._control.take_scan(scan)
        return scan

    async def _apply(self) -> None:
        while True:
            await asyncio.sleep(_APPLY_S)
            if self._control.apply(time.monotonic()):
                await self.display.show_control(self.now_ns())
            await self.display.show_writes(self._write_log.news(), self.now_ns())

    async def _beat(self) -> None:
        while True:
            self.heartbeat += 1
            moment = to_datetime(self.now_ns())
            await self._space.write("L1.Comm.HbScada", self.heartbeat, moment)
            await asyncio.sleep(_REFRESH_S)


def _rules(
    space: AddressSpace, setpoints: tuple[SetpointLimits, ...]
) -> dict[ua.NodeId, WriteRule]:
    limits = {row.name: row for row in setpoints}
    rules = {
        space.node_id("L1.Comm.HbOptimiser"): WriteRule(HEARTBEAT, ua.VariantType.UInt32, low=0),
        space.node_id("L1.Comm.WriterToken"): WriteRule(LEASE, ua.VariantType.UInt32, low=1),
        space.node_id("L1.Interlock.Trip"): WriteRule(
            TRIP, ua.VariantType.Int32, allowed=(0, 1), roles=frozenset({Role.OPERATOR})
        ),
    }
    modes = tuple(int(mode) for mode in CellMode)
    for cell in range(1, space.cells + 1):
        rules[space.node_id("L1.C{cell:03d}.ModeTarget", cell)] = WriteRule(
            MODE,
            ua.VariantType.Int32,
            cell,
            allowed=modes,
            roles=frozenset({Role.OPTIMISER, Role.OPERATOR}),
        )
        for quantity in setpoints_of(limits):
            row = limits[quantity.name]
            pattern = f"L1.C{{cell:03d}}.SP.{quantity.browse_name}.Target"
            rules[space.node_id(pattern, cell)] = WriteRule(
                quantity.name, ua.VariantType.Double, cell, row.low, row.high
            )
    return rules


@asynccontextmanager
async def open_scada(settings: ScadaSettings) -> AsyncIterator[Scada]:
    """Start the simulated SCADA; it runs until the block is left.

    Raises:
        OSError: the endpoint's port is taken.
    """
    origin_ns = time.time_ns() if settings.origin_ns is None else settings.origin_ns
    # Building the line compiles it: seconds, while the server is prepared.
    building = asyncio.get_running_loop().run_in_executor(None, _build_line, settings, origin_ns)
    try:
        server, space = await _prepare_server(settings)
    finally:
        simulation = await building
    control = LineControl(settings.setpoints, simulation.start, settings.watchdog_timeout_s)
    scada = Scada(settings, server, space, control, origin_ns)
    await scada.show(simulation)
    async with server:
        scada.running = asyncio.create_task(scada.run(simulation), name="scada")
        try:
            yield scada
        finally:
            scada.running.cancel()
            await asyncio.gather(scada.running, return_exceptions=True)
            scada.close()


async def run_scada(
    settings: ScadaSettings,
    stop: asyncio.Event,
    on_ready: Callable[[Scada], None] = lambda _: None,
) -> None:
    """Run the simulated SCADA until `stop` is set.

    Args:
        settings: what to simulate.
        stop: ends it.
        on_ready: called once clients may connect.

    Raises:
        OSError: the endpoint's port is taken.
        ExceptionGroup: the simulation failed; the server must not go on showing its last scan.
    """
    async with open_scada(settings) as scada:
        # What there is by now stays, and a pass over it would stop the server for 0.7 s.
        gc.freeze()
        on_ready(scada)
        stopped = asyncio.create_task(stop.wait(), name="scada: stop")
        try:
            await asyncio.wait({stopped, scada.running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if scada.running.done():
            await scada.running


async def _prepare_server(settings: ScadaSettings) -> tuple[Server, AddressSpace]:
    """Return a server with all its nodes, not started, that lets nobody administer it."""
    server = await prepare_server(
        InternalServer(user_manager=Anonymous()),
        settings.endpoint,
        "potline simulated SCADA",
        "urn:potline:scada",
        _SESSION_TIMEOUT_MS,
    )
    if settings.certificates is not None:
        await secure_server(server, settings.certificates)
    space = await build_address_space(server, settings.cells, settings.signals, settings.setpoints)
    return server, space


def _build_line(settings: ScadaSettings, origin_ns: int) -> LineSimulation:
    """Build the line and take one step, which compiles it: seconds, and not on the event loop."""
    elapsed_s = (time.time_ns() - origin_ns) / _NS_PER_S
    t_plant_s = origin_ns / _NS_PER_S + settings.speed * elapsed_s
    step_s = settings.speed * settings.scan_interval_s
    simulation = LineSimulation(
        settings.design, settings.setpoints, settings.cells, settings.seed, t_plant_s - step_s
    )
    modes = np.full(settings.cells, CellMode.AUTO, dtype=np.int64)
    simulation.step(t_plant_s, simulation.start, modes)
    return simulation
