"""Runs the full-order fields of a cell, stretch after stretch, with a picture after each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import jax
import numpy as np

from ops.fields.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from ops.fields.file import FieldsFile
from ops.fields.inputs import DriveTable
from ops.fields.quantities import SERIES
from ops.mistakes import OperationError
from physics.fields.coupled_run import CoupledRun, run_coupled
from physics.fields.coupled_step import Tolerances
from physics.fields.coupled_summary import draw, summarise
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.sdirk import RunStatus

_STEPS_PER_CALL: Final = 20  # so that progress is seen and an interrupt heard


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run stands."""

    t_s: float  # below 0 while the cell settles
    step_s: float
    steps: int
    figures: dict[str, float]  # of the newest picture


def make_drives_at(table: DriveTable, t_s: float) -> Drives:
    """The drives of a table at one time, as physics takes them."""
    now = table.at(t_s)
    return Drives(
        *(
            jax.numpy.asarray(number, dtype=float)
            for number in (
                now["line_current_ka"],
                now["acd_cm"],
                now["feed_kg_per_h"] / 3600.0,
                now["alf3_kg_per_h"] / 3600.0,
                now["ambient_temperature_c"],
            )
        )
    )


def run_fields(
    setting: CoupledSetting,
    run: CoupledRun,
    table: DriveTable,
    hours: float,
    every_s: float,
    tolerances: Tolerances,
    file: FieldsFile,
    about: str,
) -> Iterator[RunProgress]:
    """Run to the end, writing a picture and a checkpoint after every `every_s`.

    Args:
        setting: of the cell.
        run: at its beginning, or of a checkpoint.
        table: drives.
        hours: of the whole run.
        every_s: between pictures.
        tolerances: of each step.
        file: of the run; it exists. A run at time 0 puts its first picture into it.
        about: what the checkpoint belongs to.

    Yields:
        Progress, some times a picture.

    Raises:
        OperationError: a step failed; file and checkpoint are of the last picture.
    """
    figures = _record(setting, run, table, file, about) if float(run.t_s) == 0.0 else {}
    end_s = 3600.0 * hours
    while float(run.t_s) < end_s - 1e-6:
        goal_s = min(end_s, (np.floor(float(run.t_s) / every_s + 1e-9) + 1.0) * every_s)
        while float(run.t_s) < goal_s - 1e-6:
            stop_s = _next_stop_s(table, float(run.t_s), goal_s)
            now_s = float(run.t_s)
            run = run_coupled(
                setting,
                run,
                make_drives_at(table, now_s),
                make_drives_at(table, stop_s),
                stop_s - now_s,
                tolerances,
                _STEPS_PER_CALL,
            )
            status = RunStatus(int(run.status))
            if status not in (RunStatus.DONE, RunStatus.MOST_STEPS_USED):
                file.set_status(status.sentence)
                raise OperationError(
                    f"the run failed at {float(run.t_s) / 3600.0:.4g} h with steps of "
                    f"{float(run.step_s):.3g} s: {status.sentence}. The file holds what came "
                    "before. Remedy: look at its last picture; a drive out of all bounds?"
                )
            yield RunProgress(float(run.t_s), float(run.step_s), int(run.steps), figures)
        figures = _record(setting, run, table, file, about)
        yield RunProgress(float(run.t_s), float(run.step_s), int(run.steps), figures)
    file.set_status("finished")


def resume(file: FieldsFile, like: CoupledRun, about: str) -> CoupledRun:
    """The run that a file's checkpoint holds; later pictures are taken out of the file.

    Raises:
        OperationError: there is nothing to go on with, or it belongs to another run.
    """
    run = load_checkpoint(checkpoint_path(file.path), like, about)
    file.keep_until(float(run.t_s))
    return run


def _record(
    setting: CoupledSetting, run: CoupledRun, table: DriveTable, file: FieldsFile, about: str
) -> dict[str, float]:
    t_s = float(run.t_s)
    shown = summarise(setting, run, make_drives_at(table, t_s))._asdict()
    share = float(setting.potential.share)
    figures = {
        "t_s": t_s,
        **table.at(t_s),
        **{name: float(value) for name, value in shown.items()},
        "outside_mj": 1e-6 * float(run.ledger.outside_j) / share,
        "supplied_mj": 1e-6 * float(run.ledger.source_j) / share,
        "steps": float(run.steps),
        "rejected_steps": float(run.rejected),
    }
    pictures = {name: np.asarray(field) for name, field in draw(setting, run)._asdict().items()}
    file.append({name: figures[name] for name in SERIES}, pictures)
    save_checkpoint(checkpoint_path(file.path), run, about)
    return figures


def _next_stop_s(table: DriveTable, now_s: float, goal_s: float) -> float:
    """Where a drive next changes its slope, or the goal."""
    later = table.t_s[table.t_s > now_s + 1e-6]
    return float(min(goal_s, later[0])) if later.size else goal_s
