"""When the optimiser of a cell has no optimal plan: told as it begins, changes and ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stream.edges import Edge, Edges

_ENDS_AFTER_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True)
class FellBack:
    """A cell for which the optimiser had no plan, what stepped in, and why in a sentence."""

    cell: int
    fallback: str
    why: str


@dataclass(frozen=True, slots=True)
class FallbackTold:
    """What an event `decision_fell_back` says of a cell.

    Attributes:
        active: whether it lasts.
        status: how the solver ended.
        fallback: what stands in.
    """

    cell: int
    active: bool
    status: str
    fallback: str


class FallbackNews:
    """What is new for people: an event for each step down or up the ladder, none in between."""

    def __init__(self) -> None:
        self._edges = Edges(_ENDS_AFTER_NS)
        self._stands_in: dict[int, str] = {}  # by cell, as told last
        self._recalled: set[int] = set()

    def take(
        self,
        section: int,
        cells: Sequence[int],
        fallen_before: Sequence[int],
        fell_back: Sequence[FellBack],
        now_ns: int,
    ) -> tuple[list[FallbackTold], tuple[int, ...]]:
        """Take in a decision.

        Args:
            section: whose.
            cells: of the section.
            fallen_before: cells of which it was told, as the section's state has it: what a life
                of the loop before this one has begun ends in this one.
            fell_back: cells without an optimal plan now.
            now_ns: of a clock that nobody sets.

        Returns:
            What to tell, and the cells of which it stands told now.
        """
        if section not in self._recalled:
            self._recalled.add(section)
            for cell in fallen_before:
                self._edges.recall(cell, now_ns)
        now_fallen = {row.cell: row for row in fell_back}
        told = []
        for cell in cells:
            edge = self._edges.update(cell, cell in now_fallen, now_ns)
            row = now_fallen.get(cell)
            if row is not None and self._stands_in.get(cell) != row.fallback:
                self._stands_in[cell] = row.fallback
                told.append(FallbackTold(cell, True, row.why, row.fallback))
            elif edge is Edge.ENDED:
                self._stands_in.pop(cell, None)
                told.append(FallbackTold(cell, False, "the optimiser plans again", "nothing"))
        return told, tuple(cell for cell in cells if self._edges.holds(cell))
