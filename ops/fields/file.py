"""The file of a full-order run: HDF5, every dataset with its unit, one group a picture in time.

    /                attributes: schema_version, program, version, plant, plant_hash, status
    /grid            x_edges_m, y_edges_m, z_edges_m, material (its attribute `names`)
    /series/NAME     (pictures,), one number for each picture
    /fields/00000    attribute t_s; datasets (nz, ny, nx), x fastest, as ParaView reads them

The file is closed after every picture, so that an interrupted run leaves it readable.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from ops.fields.quantities import FIELDS, SERIES
from ops.mistakes import OperationError

SCHEMA_VERSION: Final = 1


class FieldsFile:
    """A run's file, written picture by picture."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened before it is needed."""
        self.path = path

    def create(
        self,
        edges_m: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        material: NDArray[np.int8],
        material_names: Mapping[int, str],
        about: Mapping[str, Any],
    ) -> None:
        """Begin the file anew.

        Args:
            edges_m: of the boxes along x, y and z.
            material: (nx, ny, nz) codes.
            material_names: what the codes mean.
            about: attributes of the file.
        """
        with h5py.File(self.path, "w") as file:
            file.attrs["schema_version"] = SCHEMA_VERSION
            for name, value in about.items():
                file.attrs[name] = value
            grid = file.create_group("grid")
            for axis, edges in zip("xyz", edges_m, strict=True):
                grid.create_dataset(f"{axis}_edges_m", data=edges).attrs["unit"] = "m"
            codes = grid.create_dataset("material", data=_turn(material), compression="gzip")
            codes.attrs["names"] = [f"{code} {name}" for code, name in material_names.items()]
            file.create_group("fields")
            series = file.create_group("series")
            for name, quantity in SERIES.items():
                column = series.create_dataset(name, (0,), maxshape=(None,), dtype="f8")
                column.attrs["unit"], column.attrs["meaning"] = quantity

    def append(
        self, series: Mapping[str, float], fields: Mapping[str, NDArray[np.float64]]
    ) -> None:
        """Add one picture: its numbers, and its fields (nx, ny, nz)."""
        with self._open("r+") as file:
            number = len(file["fields"])
            picture = file["fields"].create_group(f"{number:05d}")
            picture.attrs["t_s"] = series["t_s"]
            for name, field in fields.items():
                dataset = picture.create_dataset(
                    name, data=_turn(field).astype(np.float32), compression="gzip", shuffle=True
                )
                dataset.attrs["unit"], dataset.attrs["meaning"] = FIELDS[name]
            for name in SERIES:
                column = file["series"][name]
                column.resize((number + 1,))
                column[number] = series[name]

    def keep_until(self, t_s: float) -> None:
        """Take away pictures later than a time: a run that goes on makes them again."""
        with self._open("r+") as file:
            times = file["series"]["t_s"][:]
            kept = int(np.count_nonzero(times <= t_s + 1e-6))
            for name in list(file["fields"])[kept:]:
                del file["fields"][name]
            for column in file["series"].values():
                column.resize((kept,))

    def set_status(self, status: str) -> None:
        """Say how the run stands."""
        with self._open("r+") as file:
            file.attrs["status"] = status

    def read_about(self) -> dict[str, Any]:
        """The attributes of the file."""
        with self._open("r") as file:
            return {name: _plain(value) for name, value in file.attrs.items()}

    def read_series(self) -> dict[str, NDArray[np.float64]]:
        """Every series by its name, each (pictures,)."""
        with self._open("r") as file:
            return {name: column[:] for name, column in file["series"].items()}

    def read_grid(self) -> tuple[list[NDArray[np.float64]], NDArray[np.int8]]:
        """Edges along x, y and z, and the material codes (nx, ny, nz)."""
        with self._open("r") as file:
            edges = [file["grid"][f"{axis}_edges_m"][:] for axis in "xyz"]
            return edges, _turn(file["grid"]["material"][:])

    def read_fields(self, number: int) -> dict[str, NDArray[np.float64]]:
        """The fields (nx, ny, nz) of picture `number`; -1 is the last.

        Raises:
            OperationError: there is no such picture.
        """
        with self._open("r") as file:
            names = list(file["fields"])
            if not -len(names) <= number < len(names):
                raise OperationError(
                    f"{self.path} has {len(names)} pictures, none of number {number}. "
                    "Remedy: ask for one of them"
                )
            picture = file["fields"][names[number]]
            return {name: _turn(picture[name][:]).astype(np.float64) for name in picture}

    def _open(self, mode: str) -> h5py.File:
        try:
            return h5py.File(self.path, mode)
        except OSError as exc:
            raise OperationError(
                f"{self.path} cannot be opened as a run's file: {exc}. "
                "Remedy: name a file that `potline solve` made, or leave out --resume"
            ) from exc


def _turn(array: NDArray[Any]) -> NDArray[Any]:
    """Between (nx, ny, nz) and (nz, ny, nx)."""
    return np.ascontiguousarray(np.transpose(array))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
