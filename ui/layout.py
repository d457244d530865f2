"""Where every cell of the line stands, and where its square goes on the screen.

A potroom is two rows of cells side by side: the current runs out along one and back along the
other, so the first and the last cell face each other. A long room is cut into bays, one below the
other, so that squares stay large enough to read.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

_CELLS_PER_BAY_ROW: Final = 25  # wider, and a cell number no longer fits its square
_ROW_PITCH: Final = 1.06  # a hair of aisle between the two rows
_BAY_PITCH: Final = 2.46


@dataclass(frozen=True)
class LineLayout:
    """The cells of a line.

    Attributes:
        name: of the plant, for the header.
        metal: what it makes.
        sections: the cell numbers of every section, in order.
    """

    name: str
    metal: str
    sections: tuple[tuple[int, ...], ...]

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """All cell numbers, in order of the line."""
        return tuple(number for section in self.sections for number in section)

    @cached_property
    def place(self) -> dict[int, tuple[int, int]]:
        """Cell number -> (section, position within it)."""
        return {
            number: (section, position)
            for section, numbers in enumerate(self.sections)
            for position, number in enumerate(numbers)
        }

    @cached_property
    def index(self) -> dict[int, int]:
        """Cell number -> position within the line."""
        return {number: position for position, number in enumerate(self.cells)}


@dataclass(frozen=True, slots=True)
class Squares:
    """Centres of the cells' squares, each of side 1; y grows upwards."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    columns: int
    height: float


def place_squares(count: int) -> Squares:
    """Return where the squares of a line of `count` cells go.

    Args:
        count: cells of the line, at least 1.

    Returns:
        Centres (count,), in the order of the line.
    """
    half = -(-count // 2)
    bays = -(-half // _CELLS_PER_BAY_ROW)
    columns = -(-half // bays)
    position = np.arange(count)
    out = position < half
    along = np.where(out, position, 2 * half - 1 - position)
    bay, column = np.divmod(along, columns)
    height = (bays - 1) * _BAY_PITCH + _ROW_PITCH + 1.0
    y = height - 0.5 - bay * _BAY_PITCH - np.where(out, 0.0, _ROW_PITCH)
    return Squares(x=column + 0.5, y=y, columns=int(columns), height=float(height))
