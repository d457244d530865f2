"""What people have ordered, as the audit says: whoever judges a guard keeps count of it."""

from dataclasses import dataclass, field


@dataclass
class People:
    """Overrides and bypasses that stand, by what was obeyed and what ended."""

    _held: dict[tuple[int, str], str] = field(default_factory=dict)
    _bypassed: set[tuple[int, str]] = field(default_factory=set)

    def see(self, cell: int, kind: str, rest: str) -> None:
        """Take in an order that was obeyed, as "kind name=text name=text"."""
        wish = dict(part.partition("=")[::2] for part in rest.split())
        if kind == "apply_override":
            self._held[cell, wish["setpoint"]] = wish["value"]
        elif kind == "release_override":
            self._held.pop((cell, wish["setpoint"]), None)
        elif kind == "request_bypass":
            self._bypassed.add((cell, wish["check"]))
        elif kind == "release_bypass":
            self._bypassed.discard((cell, wish["check"]))

    def end(self, cell: int, what: str) -> None:
        """Take in an order that ended by itself, as "event subject"."""
        name, _, subject = what.partition(" ")
        if name == "override_active":
            self._held.pop((cell, subject), None)
        elif name == "bypass_active":
            self._bypassed.discard((cell, subject))

    def holds(self, cell: int, setpoint: str) -> bool:
        """Whether a person holds a setpoint."""
        return (cell, setpoint) in self._held

    def bypassed(self, cell: int) -> set[str]:
        """Return the checks that are left out for a cell."""
        return {check for at, check in self._bypassed if at == cell}
