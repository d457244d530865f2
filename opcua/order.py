"""Which scans are new, which were seen before, which are missing. Pure: state in, state out."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from opcua.scans import Scan

# Plant time may fall by so much without a clock having been set: where source times tell it, the
# newest value of one scan may be missing from the next. It is what a source time may be ahead.
JITTER_S: Final = 2.0


class Arrival(Enum):
    """What a scan is to those before it."""

    NEW = auto()
    DUPLICATE = auto()  # seen before, or not newer than the last
    RESTARTED = auto()  # new, but the plant's clock went back: another session


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """The newest scan so far.

    Attributes:
        counter: None before the first, or where the plant does not count.
        t_plant_s: None before the first.
        source_time_ns: newest source time that may be believed.
    """

    counter: int | None = None
    t_plant_s: float | None = None
    source_time_ns: int = 0

    def judge(self, scan: Scan) -> tuple[Arrival, range]:
        """Return what the scan is, and the counters of those missing before it.

        A counter that goes back is that of a restarted server, which counts from 1. Plant time that
        goes back by more than jitter is a clock that was set back: waiting until it has caught up
        would be silence.
        """
        if self.t_plant_s is None:
            return Arrival.NEW, range(0)
        is_rising = scan.t_plant_s > self.t_plant_s
        was_set_back = scan.t_plant_s < self.t_plant_s - JITTER_S
        if self.counter is None or scan.counter is None:
            return _arrival(is_rising, was_set_back), range(0)
        if scan.counter == self.counter:
            return Arrival.DUPLICATE, range(0)
        if scan.counter < self.counter:
            return _arrival(is_rising, True), range(1, scan.counter)
        arrival = _arrival(is_rising, was_set_back)
        is_gap = arrival is not Arrival.DUPLICATE
        return arrival, range(self.counter + 1, scan.counter) if is_gap else range(0)

    def after(self, scan: Scan) -> "ScanOrder":
        """Return the order once the scan is taken."""
        return replace(
            self,
            counter=scan.counter,
            t_plant_s=scan.t_plant_s,
            source_time_ns=scan.newest_source_time_ns,
        )


def _arrival(is_rising: bool, has_restarted: bool) -> Arrival:
    if is_rising:
        return Arrival.NEW
    return Arrival.RESTARTED if has_restarted else Arrival.DUPLICATE
