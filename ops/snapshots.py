"""Trajectories of a full-order cell, made one after the other and kept, so that none is made twice.

RUN.snapshots/settled.npz      the cell that every trajectory begins with, a checkpoint
RUN.snapshots/sines-0003.npz   a trajectory: `physics.reduced.snapshots.Samples` and its cost
RUN.snapshots/lines-4h-0003.npz  the same, its drives on straight lines between knots 4 h apart
"""

import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from ops.fields.checkpoint import load_checkpoint, save_checkpoint
from ops.mistakes import OperationError
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.fields.cell_boxes import CellBoxes
from physics.fields.cell_setting import ALF3_LOSS_KG_PER_KG, make_cell_setting
from physics.fields.cell_start import begin_cell, settle
from physics.fields.coupled_run import CoupledRun
from physics.fields.coupled_step import make_tolerances
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.grid import compute_volumes_m3
from physics.fields.sdirk import RunStatus
from physics.reduced.snapshots import PlanRanges, Samples, plan_lines, plan_sines, sample_run

EVERY_S: Final = 300.0  # between samples; the quickest that is learnt takes a quarter of an hour
BURN_IN_H: Final = 12.0  # thrown away, so that trajectories begin in different states
_CHUNK: Final = 72  # samples in one call: 6 h
# Design values, one after the other: half a shift, a shift, two. A ledge takes a day and more to
# follow, so between near knots drives cancel out and it stays about its mean.
_KNOTS_H: Final = (4, 8, 16)
_SETTLE_DAYS: Final = 12.0  # as `settle` has it
# A slice has no ends to lose heat through: at the line's current it melts all its ledge. With this
# share of it a ledge stays whatever the plans (reference cell, 32x1x32: 80 to 230 mm, bath at 930
# to 958 degC). Design value.
_SLICE_CURRENT: Final = 0.925
_TOLERANCES: Final = (0.5, 0.02)  # K and wt%, of each step


@dataclass(frozen=True, slots=True)
class FullCell:
    """The full-order cell that trajectories are of."""

    design: PlantDesign
    shape: tuple[int, int, int]
    boxes: CellBoxes
    setting: CoupledSetting
    nominal: Drives

    @property
    def volume_m3(self) -> jax.Array:
        """Of the boxes, (N,)."""
        return compute_volumes_m3(self.setting.heat.grid).ravel()


@dataclass(frozen=True, slots=True)
class Plan:
    """How the drives of a trajectory move.

    Attributes:
        form: in time, "lines" or "sines".
        seed: of their random course.
        hours: kept, after the burn-in.
    """

    form: str
    seed: int
    hours: float

    @property
    def knots_h(self) -> int:
        """Between the ends of a straight line."""
        return _KNOTS_H[self.seed % len(_KNOTS_H)]

    def path(self, folder: Path) -> Path:
        """The trajectory's file in a folder."""
        form = self.form if self.form == "sines" else f"{self.form}-{self.knots_h}h"
        return folder / f"{form}-{self.seed:04d}.npz"


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What a full-order cell did, and the seconds that it took."""

    samples: Samples
    wall_s: float
    hours: float  # those of `wall_s`: burn-in included, the first few not


def make_full_cell(design: PlantDesign, shape: tuple[int, int, int]) -> FullCell:
    """Describe the cell on a grid."""
    boxes, setting = make_cell_setting(design, *shape)
    feed_kg_per_s = nominal_feed_kg_per_h(design) / 3600.0
    figures = (
        design.line.current_ka * (_SLICE_CURRENT if shape[1] == 1 else 1.0),
        design.cell.nominal.acd_cm,
        feed_kg_per_s,
        ALF3_LOSS_KG_PER_KG * feed_kg_per_s,
        design.cell.heat.ambient_temperature_c,
    )
    nominal = Drives(*(jnp.asarray(np.float64(figure)) for figure in figures))
    return FullCell(design, shape, boxes, setting, nominal)


def make_ranges(cell: FullCell) -> PlanRanges:
    """What plans move over: current 5 % either way, gap and alumina of a line, AlF3 to 2 losses."""
    current_ka = float(cell.nominal.line_current_ka)
    alf3_kg_per_h = 3600.0 * float(cell.nominal.alf3_kg_per_s)
    return PlanRanges(
        line_current_ka=jnp.asarray([0.95 * current_ka, 1.05 * current_ka]),
        acd_cm=jnp.asarray([3.9, 4.5]),
        alumina_wt_pct=jnp.asarray([1.9, 4.5]),
        alf3_kg_per_h=jnp.asarray([0.0, 2.0 * alf3_kg_per_h]),
        ambient_temperature_c=jnp.asarray([15.0, 45.0]),
    )


def settle_cell(cell: FullCell, folder: Path) -> CoupledRun:
    """The cell after days at its nominal drives and alumina; kept in the folder.

    Raises:
        OperationError: it does not settle.
    """
    run = begin_cell(cell.design, cell.boxes, cell.setting, cell.nominal)
    path = folder / "settled.npz"
    if path.exists():
        return load_checkpoint(path, run, "settled")
    # Numbers of no firm type would have the first call compiled for them alone.
    run = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), run)
    tolerances = make_tolerances(*_TOLERANCES)
    run = settle(cell.design, cell.setting, run, cell.nominal, tolerances, _SETTLE_DAYS)
    status = RunStatus(int(run.status))
    if status is not RunStatus.DONE:
        raise OperationError(
            f"the cell does not settle: {status.sentence}. Remedy: another grid, or look at "
            "it with `potline solve`"
        )
    save_checkpoint(path, run, "settled")
    return run


def make_trajectory(cell: FullCell, start: CoupledRun, plan: Plan, folder: Path) -> Iterator[float]:
    """Run one trajectory and keep it.

    Args:
        cell: to run.
        start: where it begins.
        plan: of its drives.
        folder: to keep it in.

    Yields:
        Hours done.

    Raises:
        OperationError: the cell failed on the way.
    """
    count = round((BURN_IN_H + plan.hours) * 3600.0 / EVERY_S)
    t_s = jnp.arange(1, count + 1) * EVERY_S
    key, ranges = jax.random.key(plan.seed), make_ranges(cell)
    course = (
        plan_sines(key, ranges, t_s)
        if plan.form == "sines"
        else plan_lines(key, ranges, t_s, 3600.0 * plan.knots_h)
    )
    tolerances = make_tolerances(*_TOLERANCES)
    run, drives, parts = start, cell.nominal, []
    begun_s = time.perf_counter()
    for first in range(0, count, _CHUNK):
        run, drives, samples = sample_run(
            cell.setting, run, drives, course[first : first + _CHUNK], EVERY_S, tolerances
        )
        status = RunStatus(int(run.status))
        if status is not RunStatus.DONE:
            raise OperationError(
                f"trajectory {plan.seed} ({plan.form}) failed within "
                f"{EVERY_S * _CHUNK / 3600.0:g} h of {EVERY_S * first / 3600.0:g} h: "
                f"{status.sentence}. Remedy: another --seed"
            )
        parts.append(jax.tree.map(np.asarray, samples))
        if first == 0:  # it may have been compiled in there, which is no speed of the cell's
            begun_s = time.perf_counter()
        yield EVERY_S * (first + len(samples.drives)) / 3600.0
    wall_s = time.perf_counter() - begun_s
    timed_h = (count - _CHUNK) * EVERY_S / 3600.0
    burnt = round(BURN_IN_H * 3600.0 / EVERY_S)
    columns = zip(Samples._fields, zip(*parts, strict=True), strict=True)
    kept = {name: np.concatenate(column)[burnt:] for name, column in columns}
    path = plan.path(folder)
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        np.savez(file, wall_s=wall_s, hours=timed_h, **kept)  # type: ignore[arg-type]
    new.replace(path)


def read_trajectory(cell: FullCell, plan: Plan, folder: Path) -> Trajectory:
    """Read a trajectory that was made.

    Raises:
        OperationError: it is not there, or damaged.
    """
    path = plan.path(folder)
    try:
        with np.load(path, allow_pickle=False) as stored:
            samples = Samples(*(jnp.asarray(stored[name]) for name in Samples._fields))
            samples = samples._replace(ledge_m=samples.ledge_m[:, _long_side(cell)])
            return Trajectory(samples, float(stored["wall_s"]), float(stored["hours"]))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise OperationError(
            f"{path} cannot be read as a trajectory ({exc}). Remedy: remove it; it is made anew"
        ) from exc


def count_ledge_rows(cell: FullCell) -> int:
    """How many places along the sides a sample has a ledge at."""
    return int(_long_side(cell).sum())


def _long_side(cell: FullCell) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of a sample's rows have a ledge: the others, always 0, would dilute its error."""
    gap = cell.setting.window.cut(cell.setting.potential.gap_height_m)
    return np.asarray(jnp.any(gap > 0.0, axis=0)).ravel()
