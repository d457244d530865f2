"""What came of commands: the guard answers each by its id, and that alone says it.

A cell may be in a mode, or a setpoint be held, for other reasons, and the clocks of two machines
are no measure of what came first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stream.asking import OBEYED, REFUSED
from stream.records import WHOLE_SECTION, Command, Event
from ui.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Said:
    """What a panel says about the last command, and whether that is bad news."""

    sentence: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What the guard was seen to say about one command.

    Attributes:
        obeyed, refused: the event; of a whole section there may be both, each for some
            of its cells.
    """

    obeyed: Event | None = None
    refused: Event | None = None

    @property
    def is_any(self) -> bool:
        """Whether it said anything."""
        return self.obeyed is not None or self.refused is not None


Seen = Mapping[tuple[str, int], Answered]
"""What the guard was seen to say, by command id and section: the picture keeps the newest answers
of a line only, and a screen has to know what it once saw."""
NOTHING_SEEN: Final[Seen] = {}

Obeyed = Callable[[Command, Snapshot], str]
"""Says in a sentence what an obeyed command led to."""


def answer_to(command: Command, snapshot: Snapshot, seen: Seen = NOTHING_SEEN) -> Answered:
    """Return how the guard answered a command, as far as the picture says or has said."""
    known = seen.get(_of(command), Answered())
    found: dict[str, Event | None] = {OBEYED: known.obeyed, REFUSED: known.refused}
    for event in snapshot.line.answers:
        is_its = event.details.get("command_id") == command.command_id
        if is_its and event.section == command.section:
            found[event.name] = event
    return Answered(found[OBEYED], found[REFUSED])


def keep_answers(seen: Seen, commands: Sequence[Command], snapshot: Snapshot) -> Seen:
    """Return what was seen of commands so far and is seen now; of others nothing is kept."""
    return {_of(command): answer_to(command, snapshot, seen) for command in commands}


def is_pending(command: Command, snapshot: Snapshot, seen: Seen = NOTHING_SEEN) -> bool:
    """Whether the guard may still answer a command, and has not been seen to."""
    return snapshot.now_ns <= command.expires_ns and not answer_to(command, snapshot, seen).is_any


def is_settled(commands: Sequence[Command], snapshot: Snapshot, seen: Seen = NOTHING_SEEN) -> bool:
    """Whether nothing more will be known of commands: of a whole section some cells may be refused
    first and the others obeyed a moment later."""
    if all(snapshot.now_ns > command.expires_ns for command in commands):
        return not snapshot.link or all(answer_to(one, snapshot, seen).is_any for one in commands)
    return all(
        command.cell != WHOLE_SECTION and answer_to(command, snapshot, seen).is_any
        for command in commands
    )


def what_came_of(
    commands: Sequence[Command], snapshot: Snapshot, obeyed: Obeyed, seen: Seen = NOTHING_SEEN
) -> Said:
    """Return what is to be said of commands that were sent: one line a command.

    Args:
        commands: that were given together, each to another section.
        obeyed: says what came of one that was obeyed.
        seen: answers of before, which the picture may not have any more.
    """
    said = [_came_of(command, snapshot, obeyed, seen) for command in commands]
    if len(said) == 1:
        return said[0]
    lines = [
        f"Section {command.section}: {one.sentence}"
        for command, one in zip(commands, said, strict=True)
    ]
    return Said("\n".join(lines), any(one.is_bad for one in said))


def asked_for(command: Command) -> str:
    """Return what a command asks for, in a few words."""
    return command.wish if command.mode is None else command.mode.value


def _of(command: Command) -> tuple[str, int]:
    return command.command_id, command.section


def _came_of(command: Command, snapshot: Snapshot, obeyed: Obeyed, seen: Seen) -> Said:
    answer = answer_to(command, snapshot, seen)
    if answer.refused is not None:
        rest = f" {obeyed(command, snapshot)}" if answer.obeyed is not None else ""
        return Said(f"{answer.refused.sentence}{rest}", is_bad=True)
    if answer.obeyed is not None:
        return Said(obeyed(command, snapshot))
    if snapshot.now_ns <= command.expires_ns:
        words = f"{command.issued_by} asked for {asked_for(command)}"
        return Said(f"{words}; waiting for the guard to obey.")
    if snapshot.link:
        # Not the guard's silence but ours: the question is kept until the picture is back.
        return Said(
            f"What came of {asked_for(command)} is not known: the picture cannot be read.",
            is_bad=True,
        )
    return Said(
        "No answer of the guard was seen before the command ran out: all is as it was last seen. "
        "Check that the guard runs, then ask again.",
        is_bad=True,
    )
