"""A whole line as a person starts it: `potline up` with its real processes, and a way to ask it."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ops.decoding import UNREADABLE, read_message
from stream.frames import EstimateFrame
from stream.kafka import KafkaConnection, make_consumer
from stream.records import Event, Move
from stream.topics import BY_NAME, ESTIMATES, EVENTS, MOVES, REJECTS

READY_WITHIN_S = 120.0  # a loaded machine compiles slowly; the bar itself is checked on a quiet one


@dataclass
class Line:
    """A run under way.

    Attributes:
        seen: everything that its topics carried so far, decoded, by topic.
    """

    process: asyncio.subprocess.Process
    report_file: Path
    kafka: KafkaConnection
    opcua: str
    seen: dict[str, list[Any]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def moves(self) -> list[Move]:
        return self.seen.get(MOVES.name, [])

    @property
    def events(self) -> list[Event]:
        return self.seen.get(EVENTS.name, [])

    @property
    def estimates(self) -> list[EstimateFrame]:
        return self.seen.get(ESTIMATES.name, [])

    async def until(self, what: Callable[[], bool], within_s: float) -> None:
        """Return when something has been seen."""
        async with asyncio.timeout(within_s), self.changed:
            await self.changed.wait_for(what)

    def child(self, command: str) -> psutil.Process:
        """The process of the run that was started with this potline command."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            arguments = child.cmdline()
            if arguments[-1:] == [command] or (command == "broker" and "kafka.Kafka" in arguments):
                return child
        raise AssertionError(f"{command} does not run")

    async def end(self) -> dict[str, Any]:
        """End the run as Ctrl-C does, and return its report."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        began_s = time.monotonic()
        await asyncio.wait_for(self.process.wait(), 60)
        report: dict[str, Any] = json.loads(self.report_file.read_text())
        report["test_stop_s"] = time.monotonic() - began_s
        return report

    async def _follow(self) -> None:
        consumer = make_consumer(
            self.kafka, MOVES, EVENTS, ESTIMATES, REJECTS, client_id="test", from_beginning=True
        )
        await consumer.start()
        try:
            async for message in consumer:
                try:
                    decoded = read_message(BY_NAME[message.topic], message.value)
                except UNREADABLE as exc:
                    decoded = exc
                async with self.changed:
                    self.seen.setdefault(message.topic, []).append(decoded)
                    self.changed.notify_all()
        finally:
            await consumer.stop()


@asynccontextmanager
async def running_line(tmp_path: Path, *arguments: str, **environment: str) -> AsyncIterator[Line]:
    """Start `potline up` and follow it; whatever happens, nothing of it outlives the block."""
    report = tmp_path / "run.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.cli",
        "up",
        "--no-browser",
        "--report",
        str(report),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith("POTLINE_")} | environment,
    )
    assert process.stdout is not None
    said: list[str] = []
    follower: asyncio.Task[None] | None = None
    drinker: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                line = (await process.stdout.readline()).decode()
                said.append(line)
                assert line, "".join(said)
                found = re.search(r"Kafka: (kafka://\S+)\s+OPC UA: (opc\.tcp://\S+)", line)
                if found:
                    break
        running = Line(process, report, KafkaConnection(found[1]), found[2])
        follower = asyncio.create_task(running._follow())
        drinker = asyncio.create_task(_drink(process.stdout))
        yield running
    finally:
        for task in (follower, drinker):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)


async def _drink(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass
