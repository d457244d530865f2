"""node-opcua, an OPC UA stack that is not ours: installed on demand, run as a process."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.opcua.peer_process import START_S, served_by

FOLDER = Path(__file__).parent / "node"
ACME_PLANT = FOLDER / "acme-plant.toml"
ACME_NAMESPACE = "urn:acme:smelter"


def require_node() -> str:
    """The path of Node.js, with node-opcua installed; skips the test where it cannot be had.

    With TESTS_REQUIRE_NODE set, as in CI, the test fails instead.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _give_up("Node.js is not on the PATH")
    with FileLock(Path(tempfile.gettempdir()) / "potline-tests-npm.lock"):  # once, whoever asks
        if not (FOLDER / "node_modules" / "node-opcua").is_dir():
            done = subprocess.run(
                [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=FOLDER,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if done.returncode:
                _give_up(f"npm could not install node-opcua: {done.stderr.strip()[-300:]}")
    return str(node)


def _give_up(reason: str) -> None:
    if os.environ.get("TESTS_REQUIRE_NODE"):
        pytest.fail(reason)
    pytest.skip(reason)


async def run_client(node: str, endpoint: str, pki: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the other client do what is asked, and return what it saw."""
    return await _run(node, "client.js", endpoint, str(pki), json.dumps(asked))


async def run_alarms(node: str, endpoint: str, pki: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the other alarm client act on a condition, and return what it saw."""
    return await _run(node, "alarms.js", endpoint, str(pki), json.dumps(asked))


async def run_nodeset(node: str, file: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the other stack take a NodeSet2 file in, and return what it found there."""
    return await _run(node, "nodeset.js", str(file), json.dumps(asked))


async def _run(node: str, *arguments: str) -> dict[str, Any]:
    """Run a script that answers in a line of JSON."""
    process = await asyncio.create_subprocess_exec(
        node,
        *arguments,
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), START_S)
    assert process.returncode == 0, err.decode()
    answer: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return answer


@asynccontextmanager
async def foreign_plant(
    node: str,
    port: int,
    pki: Path,
    most: int = 0,
    security: dict[str, Any] | None = None,
    clock_ahead_s: float = 0.0,
) -> AsyncIterator[str]:
    """The other stack's server with a plant that is not ours; its endpoint.

    With `most` it refuses requests that name more nodes; with `security` (see server.js) it takes
    encrypted connections alone; the clock of its process is `clock_ahead_s` ahead.
    """
    told = json.dumps(security) if security else ""
    command = [node, "server.js", str(port), str(pki), str(most), told, str(1e3 * clock_ahead_s)]
    async with served_by(*command, folder=FOLDER):
        yield f"opc.tcp://127.0.0.1:{port}/acme"
