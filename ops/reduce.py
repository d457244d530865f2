"""`potline reduce` from its options to its file: trajectories, fit, choice, with progress."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import jax
from rich.console import Console

from ops.mistakes import ConfigurationError, Mistake
from ops.pool import Bar, count_cores, run_tasks, show_bar, tell
from ops.reduced_file import ReducedAbout, save_reduced
from ops.snapshots import (
    BURN_IN_H,
    EVERY_S,
    FullCell,
    Plan,
    Trajectory,
    count_ledge_rows,
    make_full_cell,
    make_trajectory,
    read_trajectory,
    settle_cell,
)
from physics.design import PlantDesign
from physics.fields.cell_setting import ALF3_LOSS_KG_PER_KG
from physics.reduced.reduction import Sizes, choose_sizes, count_rounds
from physics.reduced.replay import BARS

_FOLDS: Final = 4  # a quarter of the trajectories is held out at a time
CANDIDATES: Final = tuple(
    Sizes(field_modes, ledge_modes, ridge)
    for field_modes, ledge_modes in ((4, 2), (8, 3), (12, 4))
    for ridge in (1e-6, 1e-4)
)
_UNITS: Final = (
    ("field", 100.0, "% field"),
    ("bath_temperature_c", 1.0, "K bath temperature"),
    ("ledge_mm", 1.0, "mm ledge"),
    ("alumina_wt_pct", 1.0, "wt% alumina"),
    ("voltage_mv", 1.0, "mV"),
)


@dataclass(frozen=True, slots=True)
class ReduceOptions:
    """What the command line says; see its help."""

    out: Path
    grid: str
    trajectories: int
    hours: float
    seed: int
    processes: int | None = None  # at once; one a core where None


@dataclass(frozen=True, slots=True)
class _Task:
    """A trajectory that is still to be made."""

    design: PlantDesign
    shape: tuple[int, int, int]
    plan: Plan
    folder: Path


def reduce_cell(
    design: PlantDesign, plant_hash: str, options: ReduceOptions, console: Console
) -> None:
    """Make a reduced cell's file.

    Args:
        design: line and cell.
        plant_hash: of line and cell in the plant file.
        options: of the command.
        console: for progress.

    Raises:
        ConfigurationError: options that cannot be.
        OperationError: a full-order run failed, or a kept trajectory is damaged.
    """
    shape = _read_grid(options)
    try:
        cell = make_full_cell(design, shape)
    except ValueError as exc:
        raise ConfigurationError([Mistake("grid", options.grid, str(exc), "--grid")]) from exc
    rows = count_ledge_rows(cell)
    if rows < 2:  # asked before the hour of runs, not after it
        remedy = "leaves the ledge one row, of which nothing is learnt. Remedy: more boxes along z"
        raise ConfigurationError([Mistake("grid", options.grid, remedy, "--grid")])
    own = f"{plant_hash[:12]}-{options.grid}-{options.hours:g}h"
    folder = options.out.with_name(options.out.name + ".snapshots") / own
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(options.seed, options.seed + options.trajectories)
    plans = [Plan("lines", seed, options.hours) for seed in seeds]
    # Processes would each take most of an accelerator's memory.
    cores = count_cores() if jax.default_backend() == "cpu" else 1
    trajectories = make_trajectories(cell, plans, folder, options.processes or cores, console)
    folds = min(_FOLDS, len(trajectories))
    candidates = list_candidates(rows)
    rounds = Bar("learning", count_rounds(candidates, folds), "rounds of fitting")
    with show_bar(rounds, console) as advance:
        reduced, sizes, errors = choose_sizes(
            cell.setting.parameters,
            ALF3_LOSS_KG_PER_KG,
            cell.volume_m3,
            [run.samples for run in trajectories],
            EVERY_S,
            candidates,
            folds,
            told=lambda: advance(1.0),
        )
    found = {name: float(error) for name, error in errors._asdict().items()}
    digest = save_reduced(
        options.out,
        reduced,
        ReducedAbout(
            program=version("potline"),
            plant_name=design.name,
            plant_hash=plant_hash,
            grid=options.grid,
            every_s=EVERY_S,
            hours=options.hours,
            trained=len(trajectories),
            folds=folds,
            sizes=dict(sizes._asdict()),
            errors=found,
        ),
    )
    console.print(
        f"{options.out}: {sizes.field_modes} modes of temperature, {sizes.ledge_modes} of the "
        f"ledge; SHA-256 {digest[:12]}"
    )
    for name, factor, unit in _UNITS:
        wanted = factor * BARS[name]
        console.print(f"  {factor * found[name]:8.3g} {unit} (wanted {wanted:g} or less)")


def list_candidates(ledge_rows: int) -> tuple[Sizes, ...]:
    """Sizes to choose from where the ledge has so many rows: its modes are fewer than they."""
    capped = [of._replace(ledge_modes=min(of.ledge_modes, ledge_rows - 1)) for of in CANDIDATES]
    return tuple(dict.fromkeys(capped))


def make_trajectories(
    cell: FullCell, plans: Sequence[Plan], folder: Path, processes: int, console: Console
) -> list[Trajectory]:
    """Make the trajectories that are not in a folder yet, with a progress bar; read all of them.

    Args:
        cell: to run.
        plans: of its drives, a trajectory each.
        folder: that keeps them.
        processes: how many at once.
        console: for progress.

    Returns:
        The trajectories in the order of the plans.

    Raises:
        OperationError: a run failed, or a kept trajectory is damaged.
    """
    with console.status("letting the cell settle ..."):
        settle_cell(cell, folder)
    tasks = [
        _Task(cell.design, cell.shape, plan, folder)
        for plan in plans
        if not plan.path(folder).exists()
    ]
    total_h = sum(BURN_IN_H + task.plan.hours for task in tasks)
    bar = Bar("full-order trajectories", total_h, "hours of a cell")
    run_tasks(_make, tasks, processes, bar, console)
    return [read_trajectory(cell, plan, folder) for plan in plans]


def _make(task: _Task) -> None:
    cell = _cell(task.design, task.shape)
    done_h = 0.0
    for now_h in make_trajectory(cell, settle_cell(cell, task.folder), task.plan, task.folder):
        tell(now_h - done_h)
        done_h = now_h


@lru_cache(maxsize=1)
def _cell(design: PlantDesign, shape: tuple[int, int, int]) -> FullCell:
    return make_full_cell(design, shape)


def _read_grid(options: ReduceOptions) -> tuple[int, int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", options.grid)
    mistakes = []
    if match is None:
        remedy = "must be three counts, such as 16x29x20."
        mistakes.append(Mistake("grid", options.grid, remedy, "--grid"))
    if not options.out.parent.is_dir():
        remedy = "is in a folder that is not there. Remedy: make the folder."
        mistakes.append(Mistake("out", str(options.out), remedy, "--out"))
    if mistakes or match is None:
        raise ConfigurationError(mistakes)
    x, y, z = (int(count) for count in match.groups())
    return x, y, z
