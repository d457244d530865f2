"""One look at the plant: which nodes it takes, and the scan that their values make. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from control.channel_faults import ChannelRule, Stillness
from opcua.channels import Moment, hold_ballot
from opcua.resolve import Readable, ResolvedNodes
from opcua.scans import (
    Ballot,
    Column,
    Scan,
    column_of,
    newest_source_time_ns,
    number_of,
    raw_value,
)

_NS_PER_S: Final = 1e9
_NOTHING: Final = ua.DataValue()


@dataclass(frozen=True, slots=True)
class ScanReader:
    """Knows which nodes make a scan, in which order, and how their values become one.

    Attributes:
        rules: how the sensors of a signal that has several are judged, by its name.
    """

    nodes: ResolvedNodes
    rules: Mapping[str, ChannelRule] = field(default_factory=dict)

    @property
    def node_ids(self) -> list[ua.NodeId]:
        """The nodes of one Read: scan counter and plant time where there are, then all signals."""
        return self._head + [
            node_id for readable in self.nodes.signals for node_id in readable.node_ids
        ]

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals, in order."""
        return tuple(readable.row.name for readable in self.nodes.signals)

    def scan(
        self,
        answers: Sequence[ua.DataValue],
        t_received_ns: int,
        before: Mapping[str, Stillness] | None = None,
    ) -> Scan:
        """Return the scan in the answers to a Read of `node_ids`.

        Plant time is the plant's clock, NaN if that has no value; where the mapping names no
        clock, it is the newest source time that may be believed, in seconds.

        Args:
            answers: what the server said, in order.
            t_received_ns: when.
            before: what the scan before found of the sensors of signals with several
                (`opcua.channels.stillness_of`); None at the first.
        """
        at = 0
        counter: int | None = None
        t_plant_s: float | None = None
        if self.nodes.scan_counter is not None:
            number = number_of(raw_value(answers[at]))
            counter = None if number is None else int(number)
            at += 1
        if self.nodes.plant_time is not None:
            time_s = number_of(raw_value(answers[at]))
            t_plant_s = np.nan if time_s is None else time_s
            at += 1
        channels: list[list[Column]] = []
        for readable in self.nodes.signals:
            count = len(readable.node_ids)
            channels.append(self._columns(readable, answers[at : at + count], t_received_ns))
            at += count
        if t_plant_s is None or self.rules:
            every = [column for columns in channels for column in columns]
            newest_ns = newest_source_time_ns(
                _stack([column.quality for column in every]),
                _stack([column.source_time_ns for column in every]),
                t_received_ns,
            )
            t_plant_s = newest_ns / _NS_PER_S if t_plant_s is None else t_plant_s
            moment = Moment(t_plant_s, newest_ns, t_received_ns)
        columns: list[Column] = []
        ballots: list[Ballot] = []
        for readable, (first, *others) in zip(self.nodes.signals, channels, strict=True):
            if not others:
                columns.append(first)
                continue
            name = readable.row.name
            column, ballot = hold_ballot(
                readable.row,
                self.rules[name],
                [first, *others],
                moment,
                (before or {}).get(name),
            )
            columns.append(column)
            ballots.append(ballot)
        return Scan(
            t_plant_s=t_plant_s,
            counter=counter,
            value=_stack([column.value for column in columns]),
            quality=_stack([column.quality for column in columns]),
            source_time_ns=_stack([column.source_time_ns for column in columns]),
            t_received_ns=t_received_ns,
            ballots=tuple(ballots),
        )

    def scan_of_history(
        self,
        values: Sequence[ua.DataValue | None],
        t_received_ns: int,
        before: Mapping[str, Stillness] | None = None,
    ) -> Scan | None:
        """Return the scan in what a history held of `node_ids` at one time, or None where it is not
        whole: of a signal with several sensors one is enough.

        Args:
            values: in order; None where the history had nothing.
            t_received_ns, before: as for `scan`.
        """
        at = len(self._head)
        is_whole = all(value is not None for value in values[:at])
        for readable in self.nodes.signals:
            size, end = readable.nodes_per_channel, at + len(readable.node_ids)
            for first in range(at, at + size):
                is_whole &= any(value is not None for value in values[first:end:size])
            at = end
        if not is_whole:
            return None
        answers = [_NOTHING if value is None else value for value in values]
        return self.scan(answers, t_received_ns, before)

    @property
    def _head(self) -> list[ua.NodeId]:
        head = [self.nodes.scan_counter, self.nodes.plant_time]
        return [node_id for node_id in head if node_id is not None]

    def _columns(
        self, readable: Readable, answers: Sequence[ua.DataValue], t_received_ns: int
    ) -> list[Column]:
        """Return a column for each sensor of a signal."""
        cells, size = len(self.nodes.cells), readable.nodes_per_channel
        return [
            column_of(readable, answers[i : i + size], cells, t_received_ns)
            for i in range(0, len(answers), size)
        ]


def _stack(columns: list[NDArray[np.generic]]) -> NDArray:  # type: ignore[type-arg]
    return np.stack(columns, axis=1)
