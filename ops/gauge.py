"""How a run stands at this moment, read from its tally."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from ops.assembly import Assembly
from ops.follow import Follower
from ops.processes import PROCESSES
from ops.status import Status

_RATE_OVER_S: Final = 5.0


class Gauge:
    """Reads the status of one run.

    Args:
        started_s: monotonic time of the run's start.
        clock_s: monotonic.
    """

    def __init__(
        self,
        assembly: Assembly,
        follower: Follower,
        cells: int,
        started_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._assembly = assembly
        self._follower = follower
        self._cells = cells
        self._started_s = started_s
        self._clock_s = clock_s
        self._published: deque[tuple[float, int]] = deque([(started_s, 0)])
        self._first_plant_s: float | None = None

    def read(self, restarts: Mapping[str, int]) -> Status:
        """Return how the run stands.

        Args:
            restarts: process -> how often it was started again.
        """
        tally, now_s = self._follower.tally, self._clock_s()
        self._published.append((now_s, tally.samples.published))
        while len(self._published) > 2 and self._published[1][0] < now_s - _RATE_OVER_S:
            self._published.popleft()
        (since_s, before), (_, after) = self._published[0], self._published[-1]
        plant_s = tally.samples.newest_t_plant_s
        if self._first_plant_s is None and plant_s:
            self._first_plant_s = plant_s
        return Status(
            address=self._assembly.control_room,
            seconds=now_s - self._started_s,
            plant_s=plant_s - (self._first_plant_s or 0.0),
            speed=self._assembly.settings.speed if self._assembly.is_simulated else None,
            cells=self._cells,
            samples_per_s=(after - before) / max(now_s - since_s, 1e-3),
            lost=tally.samples.never_published,
            rejected=tally.samples.rejected,
            moves_verified=tally.moves.verified,
            latency_p99_ms=tally.moves.source_to_written.quantile_ms(0.99),
            modes={str(mode): count for mode, count in tally.modes.items()},
            restarts=sum(restarts.values()),
            stalled=stalled(self._follower.silent_for_s),
        )


def stalled(silent_for_s: Callable[[str], float | None]) -> tuple[str, ...]:
    """Return the processes that have begun to write, whose input goes on and whose output does not.

    Args:
        silent_for_s: topic -> how long ago its newest message came; None if none has.
    """
    names = []
    for process in PROCESSES:
        health = process.health
        output_s = silent_for_s(health.writes) if health else None
        if health is None or output_s is None:
            continue
        input_s = silent_for_s(health.reads) if health.reads else 0.0
        if input_s is not None and output_s - input_s > health.max_age_s:
            names.append(process.name)
    return tuple(names)
