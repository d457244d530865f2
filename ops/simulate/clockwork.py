"""Time and processes of a simulation: an event loop each, stepped in the order of their events.

A process that is frozen is not stepped; when it goes on, all its timers are late, as after SIGSTOP.
A process that is killed is never stepped again but to unwind, and nobody hears what it says then.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, cast

BEGAN_NS: Final = 1_800_000_000_000_000_000  # wall time at the start of every simulation
_MOST_STEPS_TO_UNWIND: Final = 10_000


class SimulationStalledError(RuntimeError):
    """Nothing can ever happen any more, or a process cannot be unwound."""


class _NoFiles:
    """A selector of a loop that has no files."""

    def select(self, _timeout: float | None) -> list[Any]:
        return []

    def close(self) -> None:
        """Nothing to close."""


class SteppedLoop(asyncio.BaseEventLoop):
    """An event loop that runs when it is told to, at a time that it is told."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._selector = _NoFiles()
        self.next_s = float("inf")  # when there is something to run, or was before it was cancelled
        self.failures: list[BaseException] = []
        self.set_exception_handler(self._note_failure)

    def time(self) -> float:
        """Return the simulated time, s."""
        return self._clock()

    def step(self) -> None:
        """Run what is due now, once."""
        asyncio._set_running_loop(self)
        try:
            self._run_once()  # type: ignore[attr-defined]
        finally:
            asyncio._set_running_loop(None)
        self.next_s = self._due_s()

    def call_soon(self, *args: Any, **context: Any) -> asyncio.Handle:  # type: ignore[override]
        """Note what is to run at once."""
        self.next_s = self._clock()
        return super().call_soon(*args, **context)

    def call_at(  # type: ignore[override]
        self, when: float, *args: Any, **context: Any
    ) -> asyncio.TimerHandle:
        """Note what is to run at a time."""
        self.next_s = min(self.next_s, when)
        return super().call_at(when, *args, **context)

    def _due_s(self) -> float:
        """Return when there is something to run: now, later, or never."""
        if self._ready:  # type: ignore[attr-defined]
            return self._clock()
        scheduled = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0]._cancelled:
            # The base class takes these out when it runs; here it may never do so.
            heapq.heappop(scheduled)._scheduled = False
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        return float(scheduled[0]._when) if scheduled else float("inf")

    def _process_events(self, _events: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def _note_failure(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.failures.append(error)


class Process:
    """One process on its own machine, with a wall clock that may be wrong."""

    def __init__(self, name: str, clockwork: "Clockwork") -> None:
        self.name = name
        self.is_dead = False
        self.frozen_until_s = -1e9
        self.wall_offset_s = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self._failed: list[BaseException] = []
        self._clockwork = clockwork
        self.loop = SteppedLoop(lambda: clockwork.now_s)

    def clock_ns(self) -> int:
        """Return the wall time as this machine has it, UTC."""
        return BEGAN_NS + round((self._clockwork.now_s + self.wall_offset_s) * 1e9)

    def monotonic_s(self) -> float:
        """Return the time on a clock that nobody sets."""
        return self._clockwork.now_s

    def monotonic_ns(self) -> int:
        """Return the same in nanoseconds."""
        return round(self._clockwork.now_s * 1e9)

    def start(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Run a coroutine in this process."""
        task = self.loop.create_task(cast(Coroutine[Any, Any, Any], work))
        self.tasks.append(task)
        return task

    def call(self, what: Callable[[], object]) -> None:
        """Let this process do something as soon as it runs; a dead one never does."""
        if not self.is_dead:
            self.loop.call_soon(what)

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped for a while."""
        return self.frozen_until_s > self._clockwork.now_s

    def freeze(self, for_s: float) -> None:
        """Stop it for a while, as SIGSTOP and SIGCONT do."""
        self.frozen_until_s = max(self.frozen_until_s, self._clockwork.now_s + for_s)

    def kill(self) -> None:
        """End it at once. Its tasks are unwound so that nothing is left; nobody hears of that."""
        self._failed = self.failures()
        self.is_dead = True
        for _ in range(_MOST_STEPS_TO_UNWIND):
            left = asyncio.all_tasks(self.loop)
            if not left:
                break
            for task in left:
                task.cancel()
            self.loop.step()
        else:
            raise SimulationStalledError(f"{self.name} does not end")
        self.loop.close()

    def failures(self) -> list[BaseException]:
        """Return what ended tasks that should have gone on, and what nobody caught; of a process
        that was killed, until then."""
        if self.is_dead:
            return self._failed
        ended = [task.exception() for task in self.tasks if task.done() and not task.cancelled()]
        return [error for error in ended if error is not None] + self.loop.failures


class Clockwork:
    """The time that all processes share, and what happens between them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self.processes: list[Process] = []
        self.all_processes: list[Process] = []

    def at(self, when_s: float, what: Callable[[], object]) -> None:
        """Let something happen at a time, in no process."""
        self._count += 1
        heapq.heappush(self._events, (max(when_s, self.now_s), self._count, what))

    def after(self, delay_s: float, what: Callable[[], object]) -> None:
        """Let something happen a while from now."""
        self.at(self.now_s + delay_s, what)

    def process(self, name: str) -> Process:
        """Make a process."""
        process = Process(name, self)
        self.processes.append(process)
        self.all_processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """End a process at once."""
        if not process.is_dead:
            process.kill()
            self.processes.remove(process)

    def run_until(self, end_s: float) -> None:
        """Let everything happen up to a time.

        Raises:
            SimulationStalledError: nothing can happen any more before that.
        """
        while True:
            event_s = self._events[0][0] if self._events else float("inf")
            due, process = float("inf"), None
            for one in self.processes:  # the most of all that a simulation does
                one_s = one.loop.next_s
                if one_s < one.frozen_until_s:
                    one_s = one.frozen_until_s
                if one_s < due:
                    due, process = one_s, one
            next_s = min(event_s, due)
            if next_s == float("inf"):
                raise SimulationStalledError("nothing can happen any more")
            if next_s > end_s:
                self.now_s = end_s
                return
            self.now_s = max(self.now_s, next_s)
            if event_s <= due:
                heapq.heappop(self._events)[2]()
            elif process is not None:
                process.loop.step()
