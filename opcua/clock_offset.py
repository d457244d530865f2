"""How far the clock of the plant's server is from ours, from when it says that it answered. Pure.

What a server answers at a time of its own was sent between our asking and our hearing, so one
exchange bounds the offset by half the round trip, as with NTP. Several that agree are needed: one
wrong stamp, or an exchange in which somebody set a clock, tells nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from stream.edge import ClockOffset

KEPT: Final = 8  # exchanges, the newest: two seconds of looks
AGREEING: Final = 3  # at the least, and more than half of those that are kept
GOOD_FOR_S: Final = 5.0
# A server's stamp may be as coarse as the clock of some operating systems, 64 ticks a second. It
# covers, too, what a clock moves in these seconds that is put right by running faster or slower.
COARSEST_STAMP_S: Final = 1.0 / 64.0
_LONGEST_JUMP_UNSEEN_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer.

    Attributes:
        asked_ns, heard_ns: our wall clock, UTC.
        asked_s, heard_s: our clock that nobody sets.
        answered_ns: the server's wall clock, UTC.
    """

    asked_ns: int
    heard_ns: int
    asked_s: float
    heard_s: float
    answered_ns: int

    @property
    def is_sound(self) -> bool:
        """Whether our clock was not set, nor our machine asleep, between question and answer."""
        by_wall_s = (self.heard_ns - self.asked_ns) / 1e9
        return abs(by_wall_s - (self.heard_s - self.asked_s)) <= _LONGEST_JUMP_UNSEEN_S

    @property
    def bounds_s(self) -> tuple[float, float]:
        """Between what the offset is, s."""
        low_s = (self.answered_ns - max(self.asked_ns, self.heard_ns)) / 1e9
        high_s = (self.answered_ns - self.asked_ns) / 1e9
        return low_s - COARSEST_STAMP_S, high_s + COARSEST_STAMP_S


@dataclass(frozen=True, slots=True)
class OffsetWindow:
    """The newest exchanges with one server, oldest first."""

    exchanges: tuple[Exchange, ...] = ()

    def see(self, exchange: Exchange) -> "OffsetWindow":
        """Return the window with one exchange more; one that is not sound changes nothing."""
        if not exchange.is_sound:
            return self
        return replace(self, exchanges=(*self.exchanges, exchange)[-KEPT:])

    def offset(self, now_s: float) -> ClockOffset | None:
        """Return what most of the exchanges agree on; None where too few do, or all are old.

        A clock that was set shows once most of the exchanges are newer than that.

        Args:
            now_s: our clock that nobody sets.
        """
        fresh = [one for one in self.exchanges if now_s - one.heard_s <= GOOD_FOR_S]
        needed = max(AGREEING, len(fresh) // 2 + 1)
        return agreed([one.bounds_s for one in fresh], needed)


def agreed(bounds: Sequence[tuple[float, float]], needed: int) -> ClockOffset | None:
    """Return what lies within enough of some bounds, after Marzullo (1984).

    Where at least `needed` of the bounds are true, what is true lies within those that this
    returns: a wrong one can make them wider and never wrong.

    Args:
        bounds: (low, high) of each, s.
        needed: how many must hold what is returned.

    Returns:
        The middle and half the width of the shortest stretch with every such place; None where
        there is none.
    """
    # At one place what begins comes before what ends: bounds that only touch agree.
    edges = sorted([(low, 0) for low, _ in bounds] + [(high, 1) for _, high in bounds])
    shared, places = 0, []
    for place, is_end in edges:
        if shared >= needed and is_end:
            places.append(place)
        shared += -1 if is_end else 1
        if shared >= needed and not is_end:
            places.append(place)
    if not places:
        return None
    return ClockOffset((places[0] + places[-1]) / 2.0, (places[-1] - places[0]) / 2.0)
