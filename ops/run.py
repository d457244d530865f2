"""One run of the line, from start to report: what `potline up` does.

It starts what the settings ask for, shows how it stands, and ends it in order: the gateway first,
then the loop and the guard once they have dealt with all there was, then the rest.
"""

import asyncio
import os
import secrets
import signal
import tempfile
import time
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from ops.assembly import Assembly, assemble, make_units, port_of
from ops.drain import drain
from ops.follow import Follower
from ops.gauge import Gauge
from ops.janitor import dismiss, hire
from ops.journal import Journal
from ops.leftovers import LeftBehind, look_for, remove_folder
from ops.local_server import Launch
from ops.plantfile import PlantFile
from ops.processes import TOPICS_STEP
from ops.report import RunFacts, build_report, report_lines, write_report
from ops.reservation import Reservation
from ops.settings import Settings
from ops.status import Screen
from ops.supervise import Supervisor
from ops.units import Change, RunFailedError, Step, UnitState
from ops.usage import Usage
from stream.kafka import KafkaUnreachableError, create_topics
from stream.outbox import Outbox

Launcher = Callable[[Settings, Path, Reservation, str, Console], Awaitable[Mapping[str, Launch]]]
_TICK_S: Final = 0.5
_USAGE_EVERY_S: Final = 5.0
_STOP_WITHIN_S: Final = 9.0  # of the ten seconds promised, with a second for the last checks
_AGAIN_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How long, and what to do besides.

    Attributes:
        seconds: wall time after which the run ends by itself; None for never.
        is_kept: whether a temporary run folder stays.
    """

    seconds: float | None = None
    report: Path | None = None
    is_browser_wanted: bool = False
    is_kept: bool = False


class LineRun:
    """One run. `run` does it all and returns the exit code."""

    def __init__(
        self,
        settings: Settings,
        plant: PlantFile,
        options: RunOptions,
        console: Console,
        launcher: Launcher,
    ) -> None:
        self._settings = settings
        self._plant = plant
        self._options = options
        self._console = console
        self._launcher = launcher
        self._id = f"{os.getpid()}-{secrets.token_hex(4)}"
        age_s = time.time() - psutil.Process().create_time()
        self._started_ns = time.time_ns() - int(age_s * 1e9)
        self._started_s = time.monotonic() - age_s
        self._usage = Usage()
        self._asked_to_end = asyncio.Event()
        self._ready_s: float | None = None
        self._reservation = Reservation()
        self._supervisor: Supervisor | None = None
        self._killed: list[str] = []
        self._were_ready: set[str] = set()
        self._side_tasks: list[asyncio.Task[object]] = []

    async def run(self) -> int:
        """Run the line and return 0, or 1 where it failed or left something behind."""
        self._listen_to_signals()
        given = self._settings.run.folder
        is_removed = given is None and not self._options.is_kept
        folder = (given or Path(tempfile.mkdtemp(prefix="potline-"))).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        janitor = hire(self._id, folder if is_removed else None)
        try:
            launches = await self._launches(folder)
            if launches is None:
                self._console.print("Ended before anything had been started.")
                return 0
            facts, assembly, supervisor, follower = await self._run_in(folder, launches)
        finally:
            self._reservation.release()
            if is_removed:
                await asyncio.to_thread(remove_folder, folder)
            await asyncio.to_thread(dismiss, janitor)
        unused = {  # a server that never came up has opened nothing: who listens there is another
            port_of(launch.address)
            for name, launch in assembly.launches.items()
            if name not in self._were_ready
        }
        ports = [port for port in assembly.ports if port not in unused]
        left = await asyncio.to_thread(look_for, self._id, ports, (folder,) if is_removed else ())
        report = build_report(facts, follower.tally, self._usage, supervisor.restarts(), left)
        if self._options.report is not None:
            write_report(report, self._options.report)
        self._say_goodbye(report, left, None if is_removed else folder)
        return int(facts.failure is not None or not left.is_nothing)

    async def _launches(self, folder: Path) -> Mapping[str, Launch] | None:
        """Make the servers ready; None where the run was asked to end meanwhile."""
        launching = asyncio.ensure_future(
            self._launcher(self._settings, folder, self._reservation, self._id, self._console)
        )
        asked = asyncio.create_task(self._asked_to_end.wait())
        try:
            await asyncio.wait({launching, asked}, return_when=asyncio.FIRST_COMPLETED)
            return None if asked.done() else launching.result()
        finally:
            launching.cancel()
            asked.cancel()
            await asyncio.gather(launching, asked, return_exceptions=True)

    async def _run_in(
        self, folder: Path, launches: Mapping[str, Launch]
    ) -> tuple[RunFacts, Assembly, Supervisor, Follower]:
        assembly = assemble(self._settings, launches, self._reservation, folder)
        settings = assembly.settings
        connection = settings.kafka.connection()
        follower = Follower(connection, settings.kafka.partitions, self._started_ns)
        journal = Journal(Outbox(connection, "supervisor", time.time_ns))
        units = make_units(assembly, follower, folder)
        gauge = Gauge(assembly, follower, self._plant.line.cell_count, self._started_s)
        screen = Screen(self._console, (*(unit.name for unit in units), TOPICS_STEP))

        def note(change: Change) -> None:
            screen.note(change)
            if change.state is UnitState.READY:
                self._were_ready.add(change.name)
            if change.state is UnitState.RESTARTING:
                journal.report("process_restarted", process=change.name, why=change.why)
            elif change.state is UnitState.STOPPED and change.why:
                self._killed.append(change.name)
            elif change.state is UnitState.READY and change.name != TOPICS_STEP:
                journal.report("process_started", process=change.name)

        async def make_topics() -> None:
            is_said = False
            while True:
                try:
                    await create_topics(connection, settings.kafka.partitions)
                    await follower.start()
                except KafkaUnreachableError as error:
                    if not is_said:
                        screen.say(f"{error} Trying again every {_AGAIN_S:g} s.", "yellow")
                    is_said = True
                    await asyncio.sleep(_AGAIN_S)
                else:
                    journal.start()
                    return

        needs = tuple(unit.name for unit in units if unit.name == "broker")
        supervisor = self._supervisor = Supervisor(
            self._id,
            units,
            (Step(TOPICS_STEP, make_topics, needs),),
            log_folder=folder / "logs",
            on_change=note,
        )
        failure: RunFailedError | None = None
        is_drained = False
        with screen:
            try:
                supervisor.start()
                try:
                    await self._watch(supervisor, gauge, assembly, screen, folder)
                except RunFailedError as error:
                    failure = error
                stopping_s = time.monotonic()
                supervisor.begin_stop(_STOP_WITHIN_S)
                screen.finish(gauge.read(supervisor.restarts()))
                if failure is None:
                    is_drained = await drain(supervisor, follower)
            finally:
                try:
                    for task in self._side_tasks:
                        task.cancel()
                    await asyncio.gather(*self._side_tasks, return_exceptions=True)
                    await asyncio.gather(follower.stop(), journal.stop())
                finally:
                    await supervisor.stop_all()
        if failure is not None:
            screen.say(f"The run failed: {failure}", "bold red")
            for line in failure.log_lines:
                screen.say(f"    {line}", "dim")
        now_s = time.monotonic()
        facts = RunFacts(
            run_id=self._id,
            plant=self._plant.name,
            cells=self._plant.line.cell_count,
            speed=settings.speed if assembly.is_simulated else None,
            seconds=now_s - self._started_s,
            stop_seconds=now_s - stopping_s,
            ready_seconds=self._ready_s,
            ended_by="failure" if failure else "signal" if self._asked_to_end.is_set() else "time",
            failure=None if failure is None else str(failure),
            drained=is_drained,
            killed_at_end=tuple(self._killed),
        )
        return facts, assembly, supervisor, follower

    def _listen_to_signals(self) -> None:
        """End in order at the first signal, at once at the second."""

        def on_signal() -> None:
            if self._asked_to_end.is_set() and self._supervisor is not None:
                self._supervisor.kill_now()
            self._asked_to_end.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, on_signal)

    async def _watch(
        self,
        supervisor: Supervisor,
        gauge: Gauge,
        assembly: Assembly,
        screen: Screen,
        folder: Path,
    ) -> None:
        """Show how the run stands until its time is up, a signal comes or it fails.

        Raises:
            RunFailedError: it failed.
        """
        ready = asyncio.create_task(supervisor.wait_ready())
        failed = asyncio.create_task(supervisor.wait_failed())
        asked = asyncio.create_task(self._asked_to_end.wait())
        self._side_tasks += [ready, failed, asked]
        usage_due_s = 0.0
        end_s = self._started_s + self._options.seconds if self._options.seconds else None
        while not asked.done() and (end_s is None or time.monotonic() < end_s):
            waited_s = _TICK_S if end_s is None else min(_TICK_S, end_s - time.monotonic())
            await asyncio.wait(
                {failed, asked}, timeout=waited_s, return_when=asyncio.FIRST_COMPLETED
            )
            if failed.done():
                failed.result()
            now_s = time.monotonic()
            if self._ready_s is None and ready.done():
                self._ready_s = round(now_s - self._started_s, 3)
                self._welcome(assembly, screen)
            if self._ready_s is not None and now_s >= usage_due_s:
                usage_due_s = now_s + _USAGE_EVERY_S
                ids = supervisor.process_ids() | {"up": os.getpid()}
                await asyncio.to_thread(self._usage.read, ids, folder, now_s)
            screen.show(gauge.read(supervisor.restarts()))

    def _welcome(self, assembly: Assembly, screen: Screen) -> None:
        screen.say(f"Control room: {assembly.control_room}", "bold")
        screen.say(
            f"Kafka: {assembly.settings.kafka.address}  OPC UA: "
            f"{assembly.settings.opcua.endpoint}  (Ctrl-C ends the run)",
            "dim",
        )
        if self._options.is_browser_wanted and _has_display():
            opening = asyncio.to_thread(webbrowser.open, assembly.control_room)
            self._side_tasks.append(asyncio.create_task(opening))

    def _say_goodbye(
        self, report: Mapping[str, object], left: LeftBehind, kept: Path | None
    ) -> None:
        for line in report_lines(report):
            self._console.print(line, highlight=False, soft_wrap=True)
        for name in (*left.processes, *left.ports, *left.files):
            self._console.print(f"left behind: {name}", style="red", soft_wrap=True)
        if self._options.report is not None:
            self._console.print(f"report: {self._options.report}", soft_wrap=True)
        if kept is not None:
            self._console.print(f"logs and data: {kept}", soft_wrap=True)


def _has_display() -> bool:
    return os.name == "nt" or any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY"))
