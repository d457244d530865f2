"""What people ask of the guard: one record on Kafka, awaited, with an expiry, never repeated."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from control.modes import Mode
from stream.asking import CommandSender, NotSentError
from stream.kafka import KafkaConnection
from stream.records import WHOLE_SECTION, Command, CommandKind
from ui.layout import LineLayout
from ui.roles import Person, refusal

VALIDITY_S: Final = 10.0  # a command that the guard has not taken by then is void
_SEND_TIMEOUT_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Kafka has the commands in its log; whether the guard obeys is seen in the picture.

    Attributes:
        commands: one for each section that is concerned, all with one id.
        unsent: why the command of a section may not have been sent, by section; those are not
            among `commands`.
    """

    commands: tuple[Command, ...]
    unsent: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The command was not given, for the reason in `sentence`."""

    sentence: str


Outcome = Sent | Refused


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of a cell, or of whole sections; which fields a kind needs stands at
    `CommandKind`."""

    kind: CommandKind
    cell: int  # WHOLE_SECTION: of every cell of `sections`
    reason: str
    mode: Mode | None = None
    setpoint: str = ""
    value: float | None = None  # in the unit of the setpoint's name
    duration_s: float | None = None
    sections: tuple[int, ...] = ()  # where no cell is named
    check: str = ""
    limit: str = ""
    subject: str = ""
    digest: str = ""


def make_commands(
    layout: LineLayout, person: Person, wish: Wish, now_ns: int
) -> tuple[Command, ...] | Refused:
    """Return the commands that ask the guard for it, or why `person` may not give them.

    There is one for each section, and all have one id: a limit of a whole line is one request.
    """
    denied = refusal(person, wish.kind, wish.mode)
    if denied:
        return Refused(denied)
    sections = _sections(layout, wish)
    if isinstance(sections, Refused):
        return sections
    if not wish.reason.strip():
        return Refused("Say why: the reason goes into the journal.")
    command_id = str(uuid.uuid4())
    return tuple(
        Command(
            command_id=command_id,
            kind=wish.kind,
            section=section,
            cell=wish.cell,
            mode=wish.mode,
            setpoint=wish.setpoint,
            value=wish.value,
            duration_s=wish.duration_s,
            check=wish.check,
            limit=wish.limit,
            subject=wish.subject,
            digest=wish.digest,
            issued_by=person.name,
            role=person.role,
            reason=wish.reason.strip()[:200],
            t_issued_ns=now_ns,
            expires_ns=now_ns + int(VALIDITY_S * 1e9),
        )
        for section in sections
    )


def _sections(layout: LineLayout, wish: Wish) -> tuple[int, ...] | Refused:
    if wish.cell == WHOLE_SECTION:
        known = all(0 <= section < len(layout.sections) for section in wish.sections)
        if not wish.sections or not known:
            return Refused("Say which sections of the line are meant.")
        return tuple(dict.fromkeys(wish.sections))
    if wish.cell not in layout.place:
        return Refused(f"The line has no cell {wish.cell}.")
    return (layout.place[wish.cell][0],)


class CommandDesk:
    """Sends commands, one producer for all screens of a server.

    Args:
        partitions: of the topic `commands`.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        layout: LineLayout,
        partitions: int,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._sender = CommandSender(kafka, partitions, "potline-ui", _SEND_TIMEOUT_S)
        self._layout = layout
        self._clock_ns = clock_ns
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, person: Person, wish: Wish, done: Callable[[Outcome], None]) -> None:
        """Ask the guard for something; `done` is told the outcome, always exactly once."""
        commands = make_commands(self._layout, person, wish, self._clock_ns())
        if isinstance(commands, Refused):
            done(commands)
            return
        task = asyncio.get_running_loop().create_task(self._send(commands, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what is being sent, then disconnect."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_SEND_TIMEOUT_S)
        await self._sender.close()

    async def _send(self, commands: tuple[Command, ...], done: Callable[[Outcome], None]) -> None:
        faults = await asyncio.gather(*(self._send_one(command) for command in commands))
        sent = tuple(one for one, fault in zip(commands, faults, strict=True) if not fault)
        if not sent:
            done(Refused(faults[0]))
            return
        unsent = {one.section: fault for one, fault in zip(commands, faults, strict=True) if fault}
        done(Sent(sent, unsent))

    async def _send_one(self, command: Command) -> str:
        """Return why a command may not have been sent; "" where it was."""
        try:
            await self._sender.send(command)
        except NotSentError as exc:
            return str(exc)
        return ""
