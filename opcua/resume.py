"""Where a gateway goes on after it was away: from the newest frames that it had published. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from control.interlock_checks import FUTURE_TOLERANCE_NS
from opcua.order import ScanOrder
from opcua.scans import newest_source_time_ns
from stream.frames import SampleFrame


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What was published before.

    Attributes:
        session: the newest; the next must be later, also where the clock was set back.
        order: the newest scan of any section.
        behind: section to how many scans it had got fewer; only a plant's counter tells.
        t_received_ns: when the newest scan was had.
    """

    session: int
    order: ScanOrder
    behind: dict[int, int]
    t_received_ns: int

    def polls_missed(self, now_ns: int, period_s: float) -> int:
        """Return how many looks were due and not made since, at a plant without a counter."""
        return max(0, int((now_ns - self.t_received_ns) / 1e9 / period_s) - 1)


def resume_point(newest: Mapping[int, SampleFrame], now_ns: int) -> ResumePoint | None:
    """Return where to go on, or None where nothing was ever published.

    Args:
        newest: section to its newest frame on `samples`; one of a session that has not begun yet is
            not ours, and a session after it would be turned away too.
        now_ns: wall time.
    """
    newest = {
        section: frame
        for section, frame in newest.items()
        if frame.session <= now_ns + FUTURE_TOLERANCE_NS
    }
    if not newest:
        return None
    ahead = max(newest.values(), key=lambda frame: (frame.session, float(frame.t_plant_s[-1])))
    counter = None if ahead.scan_counter < 0 else ahead.scan_counter
    order = ScanOrder(
        counter=counter,
        t_plant_s=float(ahead.t_plant_s[-1]),
        source_time_ns=newest_source_time_ns(
            ahead.quality[-1], ahead.source_time_ns[-1], ahead.t_received_ns
        ),
    )
    behind = {
        section: ahead.scan_counter - frame.scan_counter
        for section, frame in newest.items()
        if frame.session == ahead.session and 0 <= frame.scan_counter < ahead.scan_counter
    }
    return ResumePoint(ahead.session, order, behind, ahead.t_received_ns)
