"""How soon a line reacts: sensor to verified write, a person's override, and what falls silent.

    python benchmarks/reactions.py [--cells 24] [--speed 60] [--seconds 120] [--json]

`potline up` runs as a person starts it, real processes and all. Measured from its topics, on one
machine and so by one clock: from the newest sample behind a decision to its verified write; from an
override to its verified write; then the SCADA server, the gateway and the guard are each killed and
stopped (SIGKILL, SIGSTOP), and the time is taken until the first sign of it: an event, or for the
guard what the plant's own watchdog shows. There is no peer, for nobody else runs this line; the bar
that each figure is held against is printed beside it.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from asyncua import Client, ua
from rich.console import Console

from control.modes import Mode
from opcua.nodes import NAMESPACE_URI, WatchdogState
from ops.plantfile import PlantFile, load_plant
from ops.settings import DEFAULT_PLANT
from physics.design import sections
from stream.kafka import KafkaConnection, make_consumer, make_producer
from stream.records import Command, CommandKind, Event, Move, MoveState, decode, encode
from stream.topics import COMMANDS, EVENTS, MOVES, partition_of

FEED = "alumina_feed_rate_kg_per_h"
PARTITIONS = 4
BARS = {"sensor_to_verified_p99_ms": 1000.0, "override_p99_ms": 1000.0, "detected_s": 2.0}


@dataclass
class Run:
    """A line under way, and what it has said.

    Attributes:
        heard_ns: when each event came here.
    """

    process: asyncio.subprocess.Process
    kafka: KafkaConnection
    opcua: str
    moves: list[Move] = field(default_factory=list)
    events: list[tuple[float, Event]] = field(default_factory=list)

    def child(self, command: str) -> psutil.Process:
        """Return the process of a potline command."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if child.cmdline()[-1:] == [command])

    async def follow(self) -> None:
        """Read moves and events for ever."""
        consumer = make_consumer(self.kafka, MOVES, EVENTS, client_id="bench", from_beginning=True)
        await consumer.start()
        try:
            async for message in consumer:
                if message.topic == MOVES.name:
                    self.moves.append(decode(message.value or b"", Move))
                else:
                    self.events.append((time.time(), decode(message.value or b"", Event)))
        finally:
            await consumer.stop()

    def modes(self) -> dict[int, str]:
        """Return the newest mode of each cell."""
        return {
            event.cell: str(event.details["mode"])
            for _, event in self.events
            if event.name == "mode_changed" and event.cell is not None
        }


async def until(is_so: Callable[[], bool], within_s: float) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it never did.
    """
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 - lists that another task fills
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(folder: Path, cells: int, speed: float) -> AsyncIterator[Run]:
    """Start the line and follow it; nothing of it outlives the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.cli", "up", "--no-browser", "--cells", str(cells),
        "--speed", str(speed), "--report", str(folder / "run.json"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={name: text for name, text in os.environ.items() if not name.startswith("POTLINE_")}
        | {"POTLINE_KAFKA__PARTITIONS": str(PARTITIONS)},
    )  # fmt: skip
    assert process.stdout is not None
    tasks: list[asyncio.Task[Any]] = []
    try:
        async with asyncio.timeout(180):
            found = None
            while found is None:
                line = (await process.stdout.readline()).decode()
                found = re.search(r"Kafka: (kafka://\S+)\s+OPC UA: (opc\.tcp://\S+)", line)
        run = Run(process, KafkaConnection(found[1]), found[2])
        tasks = [asyncio.create_task(run.follow()), asyncio.create_task(_drink(process.stdout))]
        yield run
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), 90)


async def _drink(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def settle(run: Run, cells: int) -> None:
    """Wait until all cells are in AUTO and have had a verified write since."""
    await until(lambda: list(run.modes().values()).count(Mode.AUTO) == cells, 240)
    begun = len(run.moves)

    def written() -> set[int]:
        return {m.cell for m in run.moves[begun:] if m.state is MoveState.VERIFIED}

    await until(lambda: len(written()) == cells, 600)


async def override_times_ms(run: Run, plant: PlantFile, count: int) -> list[float]:
    """Override one cell after the other; ms from the command to the verified write of each."""
    producer = make_producer(run.kafka, "bench")
    await producer.start()
    took = []
    try:
        for number in range(count):
            cell = 1 + number % plant.line.cell_count
            section = next(at for at, part in enumerate(sections(plant.line)) if cell in part)
            now_ns = time.time_ns()
            command = Command(
                command_id=str(uuid.uuid4()),
                kind=CommandKind.APPLY_OVERRIDE,
                section=section,
                cell=cell,
                issued_by="bench",
                role="operator",
                reason="measured",
                t_issued_ns=now_ns,
                expires_ns=now_ns + 10**10,
                setpoint=FEED,
                value=170.0 + number % 20,
                duration_s=1.0,
            )
            await producer.send_and_wait(
                COMMANDS.name, encode(command), partition=partition_of(section, PARTITIONS)
            )

            def result(command: Command = command) -> Move | None:
                own = (m for m in run.moves if m.proposal_id == command.command_id)
                return next((m for m in own if m.state is MoveState.VERIFIED), None)

            await until(lambda: result() is not None, 10)
            move = result()
            assert move is not None
            assert move.t_verified_ns is not None
            took.append((move.t_verified_ns - now_ns) / 1e6)
            await asyncio.sleep(0.31)  # not in step with anything
    finally:
        await producer.stop()
    return took


async def first_sign(
    run: Run, since_s: float, names: set[str], within_s: float
) -> tuple[float, str]:
    """Return how long after a moment the first of some events was told, and which."""

    def found() -> tuple[float, str] | None:
        for _, event in run.events:
            told_s = event.t_event_ns / 1e9
            if (
                event.name in names
                and told_s > since_s
                and (event.active or "restarted" in event.name)
            ):
                return told_s - since_s, event.name
        return None

    await until(lambda: found() is not None, within_s)
    sign = found()
    assert sign is not None
    return sign


_MISSED = (WatchdogState.LATE, WatchdogState.SHED)


async def watchdog_seconds(run: Run, since_s: float, within_s: float) -> tuple[float, str]:
    """Return how long after a moment the plant's own watchdog misses a beat."""
    async with Client(run.opcua) as client:
        index = await client.get_namespace_index(NAMESPACE_URI)
        node = client.get_node(ua.NodeId("L1.Comm.WatchdogState", index))
        async with asyncio.timeout(within_s):
            while await node.read_value() not in _MISSED:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.02)
    return time.time() - since_s, "the plant's watchdog"


LATE = "sign_of_life_late"
SIGNS = {
    "scada": {LATE, "scada_lost", "scada_heartbeat_lost", "samples_stale", "process_restarted"},
    "gateway": {LATE, "samples_stale", "decisions_silent", "process_restarted"},
    "guard": {"process_restarted", "plant_took_over"},
}


async def detection(run: Run, cells: int, name: str, number: signal.Signals) -> dict[str, Any]:
    """Kill or stop a process; return how soon it is known, by what, and whether all came back."""
    child = run.child(name)
    began_s = time.time()
    child.send_signal(number)
    asked = [asyncio.create_task(first_sign(run, began_s, SIGNS[name], 30))]
    if name == "guard" and number is signal.SIGSTOP:
        asked.append(asyncio.create_task(watchdog_seconds(run, began_s, 30)))
    done, pending = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    seconds, by = min(task.result() for task in done)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if number is signal.SIGSTOP:
        await asyncio.sleep(8.0)  # long enough to be shed
        with suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGCONT)
    await settle(run, cells)
    return {
        "detected_s": round(seconds, 2),
        "by": by,
        "back_after_s": round(time.time() - began_s, 1),
    }


async def measure(given: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure everything, one after the other."""
    plant = load_plant(DEFAULT_PLANT, given.cells)
    with tempfile.TemporaryDirectory() as name:
        async with running(Path(name), given.cells, given.speed) as run:
            console.print("The line is coming to AUTO ...")
            await settle(run, given.cells)
            begun = len(run.moves)
            console.print(f"Writes for {given.seconds:.0f} s ...")
            await asyncio.sleep(given.seconds)
            verified = [m for m in run.moves[begun:] if m.state is MoveState.VERIFIED]
            took_ms = [(m.t_verified_ns - m.t_source_ns) / 1e6 for m in verified if m.t_verified_ns]
            console.print(f"{given.overrides} overrides ...")
            by_hand_ms = await override_times_ms(run, plant, given.overrides)
            silences = {}
            for process in given.processes:
                for number in (signal.SIGKILL, signal.SIGSTOP):
                    console.print(f"{number.name} of the {process} ...")
                    found = await detection(run, given.cells, process, number)
                    silences[f"{process} {number.name}"] = found
    return {
        "cells": given.cells,
        "speed": given.speed,
        "moves": len(took_ms),
        "sensor_to_verified_ms": _quantiles(took_ms),
        "overrides": len(by_hand_ms),
        "override_ms": _quantiles(by_hand_ms),
        "silences": silences,
        "bars": BARS,
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    low, high = np.percentile(values, [50, 99])
    return {"p50": round(float(low), 1), "p99": round(float(high), 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--speed", type=float, default=60.0, help="plant seconds per second")
    parser.add_argument("--seconds", type=float, default=120.0, help="of writes")
    parser.add_argument("--overrides", type=int, default=20)
    parser.add_argument(
        "--processes", nargs="*", default=["scada", "gateway", "guard"], help="to kill and to stop"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    figures = asyncio.run(measure(given, Console(stderr=True)))
    if given.json:
        print(json.dumps(figures))
        return
    for key, value in figures.items():
        print(f"{key:24} {value}")


if __name__ == "__main__":
    main()
