"""All closed loops of an evaluation, shared out to all cores."""

from dataclasses import dataclass
from functools import lru_cache

from rich.console import Console

from ops.evaluate.options import ControllerName, EvaluateOptions
from ops.evaluate.record import RunRecord
from ops.plantfile import PlantFile, load_plant
from ops.pool import Bar, run_tasks, tell


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
    total = len(tasks) * (options.days + options.burn_in_days)
    bar = Bar("closed loops", total, "days of a line")
    return run_tasks(run_task, tasks, processes, bar, console)


def run_task(task: LoopTask) -> RunRecord:
    """Run one closed loop in this process."""
    from ops.evaluate.loop import run_loop

    options = task.options
    return run_loop(_plant(options), options, task.controller, task.seed, tell)


@lru_cache(maxsize=1)
def _plant(options: EvaluateOptions) -> PlantFile:
    return load_plant(options.plant_file, options.cells)
