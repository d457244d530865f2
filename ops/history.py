"""Reads a recorded history of cells from a columnar file: Parquet, Arrow (Feather) or CSV.

A row is what was read at one time. Columns, each with its unit in its name:

    t_plant_s           seconds from any origin, or a timestamp; rises
    cell                number of the cell; only where the file has several
    line_current_ka     needed, as the next two: they drive the model
    alumina_fed_kg      running total of what the feeder says it dropped
    beam_position_mm    anode beam, up is positive
    cell_voltage_v      needed, as the next: they correct it
    bath_temperature_c
    alumina_wt_pct, excess_alf3_wt_pct, liquidus_c, ledge_cm, acd_cm, anode_drop_mv,
    cathode_drop_mv, external_drop_mv
                        samples and probes, in the row in which they were taken; else empty

Empty and NaN mean that nothing was read. But for the voltage, a reading that equals the last counts
as the same one, shown on. Other columns are left alone.

Errors::

    ConfigurationError    every mistake in the file
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
from numpy.typing import NDArray

from ops.mistakes import ConfigurationError, Mistake
from physics.calibration.history import (
    CHANNEL_NAMES,
    INPUTS,
    NEEDED_CHANNELS,
    TIME,
    History,
    grid_history,
)
from stream.signals import SignalLimits

F64 = NDArray[np.float64]

CELL: Final = "cell"
NEEDED: Final = (TIME, *INPUTS, *NEEDED_CHANNELS)
KNOWN: Final = (TIME, CELL, *INPUTS, *CHANNEL_NAMES)
EFFECT_ABOVE_NOMINAL_V: Final = 1.0  # design value: no cell is worked so high but in an effect
_SUFFIXES: Final = (".parquet", ".arrow", ".feather", ".csv")


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded of one cell.

    Attributes:
        columns: by name, (R,) each, NaN where nothing was read.
        left_out: readings beyond the physical range of their signal, by name; they are NaN.
        origin: the file or topic.
    """

    columns: Mapping[str, F64]
    left_out: Mapping[str, int]
    origin: str


def read_recording(path: Path, cell: int | None, signals: Sequence[SignalLimits]) -> Recording:
    """Read one cell's history from a file.

    Args:
        path: of the file.
        cell: its number; may be None where the file has only one.
        signals: of the plant file: what a reading can be.

    Raises:
        ConfigurationError: every mistake in it.
    """
    table = _read_table(path)
    origin = str(path)
    absent = [name for name in NEEDED if name not in table.column_names]
    if absent:
        raise ConfigurationError(
            [Mistake(name, "", _absent_remedy(name, table.column_names), origin) for name in absent]
        )
    rows = _rows_of(table, cell, origin)
    mistakes: list[Mistake] = []
    columns: dict[str, F64] = {}
    for name in KNOWN:
        if name in rows.column_names and name != CELL:
            try:
                columns[name] = _numbers(rows.column(name))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as exc:
                remedy = f"holds no numbers ({exc}). Remedy: give numbers, empty where none."
                mistakes.append(Mistake(name, str(rows.column(name).type), remedy, origin))
    if mistakes:
        raise ConfigurationError(mistakes)
    return screen_recording(columns, signals, origin)


def screen_recording(
    columns: Mapping[str, F64], signals: Sequence[SignalLimits], origin: str
) -> Recording:
    """Leave out what no instrument can have read, and refuse columns in another unit.

    Raises:
        ConfigurationError: most of a column lies beyond its physical range, or it is empty.
    """
    kept, left_out, mistakes = dict(columns), {}, []
    for limits in signals:
        if limits.name not in kept:
            continue
        column = kept[limits.name]
        is_read = np.isfinite(column)
        is_beyond = is_read & ((column < limits.physical_low) | (column > limits.physical_high))
        if limits.name in NEEDED and not is_read.any():
            remedy = "has no readings. Remedy: choose a stretch, or a cell, that has."
            mistakes.append(Mistake(limits.name, "", remedy, origin))
        elif is_beyond.sum() > 0.5 * is_read.sum():
            median = float(np.median(column[is_read]))
            allowed = f"{limits.physical_low:g} to {limits.physical_high:g} {limits.unit}"
            remedy = (
                f"the median lies outside {allowed}, the physical range in the plant file. "
                "Remedy: give the column in the unit of its name."
            )
            mistakes.append(Mistake(limits.name, f"{median:g}", remedy, origin))
        elif is_beyond.any():
            kept[limits.name] = np.where(is_beyond, np.nan, column)
            left_out[limits.name] = int(is_beyond.sum())
    if mistakes:
        raise ConfigurationError(mistakes)
    return Recording(kept, left_out, origin)


def cut_recording(recording: Recording, begin_h: float | None, end_h: float | None) -> Recording:
    """Keep a stretch, in hours from the first row."""
    t = recording.columns[TIME]
    hours = (t - t[0]) / 3600.0
    wanted = np.ones(len(t), dtype=bool)
    if begin_h is not None:
        wanted &= hours >= begin_h
    if end_h is not None:
        wanted &= hours <= end_h
    columns = {name: column[wanted] for name, column in recording.columns.items()}
    return Recording(columns, recording.left_out, recording.origin)


def make_history(
    recording: Recording, signals: Sequence[SignalLimits], nominal_voltage_v: float
) -> History:
    """Put a recording on the grid of a calibration.

    Args:
        recording: of one cell.
        signals: of the plant file: noise of one reading.
        nominal_voltage_v: of the cell.

    Raises:
        ConfigurationError: times do not rise, or what drives the model is missing for long.
    """
    noise_sd = {limits.name: limits.noise_sd for limits in signals}
    try:
        return grid_history(recording.columns, noise_sd, nominal_voltage_v + EFFECT_ABOVE_NOMINAL_V)
    except ValueError as exc:
        mistake = Mistake("history", "", f"{exc} (--begin-h, --end-h).", recording.origin)
        raise ConfigurationError([mistake]) from exc


def write_recording(path: Path, cell: int, columns: Mapping[str, F64]) -> None:
    """Write one cell's history as Parquet, in the form that `read_recording` takes."""
    rows = len(columns[TIME])
    table = pa.table({CELL: np.full(rows, cell, dtype=np.int32), **columns})
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path)


def _read_table(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        remedy = f"is no columnar file by its name. Remedy: one of {', '.join(_SUFFIXES)}."
        raise ConfigurationError([Mistake("history", str(path), remedy, "flag")])
    try:
        if suffix == ".parquet":
            return pyarrow.parquet.read_table(path)
        if suffix == ".csv":
            return pyarrow.csv.read_csv(path)
        return pyarrow.feather.read_table(path)
    except (OSError, pa.ArrowException) as exc:
        remedy = f"cannot be read: {exc}. Remedy: correct --history or the file."
        raise ConfigurationError([Mistake("history", str(path), remedy, "flag")]) from exc


def _absent_remedy(name: str, there: Sequence[str]) -> str:
    close = get_close_matches(name, there, n=1, cutoff=0.6)
    hint = f" Is it {close[0]}?" if close else f" There are: {', '.join(there)}."
    return f"column is missing.{hint}"


def _rows_of(table: Any, cell: int | None, origin: str) -> Any:
    if table.num_rows == 0:
        raise ConfigurationError([Mistake("history", "", "has no rows.", origin)])
    if CELL not in table.column_names:
        return table
    numbers = _numbers(table.column(CELL))
    there = sorted({int(number) for number in numbers[np.isfinite(numbers)]})
    if cell is None and len(there) == 1:
        return table
    if cell is None or cell not in there:
        shown = ", ".join(map(str, there[:20])) + (" ..." if len(there) > 20 else "")
        found = "" if cell is None else str(cell)
        raise ConfigurationError(
            [Mistake(CELL, found, f"name one with --cell. The file has: {shown}.", origin)]
        )
    return table.filter(pa.array(numbers == cell))


def _numbers(column: Any) -> F64:
    """A column as float64, NaN for what is empty; a timestamp as seconds from the first."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if pa.types.is_null(whole.type):
        return np.full(len(whole), np.nan)
    if pa.types.is_timestamp(whole.type):
        nanoseconds = whole.cast(pa.timestamp("ns", tz=whole.type.tz)).cast(pa.int64())
        ticks = nanoseconds.to_numpy(zero_copy_only=False)
        seconds: F64 = (ticks - ticks[0]).astype(np.float64) / 1e9
        return seconds
    numbers: F64 = whole.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers
