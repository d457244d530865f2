"""What the edge carries, encrypted: 1,200 tags a second, and 240 setpoints written and read back.

    python benchmarks/edge.py [--seconds 60] [--rounds 60] [--json]

The simulated SCADA runs as it does in a line, in a process of its own, with 240 cells in real time,
and takes signed and encrypted connections alone. A client subscribes to five signals of every cell,
and to the arrays of the same; counted are the changes of single tags that it never heard of, and
the processor time of the server. Beside it the guard's writer writes a setpoint of every cell,
again and again, each time until the plant's own node shows the value. The peer, before that, is a
bare asyncua client that writes the same nodes and reads them back once: the ratio is what judging
by the plant's own read-back costs.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from asyncua import ua
from rich.console import Console

from opcua.certificates import make_certificates
from opcua.link import Link, LinkError, open_link
from opcua.nodes import CELL_QUANTITIES, NAMESPACE_URI
from opcua.security import Policy, client_security
from opcua.writer import Writer
from ops.plantfile import load_plant
from ops.ports import free_port
from ops.settings import DEFAULT_PLANT
from stream.edge import SetpointWrite
from stream.records import MoveState

CELLS = 240
FEED = "alumina_feed_rate_kg_per_h"
ALWAYS_NEW = "L1.Snapshot.CellVoltage"  # no two scans have the same
PUBLISHING_MS, QUEUE = 500.0, 100


class Hearer:
    """Counts the changes of each node."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.arrays: dict[str, list[list[float]]] = {}

    def datachange_notification(self, node: Any, value: Any, _data: object) -> None:
        """Take a change (called by asyncua)."""
        name = str(node.nodeid.Identifier)
        self.counts[name] += 1
        if isinstance(value, list):
            self.arrays.setdefault(name, []).append(value)

    def clear(self) -> None:
        """Begin to count."""
        self.counts.clear()
        self.arrays.clear()

    def lost(self) -> int:
        """Return how many changes of single tags were never heard of: those that the arrays of the
        same scans show. One a tag may fall between the begin or the end of both."""
        lost = 0
        for name, scans in self.arrays.items():
            values = np.array(scans)
            changes = (values[1:] != values[:-1]).sum(axis=0)
            for cell, expected in enumerate(changes, start=1):
                tag = f"L1.C{cell:03d}.PV.{name.rpartition('.')[2]}"
                lost += max(0, int(expected) - 1 - self.counts[tag])
        return lost


@asynccontextmanager
async def scada(folder: Path) -> AsyncIterator[tuple[str, psutil.Process]]:
    """The simulated SCADA in a process of its own; its endpoint."""
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}"
    environment = os.environ | {
        "POTLINE_SETTINGS": "",
        "POTLINE_CELLS": str(CELLS),
        "POTLINE_SPEED": "1",
        "POTLINE_OPCUA__ENDPOINT": endpoint,
        "POTLINE_OPCUA__SECURITY": "Aes256Sha256RsaPss",
        "POTLINE_OPCUA__CERTIFICATES": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.cli", "scada", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield endpoint, psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def connect(endpoint: str, folder: Path, name: str) -> Link:
    """Connect, waiting for the server to start."""
    async with asyncio.timeout(180):
        while True:
            try:
                return await open_link(
                    endpoint, security=client_security(folder, name, Policy.AES256)
                )
            except LinkError:
                await asyncio.sleep(0.5)


async def hear(link: Link, process: psutil.Process, seconds: float) -> dict[str, float]:
    """Subscribe to 1,200 tags for a while; count what is lost and what it costs the server."""
    client, hearer = link.client, Hearer()
    index = await client.get_namespace_index(NAMESPACE_URI)
    names = [
        f"L1.C{cell:03d}.PV.{quantity.browse_name}"
        for cell in range(1, CELLS + 1)
        for quantity in CELL_QUANTITIES
    ]
    arrays = [f"L1.Snapshot.{quantity.browse_name}" for quantity in CELL_QUANTITIES]
    nodes = [client.get_node(ua.NodeId(name, index)) for name in (*names, *arrays)]
    subscription = await client.create_subscription(PUBLISHING_MS, hearer)
    await subscription.subscribe_data_change(nodes, queuesize=QUEUE)
    await asyncio.sleep(3.0)  # the first values, which are no changes
    counter = client.get_node(ua.NodeId("L1.Clock.ScanCounter", index))
    hearer.clear()
    first_scan = await counter.read_value()
    before, began_s = process.cpu_times(), time.monotonic()
    await asyncio.sleep(seconds)
    after, elapsed_s = process.cpu_times(), time.monotonic() - began_s
    scans = await counter.read_value() - first_scan
    await asyncio.sleep(2 * PUBLISHING_MS / 1000.0)  # what is on its way
    await subscription.delete()
    heard = len(hearer.arrays[ALWAYS_NEW])
    used_s = after.user + after.system - before.user - before.system
    return {
        "tags": len(names),
        "seconds": elapsed_s,
        "scans": scans,
        "changes": sum(hearer.counts[name] for name in names),
        "lost": hearer.lost(),
        "scans_lost": max(0, scans - 1 - heard),
        "server_cpu_pct": 100.0 * used_s / elapsed_s,
    }


def pause_s(number: int) -> float:
    """Return a pause after a round, so that rounds are not in step with the server's seconds."""
    return 0.2 + 0.37 * (number % 3)


async def write_bare(link: Link, rounds: int) -> list[float]:
    """Write 240 setpoints and read the same nodes back, while no guard has the line; ms a round."""
    index = await link.client.get_namespace_index(NAMESPACE_URI)
    pattern = "L1.C{:03d}.SP.AluminaFeedRate.Target"
    targets = [ua.NodeId(pattern.format(cell), index) for cell in range(1, CELLS + 1)]
    took_ms = []
    for number in range(rounds):
        began_s = time.perf_counter()
        variant = ua.Variant(180.0 + number % 7, ua.VariantType.Double)
        statuses = await link.write([(target, variant) for target in targets])
        await link.read(targets)
        took_ms.append(1e3 * (time.perf_counter() - began_s))
        assert all(status.is_good() for status in statuses), statuses[0].name
        await asyncio.sleep(pause_s(number))
    return took_ms


async def write(endpoint: str, folder: Path, rounds: int) -> tuple[list[float], int]:
    """Write 240 setpoints by the guard's writer, round after round; ms a round, and failures."""
    plant = load_plant(DEFAULT_PLANT, CELLS)
    cells = range(1, CELLS + 1)
    writer = Writer(
        endpoint,
        plant.opcua,
        cells,
        plant.setpoints,
        readback_deadline_s=plant.guard.readback_deadline_s,
        watchdog_timeout_s=plant.guard.shed_after_s,
        opener=partial(open_link, security=client_security(folder, "guard", Policy.AES256)),
    )
    took_ms, failed = [], 0
    async with writer:
        assert await writer.wait_connected(30.0), writer.last_error
        writer.allow_heartbeat(1e6)
        await writer.set_remote(cells, True)
        async with asyncio.timeout(30):
            while not all(writer.is_remote(cell) for cell in cells):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        for number in range(rounds):
            value = 180.0 + number % 7
            wanted = [
                SetpointWrite(f"{number}/{cell}", cell, FEED, value, time.time_ns() + 10**10)
                for cell in cells
            ]
            began_s = time.perf_counter()
            results = await writer.write(wanted)
            took_ms.append(1e3 * (time.perf_counter() - began_s))
            failed += sum(result.state is not MoveState.VERIFIED for result in results)
            await asyncio.sleep(pause_s(number))
    return took_ms, failed


async def measure(seconds: float, rounds: int, console: Console) -> dict[str, Any]:
    """Measure both, one after the other, and beside each other for the writes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_certificates(folder, ["localhost", "127.0.0.1"])
        async with scada(folder) as (endpoint, process):
            console.print("The server is starting ...")
            reader = await connect(endpoint, folder, "gateway")
            console.print(f"{CELLS * len(CELL_QUANTITIES)} tags for {seconds:.0f} s ...")
            heard = await hear(reader, process, seconds)
            console.print(f"{CELLS} setpoints, {rounds} times, beside the same subscription ...")
            peer = await connect(endpoint, folder, "guard")
            beside = asyncio.create_task(hear(reader, process, 1e6))
            by_peer = await write_bare(peer, rounds)
            by_writer, failed = await write(endpoint, folder, rounds)
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
            await peer.close()
            await reader.close()
    ours, peers = np.percentile(by_writer, [50, 99]), np.percentile(by_peer, [50, 99])
    return {
        **{key: round(value, 2) for key, value in heard.items()},
        "setpoints": CELLS,
        "rounds": rounds,
        "not_verified": failed,
        "write_readback_ms": {"p50": round(ours[0], 1), "p99": round(ours[1], 1)},
        "peer_ms": {"p50": round(peers[0], 1), "p99": round(peers[1], 1)},
        "ratio_peer_p50": round(ours[0] / peers[0], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of the subscription")
    parser.add_argument("--rounds", type=int, default=60, help="of writes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    figures = asyncio.run(measure(given.seconds, given.rounds, Console(stderr=True)))
    if given.json:
        print(json.dumps(figures))
        return
    for key, value in figures.items():
        print(f"{key:20} {value}")


if __name__ == "__main__":
    main()
