"""Follows the guard on Kafka for somebody who only looks on: its state, its moves, what it tells.

It belongs to no consumer group and commits nothing. The changelog is compacted and is read from its
beginning, and so are the events; moves and proposals from a while ago on. An outage of Kafka is
waited out, and shows: `is_following` is false as long.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.kafka import KafkaConnection, make_consumer
from stream.line_view import LineView, fold_event, fold_move, fold_proposal, fold_state
from stream.masking import without_password
from stream.records import Event, Move, Proposal, RecordError, decode
from stream.topics import EVENTS, MOVES, PROPOSALS, TABLES, Shape, Topic

GUARD_STATE: Final = Topic(
    name=next(table.changelog for table in TABLES if table.owner == "guard"),
    shape=Shape.RECORD,
    record="GuardState",
    key="section",
    producer="guard",
    consumers=("front",),
    rate="on change only",
    compacted=True,
)
_LOOK_BACK_S: Final = 900  # of moves and proposals
_POLL_MS: Final = 200
_AT_ONCE: Final = 2_000
_TURN: Final = 500  # messages folded before others may run
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 10.0
_ASK_EVERY_S: Final = 2.0
_ANSWER_WITHIN_S: Final = 5.0
_NS_PER_MS: Final = 1_000_000

_log: Final = logging.getLogger(__name__)


class LineFollower:
    """Keeps the newest view of a line."""

    def __init__(
        self,
        connection: KafkaConnection,
        view: LineView,
        on_event: Callable[[Event], None] = lambda _: None,
        on_move: Callable[[Move], None] = lambda _: None,
    ) -> None:
        """Make one that has read nothing.

        Args:
            connection: of Kafka.
            view: before anything was read.
            on_event: told of every event there is, in the order of their time at the start.
            on_move: told of every move from a while ago on; after an outage, of some again.
        """
        self._connection = connection
        self._nothing_read = view
        self._on_event = on_event
        self._on_move = on_move
        self.view = view
        self.is_following = False
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Follow for ever."""
        wait_s = _FIRST_WAIT_S
        while True:
            consumer = make_consumer(
                self._connection, GUARD_STATE, MOVES, PROPOSALS, EVENTS, client_id="potline-front"
            )
            try:
                await consumer.start()
                await self._read_back(consumer)
                wait_s = _FIRST_WAIT_S
                await self._follow(consumer)
            except (KafkaError, OSError) as exc:
                _log.warning(
                    "No Kafka at %s (%s); start the broker or set kafka.address. Again in %.1f s.",
                    without_password(self._connection.address),
                    exc or type(exc).__name__,
                    wait_s,
                )
            finally:
                self.is_following = False
                await consumer.stop()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _read_back(self, consumer: AIOKafkaConsumer) -> None:
        """Take in what the topics hold until now, in the order of its time."""
        partitions = sorted(consumer.assignment())
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        since_ms = time.time_ns() // _NS_PER_MS - 1000 * _LOOK_BACK_S
        recent = [one for one in partitions if one.topic in (MOVES.name, PROPOSALS.name)]
        found: dict[TopicPartition, Any] = await consumer.offsets_for_times(
            dict.fromkeys(recent, since_ms)
        )
        begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        for partition in recent:
            at = found.get(partition)
            begins[partition] = ends[partition] if at is None else at.offset
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        messages: list[Any] = []
        while any([await consumer.position(one) < ends[one] for one in partitions]):
            messages += await self._poll(consumer)
        view = self._nothing_read  # nothing is folded twice after an outage
        for at, message in enumerate(_in_order(messages)):
            view = self._fold(view, message)
            if at % _TURN == 0:
                await asyncio.sleep(0)  # a month of events takes seconds
        self.view = view
        self.caught_up.set()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        """Read on for ever, and know whether the broker is there. A poll cannot tell: the client
        tries again by itself, without a word, goes on where it was, and there is nothing new."""
        partition, asked_s = min(consumer.assignment()), time.monotonic()
        self.is_following = True
        question = asyncio.ensure_future(consumer.end_offsets([partition]))
        try:
            while True:
                for message in _in_order(await self._poll(consumer)):
                    self.view = self._fold(self.view, message)
                waited_s = time.monotonic() - asked_s
                if question.done():
                    self.is_following = not question.cancelled() and question.exception() is None
                    if waited_s > _ASK_EVERY_S:
                        asked_s = time.monotonic()
                        question = asyncio.ensure_future(consumer.end_offsets([partition]))
                elif waited_s > _ANSWER_WITHIN_S:
                    self.is_following = False
        finally:
            question.cancel()

    @staticmethod
    async def _poll(consumer: AIOKafkaConsumer) -> list[Any]:
        batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
        return [message for batch in batches.values() for message in batch]

    def _fold(self, view: LineView, message: Any) -> LineView:
        """Return the view after a message; one that cannot be read changes nothing."""
        if message.value is None:
            return view
        try:
            return self._fold_readable(view, message, message.timestamp * _NS_PER_MS)
        except RecordError as exc:
            _log.debug("A message on %s could not be read: %s", message.topic, exc)
            return view

    def _fold_readable(self, view: LineView, message: Any, at_ns: int) -> LineView:
        topic, payload = message.topic, message.value
        if topic == MOVES.name:
            move = decode(payload, Move)
            self._on_move(move)
            return fold_move(view, move, at_ns)
        if topic == PROPOSALS.name:
            return fold_proposal(view, decode(payload, Proposal))
        if topic == EVENTS.name:
            event = decode(payload, Event)
            self._on_event(event)
            return fold_event(view, event)
        number = (message.key or b"").decode("ascii", "replace")
        return fold_state(view, int(number), payload, at_ns) if number.isdigit() else view


def _in_order(messages: Iterable[Any]) -> list[Any]:
    return sorted(messages, key=lambda message: int(message.timestamp))
