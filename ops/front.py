"""The process `front`, put together from settings and plant file."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from control.modes import ModePolicy
from control.retelling import Retelling
from opcua.certificates import CertificateError
from opcua.front.server import Front, FrontSettings, Source, open_front
from ops.entry import needed, start_log, stop_event
from ops.guard import mode_policy
from ops.mistakes import OperationError
from ops.plantfile import PlantFile
from ops.settings import Settings
from physics.design import sections
from stream.accounts import AccountError
from stream.asking import Asker, CommandSender
from stream.kafka import KafkaConnection
from stream.line_follower import LineFollower
from stream.line_view import init_view
from stream.outbox import Outbox
from stream.request_book import RequestBook

_SILENT_PERIODS: Final = 3.0  # control periods; as the screens have it
_SEND_WITHIN_S: Final = 2.0  # less than the guard has for its answer


async def run_front_process(settings: Settings, plant: PlantFile) -> None:
    """Run the front until a signal stops it.

    Raises:
        ConfigurationError: Kafka or the front has no address.
        OperationError: its certificates or accounts cannot be used, or its port is taken.
    """
    start_log()
    stop = stop_event()
    endpoint = needed(settings.front.endpoint, "front.endpoint", "to opc.tcp://host:port")
    connection = settings.kafka.connection(needed(settings.kafka.address, "kafka.address"))
    try:
        chosen = FrontSettings(
            endpoint=endpoint,
            cells=dict(enumerate(sections(plant.line))),
            signals=plant.signals,
            setpoints=plant.setpoints,
            silence_s=_SILENT_PERIODS * plant.control.control_period_s,
            certificates=settings.front.certificates,
        )
        policy, partitions = mode_policy(settings, plant), settings.kafka.partitions
        retelling = settings.alarms.retelling
        async with followed_front(chosen, connection, partitions, policy, retelling) as front:
            # What there is by now stays, and a pass over it would stop the server for 0.7 s.
            gc.freeze()
            print(f"Front on {endpoint}", flush=True)
            stopped = asyncio.create_task(stop.wait(), name="front: stop")
            await asyncio.wait({stopped, front.running}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if front.running.done():
                await front.running
    except (AccountError, CertificateError, ValueError, OSError) as exc:
        raise OperationError(str(exc)) from exc


@asynccontextmanager
async def followed_front(
    settings: FrontSettings,
    connection: KafkaConnection,
    partitions: int,
    policy: ModePolicy,
    retelling: Retelling | None = None,
) -> AsyncIterator[Front]:
    """Run a front that follows the guard on Kafka, until the block is left.

    Args:
        settings: of the front.
        connection: of Kafka.
        partitions: of its topics.
        policy: how cells start, for those that the guard has not seen.
        retelling: when alarms that last are told again; None: as by default.
    """
    sender = CommandSender(connection, partitions, "potline-front", _SEND_WITHIN_S)
    asker = Asker(sender.send)
    book = RequestBook()
    view = init_view(settings.cells, policy, retelling)
    follower = LineFollower(connection, view, asker.take, book.take)
    following = asyncio.create_task(follower.run(), name="front: follow")
    outbox = Outbox(connection, "front", time.time_ns)
    source = Source(
        lambda: follower.view,
        lambda: follower.is_following,
        asker.ask,
        outbox.report,
        book,
        sender.request,
    )
    try:
        async with open_front(settings, source) as front:
            yield front
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await sender.close()
        await outbox.stop()
