"""Who may say what. Checked where a command is made, never by hiding a button."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from control.modes import Mode
from stream.records import CommandKind


class Role(StrEnum):
    """What a person is to the line."""

    OPERATOR = "operator"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may do; what is not named is refused."""

    commands: frozenset[CommandKind] = frozenset()
    modes: frozenset[Mode] = frozenset()


RIGHTS: Final[dict[Role, Rights]] = {
    Role.OPERATOR: Rights(
        commands=frozenset(
            {
                CommandKind.SET_MODE,
                CommandKind.SWITCH_OFF,
                CommandKind.SWITCH_ON,
                CommandKind.RESET_TRIP,
                CommandKind.APPLY_OVERRIDE,
                CommandKind.RELEASE_OVERRIDE,
            }
        ),
        modes=frozenset({Mode.AUTO, Mode.ADVISORY, Mode.MANUAL}),
    ),
    Role.VIEWER: Rights(),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who sits at a screen."""

    name: str
    role: Role


def refusal(person: Person, kind: CommandKind, mode: Mode | None = None) -> str:
    """Return why `person` may not give a command, as a sentence; empty if they may.

    Args:
        mode: that is asked for, where the kind asks for one.
    """
    rights = RIGHTS[person.role]
    if kind not in rights.commands:
        return f"{person.name} ({person.role}) may not give commands; ask an operator."
    if kind is CommandKind.SET_MODE and mode not in rights.modes:
        return f"{mode} cannot be asked for; the guard sets it by itself."
    return ""
