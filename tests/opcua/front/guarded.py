"""The front of a line with a real guard; a test file takes the fixtures by importing them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from opcua.front.server import Front
from ops.front import followed_front
from ops.ports import free_port
from tests.opcua.front.fronts import front_settings
from tests.stream.guard_cases import (
    _PARTITIONS,
    AUTOMATIC,
    SECTIONS,
    GuardedLine,
    calm_line,
    shared_line,
    until,
)

__all__ = ["calm_line", "guarded_front", "shared_line"]


@pytest_asyncio.fixture(name="front", scope="module", loop_scope="module")
async def guarded_front(
    shared_line: GuardedLine,
    folder: Path,
) -> AsyncIterator[Front]:
    """An encrypted front that follows the line; a busy machine may take its time to answer."""
    settings = front_settings(
        shared_line.plant,
        f"opc.tcp://127.0.0.1:{free_port()}/front",
        certificates=folder,
        cells=SECTIONS,
        answer_within_s=15.0,
    )
    async with followed_front(settings, shared_line.connection, _PARTITIONS, AUTOMATIC) as front:
        await until(front._source.is_following)
        yield front
