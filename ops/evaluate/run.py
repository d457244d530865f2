"""All closed loops of an evaluation, shared out to all cores, with a progress bar."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.queues import SimpleQueue
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ops.compute import prepare_jax
from ops.evaluate.options import ControllerName, EvaluateOptions
from ops.evaluate.record import RunRecord
from ops.mistakes import OperationError
from ops.plantfile import PlantFile, load_plant

_LOOK_S: Final = 0.5
# One process a core: pools of threads inside them would fight over the cores.
_ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class LoopTask:
    """One closed loop to be run."""

    options: EvaluateOptions
    controller: ControllerName
    seed: int


def list_tasks(options: EvaluateOptions) -> list[LoopTask]:
    """Return all closed loops, the longest first: the MPC's, then the baselines'."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    return [LoopTask(options, name, seed) for name in options.controllers for seed in seeds]


def run_all(options: EvaluateOptions, processes: int, console: Console) -> list[RunRecord]:
    """Run every closed loop.

    Args:
        options: what is to be run.
        processes: how many at once.
        console: for the progress bar.

    Raises:
        OperationError: a process ended before its loop did.
    """
    tasks = list_tasks(options)
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[float] = context.SimpleQueue()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} days of a line"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    total = len(tasks) * (options.days + options.burn_in_days)
    environment = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        with (
            bar,
            ProcessPoolExecutor(
                min(processes, len(tasks)), context, initializer=_begin, initargs=(queue,)
            ) as pool,
        ):
            shown = bar.add_task("closed loops", total=total)
            return _gather(
                [pool.submit(run_task, task) for task in tasks],
                lambda: _drain(queue, lambda days: bar.advance(shown, days)),
            )
    finally:
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_task(task: LoopTask) -> RunRecord:
    """Run one closed loop in this process."""
    from ops.evaluate.loop import run_loop

    options = task.options
    plant = _plant(options)
    return run_loop(plant, options, task.controller, task.seed, _tell)


@lru_cache(maxsize=1)
def _plant(options: EvaluateOptions) -> PlantFile:
    return load_plant(options.plant_file, options.cells)


def _gather(futures: list["Future[RunRecord]"], look: Callable[[], None]) -> list[RunRecord]:
    waiting = set(futures)
    try:
        while waiting:
            done, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
            look()
            for future in done:
                future.result()
    except OSError as exc:
        raise OperationError(f"a process of the evaluation ended early: {exc}") from exc
    finally:
        for future in waiting:
            future.cancel()
    return [future.result() for future in futures]


def _drain(queue: "SimpleQueue[float]", advance: Callable[[float], object]) -> None:
    while not queue.empty():
        advance(queue.get())


_queue: "SimpleQueue[float] | None" = None


def _begin(queue: "SimpleQueue[float]") -> None:
    global _queue
    _queue = queue
    prepare_jax()


def _tell(days: float) -> None:
    if _queue is not None:
        _queue.put(days)
