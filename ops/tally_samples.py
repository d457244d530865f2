"""Counts of bulk facts: was every sample that was published accepted or rejected, and every
accepted frame absorbed into the estimate exactly once?"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from ops.distribution import Distribution
from ops.offsets import OffsetSet
from stream.frames import EstimateFrame, Origin, Quality, RejectFrame, SampleFrame
from stream.topics import SAMPLES

_SETTLE_AT: Final = 2048  # estimates of a section kept open; older half is then settled for good


@dataclass(slots=True)
class _Session:
    """Frames of one section in one life of the gateway."""

    sequences: OffsetSet = field(default_factory=OffsetSet)
    points: int = 0
    scans: int = 0
    scans_missed: int = 0

    def lost_points(self, base: int) -> int:
        """Points that never reached `samples`: of missing frames (of average size) and scans."""
        missing = self.sequences.last + 1 - base - len(self.sequences)
        per_frame = self.points / len(self.sequences)
        per_scan = self.points / self.scans if self.scans else 0.0
        return round(missing * per_frame + self.scans_missed * per_scan)


class SamplesTally:
    """Points published, accepted, rejected, lost, each counted once however often it came.

    Args:
        started_ns: sessions from before it are counted from where they were met.
        first_offsets: partition of `samples` to the offset from which the tally looks; what stems
            from earlier messages is left out.
    """

    def __init__(self, started_ns: int, first_offsets: dict[int, int]) -> None:
        self._started_ns = started_ns
        self._first_offsets = first_offsets
        self._sessions: dict[tuple[int, int], _Session] = defaultdict(_Session)
        self._accepted: dict[int, OffsetSet] = defaultdict(OffsetSet)
        self._rejected: dict[tuple[str, int], OffsetSet] = defaultdict(OffsetSet)
        self.published = 0
        self.accepted = 0
        self.rejected = 0
        self.duplicates = 0  # frames that the gateway sent twice
        self.repeated = 0  # outputs that a restarted worker sent again
        self.unreadable = 0  # messages on `samples` that were turned away whole
        self.reasons: Counter[str] = Counter()
        self.newest_t_plant_s = 0.0
        self.source_to_accepted = Distribution()

    def add_published(self, frame: SampleFrame) -> None:
        """Count a frame on `samples`."""
        self.published += frame.points
        session = self._sessions[frame.section, frame.session]
        if not session.sequences.add(frame.sequence):
            self.duplicates += 1
            return
        session.points += frame.points
        session.scans += len(frame.t_plant_s)
        session.scans_missed += frame.scans_missed
        if len(frame.t_plant_s):
            self.newest_t_plant_s = max(self.newest_t_plant_s, float(frame.t_plant_s[-1]))

    def is_ours(self, origin: Origin) -> bool:
        """Return whether a `samples` message belongs to the run."""
        return origin.offset >= self._first_offsets.get(origin.partition, 0)

    def add_accepted(self, frame: SampleFrame) -> bool:
        """Count a frame on `accepted`; return whether it was new."""
        origin = frame.origin
        if origin is None or not self.is_ours(origin):
            return False
        if not self._accepted[origin.partition].add(origin.offset):
            self.repeated += 1
            return False
        self.accepted += frame.usable_points
        usable = frame.quality <= Quality.UNCERTAIN
        for scan in range(len(frame.t_plant_s)):
            points = int(usable[scan].sum())
            if points:
                source_ns = int(frame.source_time_ns[scan][usable[scan]].max())
                self.source_to_accepted.add((frame.t_accepted_ns - source_ns) / 1e6, points)
        return True

    def add_rejected(self, rejects: RejectFrame) -> None:
        """Count a frame on `rejects`."""
        origin = rejects.origin
        if origin.topic == SAMPLES.name and not self.is_ours(origin):
            return
        # Offsets of another topic are others: a report turned away hides no sample.
        if not self._rejected[origin.topic, origin.partition].add(origin.offset):
            self.repeated += 1
            return
        self.rejected += rejects.points
        self.unreadable += rejects.points == 0
        # A message turned away whole is one row that stands for all its points.
        share = max(rejects.points, 1) if len(rejects.reason) == 1 else 1
        for reason in rejects.reason:
            self.reasons[reason] += share

    @property
    def waiting(self) -> int:
        """Points published of which nothing has come yet; negative while outputs come first."""
        return self.published - self.accepted - self.rejected

    @property
    def never_published(self) -> int:
        """Points that the plant had and that never reached `samples`."""
        return sum(
            session.lost_points(0 if started >= self._started_ns else session.sequences.first)
            for (_, started), session in self._sessions.items()
        )

    def summary(self) -> dict[str, object]:
        """Return the counts under the names of the report."""
        return {
            "published": self.published,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "lost": self.waiting + self.never_published,
            "never_published": self.never_published,
            "scans_missed": sum(session.scans_missed for session in self._sessions.values()),
            "duplicates": self.duplicates,
            "repeated": self.repeated,
            "unreadable_messages": self.unreadable,
            "rejected_by_reason": dict(sorted(self.reasons.items())),
            "frames": sum(len(session.sequences) for session in self._sessions.values()),
            "gateway_sessions": len({started for _, started in self._sessions}),
        }


@dataclass(slots=True)
class _SectionEstimates:
    accepted: OffsetSet = field(default_factory=OffsetSet)
    estimated: OffsetSet = field(default_factory=OffsetSet)
    applied: dict[int, tuple[int, int]] = field(default_factory=dict)  # offset -> F min, F max
    anchor: tuple[int, int] | None = None  # the newest settled: offset, F max
    applied_twice: int = 0
    state_lost: int = 0
    newest: tuple[int, int, int] = (-1, 0, 0)  # offset, frames skipped, frames missing


class EstimatesTally:
    """Frames absorbed into the estimate of each section.

    `frames_applied` in an estimate grows by one with each frame that its state has absorbed. So
    between the estimates of two neighbouring frames it grows by one; by more, where a frame was
    absorbed twice; it falls, where a worker did not find the state again.
    """

    def __init__(self) -> None:
        self._sections: dict[int, _SectionEstimates] = defaultdict(_SectionEstimates)
        self.repeated = 0
        self.source_to_estimated = Distribution()

    def add_accepted(self, frame: SampleFrame) -> None:
        """Count a frame that the estimate should absorb."""
        if frame.origin is not None:
            self._sections[frame.section].accepted.add(frame.origin.offset)

    def add_estimate(self, frame: EstimateFrame) -> None:
        """Count an estimate."""
        section = self._sections[frame.section]
        offset, applied = frame.origin.offset, frame.frames_applied
        if section.estimated.add(offset):
            if frame.t_source_ns:
                self.source_to_estimated.add((frame.t_estimated_ns - frame.t_source_ns) / 1e6)
        else:
            self.repeated += 1
        if section.anchor is None or offset > section.anchor[0]:
            low, high = section.applied.get(offset, (applied, applied))
            section.applied[offset] = min(low, applied), max(high, applied)
        section.newest = max(section.newest, (offset, frame.frames_skipped, frame.frames_missing))
        if len(section.applied) > _SETTLE_AT:
            self._settle(section, _SETTLE_AT // 2)

    def _settle(self, section: _SectionEstimates, keep: int) -> None:
        twice, lost, anchor = _walk(section, keep)
        section.applied_twice += twice
        section.state_lost += lost
        section.anchor = anchor
        for offset in sorted(section.applied)[: len(section.applied) - keep]:
            del section.applied[offset]

    def summary(self) -> dict[str, object]:
        """Return the counts under the names of the report."""
        twice = lost = unapplied = skipped = missing = 0
        for section in self._sections.values():
            more_twice, more_lost, _ = _walk(section, 0)
            twice += section.applied_twice + more_twice
            lost += section.state_lost + more_lost
            unapplied += max(0, len(section.accepted) - len(section.estimated))
            skipped += section.newest[1]
            missing += section.newest[2]
        return {
            "frames_applied": sum(len(section.estimated) for section in self._sections.values()),
            "frames_skipped": skipped,
            "frames_missing": missing,
            "applied_twice": twice,
            "unapplied": unapplied,
            "state_lost": lost,
            "repeated": self.repeated,
            "sections": len(self._sections),
        }


def _walk(section: _SectionEstimates, keep: int) -> tuple[int, int, tuple[int, int] | None]:
    """Return (applied twice, states lost, last seen), leaving out the newest `keep` estimates."""
    twice = lost = 0
    previous = section.anchor
    for offset in sorted(section.applied)[: len(section.applied) - keep]:
        low, high = section.applied[offset]
        twice += high - low
        if previous is not None:
            between = section.accepted.between(previous[0], offset)
            if low <= previous[1]:
                lost += 1
            else:
                twice += max(0, low - previous[1] - between - 1)
        previous = offset, high
    return twice, lost, previous
