"""What trips the line: each cause once where it begins, for as long as it stands."""

from dataclasses import dataclass, field, replace
from typing import Any

from stream.edge import TripSigns
from stream.line_trips import PLANT_TRIP, WITHOUT_CURRENT, Cause, LineTrips
from stream.section_picture import SectionPicture
from tests.control.cases import GUARD

LIMITS = replace(GUARD, trip_below_ka=150.0)
NOW_NS = 1_000_000_000_000


@dataclass
class Edge:
    """The part of an edge that is looked at."""

    trip_signs: TripSigns = field(default_factory=lambda: TripSigns(stands=False))
    known: int = 0

    def know_trips(self, times_set: int) -> None:
        self.known = times_set


def picture(current_ka: float | None, age_s: float = 0.5) -> SectionPicture:
    """A section in which the current was measured so long ago."""
    source_ns = NOW_NS - int(age_s * 1e9)
    return replace(SectionPicture(), line_current_ka=current_ka, current_source_ns=source_ns)


def looked(trips: LineTrips, name: str) -> list[Cause]:
    """What a look says of one cause."""
    return [cause for cause in trips.look(NOW_NS) if cause.name == name]


def line(edge: Edge, pictures: dict[int, SectionPicture] | None = None) -> LineTrips:
    seen: Any = edge
    return LineTrips(seen, {} if pictures is None else pictures, LIMITS)


def test_a_contact_that_is_set_begins_once_and_stands_until_it_is_cleared() -> None:
    edge = Edge()
    trips = line(edge)
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=False, stands=False)]
    edge.trip_signs = TripSigns(stands=True, times_set=1)
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=True, stands=True)]
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=False, stands=True)]
    edge.trip_signs = TripSigns(stands=False, times_set=1)
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=False, stands=False)]


def test_a_pulse_that_is_over_trips_and_is_told() -> None:
    edge = Edge(TripSigns(stands=False, times_set=3))
    trips = line(edge)
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=True, stands=True)]
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=False, stands=False)]


def test_while_nobody_knows_how_it_stands_nothing_is_said_of_it() -> None:
    edge = Edge(TripSigns(stands=None))
    trips = line(edge)
    assert looked(trips, PLANT_TRIP) == []
    edge.trip_signs = TripSigns(stands=None, times_set=1)
    assert looked(trips, PLANT_TRIP) == [Cause(PLANT_TRIP, begins=True, stands=True)]


def test_a_line_without_current_in_every_section_begins_once() -> None:
    pictures = {0: picture(300.0), 1: picture(12.0)}
    trips = line(Edge(), pictures)
    assert [cause.begins for cause in looked(trips, WITHOUT_CURRENT)] == [False]
    pictures[0] = picture(11.0)
    down = Cause(WITHOUT_CURRENT, begins=True, stands=True, details={"current_ka": 12.0})
    assert looked(trips, WITHOUT_CURRENT) == [down]
    assert looked(trips, WITHOUT_CURRENT) == [replace(down, begins=False)]
    pictures[1] = picture(300.0)
    assert not looked(trips, WITHOUT_CURRENT)[0].stands


def test_the_plant_s_edge_hears_of_it_only_when_the_cells_have_been_tripped() -> None:
    edge = Edge(TripSigns(stands=True, times_set=2))
    looking = line(edge).look(NOW_NS)
    assert next(looking).begins
    assert edge.known == 0
    list(looking)
    assert edge.known == 2


def test_an_old_current_neither_trips_nor_ends_a_trip() -> None:
    long_ago_s = LIMITS.max_input_age_s + 1.0
    pictures = {0: picture(12.0, age_s=long_ago_s)}
    trips = line(Edge(), pictures)
    assert not looked(trips, WITHOUT_CURRENT)[0].stands
    pictures[0] = picture(12.0)
    assert looked(trips, WITHOUT_CURRENT)[0].begins
    pictures[0] = picture(300.0, age_s=long_ago_s)
    assert looked(trips, WITHOUT_CURRENT) == [], "nobody knows that it is back"
    pictures[0] = picture(300.0)
    assert not looked(trips, WITHOUT_CURRENT)[0].stands
