"""Like tasks shared out to all cores, a process a core, with one progress bar for all of them."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ops.compute import keep_memory, prepare_jax
from ops.mistakes import OperationError

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_LOOK_S: Final = 0.5
# One process a core: pools of threads inside them would fight over the cores. The last is XLA's.
_ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NPROC": "1",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """What a progress bar says.

    Attributes:
        label: of the work.
        total: of what the tasks tell.
        unit: that the total is in, as words after "5 of 12".
    """

    label: str
    total: float
    unit: str


def count_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    work: Callable[[_Task], _Result],
    tasks: Sequence[_Task],
    processes: int,
    bar: Bar,
    console: Console,
) -> list[_Result]:
    """Do every task, in processes of their own where there is more than one.

    Args:
        work: what is done with a task, a function of a module; says how far it is by `tell`.
        tasks: the longest first, so that none is left over at the end.
        processes: how many at once; with one it is done in this process.
        bar: that is shown.
        console: to show it on.

    Returns:
        What came of each, in the tasks' order.

    Raises:
        OperationError: a process ended before its task was done.
    """
    if not tasks:
        return []
    with show_bar(bar, console) as advance:
        if min(processes, len(tasks)) <= 1:
            with _heard_by(advance):
                return [work(task) for task in tasks]
        return _share_out(work, tasks, processes, advance)


@contextmanager
def show_bar(bar: Bar, console: Console) -> Iterator[Callable[[float], None]]:
    """Show a progress bar; the function in hand moves it on by so much."""
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.completed:.0f}} of {{task.total:.0f}} {bar.unit}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with shown:
        row = shown.add_task(bar.label, total=bar.total)
        yield lambda amount: shown.advance(row, amount)


def tell(amount: float) -> None:
    """Say from within a task that so much more of it is done."""
    if _listener is not None:
        _listener(amount)


def _share_out(
    work: Callable[[_Task], _Result],
    tasks: Sequence[_Task],
    processes: int,
    advance: Callable[[float], None],
) -> list[_Result]:
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[float] = context.SimpleQueue()
    with (
        _one_thread_each(),
        ProcessPoolExecutor(
            min(processes, len(tasks)), context, initializer=_begin, initargs=(queue,)
        ) as pool,
    ):
        futures = [pool.submit(work, task) for task in tasks]
        waiting: set[Future[_Result]] = set(futures)
        try:
            while waiting:
                done, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
                while not queue.empty():
                    advance(queue.get())
                for future in done:
                    future.result()
        except BrokenProcessPool as exc:
            raise OperationError(
                f"a process ended before its task was done: {exc}. Remedy: fewer --processes "
                "where memory ran out"
            ) from exc
        finally:
            for future in waiting:
                future.cancel()
        return [future.result() for future in futures]


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_listener: Callable[[float], None] | None = None


@contextmanager
def _heard_by(listener: Callable[[float], None]) -> Iterator[None]:
    global _listener
    _listener = listener
    try:
        yield
    finally:
        _listener = None


def _end_with_parent() -> None:
    """End this process with the one that started it, however that ends: a killed command must not
    leave its work behind, which nobody waits for any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _begin(queue: "SimpleQueue[float]") -> None:
    global _listener
    _listener = queue.put
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_memory()
    prepare_jax()
