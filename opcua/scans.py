"""Raw OPC UA values made columns and a scan in our units. Pure; no connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from asyncua import ua

from control.channel_faults import Stillness
from control.interlock_checks import FUTURE_TOLERANCE_NS
from opcua.mapping import Layout, SignalNode
from opcua.resolve import Readable
from stream.frames import F64, I64, U8, Quality

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NS_PER_S: Final = 1e9


@dataclass(frozen=True, slots=True)
class Column:
    """One signal of all cells: value (C,), quality (C,), source time (C,)."""

    value: F64
    quality: U8
    source_time_ns: I64


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a vote found of the several sensors of one signal.

    Attributes:
        row: the signal.
        fault: (N, C) of `control.channel_faults.Fault`; (N, 1) where one value serves the line.
        stillness: of the channels, for the next scan.
    """

    row: SignalNode
    fault: U8
    stillness: Stillness


@dataclass(frozen=True, slots=True)
class Scan:
    """All signals of all cells at one plant time.

    Attributes:
        counter: the plant's number of the scan; None where it does not count.
        value, quality, source_time_ns: (C, K).
        missed_before: scans between the one before and this one that could not be had.
        ballots: one for each signal that has several sensors.
    """

    t_plant_s: float
    counter: int | None
    value: F64
    quality: U8
    source_time_ns: I64
    t_received_ns: int
    missed_before: int = 0
    ballots: tuple[Ballot, ...] = ()

    @property
    def newest_source_time_ns(self) -> int:
        """Newest source time that may be believed."""
        return newest_source_time_ns(self.quality, self.source_time_ns, self.t_received_ns)


def newest_source_time_ns(quality: U8, source_time_ns: I64, t_received_ns: int) -> int:
    """Return the newest source time that may be believed: of a value that the plant does not call
    bad, and not ahead of the receipt; the receipt itself where no value has one.

    One wrong stamp must not become the time by which every later scan is judged old.
    """
    latest_ns = t_received_ns + FUTURE_TOLERANCE_NS
    may_tell = (quality < Quality.BAD) & (source_time_ns <= latest_ns)
    return int(source_time_ns[may_tell].max()) if may_tell.any() else t_received_ns


def to_ns(moment: datetime) -> int:
    """Return a time as UTC nanoseconds since 1970; one without zone is UTC, as on the wire."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND * 1000


def to_datetime(time_ns: int) -> datetime:
    """Return UTC nanoseconds since 1970 as a time, to the microsecond."""
    return _EPOCH + time_ns // 1000 * _MICROSECOND


def quality_of(status: ua.StatusCode | None) -> Quality:
    """Return the two severity bits of an OPC UA status; no status means good."""
    if status is None:
        return Quality.GOOD
    severity = (int(status.value) >> 30) & 0b11
    return (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)[severity]


def time_of(answer: ua.DataValue, otherwise_ns: int) -> int:
    """Return the source time of a value, or else the server's, or else `otherwise_ns`."""
    moment = answer.SourceTimestamp or answer.ServerTimestamp
    return otherwise_ns if moment is None else to_ns(moment)


def number_of(raw: object) -> float | None:
    """Return a raw value as a number; None where it is none."""
    if isinstance(raw, datetime):
        return to_ns(raw) / _NS_PER_S
    if isinstance(raw, bool | int | float):
        return float(raw)
    return None


def _numbers(raw: object, count: int, first: int) -> F64:
    """Return `count` numbers from an array; NaN where it is too short or holds something else."""
    value = np.full(count, np.nan)
    if isinstance(raw, list | tuple):
        part = raw[first : first + count]
        try:
            value[: len(part)] = np.asarray(part, dtype=np.float64)
        except (TypeError, ValueError):
            value[: len(part)] = [
                np.nan if number is None else number for number in map(number_of, part)
            ]
    return value


def column_of(
    readable: Readable, answers: Sequence[ua.DataValue], cells: int, t_received_ns: int
) -> Column:
    """Return one signal of all cells in our unit.

    Args:
        readable: the signal; `answers` are those of its nodes, in order.
        answers: what the server said.
        cells: number of cells, C.
        t_received_ns: source time of values that bring none.
    """
    row = readable.row
    if row.layout is Layout.ARRAY:
        answer = answers[0]
        elements = raw_value(answer)
        raw = _numbers(elements, cells, row.first_index)
        status = np.full(cells, quality_of(answer.StatusCode), dtype=np.uint8)
        count = len(elements) if isinstance(elements, list | tuple) else 0
        absent = np.arange(cells) + row.first_index >= count
        time_ns = np.full(cells, time_of(answer, t_received_ns), dtype=np.int64)
    else:
        numbers = [number_of(raw_value(answer)) for answer in answers]
        raw = np.array([np.nan if number is None else number for number in numbers])
        status = np.array([quality_of(answer.StatusCode) for answer in answers], dtype=np.uint8)
        absent = np.array([number is None for number in numbers])
        time_ns = np.array([time_of(answer, t_received_ns) for answer in answers], dtype=np.int64)
    quality = np.where(absent & (status < Quality.BAD), Quality.MISSING, status).astype(np.uint8)
    value = np.where(quality >= Quality.BAD, np.nan, raw * row.scale + row.offset)
    return Column(
        np.broadcast_to(value, cells),
        np.broadcast_to(quality, cells),
        np.broadcast_to(time_ns, cells),
    )


def raw_value(answer: ua.DataValue) -> object:
    """Return what a node held; None where it held nothing."""
    return None if answer.Value is None else answer.Value.Value
