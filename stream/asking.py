"""Asking the guard: a command is sent once, and answered by an event that has its id.

Errors::

    NotSentError  Kafka did not take a command within its time; it may be in the log all the same
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.kafka import KafkaConnection, make_producer
from stream.masking import without_password
from stream.records import Command, Event, Record, SetpointRequest, encode
from stream.topics import COMMANDS, REQUESTS, Topic, partition_of

OBEYED: Final = "command_obeyed"
REFUSED: Final = "command_refused"
_STOP_WITHIN_S: Final = 4.0

_log: Final = logging.getLogger(__name__)


class NotSentError(ConnectionError):
    """Kafka did not take a command within its time."""


class CommandSender:
    """Sends commands and requests, awaited and never repeated, over one producer."""

    def __init__(
        self, connection: KafkaConnection, partitions: int, client_id: str, within_s: float
    ) -> None:
        """Make one that is not connected yet.

        Args:
            partitions: of the topic `commands`.
            client_id: at Kafka.
            within_s: Kafka has to take a command.
        """
        self._connection = connection
        self._partitions = partitions
        self._client_id = client_id
        self._within_s = within_s
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, command: Command) -> None:
        """Return when Kafka has a command in its log.

        Raises:
            NotSentError: it did not take it in time.
        """
        await self._send(COMMANDS, command.section, command, command.command_id)

    async def request(self, request: SetpointRequest) -> None:
        """Return when Kafka has an optimiser's request in its log.

        Raises:
            NotSentError: it did not take it in time.
        """
        await self._send(REQUESTS, request.section, request, request.decision_id)

    async def _send(self, topic: Topic, section: int, record: Record, name: str) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                producer = await self._connected()
                await producer.send_and_wait(
                    topic.name,
                    encode(record),
                    key=str(section).encode(),
                    partition=partition_of(section, self._partitions),
                )
        except (KafkaError, OSError, TimeoutError, AssertionError) as exc:
            _log.warning("%s %s was not sent: %s", topic.record, name, exc)
            await self.close()
            raise NotSentError(
                f"No answer from Kafka at {without_password(self._connection.address)}: the "
                "command may not have been sent. Watch the cell; check the broker and ask again."
            ) from exc

    async def close(self) -> None:
        """Disconnect; the next command connects anew."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), _STOP_WITHIN_S)
            except (KafkaError, TimeoutError) as exc:
                _log.warning("The producer of commands did not close cleanly: %s", exc)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = make_producer(self._connection, self._client_id)
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


class Outcome(Enum):
    """What became of a command."""

    OBEYED = "obeyed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"  # it may still be obeyed
    NOT_SENT = "not sent"  # or it was, and Kafka did not say so


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command, and the sentence that goes with it; "" where it was obeyed."""

    outcome: Outcome
    sentence: str = ""


class Asker:
    """Sends commands and waits for the guard's answers; `take` has to see every event."""

    def __init__(self, send: Callable[[Command], Awaitable[None]]) -> None:
        """Make one that sends by `CommandSender.send`, or what is like it."""
        self._send = send
        self._waiting: dict[tuple[str, int], asyncio.Future[Answer]] = {}

    def take(self, event: Event) -> None:
        """See an event: it may be an answer."""
        if event.name not in (OBEYED, REFUSED):
            return
        key = (str(event.details.get("command_id")), -1 if event.section is None else event.section)
        waiting = self._waiting.get(key)
        if waiting is not None and not waiting.done():
            is_obeyed = event.name == OBEYED
            waiting.set_result(
                Answer(Outcome.OBEYED) if is_obeyed else Answer(Outcome.REFUSED, event.sentence)
            )

    async def ask(self, commands: Sequence[Command], within_s: float) -> Answer:
        """Send commands, to one section each, and return what became of all of them.

        Args:
            commands: what is asked, of one section each.
            within_s: the guard has to answer.

        Returns:
            The worst outcome, and what was said of every section that did not obey.
        """
        deadline_s = asyncio.get_running_loop().time() + within_s
        return _together(await asyncio.gather(*(self._ask(one, deadline_s) for one in commands)))

    async def _ask(self, command: Command, deadline_s: float) -> Answer:
        key = (command.command_id, command.section)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            await self._send(command)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline_s):
                    return await answer
        except NotSentError as exc:
            return Answer(Outcome.NOT_SENT, str(exc))
        finally:
            del self._waiting[key]
        return Answer(
            Outcome.UNANSWERED,
            f"The guard has not answered for section {command.section}: it may still obey "
            f"{command.kind.value}. Look at the cell before you ask again.",
        )


def _together(answers: Sequence[Answer]) -> Answer:
    worst = (Outcome.NOT_SENT, Outcome.UNANSWERED, Outcome.REFUSED)
    for outcome in worst:
        if any(answer.outcome is outcome for answer in answers):
            sentences = dict.fromkeys(one.sentence for one in answers if one.sentence)
            return Answer(outcome, " ".join(sentences))
    return Answer(Outcome.OBEYED)
