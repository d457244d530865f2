"""How a worker lives and ends: topics first, and no longer than what runs beside its agents."""

import asyncio
import logging
from pathlib import Path

import pytest

from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from stream.app import Message, Worker, add_agent, make_worker
from stream.kafka import KafkaConnection, create_topics
from stream.run import _Companion, await_topics
from stream.topics import MODELS
from tests.stream.loop_cases import PARTITIONS, HandClock


def worker_at(connection: KafkaConnection) -> Worker:
    worker = make_worker("run-test", "run-test", connection, PARTITIONS, HandClock())

    async def handle(message: Message) -> None:
        """A worker without any agent would read nothing."""

    add_agent(worker, "reader", MODELS, handle)
    return worker


async def test_a_worker_waits_for_a_broker_and_its_topics(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "stream.run")
    launch = await prepare_broker(tmp_path, port=free_port())
    there = KafkaConnection(launch.address)
    waiting = asyncio.create_task(asyncio.to_thread(await_topics, there, 1))
    async with asyncio.timeout(20):
        while "Again in" not in caplog.text:  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.05)
    assert not waiting.done()
    async with Broker(launch):
        async with asyncio.timeout(20):
            await waiting
        assert await create_topics(there, 1) == [], "all were made"


async def test_what_runs_beside_the_agents_ends_with_the_worker(
    connection: KafkaConnection,
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def last() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    companion = _Companion(worker_at(connection), [last])
    await companion.start()
    async with asyncio.timeout(10):
        await began.wait()
    await companion.stop()
    assert ended.is_set()
    assert not companion.crashed, "to be told to stop is no failure"


async def test_a_failure_beside_the_agents_is_the_workers(
    connection: KafkaConnection, caplog: pytest.LogCaptureFixture
) -> None:
    failure = RuntimeError("the plant file is gone")

    async def fail() -> None:
        raise failure

    companion = _Companion(worker_at(connection), [fail])
    await companion.start()
    async with asyncio.timeout(10):
        while not companion.crashed:  # noqa: ASYNC110 - the service has no event for it
            await asyncio.sleep(0.05)
    assert companion.crash_reason is failure
    assert "fail failed" in caplog.text
    await companion.stop()
