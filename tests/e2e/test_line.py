"""The whole line, started as a person starts it, looked at as a plant would."""

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from control.modes import Mode
from opcua.nodes import NAMESPACE_URI, CellMode
from stream.frames import RejectFrame
from stream.kafka import make_producer
from stream.records import Command, CommandKind, MoveState, encode
from tests.e2e.running_line import Line, running_line
from tests.opcua.node_peer import require_node, run_client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
TARGET = {
    "alumina_feed_rate_kg_per_h": "L1.C{cell:03d}.SP.AluminaFeedRate.Target",
    "beam_position_mm": "L1.C{cell:03d}.SP.BeamPosition.Target",
}


def command(cell: int, mode: Mode, role: str = "operator") -> Command:
    now_ns = time.time_ns()
    return Command(
        command_id=uuid.uuid4().hex,
        kind=CommandKind.SET_MODE,
        section=0,
        cell=cell,
        mode=mode,
        issued_by="the test",
        role=role,
        reason="to see it obeyed",
        t_issued_ns=now_ns,
        expires_ns=now_ns + 10_000_000_000,
    )


async def send(line: Line, topic: str, payload: bytes, partition: int = 0) -> None:
    producer = make_producer(line.kafka, "test")
    await producer.start()
    try:
        await producer.send_and_wait(topic, payload, key=b"0", partition=partition)
    finally:
        await producer.stop()


def verified(line: Line) -> list:
    return [move for move in line.moves if move.state is MoveState.VERIFIED]


async def test_from_a_change_at_the_plant_to_a_verified_setpoint(tmp_path: Path) -> None:
    node = require_node()
    async with running_line(tmp_path) as line:
        await line.until(lambda: len({move.cell for move in verified(line)}) == 24, 60)
        await another_client_reads_what_was_written(line, node, tmp_path)
        await an_operator_takes_a_cell_and_gives_it_back(line, node, tmp_path)
        await what_is_no_record_is_rejected_and_the_line_goes_on(line)
        report = await line.end()
    assert line.process.returncode == 0
    samples, moves = report["samples"], report["moves"]
    assert samples["published"] == samples["accepted"] + samples["rejected"]
    assert samples["lost"] == 0
    assert moves["verified"] == moves["written"] >= 24
    assert moves["unchecked"] == 0
    assert report["estimates"]["applied_twice"] == 0
    assert report["left_behind"]["processes"] == 0
    assert report["left_behind"]["files"] == 0
    assert report["test_stop_s"] <= 15.0


async def another_client_reads_what_was_written(line: Line, node: str, pki: Path) -> None:
    """What an OPC UA client that is not ours reads is what the moves say."""
    names = {
        (cell, setpoint): pattern.format(cell=cell)
        for cell in (1, 12, 24)
        for setpoint, pattern in TARGET.items()
    }
    begun = len(line.moves)
    answer = await run_client(
        node,
        line.opcua,
        pki,
        {"namespace": NAMESPACE_URI, "read": list(names.values())},
    )
    for (cell, setpoint), name in names.items():
        read = answer["read"][name]["value"]

        def applied(cell: int = cell, setpoint: str = setpoint) -> list[float]:
            """The newest values when the reading began, and what has been told since."""
            own = [
                (place, move.applied)
                for place, move in enumerate(line.moves)
                if (move.cell, move.setpoint) == (cell, setpoint) and move.applied is not None
            ]
            before = [value for place, value in own if place < begun]
            return before[-3:] + [value for place, value in own if place >= begun]

        def is_told(read: float = read, applied: Callable[[], list[float]] = applied) -> bool:
            return read in [pytest.approx(value, abs=1e-9) for value in applied()]

        # The line goes on while the other client reads, and is told of by another way.
        await line.until(is_told, 20)


async def an_operator_takes_a_cell_and_gives_it_back(line: Line, node: str, pki: Path) -> None:
    asked = command(3, Mode.MANUAL)
    await send(line, "commands", encode(asked))

    def changed(mode: Mode) -> list:
        return [
            event
            for event in line.events
            if event.name == "mode_changed"
            and event.cell == 3
            and event.details["mode"] == mode
            and event.t_event_ns > asked.t_issued_ns
        ]

    await line.until(lambda: bool(changed(Mode.MANUAL)), 10)
    obeyed_ns = changed(Mode.MANUAL)[0].t_event_ns
    assert obeyed_ns - asked.t_issued_ns < 1_500_000_000
    held_from = len(line.moves)

    def held() -> list:
        later = line.moves[held_from:]
        return [m for m in later if m.cell == 3 and m.t_decided_ns > obeyed_ns]

    await line.until(lambda: len(held()) >= 2, 20)
    assert {move.state for move in held()} == {MoveState.HELD}
    answer = await run_client(
        node, line.opcua, pki, {"namespace": NAMESPACE_URI, "read": ["L1.C003.ModeActual"]}
    )
    assert answer["read"]["L1.C003.ModeActual"]["value"] != int(CellMode.REMOTE_CASCADE)
    await send(line, "commands", encode(command(3, Mode.AUTO, role="observer")))
    await line.until(lambda: any(event.name == "command_refused" for event in line.events), 10)
    await send(line, "commands", encode(command(3, Mode.AUTO)))
    await line.until(lambda: bool(changed(Mode.AUTO)), 20)
    back_ns = changed(Mode.AUTO)[0].t_event_ns
    await line.until(
        lambda: any(m.cell == 3 and m.t_decided_ns > back_ns for m in verified(line)), 20
    )


async def what_is_no_record_is_rejected_and_the_line_goes_on(line: Line) -> None:
    garbage = b'{"schema_version": 99, "cell": NaN'
    before = len(line.estimates)
    for topic in ("samples", "proposals", "commands", "laboratory", "accepted", "estimates"):
        await send(line, topic, garbage)

    def kept() -> list[RejectFrame]:
        return [frame for frame in line.seen.get("rejects", []) if frame.original[0] == garbage]

    await line.until(lambda: len(kept()) >= 4, 20)
    refused = {frame.origin.topic for frame in kept()}
    assert refused >= {"samples", "proposals", "commands", "laboratory"}
    await line.until(lambda: len(line.estimates) >= before + 3, 20)
    await asyncio.wait_for(_next_move(line), 20)


async def _next_move(line: Line) -> None:
    count = len(verified(line))
    await line.until(lambda: len(verified(line)) > count, 20)
