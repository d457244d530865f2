"""From scans to frames: cut by section, packed by publishing interval. Pure; no clock."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from opcua.scans import Scan
from stream.frames import SampleFrame

MAX_SCANS_PER_FRAME: Final = 64  # after an outage, so that no frame grows beyond what is expected
_GAPS_KEPT: Final = 5  # their median is the usual one: the first after a connection is any length
_FULL_SHARE: Final = 0.9  # of the interval: the gaps are not exact


@dataclass(frozen=True, slots=True)
class Packet:
    """Scans that will travel in one frame per section. The sequence comes when it is sent."""

    session: int
    scans: tuple[Scan, ...]
    missed: int

    @property
    def lost_if_dropped(self) -> int:
        """How many scans nobody will see if the packet is thrown away."""
        return len(self.scans) + self.missed


class Packer:
    """Gathers scans until a publishing interval is full.

    A packet leaves with the scan that fills it, not with the one that finds it full, so that no
    scan waits for the next. What fills it is told by the time between scans so far.
    """

    def __init__(self, interval_s: float, session: int) -> None:
        self.session = session
        self._interval_ns = int(interval_s * 1e9)
        self._scans: list[Scan] = []
        self._last_ns: int | None = None
        self._gaps_ns: deque[int] = deque(maxlen=_GAPS_KEPT)

    def add(self, scan: Scan) -> Packet | None:
        """Take a scan; return a packet if the next scan would come after the interval."""
        now_ns = scan.t_received_ns
        if self._last_ns is not None:
            self._gaps_ns.append(now_ns - self._last_ns)
        self._last_ns = now_ns
        self._scans.append(scan)
        gap_ns = median(self._gaps_ns) if self._gaps_ns else 0
        span_ns = now_ns - self._scans[0].t_received_ns + gap_ns
        is_full = gap_ns and span_ns >= _FULL_SHARE * self._interval_ns
        return self.flush() if is_full or len(self._scans) >= MAX_SCANS_PER_FRAME else None

    def due(self, now_ns: int) -> Packet | None:
        """Return what has waited for a whole interval, or None."""
        is_over = self._scans and now_ns - self._scans[0].t_received_ns >= self._interval_ns
        return self.flush() if is_over else None

    def flush(self) -> Packet | None:
        """Return whatever there is, or None."""
        if not self._scans:
            return None
        scans, self._scans = tuple(self._scans), []
        return Packet(self.session, scans, sum(scan.missed_before for scan in scans))


def cut_frame(
    packet: Packet,
    section: int,
    sequence: int,
    cells: tuple[int, ...],
    columns: Sequence[int],
    signals: tuple[str, ...],
    missed_besides: int,
) -> SampleFrame:
    """Return one section's frame.

    Args:
        packet: the scans, of all cells.
        section, sequence: the frame's place.
        cells: numbers of the section's cells.
        columns: where those cells are in the scans.
        signals: names, in the order of the scans.
        missed_besides: scans lost on our side since the last frame of this section.
    """
    take = np.asarray(columns, dtype=np.intp)
    return SampleFrame(
        section=section,
        session=packet.session,
        sequence=sequence,
        cells=cells,
        signals=signals,
        t_plant_s=np.array([scan.t_plant_s for scan in packet.scans]),
        value=np.stack([scan.value[take] for scan in packet.scans]),
        quality=np.stack([scan.quality[take] for scan in packet.scans]),
        source_time_ns=np.stack([scan.source_time_ns[take] for scan in packet.scans]),
        t_received_ns=packet.scans[-1].t_received_ns,
        scans_missed=packet.missed + missed_besides,
        scan_counter=-1 if packet.scans[-1].counter is None else packet.scans[-1].counter,
    )


class Buffer:
    """A bounded queue of packets: when it is full the oldest goes, and its scans are counted."""

    def __init__(self, size: int) -> None:
        self._packets: deque[Packet] = deque()
        self._size = size
        self.dropped_scans = 0  # not yet told in a frame

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: Packet) -> None:
        """Add a packet at the end."""
        self._packets.append(packet)
        while len(self._packets) > self._size:
            self.dropped_scans += self._packets.popleft().lost_if_dropped

    def take(self) -> tuple[Packet, int]:
        """Remove the oldest packet; return it and how many scans were dropped before it."""
        dropped, self.dropped_scans = self.dropped_scans, 0
        return self._packets.popleft(), dropped
