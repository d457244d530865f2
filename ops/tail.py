"""Any message of any topic, as lines that a person or a script can read."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from ops.decoding import UNREADABLE, Message, read_message
from ops.follow import end_consumer
from ops.kafka_state import read_kafka_state
from stream.frames import EstimateFrame, Quality, RejectFrame, SampleFrame
from stream.kafka import KafkaConnection, KafkaUnreachableError, make_consumer
from stream.laboratory import analysis_in_words
from stream.records import (
    AuditCheckpoint,
    Command,
    Event,
    LaboratoryReport,
    ModelRecord,
    Move,
    Proposal,
    SetpointRequest,
)
from stream.topics import Topic

_SHOWN_BYTES: Final = 48
_SHOWN_REJECTS: Final = 20
_SILENCE_S: Final = 5.0  # then look whether the broker is still there
_MARKS: Final = {Quality.UNCERTAIN: "?", Quality.BAD: "!", Quality.REJECTED: "x"}


def time_text(t_ns: int) -> str:
    """Return a wall time as UTC hours to milliseconds; "-" for 0, which means never."""
    if t_ns <= 0:
        return "-"
    return datetime.fromtimestamp(t_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]


def message_lines(topic: Topic, payload: bytes, cell: int | None = None) -> list[str]:
    """Return a message as lines: one for a record, a heading and one per cell for a frame.

    Args:
        cell: only what concerns this cell; a message that does not is no lines at all. Bytes that
            cannot be read are shown whichever cell is asked for.
    """
    try:
        message = read_message(topic, payload)
    except UNREADABLE as exc:
        return [f"unreadable: {exc}; {len(payload)} bytes: {payload[:_SHOWN_BYTES]!r}"]
    if cell is not None and cell not in _cells_of(message):
        return []
    return list(_lines(message, cell))


def message_json(topic: Topic, payload: bytes, cell: int | None = None) -> list[str]:
    """Return a message as one line of JSON; arguments as for `message_lines`."""
    try:
        message = read_message(topic, payload)
    except UNREADABLE as exc:
        unreadable = {"unreadable": str(exc), "bytes_base64": base64.b64encode(payload).decode()}
        return [json.dumps(unreadable)]
    if cell is not None and cell not in _cells_of(message):
        return []
    return [msgspec.json.encode(message, enc_hook=_plain).decode()]


async def print_topic(
    connection: KafkaConnection,
    topic: Topic,
    echo: Callable[[str], None],
    *,
    is_from_beginning: bool = False,
    cell: int | None = None,
    limit: int | None = None,
    is_json: bool = False,
) -> None:
    """Print a topic until `limit` messages were printed, or for ever.

    Args:
        echo: takes a line.

    Raises:
        KafkaUnreachableError: no broker, or it has no such topic.
    """
    consumer = make_consumer(
        connection, topic, client_id="potline-tail", from_beginning=is_from_beginning
    )
    render = message_json if is_json else message_lines
    try:
        await consumer.start()
        printed = 0
        while limit is None or printed < limit:
            message = await _next_message(consumer, connection)
            lines = render(topic, message.value or b"", cell)
            for line in lines:
                echo(line)
            printed += bool(lines)
    except KafkaUnreachableError:
        raise
    except (KafkaError, OSError) as exc:
        raise KafkaUnreachableError(
            f"{topic.name} at {connection.address} cannot be read: {exc}. "
            "Remedy: start the run or the broker, or name another with --kafka."
        ) from exc
    finally:
        await end_consumer(consumer)


async def _next_message(
    consumer: AIOKafkaConsumer, connection: KafkaConnection
) -> ConsumerRecord[bytes, bytes]:
    """Return the next message; a consumer alone would wait for ever for a broker that is gone.

    Raises:
        KafkaUnreachableError: it is.
    """
    while True:
        try:
            async with asyncio.timeout(_SILENCE_S):
                return await consumer.getone()
        except TimeoutError:
            await read_kafka_state(connection)


def _cells_of(message: Message) -> set[int]:
    match message:
        case SampleFrame() | EstimateFrame():
            return set(message.cells)
        case RejectFrame():
            return set(message.cell.tolist())
        case Proposal() | Move() | Command() | LaboratoryReport():
            return {message.cell}
        case SetpointRequest():
            return set(message.values)
        case Event(cell=int() as number):
            return {number}
    return set()


def _lines(message: Message, cell: int | None) -> Iterator[str]:
    match message:
        case SampleFrame():
            yield from _sample_lines(message, cell)
        case EstimateFrame():
            yield from _estimate_lines(message, cell)
        case RejectFrame():
            yield from _reject_lines(message, cell)
        case Proposal():
            wanted = ", ".join(f"{k} {v:.4g}" for k, v in message.setpoints.items())
            yield (
                f"{time_text(message.t_decided_ns)} cell {message.cell} {message.proposed_by} "
                f"{message.solver_status} {message.solve_ms:.0f} ms: {wanted} ({message.reason})"
            )
        case Move():
            yield _move_line(message)
        case Command():
            yield (
                f"{time_text(message.t_issued_ns)} section {message.section} cell {message.cell} "
                f"{message.wish} by {message.issued_by} ({message.role}): {message.reason}"
            )
        case SetpointRequest():
            wanted = ", ".join(f"{at}: {value:.4g}" for at, value in message.values.items())
            yield (
                f"{time_text(message.t_issued_ns)} section {message.section} {message.setpoint} "
                f"{wanted} by {message.issued_by} ({message.role}): {message.reason}"
            )
        case LaboratoryReport():
            yield (
                f"{time_text(message.t_reported_ns)} cell {message.cell} drawn at plant time "
                f"{message.t_drawn_plant_s:.0f} s, by {message.reported_by}: "
                f"{analysis_in_words(message)}"
            )
        case Event():
            ended = "" if message.active else " (ended)"
            yield (
                f"{time_text(message.t_event_ns)} {message.priority} {message.name}{ended} "
                f"from {message.origin}: {message.sentence}"
            )
        case AuditCheckpoint():
            yield (
                f"{time_text(message.t_utc_ns)} chain {message.chain} record {message.seq} "
                f"{message.seal[:16]}…"
            )
        case ModelRecord():
            yield (
                f"{time_text(message.t_created_ns)} {message.kind} {message.model_id} of "
                f"{message.plant_name} {message.plant_hash}"
            )


def _sample_lines(frame: SampleFrame, cell: int | None) -> Iterator[str]:
    scans, cells, _ = frame.shape
    missed = f", {frame.scans_missed} scans missed" if frame.scans_missed else ""
    yield (
        f"section {frame.section} frame {frame.sequence} of session {frame.session}: {scans} scans "
        f"x {cells} cells, newest {time_text(frame.newest_source_time_ns)}{missed}"
    )
    if not scans:
        return
    for at, number in enumerate(frame.cells):
        if cell in (None, number):
            readings = (
                f"{name}={frame.value[-1, at, k]:.4g}{_MARKS.get(Quality(q), '')}"
                for k, (name, q) in enumerate(
                    zip(frame.signals, frame.quality[-1, at], strict=True)
                )
                if q != Quality.MISSING
            )
            yield f"  cell {number:>3}  {'  '.join(readings)}"


def _estimate_lines(frame: EstimateFrame, cell: int | None) -> Iterator[str]:
    yield (
        f"section {frame.section} estimate after frame {frame.sequence} of session "
        f"{frame.session}: {frame.frames_applied} applied, {frame.frames_skipped} seen again, "
        f"{frame.frames_missing} missing, at {time_text(frame.t_estimated_ns)}"
    )
    for at, number in enumerate(frame.cells):
        if cell in (None, number):
            values = "  ".join(f"{name}={column[at]:.4g}" for name, column in frame.values.items())
            yield f"  cell {number:>3}  {values}"


def _reject_lines(frame: RejectFrame, cell: int | None) -> Iterator[str]:
    origin = frame.origin
    yield (
        f"{time_text(frame.t_rejected_ns)} section {frame.section}: {frame.points} points of "
        f"{origin.topic}/{origin.partition}@{origin.offset} rejected"
    )
    rows = [row for row, number in enumerate(frame.cell) if cell in (None, number)]
    for row in rows[:_SHOWN_REJECTS]:
        # With the first of single samples comes the message that all of them were in.
        what = None if frame.signal[row] else frame.original[row]
        reading = (
            f"cell {frame.cell[row]} {frame.signal[row]}={frame.value[row]:.6g}"
            if what is None
            else f"{len(what)} bytes {what[:_SHOWN_BYTES]!r}"
        )
        yield f"  {frame.reason[row]}: {reading} {frame.detail[row]}".rstrip()
    if len(rows) > _SHOWN_REJECTS:
        yield f"  and {len(rows) - _SHOWN_REJECTS} more"


def _move_line(move: Move) -> str:
    applied = "-" if move.applied is None else f"{move.applied:.4g}"
    readback = "-" if move.readback is None else f"{move.readback:.4g}"
    reasons = f" ({'; '.join(move.reasons)})" if move.reasons else ""
    newest_ns = move.t_verified_ns or move.t_written_ns or move.t_permitted_ns
    return (
        f"{time_text(newest_ns)} cell {move.cell} {move.mode} {move.setpoint} {move.state}: "
        f"asked {move.asked:.4g}, applied {applied}, reads back {readback}{reasons}"
    )


def _plain(value: Any) -> Any:
    """Turn an array into a list, for JSON; NaN becomes null there."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise NotImplementedError(type(value).__name__)
