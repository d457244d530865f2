"""A simulated SCADA, to which the real writer has a `SimLink` (`ops.simulate.link`).

Targets, modes, watchdog and the writer's token are `opcua.line_control` and `opcua.fence`, as in
the simulator's server. A request that has reached the machine of a frozen server waits there, and
is answered when it goes on.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from asyncua import ua

from control.limits import SetpointLimits
from opcua.fence import LEASE, Fence
from opcua.line_control import HEARTBEAT, MODE, LineControl
from opcua.nodes import NAMESPACE_URI, CellMode, setpoints_of
from opcua.write_rules import WriteRule
from ops.simulate.clockwork import Clockwork, Process

APPLY_EVERY_S: Final = 0.1
SHOW_EVERY_S: Final = 1.0
_LATELY_S: Final = 6.0  # as old as a picture may be at a write that had to be sent again
TRIP_NODE: Final = "L1.Interlock.Trip"
_NAMESPACES: Final = ["http://opcfoundation.org/UA/", NAMESPACE_URI]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A setpoint that a client's write brought to the plant."""

    cell: int
    setpoint: str
    value: float
    sent_s: float


@dataclass
class SimScada:
    """The server's state on its machine; cells keep what they have accepted over a restart.

    Attributes:
        session: number of this life of the server; links of another life are dead.
        wrong_by: (cell, setpoint) -> what its read-back is off by.
        on_accept: told of every setpoint that a cell has taken from outside, with the value before.
        on_write: told of every write that stands: by which session, of what, and the value.
        fence: the newest token, and the session that may write by it.
    """

    clockwork: Clockwork
    process: Process
    setpoints: tuple[SetpointLimits, ...]
    cells: int
    watchdog_timeout_s: float
    start: dict[str, np.ndarray]
    session: int
    on_accept: Callable[[Arrival, float], None]
    on_write: Callable[[object, str, float], None]
    fence: Fence
    wrong_by: dict[tuple[int, str], float] = field(default_factory=dict)
    heartbeat: int = 0
    blind_until_s: float = 0.0  # until then the trip contact has no good value
    freeze_at_next: tuple[str, float] | None = None  # what a write begins with, and for how long
    heard_s: float = -1e9  # when a heartbeat came last, for the record of who watches

    def __post_init__(self) -> None:
        self.control = LineControl(self.setpoints, self.start, self.watchdog_timeout_s)
        self._names = {
            f"SP.{quantity.browse_name}": quantity.name
            for quantity in setpoints_of(row.name for row in self.setpoints)
        }
        self._limits = {row.name: row for row in self.setpoints}
        self._arrivals: list[Arrival] = []
        self._shown: dict[str, deque[tuple[float, list[float]]]] = {
            row.name: deque() for row in self.setpoints
        }
        self._contacts: list[Callable[[int], None]] = []  # told of the trip contact
        self._shown_ns = self._began_ns = self.process.clock_ns()
        self._beat_shown = 0

    def is_remote(self, cell: int) -> bool:
        """Whether a cell follows targets from outside."""
        return int(self.control.modes[cell - 1]) == CellMode.REMOTE_CASCADE

    def shown_lately(self, cell: int, setpoint: str) -> tuple[float, ...]:
        """Return what a cell has accepted, and what was shown of it in the last seconds."""
        shown = {values[cell - 1] for _, values in self._shown[setpoint]}
        return (self.accepted(cell, setpoint), *shown)

    def accepted(self, cell: int, setpoint: str) -> float:
        """Return what a cell has accepted."""
        return float(self.control.accepted[setpoint][cell - 1])

    async def run(self) -> None:
        """Apply writes and the watchdog, and beat, until cancelled."""
        next_beat_s = 0.0
        while True:
            self.apply()
            if self.process.monotonic_s() >= next_beat_s:
                next_beat_s = self.process.monotonic_s() + SHOW_EVERY_S
                self.heartbeat += 1
                self._shown_ns = self.process.clock_ns()
            await asyncio.sleep(APPLY_EVERY_S)

    def apply(self) -> None:
        """Make writes and the watchdog count; tell what cells have taken."""
        before = self.control.accepted_copy()
        if self.control.apply(self.process.monotonic_s()):
            self._shown_ns = self.process.clock_ns()
        arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            was = float(before[arrival.setpoint][arrival.cell - 1])
            step = self._limits[arrival.setpoint].resolution
            taken = self.accepted(arrival.cell, arrival.setpoint)
            if self.is_remote(arrival.cell) and abs(taken - arrival.value) <= 0.51 * step:
                self.on_accept(arrival, was)

    def trip(self, *, is_set: bool) -> None:
        """Let the plant's own protection trip the line, or end that, and tell who has asked."""
        self.control.trip(is_set=is_set)
        self._shown_ns = self.process.clock_ns()
        for tell in self._contacts:
            tell(int(is_set))

    def subscribe(self, tell: Callable[[int], None]) -> None:
        """Tell of the trip contact from now on, and how it stands."""
        self._contacts.append(tell)
        tell(int(self.control.is_tripped))

    # -- the services -----------------------------------------------------------------------

    def read(self, node_id: ua.NodeId, attribute: ua.AttributeIds) -> ua.DataValue:
        """Answer one item of a Read."""
        name = str(node_id.Identifier)
        if node_id.NamespaceIndex == 0:
            if node_id.Identifier == ua.ObjectIds.Server_NamespaceArray:
                return _value(_NAMESPACES, ua.VariantType.String)
            if node_id.Identifier == ua.ObjectIds.Server_ServerStatus_StartTime:
                return _value(moment_of(self._began_ns), ua.VariantType.DateTime)
            return _value(moment_of(self.process.clock_ns()), ua.VariantType.DateTime)
        if attribute == ua.AttributeIds.NodeClass:
            return _value(int(ua.NodeClass.Variable), ua.VariantType.Int32)
        if name == TRIP_NODE and self.process.monotonic_s() < self.blind_until_s:
            return ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure))
        kind = _kind_of(name)
        if attribute == ua.AttributeIds.DataType:
            return _value(ua.NodeId(kind.value), ua.VariantType.NodeId)
        return _value(self._show(name), kind, moment_of(self._shown_ns))

    def write(
        self, node_id: ua.NodeId, variant: ua.Variant, sent_s: float, session: object
    ) -> ua.StatusCode:
        """Answer one item of a Write."""
        rule = self.rule_of(str(node_id.Identifier))
        fault = rule.fault(ua.DataValue(variant))
        if fault is not None:
            return ua.StatusCode(fault.code)
        if rule.meaning == LEASE:
            if not self.fence.may_take(int(variant.Value)):
                return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
            self.fence = replace(self.fence, token=int(variant.Value), holder=session)
            self.on_write(session, LEASE, variant.Value)
            return ua.StatusCode()
        if not self.fence.admits(session):
            return ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
        self.on_write(session, rule.meaning, variant.Value)
        now_s = self.process.monotonic_s()
        self.control.take_write(rule, variant.Value, now_s)
        if rule.meaning == HEARTBEAT:
            self.heard_s, self._beat_shown = now_s, int(variant.Value)
        elif rule.meaning != MODE:
            arrival = Arrival(rule.cell, rule.meaning, float(variant.Value), sent_s)
            self._arrivals.append(arrival)
        return ua.StatusCode()

    def _show(self, name: str) -> Any:
        if name == "L1.Comm.HbScada":
            return self.heartbeat
        if name == "L1.Comm.HbOptimiser":
            return self._beat_shown
        if name == "L1.Comm.WriterToken":
            return self.fence.token
        if name == TRIP_NODE:
            return int(self.control.is_tripped)
        if name == "L1.Snapshot.ModeActual":
            return self.control.modes.tolist()
        for part, setpoint in self._names.items():
            if name == f"L1.Snapshot.{part}.Readback":
                values = self.control.accepted[setpoint].tolist()
                for (cell, of), off in self.wrong_by.items():
                    if of == setpoint:
                        values[cell - 1] += off
                self._note_shown(setpoint, values)
                return values
        return 0 if _kind_of(name) is not ua.VariantType.Double else 0.0

    def _note_shown(self, setpoint: str, values: list[float]) -> None:
        shown, now_s = self._shown[setpoint], self.process.monotonic_s()
        if not shown or shown[-1][1] != values:
            shown.append((now_s, values))
        while len(shown) > 1 and now_s - shown[1][0] > _LATELY_S:
            shown.popleft()

    def rule_of(self, name: str) -> WriteRule:
        if name == "L1.Comm.HbOptimiser":
            return WriteRule(HEARTBEAT, ua.VariantType.UInt32, low=0)
        if name == "L1.Comm.WriterToken":
            return WriteRule(LEASE, ua.VariantType.UInt32, low=1)
        cell = int(name.split(".")[1].removeprefix("C"))
        if name.endswith(".ModeTarget"):
            modes = tuple(int(mode) for mode in CellMode)
            return WriteRule(MODE, ua.VariantType.Int32, cell, allowed=modes)
        setpoint = self._names[name.split(".", 2)[2].removesuffix(".Target")]
        row = self._limits[setpoint]
        return WriteRule(setpoint, ua.VariantType.Double, cell, row.low, row.high)


def _kind_of(name: str) -> ua.VariantType:
    if name in ("L1.Comm.HbOptimiser", "L1.Comm.HbScada", "L1.Comm.WriterToken"):
        return ua.VariantType.UInt32
    if name.endswith(("ModeTarget", "ModeActual", ".Trip")):
        return ua.VariantType.Int32
    return ua.VariantType.Double


def moment_of(t_ns: int) -> datetime:
    """Return a wall time as OPC UA has it: UTC, without a zone."""
    return datetime.fromtimestamp(t_ns / 1e9, UTC).replace(tzinfo=None)


def _value(value: Any, kind: ua.VariantType, moment: datetime | None = None) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value, kind), SourceTimestamp=moment, ServerTimestamp=moment)
