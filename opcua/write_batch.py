"""One batch of setpoints on its way: sent together, read back, sent once more."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from asyncua import ua

from opcua.link import Link, LinkError
from opcua.plant_picture import PictureReader, PlantPicture
from opcua.resolve import ResolvedNodes
from opcua.wire_values import WireValueError, wire_value
from stream.edge import SetpointWrite, WriteResult
from stream.records import MoveState

_POLL_S: Final = 0.05
_LAST_LOOK_S: Final = 0.25  # after a write that took all the time there was
WRITE_TIMEOUT_S: Final = 1.0
_NOT_ANY_MORE: Final = "it was not to be written any more when its turn came"
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True)
class LivePlant:
    """What there is while connected."""

    link: Link
    nodes: ResolvedNodes
    reader: PictureReader


class PlantAccess(Protocol):
    """How a batch reaches the plant."""

    @property
    def live(self) -> LivePlant | None:
        """The connection, if there is one now."""

    @property
    def picture(self) -> PlantPicture:
        """What the plant said last."""

    @property
    def address(self) -> str:
        """Where the plant is."""

    @property
    def other_writer(self) -> str:
        """Who writes instead of us; "" where we may."""

    async def look(self, live: LivePlant) -> PlantPicture:
        """Ask the plant anew."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """One write on its way."""

    write: SetpointWrite
    before: float | None
    before_time_ns: int
    t_written_ns: int | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a write goes, the node's type, and the value in the plant's unit."""

    node_id: ua.NodeId
    kind: ua.VariantType
    raw: float


@dataclass(frozen=True, slots=True)
class BatchRules:
    """How a batch is judged.

    Attributes:
        tolerance: setpoint name to how far the read-back may be off.
        deadline_s: for all attempts together.
    """

    cells: tuple[int, ...]
    tolerance: dict[str, float]
    deadline_s: float
    clock_ns: Callable[[], int]


class WriteBatch:
    """Writes one batch. A value is verified when the read-back is within the tolerance and newer
    than before the write; one that was within the tolerance already need not be newer."""

    def __init__(
        self, access: PlantAccess, rules: BatchRules, may_write: Callable[[SetpointWrite], bool]
    ) -> None:
        self._access = access
        self._rules = rules
        self._may_write = may_write
        self._results: dict[str, WriteResult] = {}

    async def run(self, writes: Sequence[SetpointWrite]) -> list[WriteResult]:
        """Write and verify; return one result for each write, in order."""
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        pending = [self._begin(write) for write in writes]
        for attempt in range(1, _ATTEMPTS + 1):
            pending = await self._send(pending, attempt)
            if not pending:
                break
            until_s = begin_s + self._rules.deadline_s * attempt / _ATTEMPTS
            pending = await self._verify(pending, until_s)
        for one in pending:
            self._end(one, MoveState.FAILED, self._mismatch(one))
        return [self._results[write.move_id] for write in writes]

    def _begin(self, write: SetpointWrite) -> _Pending:
        picture = self._access.picture
        return _Pending(
            write,
            picture.readback(write.cell, write.setpoint),
            picture.source_time_ns(write.cell, write.setpoint),
        )

    async def _send(self, pending: list[_Pending], attempt: int) -> list[_Pending]:
        """Send what may still be sent, together; return what the plant took."""
        live, now_ns = self._access.live, self._rules.clock_ns()
        going: list[tuple[_Pending, ua.NodeId, ua.Variant]] = []
        for one in pending:
            write = one.write
            node = None if live is None else self._target(live.nodes, write)
            if write.expires_ns <= now_ns and attempt == 1:
                late_s = (now_ns - write.expires_ns) / 1e9
                self._end(one, MoveState.EXPIRED, f"it expired {late_s:.1f} s before it was sent")
            elif write.expires_ns <= now_ns:
                self._end(one, MoveState.FAILED, self._mismatch(one) + "; expired before a retry")
            elif not self._may_write(write) and attempt == 1:
                self._end(
                    one,
                    MoveState.EXPIRED,
                    _NOT_ANY_MORE,
                )
            elif not self._may_write(write):
                self._end(one, MoveState.FAILED, self._mismatch(one) + "; it may not be sent again")
            elif not math.isfinite(write.value):
                self._end(one, MoveState.FAILED, f"{write.value} is not a finite number")
            elif live is None:
                self._end(
                    one, MoveState.FAILED, f"no connection to SCADA at {self._access.address}"
                )
            elif self._access.other_writer:
                self._end(one, MoveState.FAILED, self._access.other_writer)
            elif node is None:
                what = f"{write.setpoint} of cell {write.cell}"
                self._end(one, MoveState.FAILED, f"the plant file maps no target for {what}")
            else:
                # Each by itself: one that does not fit must not take the request with it.
                try:
                    going.append((one, node.node_id, wire_value(node.kind, node.raw)))
                except WireValueError as exc:
                    self._end(one, MoveState.FAILED, f"it cannot be written: {exc}")
        if not going or live is None:
            return []
        nodes = [(node_id, variant) for _, node_id, variant in going]
        try:
            statuses = await live.link.write(nodes, WRITE_TIMEOUT_S)
        except LinkError:
            # It may have happened: the read-back tells, if there still is one.
            statuses = [ua.StatusCode()] * len(going)
        t_written_ns = self._rules.clock_ns()
        taken: list[_Pending] = []
        for (one, _, _), status in zip(going, statuses, strict=True):
            sent = replace(one, attempts=attempt)
            if status.is_good():
                taken.append(replace(sent, t_written_ns=t_written_ns))
            else:
                self._end(sent, MoveState.FAILED, f"the plant refused the value: {status.name}")
        return taken

    async def _verify(self, pending: list[_Pending], until_s: float) -> list[_Pending]:
        """Poll the read-backs until all agree or the time is over; return those that do not."""
        loop = asyncio.get_running_loop()
        while True:
            picture = await self._picture(max(until_s - loop.time(), _LAST_LOOK_S))
            if picture is None:
                for one in pending:
                    self._end(one, MoveState.FAILED, "no answer from the plant at the read-back")
                return []
            waiting: list[_Pending] = []
            for one in pending:
                if self._agrees(one, picture):
                    self._end(one, MoveState.VERIFIED, "", picture.t_read_ns)
                else:
                    waiting.append(one)
            pending = waiting
            if not pending or loop.time() >= until_s:
                return pending
            await asyncio.sleep(_POLL_S)

    async def _picture(self, within_s: float) -> PlantPicture | None:
        """Return what the plant shows, or None where it does not answer in time."""
        live = self._access.live
        if live is None:
            return None
        try:
            async with asyncio.timeout(within_s):
                return await self._access.look(live)
        except (LinkError, TimeoutError):
            return None

    def _agrees(self, one: _Pending, picture: PlantPicture) -> bool:
        write = one.write
        value = picture.readback(write.cell, write.setpoint)
        if value is None or not self._is_near(write, value):
            return False
        was_near = one.before is not None and self._is_near(write, one.before)
        is_newer = picture.source_time_ns(write.cell, write.setpoint) > one.before_time_ns
        return was_near or is_newer

    def _is_near(self, write: SetpointWrite, value: float) -> bool:
        return abs(value - write.value) <= self._rules.tolerance[write.setpoint]

    def _mismatch(self, one: _Pending) -> str:
        shown = self._access.picture.readback(one.write.cell, one.write.setpoint)
        word = "nothing" if shown is None else f"{shown:g}"
        return f"written as {one.write.value:g} but reads back {word}"

    def _end(
        self, one: _Pending, state: MoveState, reason: str, t_verified_ns: int | None = None
    ) -> None:
        self._results[one.write.move_id] = WriteResult(
            move_id=one.write.move_id,
            state=state,
            readback=self._access.picture.readback(one.write.cell, one.write.setpoint),
            t_written_ns=one.t_written_ns,
            t_verified_ns=t_verified_ns,
            attempts=one.attempts,
            reason=reason,
        )

    def _target(self, nodes: ResolvedNodes, write: SetpointWrite) -> _Target | None:
        """Return the node of a write and the value in the plant's unit."""
        for setpoint in nodes.setpoints:
            if setpoint.row.name == write.setpoint and write.cell in self._rules.cells:
                node_id = setpoint.target.node_ids[self._rules.cells.index(write.cell)]
                raw = setpoint.row.to_raw(write.value)
                return _Target(node_id, setpoint.target.variant_type, raw)
        return None
