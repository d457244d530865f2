"""What drives a full-order run: constant figures, or a table of them in time."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ops.mistakes import ConfigurationError, Mistake, nearest
from physics.design import PlantDesign, nominal_feed_kg_per_h

DRIVES: Final = (
    "line_current_ka",
    "acd_cm",
    "feed_kg_per_h",
    "alf3_kg_per_h",
    "ambient_temperature_c",
)
_TIME: Final = "t_h"


@dataclass(frozen=True, slots=True)
class DriveTable:
    """Drives in time: straight lines between the rows, constant outside them.

    Attributes:
        t_s: (n,) rising.
        values: (n, 5) in the order of `DRIVES`.
    """

    t_s: NDArray[np.float64]
    values: NDArray[np.float64]

    def at(self, t_s: float) -> dict[str, float]:
        """The drives at one time."""
        return {
            name: float(np.interp(t_s, self.t_s, self.values[:, column]))
            for column, name in enumerate(DRIVES)
        }


def make_nominal_drives(design: PlantDesign, alf3_kg_per_h: float) -> dict[str, float]:
    """The drives that a cell is built for."""
    return {
        "line_current_ka": design.line.current_ka,
        "acd_cm": design.cell.nominal.acd_cm,
        "feed_kg_per_h": nominal_feed_kg_per_h(design),
        "alf3_kg_per_h": alf3_kg_per_h,
        "ambient_temperature_c": design.cell.heat.ambient_temperature_c,
    }


def make_drives(
    nominal: Mapping[str, float], settings: Sequence[str], table: Path | None
) -> DriveTable:
    """Put nominal drives, a table and single settings together; the later wins.

    Args:
        nominal: every one of `DRIVES`.
        settings: each `name=number`.
        table: CSV with a column t_h, in hours, and columns of `DRIVES`.

    Returns:
        The table to run with.

    Raises:
        ConfigurationError: every mistake in the settings and in the table.
    """
    mistakes: list[Mistake] = []
    times, columns = _read_table(table, mistakes) if table is not None else ([0.0], {})
    fixed = _read_settings(settings, mistakes)
    values = np.empty((len(times), len(DRIVES)))
    for number, name in enumerate(DRIVES):
        values[:, number] = fixed.get(name, columns.get(name, nominal[name]))
    for name, low in (("line_current_ka", 0.0), ("acd_cm", 0.0)):
        least = float(values[:, DRIVES.index(name)].min())
        if not mistakes and least <= low:
            mistakes.append(Mistake(name, f"{least:g}", f"must be above {low:g}.", "drives"))
    for name in ("feed_kg_per_h", "alf3_kg_per_h"):
        least = float(values[:, DRIVES.index(name)].min())
        if not mistakes and least < 0.0:
            mistakes.append(Mistake(name, f"{least:g}", "must not be below 0.", "drives"))
    if mistakes:
        raise ConfigurationError(mistakes)
    return DriveTable(3600.0 * np.asarray(times), values)


def _read_settings(settings: Sequence[str], mistakes: list[Mistake]) -> dict[str, float]:
    fixed: dict[str, float] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if name not in DRIVES:
            mistakes.append(Mistake(name, "", nearest(name, list(DRIVES)), "--set"))
        elif (number := _number(text)) is None or not equals:
            mistakes.append(Mistake(name, text, f"must be a number: {name}=1.5", "--set"))
        else:
            fixed[name] = number
    return fixed


def _read_table(
    path: Path, mistakes: list[Mistake]
) -> tuple[list[float], dict[str, NDArray[np.float64]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        mistakes.append(Mistake(str(path), "", f"cannot be read: {exc}.", "--inputs"))
        return [0.0], {}
    names = list(rows[0]) if rows else []
    for name in names:
        if name not in (_TIME, *DRIVES):
            mistakes.append(Mistake(str(name), "", nearest(str(name), [_TIME, *DRIVES]), str(path)))
    if _TIME not in names:
        mistakes.append(Mistake(_TIME, "", "is missing. Remedy: add a column of hours.", str(path)))
        return [0.0], {}
    columns: dict[str, list[float]] = {name: [] for name in names if name in (_TIME, *DRIVES)}
    for line, row in enumerate(rows, start=2):
        for name, column in columns.items():
            number = _number(row[name])
            if number is None:
                mistakes.append(
                    Mistake(name, str(row[name]), f"on line {line} is no number.", str(path))
                )
            column.append(math.nan if number is None else number)
    times = columns.pop(_TIME)
    if not mistakes and np.any(np.diff(times) <= 0.0):
        mistakes.append(Mistake(_TIME, "", "must rise from line to line.", str(path)))
    return times, {name: np.asarray(column) for name, column in columns.items()}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
