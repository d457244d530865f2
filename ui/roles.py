"""Who may say what. Checked where a command is made, never by hiding a button."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from control.modes import Mode
from stream.alarm_deeds import AlarmDeed, is_allowed
from stream.records import CommandKind


class Role(StrEnum):
    """What a person is to the line, by the guard's own words."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may do; what is not named is refused."""

    commands: frozenset[CommandKind] = frozenset()
    modes: frozenset[Mode] = frozenset()


# To calm the line, to set by hand, and to make the interlock or its limits whole again.
_EVERYBODY: Final = frozenset(
    {
        CommandKind.SET_MODE,
        CommandKind.SWITCH_OFF,
        CommandKind.APPLY_OVERRIDE,
        CommandKind.RELEASE_OVERRIDE,
        CommandKind.RELEASE_BYPASS,
        CommandKind.REJECT_LIMIT,
    }
)
_ENGAGING: Final = frozenset({CommandKind.SWITCH_ON, CommandKind.RESET_TRIP})
_INTERLOCK: Final = frozenset(
    {CommandKind.REQUEST_BYPASS, CommandKind.REQUEST_LIMIT, CommandKind.APPROVE_LIMIT}
)
_CALM: Final = frozenset({Mode.ADVISORY, Mode.MANUAL})

# The guard has the last word; these say no sooner, and with whom to ask.
RIGHTS: Final[dict[Role, Rights]] = {
    Role.VIEWER: Rights(),
    Role.OPERATOR: Rights(_EVERYBODY | _ENGAGING, _CALM | {Mode.AUTO}),
    Role.ENGINEER: Rights(_EVERYBODY | _ENGAGING | _INTERLOCK, _CALM | {Mode.AUTO}),
    Role.MANAGER: Rights(_EVERYBODY | _INTERLOCK, _CALM),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who sits at a screen.

    Attributes:
        note: why a viewer may only look, as a sentence; "" where the role says it.
    """

    name: str
    role: Role
    note: str = ""


def deed_refusal(person: Person, deed: AlarmDeed) -> str:
    """Return why `person` may not do something about an alarm, as a sentence; empty if they may.

    Args:
        deed: name of its event.
    """
    if not RIGHTS[person.role].commands:
        return person.note or f"{person.name} ({person.role}) may only look."
    if is_allowed(person.role, deed):
        return ""
    able = [role.value for role, one in RIGHTS.items() if one.commands and is_allowed(role, deed)]
    return f"{person.name} ({person.role}) may not; who may is of the role {' or '.join(able)}."


def refusal(person: Person, kind: CommandKind, mode: Mode | None = None) -> str:
    """Return why `person` may not give a command, as a sentence; empty if they may.

    Args:
        mode: that is asked for, where the kind asks for one.
    """
    rights = RIGHTS[person.role]
    if not rights.commands:
        return person.note or f"{person.name} ({person.role}) may not give commands."
    if kind is CommandKind.SET_MODE and not any(mode in one.modes for one in RIGHTS.values()):
        return f"{mode} cannot be asked for; the guard sets it by itself."
    if kind in rights.commands and (kind is not CommandKind.SET_MODE or mode in rights.modes):
        return ""
    able = [
        role.value
        for role, one in RIGHTS.items()
        if kind in one.commands and (kind is not CommandKind.SET_MODE or mode in one.modes)
    ]
    wish = f"ask for {mode}" if kind is CommandKind.SET_MODE else kind.value.replace("_", " ")
    return (
        f"{person.name} ({person.role}) may not {wish}; who may is of the role {' or '.join(able)}."
    )
