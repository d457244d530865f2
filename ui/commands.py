"""What people ask of the guard: one record on Kafka, awaited, with an expiry, never repeated."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from control.modes import Mode
from stream.kafka import KafkaConnection, make_producer
from stream.masking import without_password
from stream.records import Command, CommandKind, encode
from stream.topics import COMMANDS, partition_of
from ui.layout import LineLayout
from ui.roles import Person, refusal

VALIDITY_S: Final = 10.0  # a command that the guard has not taken by then is void
_SEND_TIMEOUT_S: Final = 4.0

_log: Final = logging.getLogger(__name__)


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
        self._kafka = kafka
        self._layout = layout
        self._partitions = partitions
        self._clock_ns = clock_ns
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
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
        await self._disconnect()

    async def _send(self, command: Command, done: Callable[[Outcome], None]) -> None:
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                producer = await self._connected()
                await producer.send_and_wait(
                    COMMANDS.name,
                    encode(command),
                    key=str(command.section).encode(),
                    partition=partition_of(command.section, self._partitions),
                )
        except (KafkaError, OSError, TimeoutError, AssertionError) as exc:
            _log.warning("Command %s was not sent: %s", command.command_id, exc)
            await self._disconnect()
            done(
                Refused(
                    f"No answer from Kafka at {without_password(self._kafka.address)}: the command "
                    "may not have been sent. Watch the cell; check the broker and ask "
                    "again."
                )
            )
        else:
            done(Sent(command))

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = make_producer(self._kafka, "potline-ui")
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), _SEND_TIMEOUT_S)
            except (KafkaError, TimeoutError) as exc:
                _log.warning("The producer of commands did not close cleanly: %s", exc)
