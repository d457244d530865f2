"""What every Faust worker of potline is made of: the app, agents that lose no message, tables.

Faust acknowledges a message whose agent raised, and with it loses the message. So an agent here is
a plain coroutine `handle(Message)`; `add_agent` catches once, sends what was lost to `dead-letters`
with topic, partition, offset and error, reports it when it begins, and goes on.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import faust
import msgspec
from yarl import URL

from stream.edges import Edge, Edges
from stream.frame_codec import encode_rejects
from stream.frames import Origin
from stream.kafka import MAX_MESSAGE_BYTES, KafkaConnection
from stream.outbox import Outbox
from stream.position import set_positions_first
from stream.rejects import Reason, reject_message
from stream.topics import DEAD_LETTERS, REJECTS, Table, Topic, partition_of
from stream.watchdog import Progress

_log = logging.getLogger(__name__)
StateT = TypeVar("StateT")
_UNREADABLE_ENDS_AFTER_NS: Final = 30_000_000_000
_FAILING_ENDS_AFTER_NS: Final = 30_000_000_000
_MOST_ERROR_TEXT: Final = 2000  # characters: an error may quote the message that it is about
_SESSION_TIMEOUT_S: Final = 6.0  # the lowest that a broker's defaults allow: decides the fail-over


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka message, as an agent sees it."""

    topic: str
    partition: int
    offset: int
    value: bytes

    @property
    def origin(self) -> Origin:
        """Where it came from, for records derived from it."""
        return Origin(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Worker:
    """A Faust app with what its agents share.

    Attributes:
        clock_ns: wall clock, UTC: what records bear, and what their times are compared with.
        monotonic_ns: a clock that nobody sets: how long something has lasted.
    """

    app: faust.App
    connection: KafkaConnection
    outbox: Outbox
    progress: Progress
    partitions: int
    clock_ns: Callable[[], int]
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    unreadable: Edges = field(default_factory=lambda: Edges(_UNREADABLE_ENDS_AFTER_NS))
    failing: Edges = field(default_factory=lambda: Edges(_FAILING_ENDS_AFTER_NS))

    def partition_of(self, section: int) -> int:
        """Return the partition of a section."""
        return partition_of(section, self.partitions)

    async def recovered(self) -> None:
        """Return when the tables hold what the worker's life before this one left in them."""
        tables: Any = self.app.tables
        await tables.recovery.completed.wait()

    async def refuse(self, message: Message, reason: str) -> None:
        """Keep a message that is no record with the rejects, and say so."""
        rejects = reject_message(
            message.value, message.origin, Reason.MALFORMED, reason, self.clock_ns()
        )
        await self.outbox.send(REJECTS.name, message.topic.encode(), encode_rejects(rejects))
        await self.note_readable(message.topic, False, reason)

    async def note_readable(self, topic: str, readable: bool, reason: str = "") -> None:
        """Tell when messages on a topic begin to be unreadable, and when that has ended."""
        edge = self.unreadable.update(topic, not readable, self.monotonic_ns())
        if edge is not None:
            await self.outbox.report(
                "message_unreadable",
                active=edge is Edge.BEGAN,
                topic=topic,
                reason=reason or "all can be read again",
            )


def make_worker(
    app_id: str,
    process: str,
    connection: KafkaConnection,
    partitions: int,
    clock_ns: Callable[[], int],
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Worker:
    """Return a worker with no agents yet.

    Args:
        app_id: Faust's id: consumer group, and the first part of changelog names.
        process: name in events and logs.
        partitions: of every topic.
        clock_ns: wall clock, UTC; `monotonic_ns`: one that nobody sets.
    """
    credentials: Any = None
    if connection.uses_sasl:
        credentials = faust.SASLCredentials(
            username=connection.sasl_username,
            password=connection.sasl_password,
            mechanism=connection.sasl_mechanism,
            ssl_context=connection.ssl_context(),
        )
    elif connection.uses_tls:
        credentials = faust.SSLCredentials(connection.ssl_context())
    app = faust.App(
        app_id,
        broker=[URL(f"kafka://{host}") for host in connection.bootstrap],
        broker_credentials=credentials,
        datadir=f"{tempfile.gettempdir()}/{app_id}",  # Faust makes one; nothing is kept in it
        store="memory://",  # the changelog is the store; a disk copy would have to be kept in step
        autodiscover=False,
        topic_partitions=partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,  # made from stream.topics before any worker starts
        table_standby_replicas=0,
        broker_session_timeout=_SESSION_TIMEOUT_S,
        broker_heartbeat_interval=_SESSION_TIMEOUT_S / 4,
        broker_rebalance_timeout=10.0,
        broker_commit_interval=1.0,
        broker_commit_every=1_000_000,  # by time only
        broker_max_poll_interval=120.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MAX_MESSAGE_BYTES,
        producer_max_request_size=MAX_MESSAGE_BYTES,
        processing_guarantee="at_least_once",
        stream_wait_empty=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    set_positions_first(app)
    return Worker(
        app=app,
        connection=connection,
        outbox=Outbox(connection, process, clock_ns),
        progress=Progress(),
        partitions=partitions,
        clock_ns=clock_ns,
        monotonic_ns=monotonic_ns,
    )


def add_agent(
    worker: Worker, name: str, topic: Topic, handle: Callable[[Message], Awaitable[None]]
) -> None:
    """Let `handle` see every message of `topic`, one at a time in the order of its partition."""
    channel = worker.app.topic(
        topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            raw = event.message
            message = Message(raw.topic, raw.partition, raw.offset, event.value or b"")
            try:
                await handle(message)
            except Exception as exc:  # noqa: BLE001 - the one place that must outlive any bug
                _log.exception("%s failed on %s", name, message.origin)
                await _bury(worker, name, message, exc)
            else:
                await _note_health(worker, name, None)
            worker.progress.note(raw.topic, raw.partition, raw.offset)

    worker.app.agent(channel, name=name, concurrency=1)(agent)
    worker.progress.expect(topic.name)


async def _bury(worker: Worker, name: str, message: Message, error: Exception) -> None:
    """Keep a message that an agent failed on, and say so."""
    text = f"{type(error).__name__}: {error}"[:_MOST_ERROR_TEXT]
    letter = reject_message(
        message.value, message.origin, "agent failed", f"{name}: {text}", worker.clock_ns()
    )
    await worker.outbox.send(DEAD_LETTERS.name, message.topic.encode(), encode_rejects(letter))
    await _note_health(worker, name, text)


async def _note_health(worker: Worker, name: str, error: str | None) -> None:
    """Tell when an agent begins to fail; again only when it has not done so for a while.

    As a fact, not as a condition that lasts: what is done about it is a new version of the program,
    and the life that began the condition would not be there to end it.
    """
    if worker.failing.update(name, error is not None, worker.monotonic_ns()) is Edge.BEGAN:
        await worker.outbox.report("agent_failed", agent=name, error=error)


def section_key(section: int) -> bytes:
    """Return the key of everything that belongs to a section."""
    return str(section).encode()


class SectionTable(Generic[StateT]):
    """The state of each section in a Faust table: in memory, backed by its changelog topic.

    One write per frame, awaited, after the outputs of the frame: a state that says "applied" is
    never ahead of what was sent. Decoded states are kept beside the bytes that they came from, so
    that a state that Faust recovered in the meantime is noticed and decoded anew.
    """

    def __init__(
        self,
        worker: Worker,
        table: Table,
        encode: Callable[[StateT], bytes],
        decode: Callable[[int, bytes], StateT],
        initial: Callable[[int], StateT],
    ) -> None:
        self._worker = worker
        self._table = table
        self._encode = encode
        self._decode = decode
        self._initial = initial
        self._decoded: dict[int, tuple[bytes, StateT]] = {}
        self._unflushed: set[int] = set()
        self._changing: dict[int, asyncio.Lock] = {}
        self._flushing: dict[int, asyncio.Lock] = {}
        self._faust = worker.app.Table(
            table.name,
            key_type=bytes,  # with bytes, and only with bytes, Faust keeps what it is given
            value_type=bytes,
            partitions=worker.partitions,
        )

    def changing(self, section: int) -> asyncio.Lock:
        """Return what an agent holds from reading a state until it has written the next one, where
        another agent writes to the same table."""
        return self._changing.setdefault(section, asyncio.Lock())

    def get(self, section: int) -> StateT:
        """Return the state of a section; the initial one where there is none."""
        stored = self._faust.data.get(section_key(section))
        if stored is None:
            return self._initial(section)
        kept = self._decoded.get(section)
        if kept is not None and kept[0] is stored:
            return kept[1]
        try:
            state = self._decode(section, stored)
        except (ValueError, msgspec.MsgspecError) as exc:
            _log.error(
                "The kept state of section %d cannot be used (%s); it begins anew. This is to be "
                "expected after a change of cells, signals or version.",
                section,
                exc,
            )
            state = self._initial(section)
        self._decoded[section] = (stored, state)
        return state

    def keep(self, section: int, state: StateT) -> None:
        """Store the state of a section in memory; `flush` makes it durable."""
        payload = self._encode(state)
        self._faust.data[section_key(section)] = payload
        self._decoded[section] = (payload, state)
        self._unflushed.add(section)

    async def flush(self, section: int) -> None:
        """Return when the changelog has what `keep` stored."""
        # One at a time, so that an older state never comes after a newer one, and nobody returns
        # while the newest is still on its way.
        async with self._flushing.setdefault(section, asyncio.Lock()):
            if section not in self._unflushed:
                return
            payload = self._faust.data[section_key(section)]
            await self._worker.outbox.send(
                self._table.changelog,
                section_key(section),
                payload,
                self._worker.partition_of(section),
            )
            if self._faust.data[section_key(section)] is payload:
                self._unflushed.discard(section)

    async def put(self, section: int, state: StateT) -> None:
        """Store the state of a section; returns when the changelog has it."""
        self.keep(section, state)
        await self.flush(section)
