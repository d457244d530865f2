"""What people want of cells, by switch and by mode, and which guard can know of it.

Of two guards one may have heard of a command, obeyed it and said so while it is still on its way to
the other: that one is bound from the moment it has it, too.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from control.modes import Mode

_SWITCH: Final = "switch"
_MODE: Final = "mode"
_ABOUT: Final = {"set_mode": _MODE, "switch_off": _SWITCH, "switch_on": _SWITCH}


@dataclass(frozen=True, slots=True)
class _Wish:
    """The newest command about something of a cell, and the audit that had it first."""

    command_id: str
    audit: object
    what: str

    @property
    def number(self) -> int:
        """Which of all commands it was, as in `command-17`."""
        tail = self.command_id.rpartition("-")[2]
        return int(tail) if tail.isdigit() else 0


@dataclass
class Wishes:
    """What people want now, as far as a guard has obeyed it."""

    _newest: dict[tuple[int, str], _Wish] = field(default_factory=dict)
    _heard: set[tuple[str, str]] = field(default_factory=set)  # guard, command
    _told_s: dict[str, float] = field(default_factory=dict)  # by command

    def see(self, cell: int, kind: str, mode: str, command_id: str, audit: object) -> bool:
        """Take in a command that a guard has obeyed; returns whether it is about such a wish.

        Args:
            cell: that it is about.
            kind: of the command; `mode`: that it asks for.
            command_id: what is said later has a higher number.
            audit: in which it is on record.
        """
        about = _ABOUT.get(kind)
        if about is None:
            return False
        # What leads to the safe side is obeyed while a disk is full and is on record later, and
        # another guard may have obeyed since what was said later.
        wish = _Wish(command_id, audit, mode if about == _MODE else kind)
        before = self._newest.get((cell, about))
        if before is None or wish.number >= before.number:
            self._newest[cell, about] = wish
        return True

    def see_heard(self, guard: str, command_id: str) -> None:
        """Take in that a command has come to a guard, by the guard's name."""
        self._heard.add((guard, command_id))

    def see_told(self, command_id: str, now_s: float) -> None:
        """Take in that people were told of a command that was obeyed: what a guard finds that
        begins after that says so, too."""
        self._told_s.setdefault(command_id, now_s)

    def against(self, cell: int, audit: object, guard: str, began_s: float) -> list[str]:
        """Return why people do not want a cell to be driven, as sentences.

        Args:
            cell: that is driven.
            audit: of the guard that drives it; `guard`: its name; `began_s`: when it began.
        """
        sentences = []
        for about in (_SWITCH, _MODE):
            wish = self._newest.get((cell, about))
            if wish is None or not self._binds(wish, audit, guard, began_s):
                continue
            if wish.what == "switch_off":
                sentences.append("a person switched it off")
            elif about == _MODE and wish.what != Mode.AUTO.value:
                sentences.append(f"a person asked for {wish.what}")
        return sentences

    def _binds(self, wish: _Wish, audit: object, guard: str, began_s: float) -> bool:
        return (
            wish.audit is audit
            or (guard, wish.command_id) in self._heard
            or self._told_s.get(wish.command_id, math.inf) <= began_s
        )
