"""What people have ordered, as an audit says: whoever judges a guard keeps count of it."""

import math
from dataclasses import dataclass, field


@dataclass
class People:
    """Overrides and bypasses that stand, by what was obeyed, written and ended.

    A guard keeps an override before it is on record that it is about to be written; the end of one
    may be on record before that, where the disk or the broker is slow. Where a guard ends while the
    disk is full, the end never comes on record: then what was asked for says when it was over.
    """

    _given: dict[str, list[str]] = field(default_factory=dict)  # C007/setpoint -> overrides
    _until_s: dict[str, float] = field(default_factory=dict)  # by override
    _ended: set[str] = field(default_factory=set)
    _held: dict[str, str] = field(default_factory=dict)  # C007/setpoint -> the override
    _bypassed: set[tuple[int, str]] = field(default_factory=set)

    def see(self, cell: int, kind: str, rest: str, command_id: str, now_s: float) -> None:
        """Take in an order that was obeyed by now, as "kind name=text name=text"."""
        wish = dict(part.partition("=")[::2] for part in rest.split())
        if kind == "apply_override":
            self._given.setdefault(_place(cell, wish["setpoint"]), []).append(command_id)
            self._until_s[command_id] = now_s + float(wish["duration_s"])
        elif kind == "release_override":
            place = _place(cell, wish["setpoint"])
            self._ended.update(self._given.get(place, ()))
            self._held.pop(place, None)
        elif kind == "request_bypass":
            self._bypassed.add((cell, wish["check"]))
        elif kind == "release_bypass":
            self._bypassed.discard((cell, wish["check"]))

    def hold(self, place: str, move_id: str) -> None:
        """Take in that a person's value is about to be written."""
        override_id = move_id.partition("/")[0]
        if override_id not in self._ended:
            self._held[place] = override_id

    def end(self, cell: int, what: str, order_id: str) -> None:
        """Take in an order that ended by itself, as "event subject"."""
        name, _, subject = what.partition(" ")
        if name == "override_active":
            self._ended.add(order_id)
            if self._held.get(_place(cell, subject)) == order_id:
                del self._held[_place(cell, subject)]
        elif name == "bypass_active":
            self._bypassed.discard((cell, subject))

    def holds(self, cell: int, setpoint: str, now_s: float) -> bool:
        """Whether a person holds a setpoint now."""
        override_id = self._held.get(_place(cell, setpoint))
        return override_id is not None and now_s < self._until_s.get(override_id, math.inf)

    def bypassed(self, cell: int) -> set[str]:
        """Return the checks that are left out for a cell."""
        return {check for at, check in self._bypassed if at == cell}


def _place(cell: int, setpoint: str) -> str:
    return f"C{cell:03d}/{setpoint}"
