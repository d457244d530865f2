"""A small run's file, of numbers that are easy to find again."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ops.fields.file import FieldsFile
from ops.fields.quantities import FIELDS, SERIES

SHAPE = (4, 2, 3)


def make_field(offset: float) -> NDArray[np.float64]:
    """Every box another number."""
    return np.arange(24.0).reshape(SHAPE) + offset


def make_picture(t_s: float) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """The numbers and fields of one picture in time."""
    series = {name: t_s + column for column, name in enumerate(SERIES)}
    fields = {name: make_field(t_s + 100.0 * column) for column, name in enumerate(FIELDS)}
    fields["liquid_share"] = np.linspace(0.0, 1.0, 24).reshape(SHAPE)
    return series, fields


def make_file(path: Path, times_s: tuple[float, ...] = (0.0, 3600.0)) -> FieldsFile:
    """A file with a picture at each time."""
    fields_file = FieldsFile(path)
    edges = tuple(0.1 * np.arange(count + 1.0) for count in SHAPE)
    material = (np.arange(24) % 3).astype(np.int8).reshape(SHAPE)
    names = {0: "bath", 1: "anode", 2: "lining"}
    fields_file.create(edges, material, names, {"plant": "reference-300ka", "status": "running"})  # type: ignore[arg-type]
    for t_s in times_s:
        fields_file.append(*make_picture(t_s))
    return fields_file
