"""Reads a plant file: the figures of a line, its cells, limits, targets and nodes.

Each room declares its own table as a frozen dataclass; here they are put together and checked: the
types and names of every table, then what tables say about each other (`ops.plantchecks`).
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import GenericAlias
from typing import Any, Final, get_args, get_type_hints

import msgspec
from pydantic import ConfigDict, TypeAdapter, ValidationError

import opcua.mapping
from control.limits import GuardLimits, SetpointLimits
from control.objective import ControlObjective
from ops.mistakes import ConfigurationError, Mistake, mistake_of, nearest
from ops.plantchecks import MOST_CELLS, check_tables
from physics.design import CellDesign, LineDesign, PlantDesign
from stream.signals import SignalLimits

_STRICT: Final = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class PlantFile:
    """All that potline knows about a plant before it sees a sample; a field is a table."""

    schema_version: int
    name: str
    metal: str
    line: LineDesign
    cell: CellDesign
    signals: tuple[SignalLimits, ...]
    setpoints: tuple[SetpointLimits, ...]
    guard: GuardLimits
    opcua: opcua.mapping.Mapping
    control: ControlObjective = field(default_factory=ControlObjective)

    @property
    def design(self) -> PlantDesign:
        """What the simulator, the estimator and the controller start from."""
        return PlantDesign(name=self.name, metal=self.metal, line=self.line, cell=self.cell)


def load_plant(path: Path, cells: int | None = None) -> PlantFile:
    """Read and check a plant file.

    Args:
        path: the file, TOML.
        cells: how many cells to run instead of the file's `line.cell_count`.

    Raises:
        ConfigurationError: every mistake in the file.
    """
    document = _document(path)
    mistakes: list[Mistake] = []
    tables: dict[str, Any] = {}
    wanted = {table.name: table.default_factory is MISSING for table in fields(PlantFile)}
    for name, is_needed in wanted.items():
        if name in document:
            try:
                tables[name] = _read_table(name, document[name])
            except ValidationError as exc:
                mistakes += _mistakes(exc, name, document, str(path))
        elif is_needed:
            mistakes.append(Mistake(name, "", "is missing. Remedy: add it.", str(path)))
    mistakes += [
        Mistake(name, "", nearest(name, list(wanted)), str(path))
        for name in document
        if name not in wanted
    ]
    mistakes += [
        Mistake(key, found, remedy, str(path)) for key, found, remedy in check_tables(tables)
    ]
    if cells is not None and not 1 <= cells <= MOST_CELLS:
        remedy = f"must be 1 to {MOST_CELLS}."
        mistakes.append(Mistake("cells", str(cells), remedy, "settings"))
    if mistakes:
        raise ConfigurationError(mistakes)
    plant = PlantFile(**tables)
    return plant if cells is None else replace(plant, line=replace(plant.line, cell_count=cells))


def plant_hash(plant: PlantFile) -> str:
    """Return 16 hexadecimal digits that change with any figure of the plant."""
    return sha256(msgspec.json.encode(plant, order="sorted")).hexdigest()[:16]


def design_hash(design: PlantDesign) -> str:
    """Return 16 hexadecimal digits that change with any figure of line and cell, and with nothing
    else: what is learnt from a cell stays true where a node id or a limit is another."""
    return sha256(msgspec.json.encode(design, order="sorted")).hexdigest()[:16]


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        remedy = f"cannot be read: {reason}. Remedy: correct plant_file or the file."
        raise ConfigurationError([Mistake(str(path), "", remedy, "plant file")]) from exc


@cache
def _adapter(name: str) -> TypeAdapter[tuple[Any]]:
    # A tuple of one takes the configuration and hands it to the dataclass in it, however deep; the
    # dataclass itself, a plain one of another room, would take none.
    wrapped: Any = GenericAlias(tuple, (get_type_hints(PlantFile)[name],))
    return TypeAdapter(wrapped, config=_STRICT)


def _read_table(name: str, table: object) -> object:
    # Through JSON, because only there does strict mean the types that TOML has too: an array for a
    # tuple and a word for an enum, but no "1" for a 1.
    text = json.dumps([table], default=str)
    return _adapter(name).validate_json(text, strict=True)[0]


def _mistakes(
    exc: ValidationError, name: str, document: Mapping[str, Any], origin: str
) -> Iterator[Mistake]:
    for error in exc.errors():
        place = (name, *error["loc"][1:])
        yield mistake_of(error, _key(place, document), origin, _names_at(place[:-1]))


def _key(place: Sequence[int | str], document: Mapping[str, Any]) -> str:
    """Return a place as dotted key; a row of an array of tables goes by its name."""
    parts: list[str] = []
    here: Any = document
    for step in place:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        is_row = isinstance(step, int) and isinstance(here, dict)
        parts.append(str(here.get("name", step)) if is_row else str(step))
    return ".".join(parts)


def _names_at(place: Sequence[int | str]) -> list[str]:
    """Return the keys that the table at `place` may have."""
    here: Any = PlantFile
    for step in place:
        if isinstance(step, int):
            here = get_args(here)[0]
        elif is_dataclass(here):
            hint = get_type_hints(here).get(step)
            options = [hint, *get_args(hint)]
            here = next((o for o in options if is_dataclass(o)), hint)
            if get_args(hint) and get_args(hint)[-1] is Ellipsis:
                here = hint
    return [known.name for known in fields(here)] if is_dataclass(here) else []
