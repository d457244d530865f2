"""A set of message offsets that stays small: it keeps runs of neighbours, not single numbers."""

from bisect import bisect_right


class OffsetSet:
    """Whole numbers, held as disjoint runs; its size is the number of gaps, not of members."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # exclusive
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, offset: int) -> bool:
        at = bisect_right(self._starts, offset) - 1
        return at >= 0 and offset < self._ends[at]

    def add(self, offset: int) -> bool:
        """Add a number; return whether it is new."""
        at = bisect_right(self._starts, offset) - 1
        if at >= 0 and offset < self._ends[at]:
            return False
        self._count += 1
        touches_left = at >= 0 and self._ends[at] == offset
        touches_right = at + 1 < len(self._starts) and self._starts[at + 1] == offset + 1
        if touches_left and touches_right:
            self._ends[at] = self._ends.pop(at + 1)
            del self._starts[at + 1]
        elif touches_left:
            self._ends[at] = offset + 1
        elif touches_right:
            self._starts[at + 1] = offset
        else:
            self._starts.insert(at + 1, offset)
            self._ends.insert(at + 1, offset + 1)
        return True

    @property
    def runs(self) -> int:
        """How many runs it is made of: what it costs to keep."""
        return len(self._starts)

    @property
    def first(self) -> int:
        """The smallest member.

        Raises:
            IndexError: there is none.
        """
        return self._starts[0]

    @property
    def last(self) -> int:
        """The largest member.

        Raises:
            IndexError: there is none.
        """
        return self._ends[-1] - 1

    def between(self, low: int, high: int) -> int:
        """Return how many members lie strictly between two numbers."""
        at = max(bisect_right(self._starts, low) - 1, 0)
        count = 0
        while at < len(self._starts) and self._starts[at] < high:
            count += max(0, min(self._ends[at], high) - max(self._starts[at], low + 1))
            at += 1
        return count
