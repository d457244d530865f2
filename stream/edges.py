"""Events on change only: a lasting condition is reported once when it begins, once when it ends."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum


class Edge(StrEnum):
    """What became of a condition."""

    BEGAN = "began"
    ENDED = "ended"


@dataclass(slots=True)
class Edges:
    """Which conditions hold.

    Times are those of one clock that nobody sets.

    Attributes:
        off_delay_ns: a condition ends only when it has not been seen for so long, so that one that
            flickers does not chatter.
    """

    off_delay_ns: int
    _last_seen_ns: dict[Hashable, int] = field(default_factory=dict)

    def holds(self, condition: Hashable) -> bool:
        """Whether `condition` has begun and not ended."""
        return condition in self._last_seen_ns

    def recall(self, condition: Hashable, now_ns: int) -> None:
        """Know that `condition` had begun, and been told, in a life before this one."""
        self._last_seen_ns.setdefault(condition, now_ns)

    def update(self, condition: Hashable, holds: bool, now_ns: int) -> Edge | None:
        """Return what became of `condition`, or None where nothing changed."""
        last_ns = self._last_seen_ns.get(condition)
        if holds:
            self._last_seen_ns[condition] = now_ns
            return Edge.BEGAN if last_ns is None else None
        if last_ns is not None and now_ns - last_ns >= self.off_delay_ns:
            del self._last_seen_ns[condition]
            return Edge.ENDED
        return None
