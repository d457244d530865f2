"""`potline solve` from its options to its files: grid, start, run, pictures, with progress."""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from ops.fields.checkpoint import checkpoint_path
from ops.fields.file import FieldsFile
from ops.fields.inputs import DriveTable, make_drives, make_nominal_drives
from ops.fields.pictures import draw_series, draw_slice
from ops.fields.run import RunProgress, make_drives_at, resume, run_fields
from ops.fields.xdmf import write_xdmf
from ops.mistakes import ConfigurationError, Mistake
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.fields.cell_boxes import CellBoxes
from physics.fields.cell_setting import ALF3_LOSS_KG_PER_KG, make_cell_setting
from physics.fields.cell_start import begin_cell, refine, settle_on
from physics.fields.coupled_run import CoupledRun, restart_ledger
from physics.fields.coupled_step import make_tolerances
from physics.fields.coupled_summary import summarise
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.layout import (
    Layout,
    divide_across,
    divide_along,
    divide_upwards,
    make_layout,
)
from physics.fields.materials import Material
from physics.fields.sdirk import RunStatus

# Design values: some 9,000 boxes of a quarter settle in half a minute; of the steps on the way
# to a steady cell nothing is kept, so that they may be coarse.
_SETTLE_DAYS: Final = 4.0
_SETTLING_BOXES: Final = 3000  # up to here a cell settles on its own grid
_SETTLING_SPARE: Final = (2, 0, 2)  # boxes above the fewest, along x, y and z
_SETTLING_TOLERANCE_C: Final = 3.0
_SETTLING_TOLERANCE_WT_PCT: Final = 0.1
_SETTLING_STRETCH_H: Final = 6.0
_USE: Final = "alumina_use_kg_per_h"
_MOST_BOXES: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """What the command line says; see its help."""

    out: Path
    hours: float
    grid: str
    settings: tuple[str, ...] = ()
    inputs: Path | None = None
    every_min: float = 60.0
    settle_days: float | None = None  # None: as suits the grid
    tolerance_c: float = 0.5
    is_plotted: bool = False
    is_resumed: bool = False


def solve_cell(
    design: PlantDesign, plant_hash: str, options: SolveOptions, console: Console
) -> None:
    """Run a cell and write its file, with progress, and its pictures where wanted.

    Args:
        design: line and cell.
        plant_hash: of line and cell in the plant file.
        options: of the run.
        console: for progress.

    Raises:
        ConfigurationError: options that cannot be.
        OperationError: the run failed, or there is nothing to resume.
    """
    file = FieldsFile(options.out)
    try:
        _show(follow_cell(design, plant_hash, options, console), options.hours, console)
    except KeyboardInterrupt:
        if not checkpoint_path(options.out).exists():
            console.print("Interrupted before the first picture: nothing is kept.")
        else:
            file.set_status("interrupted")
            console.print(
                f"Interrupted: {file.path} is whole up to its last picture; go on with --resume."
            )
        raise SystemExit(130) from None
    console.print(f"{options.out} and {write_xdmf(file)} (for ParaView) are written.")
    checkpoint_path(options.out).unlink(missing_ok=True)
    if options.is_plotted:
        stem = options.out.with_suffix("")
        picture = draw_slice(file, stem.with_name(stem.name + ".png"))
        series = draw_series(file, stem.with_name(stem.name + "-series.png"))
        console.print(f"{picture} and {series} are drawn.")


def follow_cell(
    design: PlantDesign, plant_hash: str, options: SolveOptions, console: Console
) -> Iterator[RunProgress]:
    """Begin or resume a run, and yield its progress until it is done; see `solve_cell`."""
    shape = _check(options)
    settle_days = options.settle_days
    if settle_days is None:
        settle_days = 0.0 if shape[1] == 1 else _SETTLE_DAYS
    nominal = make_nominal_drives(design, ALF3_LOSS_KG_PER_KG * nominal_feed_kg_per_h(design))
    asked = make_drives(nominal, options.settings, options.inputs)
    try:
        boxes, setting = make_cell_setting(design, *shape)
    except ValueError as exc:
        raise ConfigurationError([Mistake("grid", options.grid, str(exc), "--grid")]) from exc
    about = (
        f"{design.name} {plant_hash}, {options.grid} boxes, settled {settle_days:g} days, "
        f"tolerance {options.tolerance_c:g} K, drives {_fingerprint(asked)}"
    )
    file = FieldsFile(options.out)
    drives = make_drives_at(asked, 0.0)
    console.print(
        f"{design.name}: a quarter of a cell in {options.grid} = {int(np.prod(shape)):,} boxes"
    )
    if options.is_resumed:
        run = resume(file, begin_cell(design, boxes, setting, drives), about)
        nominal["feed_kg_per_h"] = float(file.read_about()[_USE])
        console.print(f"Going on from {float(run.t_s) / 3600.0:.4g} h.")
    else:
        run = yield from _start(design, boxes, setting, drives, shape, settle_days, console)
        # What a settled cell uses, so that by itself its alumina stays.
        efficiency = float(summarise(setting, run, drives).current_efficiency)
        nominal["feed_kg_per_h"] *= efficiency / design.cell.nominal.current_efficiency
        _create(file, boxes, design, plant_hash, options, nominal["feed_kg_per_h"])
    yield from run_fields(
        setting,
        run,
        make_drives(nominal, options.settings, options.inputs),
        options.hours,
        60.0 * options.every_min,
        make_tolerances(options.tolerance_c),
        file,
        about,
    )


def _check(options: SolveOptions) -> tuple[int, int, int]:
    mistakes = []
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", options.grid)
    shape = tuple(int(count) for count in match.groups()) if match else (0, 0, 0)
    if min(shape) < 1 or int(np.prod(shape)) > _MOST_BOXES:
        remedy = f"must be three counts, such as 48x1x48, of {_MOST_BOXES:,} boxes at most."
        mistakes.append(Mistake("grid", options.grid, remedy, "--grid"))
    for name, value, low in (
        ("hours", options.hours, 0.0),
        ("every-min", options.every_min, 0.0),
        ("tolerance-c", options.tolerance_c, 0.0),
    ):
        if not low < value < 1e5:
            mistakes.append(Mistake(name, f"{value:g}", "must be above 0.", f"--{name}"))
    if options.settle_days is not None and not 0.0 <= options.settle_days <= 365.0:
        found = f"{options.settle_days:g}"
        mistakes.append(Mistake("settle-days", found, "must be 0 to 365.", "--settle-days"))
    if not options.out.parent.is_dir():
        remedy = "is in a folder that is not there. Remedy: make the folder."
        mistakes.append(Mistake("out", str(options.out), remedy, "--out"))
    if mistakes:
        raise ConfigurationError(mistakes)
    return shape[0], shape[1], shape[2]


def _start(
    design: PlantDesign,
    boxes: CellBoxes,
    setting: CoupledSetting,
    drives: Drives,
    shape: tuple[int, int, int],
    days: float,
    console: Console,
) -> Generator[RunProgress, None, CoupledRun]:
    """The run at its beginning; while it settles, progress at times below 0."""
    if days == 0.0:
        return begin_cell(design, boxes, setting, drives)
    own_shape = _coarser(design, shape)
    tolerances = make_tolerances(_SETTLING_TOLERANCE_C, _SETTLING_TOLERANCE_WT_PCT)
    console.print(f"It settles on {'x'.join(map(str, own_shape))} boxes first.")
    coarse_boxes, coarse = (
        (boxes, setting) if own_shape == shape else make_cell_setting(design, *own_shape)
    )
    run = begin_cell(design, coarse_boxes, coarse, drives)
    end_s, stretches = 86400.0 * days, max(1, round(24.0 * days / _SETTLING_STRETCH_H))
    for _ in range(stretches):
        yield RunProgress(float(run.t_s) - end_s, float(run.step_s), int(run.steps), {})
        run = settle_on(design, coarse, run, drives, tolerances, 24.0 * days / stretches)
        if int(run.status) != int(RunStatus.DONE):
            console.print(
                f"The cell does not settle ({RunStatus(int(run.status)).sentence}): it begins "
                "with the ledge as designed and the lining warmed through instead."
            )
            return begin_cell(design, boxes, setting, drives)
    if own_shape == shape:
        return restart_ledger(run)
    return refine(design, coarse_boxes, coarse, run, boxes, setting, drives)


def _coarser(design: PlantDesign, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """A shape of few boxes that tells the parts of the cell apart."""
    if int(np.prod(shape)) <= _SETTLING_BOXES:
        return shape
    layout = make_layout(design.cell)
    own = [
        count if count == 1 else min(count, _fewest(divide_one, layout, count) + spare)
        for divide_one, count, spare in zip(
            (divide_across, divide_along, divide_upwards), shape, _SETTLING_SPARE, strict=True
        )
    ]
    return own[0], own[1], own[2]


def _fewest(divide_one: Callable[[Layout, int], object], layout: Layout, most: int) -> int:
    """Fewest boxes, above one, that a length can be divided into."""
    for count in range(2, most):
        try:
            divide_one(layout, count)
        except ValueError:
            continue
        return count
    return most


def _create(
    file: FieldsFile,
    boxes: CellBoxes,
    design: PlantDesign,
    plant_hash: str,
    options: SolveOptions,
    use_kg_per_h: float,
) -> None:
    edges = tuple(np.concatenate([[0.0], np.cumsum(np.asarray(width))]) for width in boxes.grid)
    file.create(
        (edges[0], edges[1], edges[2]),
        np.asarray(boxes.material).astype(np.int8),
        {int(code): code.name.lower() for code in Material},
        {
            "program": "potline solve",
            "version": version("potline"),
            "plant": design.name,
            "plant_hash": plant_hash,
            "grid": options.grid,
            "share_of_cell": float(boxes.share_of_cell),
            "tolerance_c": options.tolerance_c,
            _USE: use_kg_per_h,
            "status": "running",
        },
    )


def _show(run: Iterator[RunProgress], hours: float, console: Console) -> None:
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("making ready", total=hours)
        settling_days = 0.0
        for now in run:
            if now.t_s < 0.0:
                left_days = -now.t_s / 86400.0
                settling_days = settling_days or left_days
                bar.update(
                    task,
                    total=settling_days,
                    completed=settling_days - left_days,
                    description=f"settling, {left_days:.2f} days to go",
                )
                continue
            shown = "".join(
                f", {now.figures[name]:.{digits}f} {unit}"
                for name, digits, unit in (
                    ("cell_voltage_v", 3, "V"),
                    ("bath_temperature_c", 1, "°C"),
                    ("ledge_mm", 0, "mm of ledge"),
                )
                if now.figures
            )
            bar.update(
                task,
                total=hours,
                completed=now.t_s / 3600.0,
                description=f"{now.t_s / 3600.0:.2f} h, steps of {now.step_s:.0f} s" + shown,
            )


def _fingerprint(table: DriveTable) -> str:
    return sha256(table.t_s.tobytes() + table.values.tobytes()).hexdigest()[:12]
