"""What the plant itself says of setpoints, modes and its life: one Read of all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from asyncua import ua

from opcua.lease import LeaseSigns
from opcua.link import Link, LinkError
from opcua.mapping import Layout
from opcua.resolve import ResolvedModes, ResolvedNodes
from opcua.scans import Column, column_of
from stream.frames import F64, Quality

_SERVER_TIME: Final = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
_SERVER_BEGAN: Final = ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)


@dataclass(frozen=True, slots=True)
class PlantPicture:
    """One look.

    Attributes:
        readbacks: setpoint name to values of all cells, in our unit.
        is_remote: per cell, whether it follows our targets; None where the plant does not say.
        beat: whatever the plant's heartbeat node held; None where it could not be read.
        t_read_ns: wall time of the look.
        lease: who writes; None where the plant has no token.
        trip: whatever the trip contact held; None where it could not be read.
    """

    cells: tuple[int, ...] = ()
    readbacks: dict[str, Column] = field(default_factory=dict)
    is_remote: tuple[bool | None, ...] = ()
    beat: object = None
    t_read_ns: int = 0
    lease: LeaseSigns | None = None
    trip: object = None

    def readback(self, cell: int, setpoint: str) -> float | None:
        """Return a read-back that the plant vouches for, or None."""
        column = self.readbacks.get(setpoint)
        if column is None or cell not in self.cells:
            return None
        index = self.cells.index(cell)
        good = column.quality[index] <= Quality.UNCERTAIN and np.isfinite(column.value[index])
        return float(column.value[index]) if good else None

    def source_time_ns(self, cell: int, setpoint: str) -> int:
        """Return the source time of a read-back; 0 where there is none."""
        column = self.readbacks.get(setpoint)
        if column is None or cell not in self.cells:
            return 0
        return int(column.source_time_ns[self.cells.index(cell)])

    def values(self, setpoint: str) -> F64:
        """Return the read-backs of all cells, (C,); NaN where there is none."""
        column = self.readbacks.get(setpoint)
        return np.full(len(self.cells), np.nan) if column is None else column.value


@dataclass(frozen=True, slots=True)
class PictureReader:
    """Knows which nodes make a picture."""

    nodes: ResolvedNodes

    async def look(self, link: Link, now_ns: int) -> PlantPicture:
        """Read everything at once (see `Link.read`).

        Raises:
            LinkError: no answer in time, the connection broke, or the plant has a writer's token
                and does not show it.
        """
        nodes = self.nodes
        node_ids = [nodes.heartbeat_in or _SERVER_TIME]
        lease_ids = _lease_ids(nodes)
        for setpoint in nodes.setpoints:
            node_ids += setpoint.readback.node_ids
        if nodes.modes is not None:
            node_ids += nodes.modes.actual.node_ids
        trip_ids = [] if nodes.trip is None else [nodes.trip]
        answers = await link.read([*node_ids, *lease_ids, *trip_ids])
        answers, others = answers[: len(node_ids)], answers[len(node_ids) :]
        of_lease, of_trip = others[: len(lease_ids)], others[len(lease_ids) :]
        beat = answers[0].Value.Value if _is_usable(answers[0]) else None
        at, cells = 1, len(nodes.cells)
        readbacks: dict[str, Column] = {}
        for setpoint in nodes.setpoints:
            end = at + len(setpoint.readback.node_ids)
            readbacks[setpoint.row.name] = column_of(
                setpoint.readback, answers[at:end], cells, now_ns
            )
            at = end
        remote: tuple[bool | None, ...] = (None,) * cells
        if nodes.modes is not None:
            remote = _remote(nodes.modes, answers[at:], cells)
        lease = _lease_signs(link.address, of_lease) if lease_ids else None
        trip = next((one.Value.Value for one in of_trip if _is_usable(one)), None)
        return PlantPicture(nodes.cells, readbacks, remote, beat, now_ns, lease, trip)


def _lease_ids(nodes: ResolvedNodes) -> list[ua.NodeId]:
    """Return what shows who writes; nothing where the plant has no token."""
    if nodes.writer_token is None or nodes.heartbeat_out is None:
        return []
    return [nodes.writer_token.node_ids[0], nodes.heartbeat_out.node_ids[0], _SERVER_BEGAN]


def _lease_signs(address: str, answers: Sequence[ua.DataValue]) -> LeaseSigns:
    token, beat, began = answers
    if not _is_usable(token) or not isinstance(token.Value.Value, int):
        raise LinkError(f"{address}: the writer's token, opcua.writer_token, cannot be read")
    return LeaseSigns(
        token.Value.Value,
        repr(beat.Value.Value) if _is_usable(beat) else None,
        repr(began.Value.Value) if _is_usable(began) and began.Value.Value else None,
    )


def _is_usable(answer: ua.DataValue) -> bool:
    status = answer.StatusCode
    return answer.Value is not None and (status is None or not status.is_bad())


def _remote(
    modes: ResolvedModes, answers: Sequence[ua.DataValue], cells: int
) -> tuple[bool | None, ...]:
    """Return per cell whether the plant shows one of the words for "remote"."""
    if modes.actual.row.layout is Layout.SCALAR:
        raw = [answer.Value.Value if _is_usable(answer) else None for answer in answers]
    else:
        whole = answers[0].Value.Value if _is_usable(answers[0]) else None
        if isinstance(whole, list | tuple):
            raw = list(whole[modes.row.first_index :])
        else:
            raw = [whole] * cells
    raw += [None] * (cells - len(raw))
    return tuple(None if value is None else value in modes.row.shown for value in raw[:cells])
