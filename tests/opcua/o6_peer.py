"""A plant on open62541, by way of o6, run as a process of its own."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from opcua.mapping import HeartbeatNodes, Mapping
from ops.plantfile import load_plant
from tests.opcua.node_peer import ACME_PLANT
from tests.opcua.peer_process import served_by

FOLDER = Path(__file__).parent


def require_o6() -> None:
    """Skip the test where o6 has no wheel; fail where it should be here.

    It is looked for, not imported: whoever imports it lives ten minutes more.
    """
    if find_spec("o6") is not None:
        return
    if sys.platform == "linux":
        pytest.fail("o6 is not installed. Remedy: make install")
    pytest.skip("o6 is installed for tests on Linux only")


def acme_mapping() -> Mapping:
    """As the plant file of this plant's twin on node-opcua, and with heartbeats."""
    mapping = load_plant(ACME_PLANT).opcua
    beats = HeartbeatNodes(optimiser="ns=acme;s=HB.HOST", plant="ns=acme;s=HB.OWN")
    return replace(mapping, heartbeats=beats)


@asynccontextmanager
async def o6_plant(port: int, security: dict[str, Any] | None = None) -> AsyncIterator[str]:
    """The plant; its endpoint. With `security` (see o6_plant.py) encrypted connections alone."""
    command = [sys.executable, "o6_plant.py", str(port)]
    async with served_by(*command, *([json.dumps(security)] if security else []), folder=FOLDER):
        yield f"opc.tcp://127.0.0.1:{port}"
