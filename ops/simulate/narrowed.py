"""Limits that two people have made narrower, as an audit says."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from control.limits import SetpointLimits
from stream.audit.chain import AuditEntry
from stream.audit.entries import COMMAND, OBEYED
from stream.records import CommandKind

_REQUEST: Final = CommandKind.REQUEST_LIMIT.value
_APPROVE: Final = CommandKind.APPROVE_LIMIT.value


@dataclass
class Narrowed:
    """What one audit says of limits.

    A change counts for whoever judges once people were told that it was obeyed: until then the
    guard may end and begin again without it.

    Attributes:
        asked: requests by their id, who and what; of all audits, for a guard on another machine may
            obey the approval.
    """

    asked: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    _approved: dict[str, tuple[str, str, str, float]] = field(default_factory=dict)  # by command
    _in_force: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def see(self, entries: Iterable[AuditEntry]) -> list[str]:
        """Take in what became durable; return what only one person has changed, as sentences."""
        alone = []
        for entry in entries:
            if entry.action != COMMAND or entry.result != OBEYED:
                continue
            kind, _, rest = str(entry.asked).partition(" ")
            wish = dict(part.partition("=")[::2] for part in rest.split())
            if kind == _REQUEST:
                self.asked[entry.request_id] = entry.actor, wish
            elif kind == _APPROVE:
                requester, asked = self.asked.get(wish["subject"], ("", {}))
                if _name(requester) in ("", _name(entry.actor)):
                    alone.append(f"{entry.actor} alone has changed a limit of {entry.target}")
                    continue
                change = entry.target, asked["setpoint"], asked["limit"], float(asked["value"])
                self._approved[entry.request_id] = change
        return alone

    def see_told(self, command_id: str) -> None:
        """Take in that people were told of a command that was obeyed."""
        if command_id in self._approved:
            *place, value = self._approved.pop(command_id)
            section, setpoint, limit = place
            self._in_force[section, setpoint, limit] = value

    def bounds_of(self, section: int, row: SetpointLimits) -> tuple[float, float]:
        """Return the narrowest hard bounds of a setpoint that may be in force in a section."""
        told = [(*place, value) for place, value in self._in_force.items()]
        lows, highs = [row.low], [row.high]
        for place, setpoint, limit, value in (*told, *self._approved.values()):
            if (place, setpoint) == (f"S{section:03d}", row.name):
                {"low": lows, "high": highs}.get(limit, []).append(value)
        return max(lows), min(highs)

    def limits_of(self, section: int, row: SetpointLimits) -> SetpointLimits:
        """Return the widest limits of a setpoint that may be in force in a section."""
        changes: dict[str, float] = {
            limit: value
            for (place, setpoint, limit), value in self._in_force.items()
            if (place, setpoint) == (f"S{section:03d}", row.name)
        }
        # Of two changes on their way the later is not told yet and may count already.
        waiting = [
            (limit, value)
            for place, setpoint, limit, value in self._approved.values()
            if (place, setpoint) == (f"S{section:03d}", row.name)
        ]
        for limit, value in waiting:
            was = changes.get(limit, getattr(row, limit))
            wider = min(was, value) if limit == "low" else max(was, value)
            changes[limit] = wider
        for limit, value in changes.items():
            change: dict[str, Any] = {limit: value}
            row = replace(row, **change)
        return row


def _name(who: str) -> str:
    return who.strip().casefold()
