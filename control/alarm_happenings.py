"""What can happen to an alarm: it begins and ends, people act, logic of the line, time passes."""

from dataclasses import dataclass
from typing import Final

LONGEST_SHELF_S: Final = 8 * 3600.0  # design value: a shift, as for an override


@dataclass(frozen=True, slots=True)
class Began:
    """The condition began, as an event with that id tells."""

    event_id: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The condition ended."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A person has seen the occurrence with that id."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A person has done what the occurrence with that id asked for."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Commented:
    """A person says something about the occurrence with that id."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Shelved:
    """A person puts the alarm away for a while."""

    owner: str
    reason: str
    at_ns: int
    duration_s: float = LONGEST_SHELF_S
    is_one_shot: bool = False


@dataclass(frozen=True, slots=True)
class Unshelved:
    """A person takes the alarm back."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Logic of the line began or ceased to keep the alarm quiet."""

    is_so: bool
    at_ns: int


@dataclass(frozen=True, slots=True)
class TakenOut:
    """Maintenance takes the alarm out of service until it is put back."""

    owner: str
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """Maintenance puts the alarm back in service."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing happened but time.

    Attributes:
        repeat_after_s: an alarm that is still active so long after people were told is told again,
            and again after as long; None: never.
    """

    at_ns: int
    repeat_after_s: float | None = None


Happening = (
    Began
    | Ended
    | Acknowledged
    | Confirmed
    | Commented
    | Shelved
    | Unshelved
    | Suppressed
    | TakenOut
    | PutBack
    | TimePassed
)
