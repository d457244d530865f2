"""`potline reduce` from its options to its file: trajectories, fit, choice, with progress."""

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
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

from ops.mistakes import ConfigurationError, Mistake
from ops.reduced_file import ReducedAbout, save_reduced
from ops.snapshots import (
    BURN_IN_H,
    EVERY_S,
    FullCell,
    Trajectory,
    make_full_cell,
    make_trajectory,
    settle_cell,
)
from physics.design import PlantDesign
from physics.fields.cell_setting import ALF3_LOSS_KG_PER_KG
from physics.reduced.reduction import Sizes, choose_sizes
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
    own = f"{plant_hash[:12]}-{options.grid}-{options.hours:g}h"
    folder = options.out.with_name(options.out.name + ".snapshots") / own
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(options.seed, options.seed + options.trajectories)
    trajectories = make_trajectories(cell, "lines", seeds, options.hours, folder, console)
    folds = min(_FOLDS, len(trajectories))
    with console.status("learning ..."):
        reduced, sizes, errors = choose_sizes(
            cell.setting.parameters,
            ALF3_LOSS_KG_PER_KG,
            cell.volume_m3,
            [run.samples for run in trajectories],
            EVERY_S,
            CANDIDATES,
            folds,
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


def make_trajectories(
    cell: FullCell, shape: str, seeds: range, hours: float, folder: Path, console: Console
) -> list[Trajectory]:
    """Trajectories of one shape of drives, a seed each, with a progress bar.

    Args:
        cell: to run.
        shape: "lines" or "sines".
        seeds: of the plans.
        hours: of each, after the burn-in.
        folder: that keeps them.
        console: for progress.

    Returns:
        The trajectories in the order of the seeds.
    """
    with console.status("letting the cell settle ..."):
        start = settle_cell(cell, folder)
    finished = []
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        each_h = BURN_IN_H + hours
        task = bar.add_task("full-order trajectories", total=len(seeds) * each_h)
        for number, seed in enumerate(seeds):
            for now in make_trajectory(cell, start, shape, seed, hours, folder):
                if isinstance(now, Trajectory):
                    finished.append(now)
                    done_h = each_h
                else:
                    done_h = now
                bar.update(task, completed=number * each_h + done_h)
    return finished


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
