"""How a worker sends: every message awaited, and retried through an outage.

    MessageSizeTooLargeError (of aiokafka)  a message that no retry will get into the log

A retry after a time-out may send a message twice; every record carries what its reader knows a
repeat by.

Faust's own producer buffers without end while the broker is away and tells nobody. This one waits:
the agent that sends stands still, its input stays unacknowledged in Kafka, and the watchdog ends
the worker if that lasts too long.
"""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from control.events import EVENTS
from stream.kafka import KafkaConnection, make_producer
from stream.records import Event, encode
from stream.topics import EVENTS as EVENTS_TOPIC

_log = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0


class Outbox:
    """An awaited sender to Kafka, and the one place where events are made."""

    def __init__(
        self, connection: KafkaConnection, process: str, clock_ns: Callable[[], int]
    ) -> None:
        self._connection = connection
        self._process = process
        self._clock_ns = clock_ns
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()  # one at a time: a second producer would be left open
        self._events_sent = 0

    async def start(self) -> None:
        """Connect, waiting as long as it takes."""
        await self._connected()

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                self._producer = await self._connect()
            return self._producer

    async def _connect(self) -> AIOKafkaProducer:
        wait_s = _FIRST_WAIT_S
        while True:
            producer = make_producer(self._connection, f"potline-{self._process}")
            try:
                await producer.start()
            except (KafkaError, OSError) as exc:
                await producer.stop()
                _log.warning(
                    "No Kafka at %s (%s); start the broker or set kafka.address. Again in %.1f s.",
                    self._connection.address,
                    exc,
                    wait_s,
                )
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            except BaseException:  # the caller has waited long enough
                await producer.stop()
                raise
            else:
                return producer

    async def send(
        self, topic: str, key: bytes, value: bytes, partition: int | None = None
    ) -> None:
        """Send one message and return when Kafka has it in its log; keep trying until it has.

        Raises:
            MessageSizeTooLargeError: it is larger than the producer or the topic allows. To try
                that again would stop everything that waits behind it, for ever.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            producer = await self._connected()
            try:
                await producer.send_and_wait(topic, value, key=key, partition=partition)
            except MessageSizeTooLargeError:
                await self._discard(producer)
                raise
            except (KafkaError, OSError) as exc:
                _log.warning(
                    "Message to %s at %s not taken (%s); again in %.1f s.",
                    topic,
                    self._connection.address,
                    exc,
                    wait_s,
                )
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                if not getattr(exc, "retriable", False):
                    await self._discard(producer)
            else:
                return

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        """Let the next send connect anew: an idempotent producer that met a fatal error refuses all
        further work."""
        if self._producer is producer:
            await self.stop()

    async def report(
        self,
        name: str,
        *,
        active: bool = False,
        section: int | None = None,
        cell: int | None = None,
        **details: str | float | int | None,
    ) -> None:
        """Send the event `name` of the event table with its sentence filled in.

        Raises:
            KeyError: the table has no such event, or its sentence wants a detail that is not given.
        """
        kind = EVENTS[name]
        now_ns = self._clock_ns()
        self._events_sent += 1
        known = {"section": section, "cell": cell} | details
        event = Event(
            event_id=f"{self._process}-{now_ns}-{self._events_sent}",
            name=name,
            priority=kind.priority,
            active=active,
            section=section,
            cell=cell,
            sentence=kind.sentence.format(**known),
            advice=kind.advice,
            origin=self._process,
            details=details,
            t_event_ns=now_ns,
        )
        await self.send(EVENTS_TOPIC.name, name.encode(), encode(event))
