"""What people have ordered, as the audit says: whoever judges a guard keeps count of it."""

from dataclasses import dataclass, field


@dataclass
class People:
    """Overrides and bypasses that stand, by what was obeyed and what ended."""

    _held: set[str] = field(default_factory=set)  # as the audit names it: C007/setpoint
    _bypassed: set[tuple[int, str]] = field(default_factory=set)

    def hold(self, place: str) -> None:
        """Take in that a person's value is about to be written."""
        self._held.add(place)

    def see(self, cell: int, kind: str, rest: str) -> None:
        """Take in an order that was obeyed, as "kind name=text name=text"."""
        wish = dict(part.partition("=")[::2] for part in rest.split())
        if kind == "release_override":
            self._held.discard(_place(cell, wish["setpoint"]))
        elif kind == "request_bypass":
            self._bypassed.add((cell, wish["check"]))
        elif kind == "release_bypass":
            self._bypassed.discard((cell, wish["check"]))

    def end(self, cell: int, what: str) -> None:
        """Take in an order that ended by itself, as "event subject"."""
        name, _, subject = what.partition(" ")
        if name == "override_active":
            self._held.discard(_place(cell, subject))
        elif name == "bypass_active":
            self._bypassed.discard((cell, subject))

    def holds(self, cell: int, setpoint: str) -> bool:
        """Whether a person holds a setpoint."""
        return _place(cell, setpoint) in self._held

    def bypassed(self, cell: int) -> set[str]:
        """Return the checks that are left out for a cell."""
        return {check for at, check in self._bypassed if at == cell}


def _place(cell: int, setpoint: str) -> str:
    return f"C{cell:03d}/{setpoint}"
