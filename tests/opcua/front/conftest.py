"""What tests of the front share: people with certificates, and the front of a line to move."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from opcua.front.server import Front, open_front
from ops.plantfile import PlantFile
from tests.opcua.front.fronts import Line, front_settings, make_people


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of the front and of everybody who may come."""
    folder = tmp_path_factory.mktemp("certs")
    make_people(folder)
    return folder


@pytest.fixture
def line() -> Line:
    """A line of which nothing is known yet."""
    return Line()


@pytest_asyncio.fixture
async def front(plant: PlantFile, endpoint: str, line: Line, folder: Path) -> AsyncIterator[Front]:
    """An encrypted front of that line."""
    settings = front_settings(plant, endpoint, certificates=folder)
    async with open_front(settings, line.source) as opened:
        yield opened
