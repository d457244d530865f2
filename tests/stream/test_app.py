"""What every worker is made of: credentials, agents that lose nothing, tables that come back."""

import asyncio

import faust
import pytest
from faust.types.auth import AuthProtocol, CredentialsT, SASLMechanism

from stream.app import Message, SectionTable, Worker, add_agent, make_worker, section_key
from stream.frame_codec import decode_rejects
from stream.frames import Origin
from stream.kafka import KafkaConnection
from stream.records import Event, RecordError, decode
from stream.topics import (
    DEAD_LETTERS,
    EVENTS,
    GUARD_APP,
    LOOP_APP,
    MOVES,
    PROPOSALS,
    REJECTS,
    TABLES,
    Shape,
    Table,
    Topic,
)
from tests.stream.frame_cases import NOW_NS, SECOND_NS
from tests.stream.loop_cases import PARTITIONS, HandClock, found, gateway_at, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLAN = next(table for table in TABLES if table.owner == "guard")


def worker_at(
    connection: KafkaConnection, app_id: str = "app-test", clock: HandClock | None = None
) -> Worker:
    clock = clock or HandClock()
    return make_worker(app_id, "app-test", connection, PARTITIONS, clock, monotonic_ns=clock)


def event_named(name: str, payload: bytes) -> Event | None:
    try:
        event = decode(payload, Event)
    except RecordError:
        return None
    return event if event.name == name and event.origin == "app-test" else None


def texts(worker: Worker, table: Table = PLAN) -> SectionTable[str]:
    """A table of texts; the decoder is seen at work by the section that it writes in front."""
    return SectionTable[str](
        worker,
        table,
        str.encode,
        lambda section, payload: f"{section}: {payload.decode()}",
        lambda section: f"nothing of {section}",
    )


def credentials_of(connection: KafkaConnection) -> CredentialsT | None:
    return worker_at(connection).app.conf.broker_credentials


async def test_a_plain_connection_needs_no_credentials() -> None:
    worker = worker_at(KafkaConnection("kafka://one:9092,two:9092"))
    assert worker.app.conf.broker_credentials is None
    assert [str(url) for url in worker.app.conf.broker] == ["kafka://one:9092", "kafka://two:9092"]
    assert worker.app.conf.processing_guarantee.name == "AT_LEAST_ONCE"
    assert worker.partition_of(5) == 1


async def test_tls_alone_becomes_tls_credentials() -> None:
    credentials = credentials_of(KafkaConnection("kafka://one:9093", security_protocol="SSL"))
    assert isinstance(credentials, faust.SSLCredentials)
    assert credentials.protocol is AuthProtocol.SSL
    assert credentials.context.check_hostname


@pytest.mark.parametrize(
    ("security_protocol", "protocol"),
    [("SASL_PLAINTEXT", AuthProtocol.SASL_PLAINTEXT), ("SASL_SSL", AuthProtocol.SASL_SSL)],
)
async def test_a_user_becomes_sasl_credentials(
    security_protocol: str, protocol: AuthProtocol
) -> None:
    credentials = credentials_of(
        KafkaConnection(
            "kafka://one:9093",
            security_protocol=security_protocol,
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="loop",
            sasl_password="secret",
        )
    )
    assert isinstance(credentials, faust.SASLCredentials)
    assert credentials.protocol is protocol
    assert credentials.mechanism is SASLMechanism.SCRAM_SHA_512
    assert (credentials.username, credentials.password) == ("loop", "secret")
    assert (credentials.ssl_context is not None) == (security_protocol == "SASL_SSL")


async def test_a_table_gives_what_it_was_given_and_decodes_what_came_from_elsewhere() -> None:
    worker = worker_at(KafkaConnection("kafka://127.0.0.1:1"))
    table = texts(worker)
    assert table.get(4) == "nothing of 4"
    table.keep(4, "running")
    assert table.get(4) == "running", "as it was kept: nothing is decoded"
    table._faust.data[section_key(4)] = b"recovered"
    assert table.get(4) == "4: recovered"
    kept = table.get(4)
    assert table.get(4) is kept, "decoded once"
    assert table.get(5) == "nothing of 5"


async def test_what_is_kept_reaches_the_changelog_when_flushed(
    connection: KafkaConnection,
) -> None:
    worker = worker_at(connection, GUARD_APP)
    table = texts(worker)
    changelog = Topic(PLAN.changelog, Shape.RECORD, "", "section", "guard", (), "")
    async with worker.outbox:
        table.keep(7, "app-test first")
        table.keep(7, "app-test second")
        await table.flush(7)
        await table.flush(7)
        await table.put(7, "app-test third")

    def own(payload: bytes) -> str | None:
        return payload.decode() if payload.startswith(b"app-test") else None

    assert await found(connection, changelog, own, 2) == ["app-test second", "app-test third"]


async def test_a_message_that_is_no_record_is_refused_with_its_bytes(
    connection: KafkaConnection,
) -> None:
    worker = worker_at(connection)
    async with worker.outbox:
        await worker.refuse(Message(PROPOSALS.name, 1, 17, b"app-test junk"), "not JSON")
    (reject,) = await found(
        connection,
        REJECTS,
        lambda payload: (
            frame if (frame := decode_rejects(payload)).original == (b"app-test junk",) else None
        ),
    )
    assert reject.origin == Origin(PROPOSALS.name, 1, 17)
    assert (reject.reason, reject.detail) == (("malformed",), ("not JSON",))
    assert reject.t_rejected_ns == NOW_NS
    (event,) = await found(
        connection, EVENTS, lambda payload: event_named("message_unreadable", payload)
    )
    assert event.sentence == "A message on proposals could not be read: not JSON."


async def test_a_message_that_an_agent_fails_on_is_buried_and_the_next_one_is_handled(
    connection: KafkaConnection,
) -> None:
    clock = HandClock()
    worker = worker_at(connection, clock=clock)
    handled: asyncio.Queue[Message] = asyncio.Queue()

    async def handle(message: Message) -> None:
        if message.value == b"app-test poison":
            raise ZeroDivisionError("no way to divide")
        await handled.put(message)

    add_agent(worker, "taster", MOVES, handle)
    async with gateway_at(connection) as gateway, running(worker):
        values = [
            b"app-test one",
            b"app-test poison",
            b"app-test two",
            b"app-test poison",
            b"app-test three",
        ]
        sent = [
            await gateway.producer.send_and_wait(MOVES.name, value, partition=1) for value in values
        ]
        async with asyncio.timeout(20):
            own: list[Message] = []
            while len(own) < 3:
                message = await handled.get()
                if message.value.startswith(b"app-test"):
                    own.append(message)
        letter, second = await found(connection, DEAD_LETTERS, decode_rejects, 2)
        clock.forward(31.0)
        for value in (b"app-test four", b"app-test poison"):
            await gateway.producer.send_and_wait(MOVES.name, value, partition=1)
        first, again = await found(
            connection, EVENTS, lambda payload: event_named("agent_failed", payload), 2
        )
    assert [message.value for message in own] == [values[0], values[2], values[4]]
    assert second.origin == Origin(MOVES.name, 1, sent[3].offset), "each failure is kept"
    assert own[1].origin == Origin(MOVES.name, 1, sent[2].offset)
    assert letter.origin == Origin(MOVES.name, 1, sent[1].offset)
    assert letter.original == (b"app-test poison",)
    assert letter.detail == ("taster: ZeroDivisionError: no way to divide",)
    assert worker.progress.done[MOVES.name, 1] >= sent[4].offset
    assert first.t_event_ns == NOW_NS, "but told once"
    assert again.t_event_ns == NOW_NS + 31 * SECOND_NS, "until it has been well for a while"
    assert first.details == {
        "agent": "taster",
        "error": "ZeroDivisionError: no way to divide",
    }


async def test_a_worker_knows_after_its_start_what_it_kept_in_the_life_before(
    connection: KafkaConnection,
) -> None:
    table = next(table for table in TABLES if table.owner == "decide")
    before = worker_at(connection, LOOP_APP)
    async with before.outbox:
        await texts(before, table).put(9, "app-test left behind")
    after = worker_at(connection, LOOP_APP)
    recovered = texts(after, table)

    async def handle(message: Message) -> None:
        """The table needs a source: its partitions are those of what the worker reads."""

    add_agent(after, "reader", PROPOSALS, handle)
    async with running(after):
        assert recovered.get(9) == "9: app-test left behind"
