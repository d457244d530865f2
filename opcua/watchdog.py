"""The plant's own watchdog over the optimiser's heartbeat. Pure: state in, state out.

It lives on the plant's side, so that a dead optimiser cannot keep a cell. There is no way back by
itself: after a shed the optimiser must ask for each cell anew.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from opcua.nodes import CellMode, WatchdogState

Modes = NDArray[np.int64]
LATE_AFTER_S: Final = 1.6  # design value: the heartbeat moves once a second
_FOLLOWED: Final = (WatchdogState.ALIVE, WatchdogState.LATE)


@dataclass(frozen=True, slots=True)
class Watchdog:
    """What is known of the heartbeat.

    Attributes:
        timeout_s: standstill after which cells are shed.
        counter: last one seen.
        moved_s: monotonic time when it moved last.
    """

    timeout_s: float
    state: WatchdogState = WatchdogState.WAITING
    counter: int | None = None
    moved_s: float = 0.0

    def beat(self, counter: int, now_s: float) -> "Watchdog":
        """Return the watchdog after the heartbeat was written."""
        if counter == self.counter:
            return self
        return replace(self, state=WatchdogState.ALIVE, counter=counter, moved_s=now_s)

    def look(self, now_s: float) -> "Watchdog":
        """Return the watchdog after a look at the time."""
        still_s = now_s - self.moved_s
        if self.state not in _FOLLOWED:
            return self
        if still_s > self.timeout_s:
            return replace(self, state=WatchdogState.SHED)
        if self.state is WatchdogState.ALIVE and still_s > LATE_AFTER_S:
            return replace(self, state=WatchdogState.LATE)
        return self


def shed_targets(target: Modes) -> Modes:
    """Return the mode targets after a shed: what was remote is on local control."""
    return np.where(target == CellMode.REMOTE_CASCADE, CellMode.AUTO, target)


def actual_modes(target: Modes, watchdog: Watchdog) -> Modes:
    """Return the modes in force: remote only as long as the optimiser is not given up."""
    alive = watchdog.state in _FOLLOWED
    refused = (target == CellMode.REMOTE_CASCADE) & (not alive)
    return np.where(refused, CellMode.AUTO, target)
