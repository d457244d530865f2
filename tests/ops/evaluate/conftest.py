"""The plant of the evaluation's tests."""

import pytest

from ops.plantfile import PlantFile, load_plant
from ops.settings import DEFAULT_PLANT


@pytest.fixture(scope="session")
def plant() -> PlantFile:
    return load_plant(DEFAULT_PLANT, 2)
