"""Who controls a cell at the plant: what we asked for, what the plant shows, who took it back.

Remote control is asked for when a cell comes to it, again and again until the plant shows it, and
never after that: a cell that then shows local control was taken, and the one who took it decides.
Pure; time comes in, of a clock that nobody sets.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

_TAKEN_AFTER_NS: Final = 2_000_000_000  # a picture may be so old, and older than what was asked
_DOUBT_LASTS_NS: Final = 3_000_000_000  # the picture's age, and one look of the plant's watchdog


class Finding(StrEnum):
    """What follows from one look at one cell."""

    WELL = "well"
    ASK_REMOTE = "ask_remote"
    ASK_LOCAL = "ask_local"
    TAKEN_BY_PLANT = "taken_by_plant"  # its watchdog had reason to
    TAKEN_BY_PERSON = "taken_by_person"  # nothing had been wrong with us


@dataclass(frozen=True, slots=True)
class _Stay:
    """A cell's stay under our control.

    Attributes:
        is_asked: whether remote control was asked for; `is_confirmed`: whether it was shown since.
        remote_ns: when it was last shown.
        local_since_ns: since when the plant has shown local control instead.
    """

    is_asked: bool = False
    is_confirmed: bool = False
    remote_ns: int = 0
    local_since_ns: int | None = None


class Handover:
    """What is known of every cell that the plant is to leave to us."""

    def __init__(self, began_ns: int) -> None:
        """Begin a life; what was remote before it had been without a sign of life from us."""
        self._stays: dict[int, _Stay] = {}
        self._doubted_ns = began_ns

    def enter(self, cell: int) -> None:
        """A cell comes to remote control now."""
        self._stays[cell] = _Stay()

    def doubt(self, now_ns: int) -> None:
        """At this moment the plant's watchdog has reason to take its cells back: our heartbeat
        stands still, or the connection or the plant's own heartbeat is away."""
        self._doubted_ns = max(self._doubted_ns, now_ns)

    def is_doubted(self, now_ns: int) -> bool:
        """Whether there is, or was until a short while ago, such a reason."""
        return now_ns - self._doubted_ns <= _DOUBT_LASTS_NS

    def look(self, cell: int, wanted: bool, shown: bool | None, now_ns: int) -> Finding:
        """Return what follows for a cell.

        Args:
            wanted: whether the plant is to follow our setpoints.
            shown: whether it shows that it does; None when unknown.
            now_ns: of a clock that nobody sets.
        """
        if not wanted:
            self._stays.pop(cell, None)
            return Finding.ASK_LOCAL if shown else Finding.WELL
        # A cell that nobody told us of was remote before this life: asked for and shown then.
        stay = self._stays.setdefault(cell, _Stay(is_asked=True, is_confirmed=True))
        if shown is None:
            return Finding.WELL
        if not stay.is_asked or not (shown or stay.is_confirmed):
            self._stays[cell] = replace(stay, is_asked=True)
            return Finding.ASK_REMOTE
        if shown:
            self._stays[cell] = _Stay(is_asked=True, is_confirmed=True, remote_ns=now_ns)
            return Finding.WELL
        since_ns = now_ns if stay.local_since_ns is None else stay.local_since_ns
        self._stays[cell] = replace(stay, local_since_ns=since_ns)
        if now_ns - since_ns < _TAKEN_AFTER_NS:
            return Finding.WELL
        if self._doubted_ns >= stay.remote_ns - _DOUBT_LASTS_NS:
            return Finding.TAKEN_BY_PLANT
        return Finding.TAKEN_BY_PERSON
