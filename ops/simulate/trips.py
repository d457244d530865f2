"""Trips, as an audit says: which cells have tripped, and whether a person has reset them since."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from control.modes import Mode
from stream.audit.chain import AuditEntry
from stream.audit.entries import COMMAND, MODE, OBEYED
from stream.records import CommandKind

_RESET: Final = CommandKind.RESET_TRIP.value


@dataclass
class TripBook:
    """What one audit says of trips."""

    tripped: set[str] = field(default_factory=set)  # as in "C017"

    def see(self, entries: Iterable[AuditEntry]) -> list[str]:
        """Take in what became durable together; return the cells that left TRIPPED and that nobody
        had reset: a change of mode is on record before the command behind it."""
        left: list[str] = []
        reset: set[str] = set()
        for entry in entries:
            if entry.action == MODE and entry.applied == Mode.TRIPPED.value:
                self.tripped.add(entry.target)
                reset.discard(entry.target)
            elif entry.action == MODE and entry.old == Mode.TRIPPED.value:
                left.append(entry.target)
            elif (entry.action, entry.asked, entry.result) == (COMMAND, _RESET, OBEYED):
                reset.add(entry.target)
        self.tripped -= reset
        return [target for target in left if target not in reset]
