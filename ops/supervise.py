"""Starts the processes of a run, tends them while it lasts, and ends them in order.

Each process is its own session with its own process group and prints into its own log. One that
ends by itself is started again within its budget; beyond it the whole run fails, with one sentence,
unless the process is not vital: then it is tried again and again, and the others go on.
"""

import asyncio
import contextlib
import math
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ops.child import bound_to_this_process
from ops.leftovers import RUN_VARIABLE, kill_processes_of
from ops.logs import Outlet, RotatingLog
from ops.units import Change, RunFailedError, Step, Unit, UnitState

_READY_POLL_S: Final = 0.05
_LOG_LINES_SHOWN: Final = 12


@dataclass(slots=True)
class _Tended:
    unit: Unit
    log: RotatingLog
    state: UnitState = UnitState.WAITING
    process: Process | None = None
    outlet: Outlet | None = None
    task: asyncio.Task[None] | None = None
    is_ending: bool = False
    spawning: asyncio.Lock = field(default_factory=asyncio.Lock)
    restarts: int = 0
    ended_at: deque[float] = field(default_factory=deque)
    killed_why: str = ""  # set before we end it ourselves, to have it started again


class Supervisor:
    """Tends the processes of one run.

    Args:
        run_id: marks every process of the run in its environment.
        log_folder: a log per unit, `<name>.log`.
        on_change: told of every change of state, at once and in order.
    """

    def __init__(
        self,
        run_id: str,
        units: Iterable[Unit],
        steps: Iterable[Step] = (),
        *,
        log_folder: Path,
        on_change: Callable[[Change], None],
    ) -> None:
        self.run_id = run_id
        self._tended = {
            unit.name: _Tended(unit, RotatingLog(log_folder / f"{unit.name}.log")) for unit in units
        }
        self._steps = tuple(steps)
        self._ready = {
            name: asyncio.Event() for name in (*self._tended, *(step.name for step in self._steps))
        }
        self._on_change = on_change
        self._started = time.monotonic()
        self._step_tasks: list[asyncio.Task[None]] = []
        self._stop_by: float | None = None
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._check_order()

    def _check_order(self) -> None:
        for name, needs in [(t.unit.name, t.unit.after) for t in self._tended.values()] + [
            (step.name, step.after) for step in self._steps
        ]:
            unknown = [need for need in needs if need not in self._ready]
            if unknown:
                raise ValueError(f"{name} waits for {unknown}, which nothing provides")

    def start(self) -> None:
        """Start everything, each as soon as what it needs is ready. Returns at once."""
        for tended in self._tended.values():
            tended.task = asyncio.create_task(self._guarded(self._tend(tended)))
        for step in self._steps:
            self._step_tasks.append(asyncio.create_task(self._guarded(self._do(step))))

    async def wait_ready(self) -> None:
        """Wait until all units and steps are ready.

        Raises:
            RunFailedError: one of them will never be.
        """
        everything = asyncio.gather(*(event.wait() for event in self._ready.values()))
        either: set[asyncio.Future[Any]] = {everything, self._failure}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            everything.cancel()
            await asyncio.gather(everything, return_exceptions=True)
        if self._failure.done():
            self._failure.result()

    async def wait_failed(self) -> None:
        """Wait until the run fails; never returns otherwise.

        Raises:
            RunFailedError: saying what failed.
        """
        await asyncio.shield(self._failure)

    def states(self) -> dict[str, UnitState]:
        """Return the state of every unit."""
        return {name: tended.state for name, tended in self._tended.items()}

    def restarts(self) -> dict[str, int]:
        """Return how often every unit was started again."""
        return {name: tended.restarts for name, tended in self._tended.items()}

    def process_ids(self) -> dict[str, int]:
        """Return the process id of every unit that runs."""
        return {
            name: tended.process.pid
            for name, tended in self._tended.items()
            if tended.process is not None and tended.process.returncode is None
        }

    def begin_stop(self, within_s: float) -> None:
        """Set when everything must have ended; stopping is shortened to keep to it."""
        self._stop_by = time.monotonic() + within_s

    def time_left_s(self) -> float:
        """Return how long stopping may still take; without end before `begin_stop`."""
        return math.inf if self._stop_by is None else max(0.0, self._stop_by - time.monotonic())

    def kill_now(self) -> None:
        """Kill every process at once; `stop_all` has then nothing left to wait for."""
        self.begin_stop(0.0)
        for pid in self.process_ids().values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    async def stop(self, *names: str) -> None:
        """End some units, all at the same time, and wait until they have; the others go on."""
        await asyncio.gather(*(self._end(self._tended[name]) for name in names))

    async def stop_all(self) -> None:
        """End all units in the order of their ranks, then whatever they have left running."""
        for task in self._step_tasks:
            task.cancel()
        await asyncio.gather(*self._step_tasks, return_exceptions=True)
        for tended in self._tended.values():
            tended.is_ending = True  # so that none is started or restarted meanwhile
        for rank in sorted({t.unit.stop_rank for t in self._tended.values()}):
            await self.stop(*(n for n, t in self._tended.items() if t.unit.stop_rank == rank))
        for tended in self._tended.values():
            tended.log.close()
        await asyncio.to_thread(kill_processes_of, self.run_id)
        if self._failure.done():
            self._failure.exception()  # has been looked at: no warning about it at exit

    def _change(self, name: str, state: UnitState, why: str = "") -> None:
        if name in self._tended:
            self._tended[name].state = state
        self._on_change(Change(name, state, time.monotonic() - self._started, why))

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Turn what goes wrong in `work` into the failure of the run."""
        try:
            await work
        except RunFailedError as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits for the run
            self._fail(RunFailedError(f"{error}" or type(error).__name__))

    def _fail(self, failure: RunFailedError) -> None:
        if not self._failure.done():
            self._failure.set_exception(failure)

    async def _await_needs(self, needs: Iterable[str]) -> None:
        for need in needs:
            await self._ready[need].wait()

    async def _do(self, step: Step) -> None:
        await self._await_needs(step.after)
        self._change(step.name, UnitState.STARTING)
        await step.action()
        self._ready[step.name].set()
        self._change(step.name, UnitState.READY)

    async def _tend(self, tended: _Tended) -> None:
        unit = tended.unit
        await self._await_needs(unit.after)
        while True:
            async with tended.spawning:
                if tended.is_ending:
                    return
                process = await self._spawn(tended)
            if tended.restarts == 0:
                self._change(unit.name, UnitState.STARTING)
            greeting = asyncio.create_task(self._guarded(self._greet(tended, process)))
            try:
                code = await process.wait()
            finally:
                greeting.cancel()
                self._bury(tended, process)
            if tended.is_ending:
                return
            await self._before_restart(tended, code)

    async def _spawn(self, tended: _Tended) -> Process:
        unit = tended.unit
        outlet = Outlet(tended.log)
        try:
            process = await asyncio.create_subprocess_exec(
                *bound_to_this_process(unit.command.argv),
                stdin=DEVNULL,
                stdout=outlet.write_end,
                stderr=outlet.write_end,
                cwd=unit.command.folder,
                env={**os.environ, **unit.command.environment, RUN_VARIABLE: self.run_id},
                start_new_session=True,
            )
        except OSError as exc:
            outlet.hand_over()
            outlet.close()
            raise RunFailedError(f"{unit.name} cannot be started: {exc}.") from exc
        outlet.hand_over()
        if unit.niceness:
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, process.pid, os.nice(0) + unit.niceness)
        loop = asyncio.get_running_loop()

        def read() -> None:
            if not outlet.drain():
                loop.remove_reader(outlet.read_end)

        loop.add_reader(outlet.read_end, read)
        tended.process, tended.outlet = process, outlet
        return process

    def _bury(self, tended: _Tended, process: Process) -> None:
        """Take the last words of a process that has ended, and its children with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if tended.outlet is not None:
            asyncio.get_running_loop().remove_reader(tended.outlet.read_end)
            tended.outlet.drain()
            tended.outlet.close()
            tended.outlet = None

    async def _greet(self, tended: _Tended, process: Process) -> None:
        """Wait until a started process says that it is ready."""
        unit = tended.unit
        try:
            async with asyncio.timeout(unit.ready_deadline_s):
                while not await unit.is_ready():  # noqa: ASYNC110 - other programs set no events
                    await asyncio.sleep(_READY_POLL_S)
        except TimeoutError as exc:
            why = f"was not ready {unit.ready_deadline_s:g} s after its start"
            if unit.is_vital:
                lines = tended.log.last_lines(_LOG_LINES_SHOWN)
                raise RunFailedError(f"{unit.name} {why}.", lines) from exc
            tended.killed_why = why
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return
        if process.returncode is None:
            self._ready[unit.name].set()
            self._change(unit.name, UnitState.READY)

    async def _before_restart(self, tended: _Tended, code: int) -> None:
        """Count an unwanted end against the budget and wait before the next start.

        Raises:
            RunFailedError: the budget is spent, and the unit is vital.
        """
        unit, budget, now = tended.unit, tended.unit.restarts, time.monotonic()
        why = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        why, tended.killed_why = tended.killed_why or why, ""
        tended.ended_at.append(now)
        while tended.ended_at[0] < now - budget.window_s:
            tended.ended_at.popleft()
        ends = len(tended.ended_at)
        if ends > budget.restarts and unit.is_vital:
            raise RunFailedError(
                f"{unit.name} ended {ends} times within {budget.window_s:g} s (last: {why}); "
                "the run ends with it.",
                tended.log.last_lines(_LOG_LINES_SHOWN),
            )
        tended.restarts += 1
        if ends == budget.restarts + 1:
            why += f"; {ends} times within {budget.window_s:g} s, the run goes on without it"
        self._change(unit.name, UnitState.RESTARTING, why)
        wait_s = min(budget.first_wait_s * 2 ** (ends - 1), budget.longest_wait_s)
        await asyncio.sleep(wait_s)

    async def _end(self, tended: _Tended) -> None:
        """Ask a process to end, then kill it; it is not started again."""
        tended.is_ending = True
        if tended.task is None or tended.state is UnitState.STOPPED:
            return
        async with tended.spawning:  # a start under way is not cut in two
            process = tended.process
        why = ""
        if process is None or process.returncode is not None:
            tended.task.cancel()  # it waits for what it needs, or to be started again
        else:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(tended.unit.command.stop_signal)
            grace_s = min(tended.unit.stop_grace_s, self.time_left_s())
            await asyncio.wait({tended.task}, timeout=grace_s)
            if not tended.task.done():
                why = f"did not end within {grace_s:.1f} s and was killed"
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        await asyncio.gather(tended.task, return_exceptions=True)
        self._change(tended.unit.name, UnitState.STOPPED, why)
