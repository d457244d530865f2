"""One look at the plant: raw OPC UA values made a scan in our units. Pure; no connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from control.interlock_checks import FUTURE_TOLERANCE_NS
from opcua.mapping import Layout
from opcua.resolve import Readable, ResolvedNodes
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
class Scan:
    """All signals of all cells at one plant time.

    Attributes:
        counter: the plant's number of the scan; None where it does not count.
        value, quality, source_time_ns: (C, K).
        missed_before: scans between the one before and this one that could not be had.
    """

    t_plant_s: float
    counter: int | None
    value: F64
    quality: U8
    source_time_ns: I64
    t_received_ns: int
    missed_before: int = 0

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
        elements = _raw(answer)
        raw = _numbers(elements, cells, row.first_index)
        status = np.full(cells, quality_of(answer.StatusCode), dtype=np.uint8)
        count = len(elements) if isinstance(elements, list | tuple) else 0
        absent = np.arange(cells) + row.first_index >= count
        time_ns = np.full(cells, time_of(answer, t_received_ns), dtype=np.int64)
    else:
        numbers = [number_of(_raw(answer)) for answer in answers]
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


def _raw(answer: ua.DataValue) -> object:
    return None if answer.Value is None else answer.Value.Value


@dataclass(frozen=True, slots=True)
class ScanReader:
    """Knows which nodes make a scan, in which order, and how their values become one."""

    nodes: ResolvedNodes

    @property
    def node_ids(self) -> list[ua.NodeId]:
        """The nodes of one Read: scan counter and plant time where there are, then all signals."""
        head = [self.nodes.scan_counter, self.nodes.plant_time]
        return [node_id for node_id in head if node_id is not None] + [
            node_id for readable in self.nodes.signals for node_id in readable.node_ids
        ]

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals, in order."""
        return tuple(readable.row.name for readable in self.nodes.signals)

    def scan(self, answers: Sequence[ua.DataValue], t_received_ns: int) -> Scan:
        """Return the scan in the answers to a Read of `node_ids`.

        Plant time is the plant's clock, NaN if that has no value; where the mapping names no
        clock, it is the newest source time that may be believed, in seconds.
        """
        cells = len(self.nodes.cells)
        at = 0
        counter: int | None = None
        t_plant_s: float | None = None
        if self.nodes.scan_counter is not None:
            number = number_of(_raw(answers[at]))
            counter = None if number is None else int(number)
            at += 1
        if self.nodes.plant_time is not None:
            time_s = number_of(_raw(answers[at]))
            t_plant_s = np.nan if time_s is None else time_s
            at += 1
        columns: list[Column] = []
        for readable in self.nodes.signals:
            count = len(readable.node_ids)
            columns.append(column_of(readable, answers[at : at + count], cells, t_received_ns))
            at += count
        quality = _stack([column.quality for column in columns])
        source_time_ns = _stack([column.source_time_ns for column in columns])
        if t_plant_s is None:
            t_plant_s = newest_source_time_ns(quality, source_time_ns, t_received_ns) / _NS_PER_S
        return Scan(
            t_plant_s=t_plant_s,
            counter=counter,
            value=_stack([column.value for column in columns]),
            quality=quality,
            source_time_ns=source_time_ns,
            t_received_ns=t_received_ns,
        )


def _stack(columns: list[NDArray[np.generic]]) -> NDArray:  # type: ignore[type-arg]
    return np.stack(columns, axis=1)
