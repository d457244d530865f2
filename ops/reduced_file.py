"""The file of a reduced cell: bases, operators and how far they err, for one plant.

One `.npz` of plain float64 arrays under the names of their fields, and `about`: JSON that says of
which plant, from which grid, with which errors. Nothing in it belongs to a device.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import jax.numpy as jnp
import numpy as np
from jax import Array

from ops.mistakes import OperationError
from physics.parameters import CellParameters
from physics.reduced.basis import Basis
from physics.reduced.field_cell import FieldCell
from physics.reduced.inference import Operators

SCHEMA_VERSION: Final = 2
_REMEDY: Final = "Remedy: make it anew with `potline reduce`"


@dataclass(frozen=True, slots=True)
class ReducedAbout:
    """What a reduced cell is of, and how far it errs."""

    program: str  # its version
    plant_name: str
    plant_hash: str
    grid: str
    every_s: float  # between the samples that it learnt from
    hours: float  # of each trajectory
    trained: int  # trajectories
    folds: int  # of the cross-validation that chose sizes
    sizes: dict[str, float]
    errors: dict[str, float]  # of cross-validation, worst of the trajectories


def save_reduced(path: Path, cell: FieldCell, about: ReducedAbout) -> str:
    """Write a reduced cell to one file, replaced at once.

    Args:
        path: of the file.
        cell: to keep.
        about: what it is of.

    Returns:
        SHA-256 of the file, in hexadecimal digits.
    """
    header = json.dumps({"schema_version": SCHEMA_VERSION, **asdict(about)})
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        np.savez_compressed(file, about=np.array(header), **_flatten(cell))  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return sha256(path.read_bytes()).hexdigest()


def load_reduced(path: Path, plant_hash: str | None = None) -> tuple[FieldCell, ReducedAbout]:
    """Read a reduced cell; JAX puts it on whatever device it computes on.

    Args:
        path: of the file.
        plant_hash: of the plant that it must be of; None takes any.

    Returns:
        The cell and what it is of.

    Raises:
        OperationError: no such file, damaged, of another version or of another plant.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(str(arrays.pop("about")))
        version = header.pop("schema_version")
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise OperationError(f"{path} cannot be read as a reduced cell ({exc}). {_REMEDY}") from exc
    if version != SCHEMA_VERSION:
        raise OperationError(
            f"{path} is of version {version}, this program reads {SCHEMA_VERSION}. {_REMEDY}"
        )
    try:
        about, cell = ReducedAbout(**header), _unflatten(arrays)
    except (KeyError, TypeError) as exc:
        raise OperationError(f"{path} lacks a part of a reduced cell ({exc}). {_REMEDY}") from exc
    if plant_hash is not None and about.plant_hash != plant_hash:
        raise OperationError(
            f"{path} is of the plant {about.plant_name} {about.plant_hash}, wanted is "
            f"{plant_hash}. {_REMEDY} from the plant file as it is now"
        )
    return cell, about


def _flatten(cell: FieldCell) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    arrays = {}
    for name, part in cell._asdict().items():
        fields = part._asdict() if hasattr(part, "_asdict") else {"": part}
        for field, array in fields.items():
            arrays[f"{name}.{field}".rstrip(".")] = np.asarray(array, dtype=np.float64)
    return arrays


def _unflatten(arrays: Mapping[str, Any]) -> FieldCell:
    def part(name: str, field: str) -> Array:
        return jnp.asarray(arrays[f"{name}.{field}"])

    return FieldCell(
        parameters=CellParameters(*(part("parameters", f) for f in CellParameters._fields)),
        temperature=Basis(*(part("temperature", f) for f in Basis._fields)),
        ledge=Basis(*(part("ledge", f) for f in Basis._fields)),
        operators=Operators(*(part("operators", f) for f in Operators._fields)),
        bath_kg=jnp.asarray(arrays["bath_kg"]),
        voltage_v=jnp.asarray(arrays["voltage_v"]),
        alf3_loss_kg_per_kg=jnp.asarray(arrays["alf3_loss_kg_per_kg"]),
    )
