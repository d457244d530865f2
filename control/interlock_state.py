"""What the interlock remembers of a section, in a form that a table can keep.

Everything is frozen: a verdict comes with the state that follows from it. Travel is kept in coarse
buckets, so that the state of a setpoint stays small however often it moves; a bucket counts in full
until its newest moment has left the window, which errs on the safe side.
"""

from typing import Final

import msgspec

STATE_VERSION: Final = 2
BUCKETS: Final = 24  # per travel window
Order = tuple[int, int]  # (session, sequence)


class Travel(msgspec.Struct, frozen=True):
    """Absolute changes within one bucket of plant time."""

    bucket: int
    distance: float


class SetpointState(msgspec.Struct, frozen=True):
    """One setpoint of one cell.

    Attributes:
        order: (session, sequence) of the newest decision of our own optimiser that was judged;
            older ones are refused. `outside_order`: the same of requests from outside. Each counts
            for itself: neither makes the other old.
        applied: value of the last permitted move.
        moved_plant_s: plant time of the last move that changed the value, or of the first one
            after the cell entered AUTO.
        moved_source_ns: source time of the cell's newest sample at that moment.
        travels: buckets of the travel window, oldest first.
        written_stay: the newest stay in AUTO of which a move is known to have come to the plant;
            one that was permitted may yet expire: then the stay has not had its first write.
    """

    order: Order | None = None
    applied: float | None = None
    moved_plant_s: float | None = None
    moved_source_ns: int = 0
    travels: tuple[Travel, ...] = ()
    written_stay: int | None = None
    outside_order: Order | None = None

    def order_of(self, *, is_outside: bool) -> Order | None:
        """Return the newest order judged of our own optimiser, or of requests from outside."""
        return self.outside_order if is_outside else self.order

    def note_order(self, order: Order, *, is_outside: bool) -> "SetpointState":
        """Return the state that knows that a request of that order was judged."""
        if is_outside:
            return msgspec.structs.replace(self, outside_order=order)
        return msgspec.structs.replace(self, order=order)


class SectionState(msgspec.Struct, frozen=True):
    """All setpoints of a section, and which cells have been moved in the present scan."""

    setpoints: dict[str, SetpointState] = {}
    scan: int = -1
    cells_moved: tuple[int, ...] = ()
    version: int = STATE_VERSION

    def of(self, cell: int, setpoint: str) -> SetpointState:
        """Return what is remembered of one setpoint of one cell."""
        return self.setpoints.get(_key(cell, setpoint), SetpointState())

    def moved_in(self, scan: int) -> tuple[int, ...]:
        """Return the cells of this section that were moved in that scan."""
        return self.cells_moved if scan == self.scan else ()

    def remember(self, cell: int, setpoint: str, state: SetpointState) -> "SectionState":
        """Return the section with another state of that setpoint."""
        setpoints = {**self.setpoints, _key(cell, setpoint): state}
        return msgspec.structs.replace(self, setpoints=setpoints)

    def note_written(self, cell: int, setpoint: str, stay: int) -> "SectionState":
        """Return the section that knows that a move of that stay came to the plant."""
        before = self.of(cell, setpoint)
        if before.written_stay is not None and before.written_stay > stay:
            return self
        return self.remember(cell, setpoint, msgspec.structs.replace(before, written_stay=stay))

    def count_move(self, cell: int, scan: int) -> "SectionState":
        """Return the section with that cell counted among those moved in that scan."""
        moved = self.moved_in(scan)
        if cell not in moved:
            moved = (*moved, cell)
        return msgspec.structs.replace(self, scan=scan, cells_moved=moved)


def travelled(travels: tuple[Travel, ...], t_plant_s: float, window_s: float) -> float:
    """Return the distance within the window that ends now, in the unit of the setpoint."""
    return sum(travel.distance for travel in _within(travels, t_plant_s, window_s))


def add_travel(
    travels: tuple[Travel, ...], t_plant_s: float, window_s: float, distance: float
) -> tuple[Travel, ...]:
    """Return the travels of the window with one more."""
    kept = _within(travels, t_plant_s, window_s)
    bucket = int(t_plant_s // (window_s / BUCKETS))
    if kept and kept[-1].bucket == bucket:
        return (*kept[:-1], Travel(bucket, kept[-1].distance + distance))
    return (*kept, Travel(bucket, distance))


def put_back(travels: tuple[Travel, ...], t_plant_s: float, window_s: float) -> tuple[Travel, ...]:
    """Return the travels after the plant's clock was put back to `t_plant_s`: what lies after that
    counts as of now, so that it still counts for one window and not for ever."""
    kept = _within(travels, t_plant_s, window_s)
    bucket = int(t_plant_s // (window_s / BUCKETS))
    late = sum(travel.distance for travel in kept if travel.bucket > bucket)
    earlier = tuple(travel for travel in kept if travel.bucket <= bucket)
    return add_travel(earlier, t_plant_s, window_s, late) if late > 0.0 else earlier


def _key(cell: int, setpoint: str) -> str:
    return f"{cell}/{setpoint}"


def _within(travels: tuple[Travel, ...], t_plant_s: float, window_s: float) -> tuple[Travel, ...]:
    oldest = (t_plant_s - window_s) // (window_s / BUCKETS)
    return tuple(travel for travel in travels if travel.bucket >= oldest)
