"""A simulated Kafka and Faust: logs that outlive processes, at least once, late and twice.

A topic has one partition here, so within a topic order is kept, as Kafka keeps it; between topics
everything may overtake everything.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ops.simulate.clockwork import Clockwork, Process
from stream.app import Worker
from stream.kafka import KafkaConnection
from stream.outbox import Outbox
from stream.watchdog import Progress

_COMMIT_EVERY_S: Final = 1.0
_RECOVERY_TAKES_S: Final = 0.5


@dataclass
class SimBroker:
    """Logs, and how far each group has committed.

    Attributes:
        up_s: it is away until then; who sends waits.
        slow_s: mean time of a message on its way.
        twice: share of messages that come twice.
        on_append: told of every message that has come into a log, by its topic.
        on_deliver: told of every message that a process is given, by its name and the topic.
    """

    clockwork: Clockwork
    random: random.Random
    logs: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[tuple[str, str], int] = field(default_factory=dict)
    waiting: dict[str, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    up_s: float = 0.0
    slow_s: float = 0.004
    twice: float = 0.01
    on_append: Callable[[str, bytes], None] = lambda _topic, _value: None
    on_deliver: Callable[[str, str, bytes], None] = lambda _process, _topic, _value: None

    def delay_s(self) -> float:
        """Return how long a message is under way from now, an outage included."""
        away_s = max(0.0, self.up_s - self.clockwork.now_s)
        return away_s + self.random.expovariate(1.0 / self.slow_s)

    def append(self, topic: str, key: bytes, value: bytes) -> None:
        """Take a message at once."""
        self.logs[topic].append((key, value))
        self.on_append(topic, value)
        waiting, self.waiting[topic] = self.waiting[topic], []
        for wake in waiting:
            self.clockwork.after(self.delay_s(), wake)

    async def send(self, process: Process, topic: str, key: bytes, value: bytes) -> None:
        """Take a message from a process; returns when it is in the log."""
        done = process.loop.create_future()

        def acknowledge() -> None:
            process.call(lambda: _settle(done))

        def take() -> None:
            if process.is_dead and self.random.random() < 0.5:
                return  # it had not left the machine
            for _ in range(1 + (self.random.random() < self.twice)):
                self.append(topic, key, value)
            self.clockwork.after(self.delay_s(), acknowledge)

        self.clockwork.after(self.delay_s(), take)
        await done


class SimOutbox(Outbox):
    """The real outbox, whose messages go to the simulated broker."""

    def __init__(self, broker: SimBroker, process: Process) -> None:
        super().__init__(KafkaConnection("kafka://127.0.0.1:1"), process.name, process.clock_ns)
        self._broker = broker
        self._at = process

    async def send(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        partition: int | None = None,  # noqa: ARG002
    ) -> None:
        """Send one message and return when it is in the log."""
        await self._broker.send(self._at, topic, key, value)


@dataclass(frozen=True, slots=True)
class _RawMessage:
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Event:
    message: _RawMessage
    value: bytes


@dataclass
class _SimTable:
    data: dict[bytes, bytes] = field(default_factory=dict)


class _SimStream:
    """What an agent reads: its topic from where its group had committed."""

    def __init__(self, app: "SimApp", topic: str) -> None:
        self._app = app
        self._topic = topic

    async def events(self) -> AsyncIterator[_Event]:
        """Give message after message, for ever."""
        app, broker = self._app, self._app.broker
        place = (app.app_id, self._topic)
        at = broker.committed.get(place, 0)
        log = broker.logs[self._topic]
        while True:
            if at < len(log):
                broker.on_deliver(app.process.name, self._topic, log[at][1])
                yield _Event(_RawMessage(self._topic, 0, at), log[at][1])
                at += 1
                app.done[self._topic] = at
                continue
            came = app.process.loop.create_future()

            def wake(came: "asyncio.Future[None]" = came) -> None:
                app.process.call(lambda: _settle(came))

            broker.waiting[self._topic].append(wake)
            await came


class _Recovery:
    def __init__(self) -> None:
        self.completed = asyncio.Event()


class _Tables:
    def __init__(self) -> None:
        self.recovery = _Recovery()


class SimApp:
    """As much of a Faust app as a worker of ours uses."""

    def __init__(self, app_id: str, broker: SimBroker, process: Process) -> None:
        self.app_id = app_id
        self.broker = broker
        self.process = process
        self.tables = _Tables()
        self.done: dict[str, int] = {}
        self._tables: dict[str, _SimTable] = {}
        self._agents: list[tuple[str, Callable[[Any], Awaitable[None]]]] = []

    def topic(self, name: str, **_: object) -> str:
        """Return what stands for a topic."""
        return name

    def Table(self, name: str, **_: object) -> _SimTable:  # noqa: N802 - Faust's name
        """Return a table, empty until it is recovered."""
        return self._tables.setdefault(name, _SimTable())

    def agent(
        self, channel: str, **_: object
    ) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
        """Return what adds an agent to a topic."""
        return lambda run: self._agents.append((channel, run))

    async def run(self) -> None:
        """Recover tables, then let every agent read, for ever."""
        await asyncio.sleep(_RECOVERY_TAKES_S)
        for name, table in self._tables.items():
            for key, value in self.broker.logs[f"{self.app_id}-{name}-changelog"]:
                table.data[key] = value
        self.tables.recovery.completed.set()
        for topic, run in self._agents:
            self.process.start(run(_SimStream(self, topic)))
        while True:
            await asyncio.sleep(_COMMIT_EVERY_S)
            for topic, done in self.done.items():
                self.broker.committed[self.app_id, topic] = done


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def make_sim_worker(app_id: str, broker: SimBroker, process: Process) -> Worker:
    """Return a real worker on a simulated Faust and broker."""
    app: Any = SimApp(app_id, broker, process)
    return Worker(
        app=app,
        connection=KafkaConnection("kafka://127.0.0.1:1"),
        outbox=SimOutbox(broker, process),
        progress=Progress(),
        partitions=1,
        clock_ns=process.clock_ns,
        monotonic_ns=process.monotonic_ns,
    )
