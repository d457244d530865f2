"""From a history to a calibration and its files: what `potline calibrate` does, step by step."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from ops.calibration_page import report_page
from ops.calibration_words import digits, plant_lines, result_json, summary_sentence
from ops.entry import silent
from ops.history import Recording, make_history, screen_recording, write_recording
from ops.mistakes import OperationError
from ops.plantfile import PlantFile, plant_hash
from ops.recorded import read_recorded
from ops.settings import Settings
from physics.calibration.calibrate import Calibration, calibrate
from physics.calibration.figures import Figure
from physics.calibration.fit import FitStatus

RESULT_FILE: Final = "calibration.json"
PLANT_LINES_FILE: Final = "calibration.toml"
PAGE_FILE: Final = "calibration.html"
LEAST_WIDTH: Final = 124  # of a console: what the longest row needs


def run_calibration(
    plant: PlantFile,
    plant_file: Path,
    recording: Recording,
    cell: int | None,
    chosen: Sequence[Figure],
    folder: Path,
    console: Console,
) -> Calibration:
    """Calibrate one cell and write what was found.

    Args:
        plant: what the cell was built as.
        plant_file: that it came from, for the reader.
        recording: of the cell.
        cell: its number, if it has one.
        chosen: figures to fit.
        folder: for calibration.json, .toml and .html; is made.
        console: for progress and the result.

    Raises:
        ConfigurationError: the recording cannot be put on a grid.
        OperationError: the fit ended without figures; calibration.json says how.
    """
    for name, count in recording.left_out.items():
        console.print(f"{count} readings of {name} lie beyond its physical range and are left out.")
    history = make_history(recording, plant.signals, plant.cell.nominal.cell_voltage_v)
    about: dict[str, Any] = {
        "plant_name": plant.name,
        "plant_file": str(plant_file),
        "plant_hash": plant_hash(plant),
        "cell": "–" if cell is None else cell,
        "history": recording.origin,
        "readings_left_out": dict(recording.left_out),
    }
    with console.status("Compiling the model ...") as status:

        def watch(stage: str, step: int, cost: float) -> None:
            status.update(f"Fitting {stage}: step {step}, cost {cost:.4g}")

        calibration = calibrate(plant.design, history, chosen, watch)
    folder.mkdir(parents=True, exist_ok=True)
    found = result_json(calibration, about)
    (folder / RESULT_FILE).write_text(
        json.dumps(found, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    if calibration.status is not FitStatus.CONVERGED:
        for name in (PLANT_LINES_FILE, PAGE_FILE):  # those of a run before would not belong to it
            (folder / name).unlink(missing_ok=True)
        raise OperationError(f"{recording.origin}: {calibration.status.sentence}")
    heading = [
        f"Figures of cell {about['cell']}, fitted to {calibration.hours:.1f} h of history from",
        f"{recording.origin}.",
        f"Before: {plant_file}. Paste over the lines of these names. They are one cell's: compare",
        "several before you change what a plant file says of all.",
    ]
    (folder / PLANT_LINES_FILE).write_text(
        plant_lines(calibration.figures, heading), encoding="utf-8"
    )
    (folder / PAGE_FILE).write_text(report_page(calibration, about), encoding="utf-8")
    return calibration


def record_from_kafka(
    settings: Settings, plant: PlantFile, cell: int, kept: Path | None, console: Console
) -> Recording:
    """Read what Kafka holds of a cell, with progress.

    Args:
        settings: say where Kafka is.
        plant: what a reading can be.
        cell: its number.
        kept: a Parquet file to keep it in, or None.
        console: for progress.

    Raises:
        KafkaUnreachableError: no broker answers.
        OperationError: there is nothing of the cell.
        ConfigurationError: what is there is in other units than the plant file says.
    """
    with silent("aiokafka"), console.status("Reading `accepted` ...") as status:
        columns = asyncio.run(
            read_recorded(
                settings.kafka.connection(),
                settings.kafka.partitions,
                cell,
                lambda read, total: status.update(f"Reading `accepted`: {read} of {total}"),
            )
        )
    if kept is not None:
        write_recording(kept, cell, columns)
    return screen_recording(columns, plant.signals, f"accepted at {settings.kafka.address}")


def print_calibration(calibration: Calibration, folder: Path, console: Console) -> None:
    """Print the result as a table, and where the rest is."""
    table = Table(box=None, header_style="bold")
    for heading in ("figure", "plant file", "fitted", "95 %", ""):
        table.add_column(heading, no_wrap=heading != "")
    for result in calibration.figures:
        spread = result.high - result.low
        table.add_row(
            result.figure.key,
            f"{result.before:g}",
            digits(result.value, spread),
            f"{digits(result.low, spread)} to {digits(result.high, spread)}",
            result.verdict.words,
        )
    console.print(table, soft_wrap=True)
    console.print(summary_sentence(calibration.figures))
    console.print(
        f"Report: {folder / PAGE_FILE}   Lines for the plant file: {folder / PLANT_LINES_FILE}",
        soft_wrap=True,
    )
