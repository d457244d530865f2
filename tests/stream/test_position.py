"""No message is passed over, and none comes before an earlier one, when a worker starts."""

import asyncio
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.app import Message, SectionTable, Worker, add_agent, make_worker, section_key
from stream.kafka import KafkaConnection
from stream.topics import PROPOSALS, Table
from tests.stream.loop_cases import PARTITIONS, HandClock, gateway_at, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
BACKLOG = 60


@dataclass
class Reader:
    """A worker that notes what it sees, and keeps a table as the real ones do."""

    worker: Worker
    seen: list[int] = field(default_factory=list)
    until: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def attach(self, table: Table) -> None:
        kept = SectionTable[str](
            self.worker, table, str.encode, lambda _, payload: payload.decode(), lambda _: ""
        )

        async def note(message: Message) -> None:
            if message.partition == 0:
                self.seen.append(message.offset)
                await kept.put(0, str(message.offset))
                if message.offset >= self.until:
                    self.reached.set()

        add_agent(self.worker, "reader", PROPOSALS, note)


def first_seen(offsets: list[int]) -> list[int]:
    return list(dict.fromkeys(offsets))


@pytest.mark.parametrize("number", range(3))
async def test_a_backlog_is_read_whole_and_in_order_at_every_start(
    connection: KafkaConnection, number: int
) -> None:
    app_id = f"position-test-{number}"
    table = Table("place", app_id, "reader", "the last offset seen")
    admin = AIOKafkaAdminClient(**connection.client_options())
    await admin.start()
    await admin.create_topics([NewTopic(table.changelog, PARTITIONS, 1)])
    await admin.close()
    place = TopicPartition(PROPOSALS.name, 0)

    async def read(until: int) -> list[int]:
        reader = Reader(
            make_worker(app_id, app_id, connection, PARTITIONS, HandClock()), until=until
        )
        reader.attach(table)
        async with running(reader.worker):
            async with asyncio.timeout(20):
                await reader.reached.wait()
        return reader.seen

    async with gateway_at(connection) as gateway:
        for _ in range(BACKLOG):
            sent = await gateway.producer.send_and_wait(
                PROPOSALS.name, b"position-test", key=section_key(0), partition=0
            )
        whole = list(range(sent.offset + 1))
        assert first_seen(await read(sent.offset)) == whole, "no offset had been committed"

        consumer = AIOKafkaConsumer(
            group_id=app_id, enable_auto_commit=False, **connection.client_options()
        )
        await consumer.start()
        consumer.assign([place])
        await consumer.commit({place: 0})
        await consumer.stop()
        assert first_seen(await read(sent.offset)) == whole, "offset 0 had been committed"
