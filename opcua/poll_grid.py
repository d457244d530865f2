"""When a plant that does not count its scans is looked at, and how many looks were missed. Pure."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PollGrid:
    """Looks on a grid of one per period, so that delays do not add up; it outlives a connection.

    Attributes:
        period_s: between looks.
        origin_s: of the grid, on a clock that nobody sets.
        slot: of the newest look that succeeded; -1 before the first.
    """

    period_s: float
    origin_s: float
    slot: int = -1

    @property
    def next_s(self) -> float:
        """When the next look is due."""
        return self.origin_s + (self.slot + 1) * self.period_s

    def _slot_at(self, now_s: float) -> int:
        # The event loop may wake a hair early: that is the slot it was to wake for.
        return int((now_s - self.origin_s) / self.period_s + 0.01)

    def look(self, now_s: float) -> tuple["PollGrid", int]:
        """Return the grid after a look that succeeded, and how many slots passed without one.

        Args:
            now_s: when the look began.
        """
        slot = max(self.slot, self._slot_at(now_s))
        missed = max(0, slot - self.slot - 1) if self.slot >= 0 else 0
        return replace(self, slot=slot), missed
