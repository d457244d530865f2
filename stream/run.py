"""Run a worker until it is told to stop, it crashes, or it stalls."""

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from stream.app import Worker
from stream.kafka import (
    KafkaConnection,
    KafkaUnreachableError,
    create_topics,
    make_consumer,
)
from stream.watchdog import Look, Place, look, stalled_for_s

_log = logging.getLogger(__name__)
EXIT_STALLED: Final = 70
_LOOK_EVERY_S: Final = 2.0
_PROBE_WITHIN_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 5.0
_STALLED_AFTER_S: Final = 20.0  # longer than a rebalance after a killed peer


class _Companion(Service):
    """What lives as long as the worker beside its agents; its failure is the worker's."""

    def __init__(self, worker: Worker, background: Sequence[Callable[[], Awaitable[None]]]) -> None:
        super().__init__()
        self._worker = worker
        self._background = background

    async def on_start(self) -> None:
        await self._worker.outbox.start()
        self.add_future(self._watch())
        for task in self._background:
            self.add_future(self._keep(task))

    async def on_stop(self) -> None:
        await self._worker.outbox.stop()

    async def _keep(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except asyncio.CancelledError:
            raise
        except Exception as exc:  # noqa: BLE001 - becomes the worker's crash, and its exit status
            _log.exception("%s failed", getattr(task, "__qualname__", task))
            await self.crash(exc)

    async def _watch(self) -> None:
        """End the process when messages wait and nothing has been done for too long.

        How far the topics have come is asked by a consumer of its own: one that has stalled hears
        of nothing new, and would find that it is up to date.
        """
        probe = make_consumer(self._worker.connection, client_id="potline-watchdog")
        await _started(probe)
        try:
            seen: dict[Place, Look] = {}
            while True:
                await asyncio.sleep(_LOOK_EVERY_S)
                ends = await _ends(probe, self._worker)
                if ends is None:
                    # Without a broker nobody gets anything done, and that must not count later.
                    seen = {}
                    continue
                now_s = time.monotonic()
                seen = look(seen, self._worker.progress, ends, now_s)
                stalled_s = stalled_for_s(seen, now_s)
                if stalled_s > _STALLED_AFTER_S:
                    _log.critical("nothing done for %.0f s while messages wait", stalled_s)
                    logging.shutdown()
                    os._exit(EXIT_STALLED)  # what has stalled cannot be trusted to stop in order
        finally:
            await probe.stop()


async def _started(probe: AIOKafkaConsumer) -> None:
    while True:
        try:
            await probe.start()
        except (KafkaError, OSError):
            await asyncio.sleep(_LONGEST_WAIT_S)
        else:
            return


async def _ends(probe: AIOKafkaConsumer, worker: Worker) -> dict[Place, int] | None:
    """Return the end of each partition that the worker reads; None where no broker says so."""
    consumer = worker.app.consumer
    assigned = consumer.assignment() if consumer is not None else ()
    mine = [
        TopicPartition(tp.topic, tp.partition)
        for tp in assigned
        if tp.topic in worker.progress.topics
    ]
    try:
        async with asyncio.timeout(_PROBE_WITHIN_S):
            ends = await probe.end_offsets(mine) if mine else {}
    except (KafkaError, OSError, TimeoutError):
        return None
    return {(tp.topic, tp.partition): end for tp, end in ends.items()}


def await_topics(connection: KafkaConnection, partitions: int) -> None:
    """Return when every topic is there; a worker that starts before that stays deaf for good."""
    # A loop of its own: Faust makes and keeps another one.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(_have_topics(connection, partitions))


async def _have_topics(connection: KafkaConnection, partitions: int) -> None:
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            await create_topics(connection, partitions)
        except KafkaUnreachableError as exc:
            _log.warning("%s Again in %.1f s.", exc, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        else:
            return


def run_worker(worker: Worker, background: Sequence[Callable[[], Awaitable[None]]] = ()) -> None:
    """Run until SIGTERM or SIGINT; never returns.

    Args:
        worker: with its agents.
        background: coroutines that run beside the agents; one that fails ends the worker.

    Raises:
        SystemExit: 0 when told to stop, 1 after a crash.
    """
    # What is loaded and compiled by now stays for good, and every agent waits while the garbage
    # collector looks through it: 0.17 s in a loop worker.
    gc.collect()
    gc.freeze()
    companion = _Companion(worker, background)
    runner = faust.Worker(
        worker.app,
        companion,
        loglevel="WARN",
        quiet=True,
        override_logging=False,
        redirect_stdouts=False,
        stdout=sys.stdout,
        stderr=sys.stderr,
    )
    runner.execute_from_commandline()
