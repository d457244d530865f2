"""Which scans are new, which were seen before, which are missing. Pure: state in, state out."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from opcua.scans import Scan


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
        source_time_ns: newest source time.
    """

    counter: int | None = None
    t_plant_s: float | None = None
    source_time_ns: int = 0

    def judge(self, scan: Scan) -> tuple[Arrival, range]:
        """Return what the scan is, and the counters of those missing before it.

        A counter that goes back is that of a restarted server, which counts from 1.
        """
        if self.t_plant_s is None:
            return Arrival.NEW, range(0)
        if self.counter is None or scan.counter is None:
            is_newer = scan.t_plant_s > self.t_plant_s
            return Arrival.NEW if is_newer else Arrival.DUPLICATE, range(0)
        if scan.counter == self.counter:
            return Arrival.DUPLICATE, range(0)
        is_rising = scan.t_plant_s > self.t_plant_s
        if scan.counter > self.counter:
            missing = range(self.counter + 1, scan.counter)
            return Arrival.NEW if is_rising else Arrival.DUPLICATE, missing if is_rising else range(
                0
            )
        missing = range(1, scan.counter)
        return Arrival.NEW if is_rising else Arrival.RESTARTED, missing

    def after(self, scan: Scan) -> "ScanOrder":
        """Return the order once the scan is taken."""
        return replace(
            self,
            counter=scan.counter,
            t_plant_s=scan.t_plant_s,
            source_time_ns=int(scan.source_time_ns.max()),
        )
