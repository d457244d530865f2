"""What tests of the edge share: the reference plant, and where to find it."""

from pathlib import Path

import pytest

from ops.plantfile import PlantFile, load_plant
from ops.ports import free_port

PLANTS = Path(__file__).parents[2] / "plants"


@pytest.fixture(scope="session")
def plant() -> PlantFile:
    """The reference plant with three cells."""
    return load_plant(PLANTS / "reference-300ka.toml", 3)


@pytest.fixture
def endpoint() -> str:
    """An address on this machine where nothing listens yet."""
    return f"opc.tcp://127.0.0.1:{free_port()}/potline"
