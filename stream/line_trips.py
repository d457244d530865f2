"""What trips the whole line: the plant's own trip contact, and a line without current.

What the cells had is over then, and a person has to see how they are before they are moved again.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from control.limits import GuardLimits
from stream.edge import PlantEdge
from stream.section_picture import SectionPicture

PLANT_TRIP: Final = "plant_trip"
WITHOUT_CURRENT: Final = "line_without_current"


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of a trip at this look.

    Attributes:
        name: of its event.
        begins: whether it has begun since the look before, and be it over already.
        stands: whether it goes on, or was a pulse that has to be told.
    """

    name: str
    begins: bool
    stands: bool
    details: Mapping[str, str | float] = field(default_factory=dict)


class LineTrips:
    """Looks for causes, a few times a second."""

    def __init__(
        self, edge: PlantEdge, pictures: Mapping[int, SectionPicture], limits: GuardLimits
    ) -> None:
        """Look at a line.

        Args:
            edge: to the plant.
            pictures: of each section; looked up anew each time.
            limits: of the plant file.
        """
        self._edge = edge
        self._pictures = pictures
        self._limits = limits
        self._times_set = 0
        self._is_down = False

    def look(self, now_ns: int) -> Iterator[Cause]:
        """Yield what is known of each cause, the one that comes first in time first."""
        signs = self._edge.trip_signs
        begins, self._times_set = signs.times_set > self._times_set, signs.times_set
        if begins or signs.stands is not None:  # else it stays as it was known last
            yield Cause(PLANT_TRIP, begins, begins or bool(signs.stands))
        self._edge.know_trips(signs.times_set)  # the cells have tripped by now
        currents = [
            picture.line_current_ka
            for picture in self._pictures.values()
            if picture.line_current_ka is not None
            and now_ns - picture.current_source_ns <= self._limits.max_input_age_s * 1e9
        ]
        if not currents and self._is_down:
            return  # nobody knows that it is back
        # One current runs through all: where sections disagree, a sensor is wrong and no line down.
        current_ka = max(currents, default=math.inf)
        is_down = current_ka < self._limits.trip_below_ka
        begins, self._is_down = is_down and not self._is_down, is_down
        shown = {"current_ka": round(current_ka, 1) if currents else 0.0}
        yield Cause(WITHOUT_CURRENT, begins, is_down, shown)
