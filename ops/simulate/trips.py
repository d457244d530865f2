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
        unexplained: list[str] = []
        for entry in entries:  # after a full disk there are many, and a cell may trip anew in them
            if entry.action == MODE and entry.applied == Mode.TRIPPED.value:
                self.tripped.add(entry.target)
            elif entry.action == MODE and entry.old == Mode.TRIPPED.value:
                self.tripped.discard(entry.target)
                unexplained.append(entry.target)
            elif (entry.action, entry.asked, entry.result) == (COMMAND, _RESET, OBEYED):
                unexplained = [target for target in unexplained if target != entry.target]
        self.tripped.update(unexplained)
        return unexplained
