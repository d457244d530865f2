"""Signs of life between the optimiser and the plant, as counters. Pure; time comes in."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PlantBeat:
    """The plant's heartbeat as it was seen.

    Attributes:
        count: last value; None before the first. Any change counts, so a counter, a toggle and the
            server's own clock all serve.
        moved_s: monotonic time when it changed last, or when waiting for it began.
    """

    moved_s: float
    count: object = None

    def see(self, count: object, now_s: float) -> "PlantBeat":
        """Return the beat after one look."""
        if count is None or count == self.count:
            return self
        return replace(self, count=count, moved_s=now_s)

    def age_s(self, now_s: float) -> float:
        """Return how long it has stood still."""
        return max(0.0, now_s - self.moved_s)
