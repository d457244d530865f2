"""What the cells have been told: targets, modes, the watchdog, and what each cell has accepted."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.limits import SetpointLimits
from opcua.nodes import CellMode, LimitState, WatchdogState, setpoints_of
from opcua.simulation import LineScan
from opcua.watchdog import Modes, Watchdog, actual_modes, shed_targets
from opcua.write_rules import WriteRule

F64 = NDArray[np.float64]
HEARTBEAT: Final = "heartbeat"
MODE: Final = "mode"
TRIP: Final = "trip"
# Design value: a server that was stopped has read all that waited for it well within this.
_WAITED_WITHIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Write:
    """A write that is to count at the next turn.

    Attributes:
        has_waited: it may have been sent before the cells were taken back, as all that comes right
            after that: it is nobody's wish any more, but to be left alone.
    """

    rule: WriteRule
    value: float
    has_waited: bool

    @property
    def is_void(self) -> bool:
        """Whether it must not count."""
        leaves_alone = self.rule.meaning == MODE and self.value != CellMode.REMOTE_CASCADE
        return self.has_waited and not leaves_alone


class LineControl:
    """Takes writes as they come; `apply` makes them count, in their order."""

    def __init__(
        self,
        setpoints: tuple[SetpointLimits, ...],
        start: dict[str, F64],
        watchdog_timeout_s: float,
    ) -> None:
        """Begin with all cells on local control.

        Args:
            setpoints: limits of the plant file.
            start: setpoint name to what is in force at the start, (C,).
            watchdog_timeout_s: standstill of the optimiser's heartbeat after which cells are shed.
        """
        self._quantities = setpoints_of(start)
        self._limits = {row.name: row for row in setpoints}
        self.accepted = {name: np.array(values) for name, values in start.items()}
        self.target = {name: np.array(values) for name, values in start.items()}
        cells = len(next(iter(start.values())))
        self.mode_target: Modes = np.full(cells, CellMode.AUTO, dtype=np.int64)
        self.modes: Modes = self.mode_target.copy()
        self.watchdog = Watchdog(watchdog_timeout_s)
        self.is_tripped = False
        self._writes: list[_Write] = []
        self._shed_s = -math.inf  # monotonic; when cells were taken back for silence
        self._stuck: set[tuple[int, str]] = set()

    def take_write(self, rule: WriteRule, value: float, now_s: float) -> None:
        """Note a write; a heartbeat counts at once, but what was shed by then stays shed.

        A server that was stopped finds heartbeats, requests for remote control and setpoints
        waiting when it goes on. Were the heartbeat to hide that it came too late, an old setpoint
        would be taken behind it.
        """
        if rule.meaning == HEARTBEAT:
            self._shed_if_silent(now_s)
            self.watchdog = self.watchdog.beat(int(value), now_s)
        elif rule.meaning == TRIP:
            self.trip(is_set=bool(value))
        else:
            has_waited = now_s - self._shed_s < _WAITED_WITHIN_S
            self._writes.append(_Write(rule, value, has_waited))

    def trip(self, *, is_set: bool) -> None:
        """Trip the line, as the plant's own protection does, or end that: all cells are on local
        control, and may be asked for again when it is over."""
        self.is_tripped = is_set
        if is_set:
            self._take_back()

    def stick(self, cell: int, setpoint: str) -> None:
        """Make an actuator fail: from now on the cell accepts no new value of this setpoint."""
        self._stuck.add((cell, setpoint))

    def take_scan(self, scan: LineScan) -> None:
        """Let local control move the cells that it had all through the scan and still has."""
        local = scan.is_local & (self.modes == CellMode.AUTO)
        for name, wanted in scan.wanted.items():
            self.accepted[name] = np.where(local, wanted, self.accepted[name])
            self.target[name] = np.where(local, self.accepted[name], self.target[name])

    def apply(self, now_s: float) -> bool:
        """Make writes and the watchdog count; return whether anything changed."""
        was = self.watchdog
        self._shed_if_silent(now_s)
        if self.is_tripped:
            self._take_back()
        writes, self._writes = self._writes, []
        for write in writes:
            if write.is_void:
                continue
            if write.rule.meaning == MODE:
                self.mode_target[write.rule.cell - 1] = int(write.value)
            else:
                self._accept(write)
        modes = actual_modes(self.mode_target, self.watchdog)
        changed = (
            bool(writes)
            or was.state is not self.watchdog.state
            or bool((modes != self.modes).any())
        )
        self.modes = modes
        return changed

    def _shed_if_silent(self, now_s: float) -> None:
        """Take cells back once the heartbeat has stood still for too long."""
        was, self.watchdog = self.watchdog, self.watchdog.look(now_s)
        if self.watchdog.state is WatchdogState.SHED and was.state is not WatchdogState.SHED:
            self._shed_s = now_s
            self._take_back()

    def _take_back(self) -> None:
        """Put all cells on local control."""
        self.mode_target = shed_targets(self.mode_target)
        self._writes = [replace(write, has_waited=True) for write in self._writes]

    def _accept(self, write: _Write) -> None:
        """Take a target for a cell that is remote; elsewhere the target goes back by itself."""
        name, index = write.rule.meaning, write.rule.cell - 1
        self.target[name][index] = write.value
        modes = actual_modes(self.mode_target, self.watchdog)
        if modes[index] != CellMode.REMOTE_CASCADE or (write.rule.cell, name) in self._stuck:
            return
        step = self._limits[name].resolution
        self.accepted[name][index] = np.round(write.value / step) * step

    def accepted_copy(self) -> dict[str, F64]:
        """Return what is accepted, for another thread."""
        return {name: values.copy() for name, values in self.accepted.items()}

    def arrays(self) -> list[tuple[str, list[float]]]:
        """Return the array nodes and their values."""
        arrays = [
            (
                f"L1.Snapshot.SP.{quantity.browse_name}.Readback",
                _listed(self.accepted, quantity.name),
            )
            for quantity in self._quantities
        ]
        arrays.append(("L1.Snapshot.ModeActual", self.modes.tolist()))
        return arrays

    def columns(self) -> list[tuple[str, list[float]]]:
        """Return the scalar nodes and their values for all cells."""
        columns: list[tuple[str, list[float]]] = [
            ("L1.C{cell:03d}.ModeTarget", self.mode_target.tolist()),
            ("L1.C{cell:03d}.ModeActual", self.modes.tolist()),
        ]
        for quantity in self._quantities:
            pattern = f"L1.C{{cell:03d}}.SP.{quantity.browse_name}"
            columns.append((f"{pattern}.Readback", _listed(self.accepted, quantity.name)))
            columns.append((f"{pattern}.Target", _listed(self.target, quantity.name)))
            states = limit_states(self.accepted[quantity.name], self._limits[quantity.name])
            columns.append((f"{pattern}.LimitState", states.tolist()))
        return columns


def limit_states(accepted: F64, limits: SetpointLimits) -> NDArray[np.int64]:
    """Return which limit each accepted value stands at, to half of what the actuator can tell."""
    near = limits.resolution / 2.0
    states = np.full(accepted.shape, LimitState.NONE, dtype=np.int64)
    states[accepted <= limits.low + near] = LimitState.LOW
    states[accepted >= limits.high - near] = LimitState.HIGH
    return states


def _listed(values: dict[str, F64], name: str) -> list[float]:
    listed: list[float] = values[name].tolist()
    return listed
