"""The plant files of the repository, as designs."""

import tomllib
from pathlib import Path

from pydantic import TypeAdapter

from physics.design import CellDesign, LineDesign, PlantDesign

PLANTS = Path(__file__).parents[2] / "plants"


def load_design(file_name: str) -> PlantDesign:
    """Read [line] and [cell] of a plant file."""
    tables = tomllib.loads((PLANTS / file_name).read_text())
    return PlantDesign(
        name=tables["name"],
        metal=tables["metal"],
        line=TypeAdapter(LineDesign).validate_python(tables["line"]),
        cell=TypeAdapter(CellDesign).validate_python(tables["cell"]),
    )


def load_noise_sd(file_name: str) -> dict[str, float]:
    """Read the noise of every signal of a plant file."""
    tables = tomllib.loads((PLANTS / file_name).read_text())
    return {signal["name"]: signal["noise_sd"] for signal in tables["signals"]}
