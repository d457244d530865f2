"""What people ask of the guard: one record on Kafka, awaited, with an expiry, never repeated."""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from control.modes import Mode
from stream.asking import CommandSender, NotSentError
from stream.kafka import KafkaConnection
from stream.records import Command, CommandKind
from ui.layout import LineLayout
from ui.roles import Person, refusal

VALIDITY_S: Final = 10.0  # a command that the guard has not taken by then is void
_SEND_TIMEOUT_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Kafka has the command in its log; whether the guard obeys is seen in the picture."""

    command: Command


@dataclass(frozen=True, slots=True)
class Refused:
    """The command was not given, for the reason in `sentence`."""

    sentence: str


Outcome = Sent | Refused


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of a cell; which fields a kind needs stands at `CommandKind`."""

    kind: CommandKind
    cell: int
    reason: str
    mode: Mode | None = None
    setpoint: str = ""
    value: float | None = None  # in the unit of the setpoint's name
    duration_s: float | None = None


def make_command(layout: LineLayout, person: Person, wish: Wish, now_ns: int) -> Command | Refused:
    """Return the command that asks the guard for it, or why `person` may not give it."""
    denied = refusal(person, wish.kind, wish.mode)
    if denied:
        return Refused(denied)
    if wish.cell not in layout.place:
        return Refused(f"The line has no cell {wish.cell}.")
    if not wish.reason.strip():
        return Refused("Say why: the reason goes into the journal.")
    section, _ = layout.place[wish.cell]
    return Command(
        command_id=str(uuid.uuid4()),
        kind=wish.kind,
        section=section,
        cell=wish.cell,
        mode=wish.mode,
        setpoint=wish.setpoint,
        value=wish.value,
        duration_s=wish.duration_s,
        issued_by=person.name,
        role=person.role,
        reason=wish.reason.strip()[:200],
        t_issued_ns=now_ns,
        expires_ns=now_ns + int(VALIDITY_S * 1e9),
    )


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
        command = make_command(self._layout, person, wish, self._clock_ns())
        if isinstance(command, Refused):
            done(command)
            return
        task = asyncio.get_running_loop().create_task(self._send(command, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what is being sent, then disconnect."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_SEND_TIMEOUT_S)
        await self._sender.close()

    async def _send(self, command: Command, done: Callable[[Outcome], None]) -> None:
        try:
            await self._sender.send(command)
        except NotSentError as exc:
            done(Refused(str(exc)))
        else:
            done(Sent(command))
