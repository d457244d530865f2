"""The processes `scada` and `gateway`, put together from settings and plant file."""

import asyncio
import os
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from opcua.gateway import Gateway
from opcua.resume import resume_point
from ops.entry import needed, start_log, stop_event
from ops.leftovers import RUN_VARIABLE
from ops.opcua_security import certificates_of, plant_opener
from ops.plantfile import PlantFile
from ops.resume import newest_samples
from ops.settings import Settings
from physics.design import sections
from stream.app import section_key
from stream.frame_codec import encode_samples
from stream.frames import SampleFrame
from stream.outbox import Outbox
from stream.records import LaboratoryReport, encode
from stream.topics import LABORATORY, SAMPLES, partition_of

AnswerT = TypeVar("AnswerT")
_FLUSH_WITHIN_S: Final = 0.3  # with what the gateway takes to drain, less than its grace
_DEFAULT_ENDPOINT: Final = "opc.tcp://127.0.0.1:4840"


async def run_scada_process(settings: Settings, plant: PlantFile) -> None:
    """Run the simulated SCADA until a signal stops it."""
    from opcua.scada import Scada, ScadaSettings, run_scada

    start_log()
    stop = stop_event()
    scada = ScadaSettings(
        design=plant.design,
        signals=plant.signals,
        setpoints=plant.setpoints,
        endpoint=settings.opcua.endpoint or _DEFAULT_ENDPOINT,
        cells=plant.line.cell_count,
        speed=settings.speed,
        seed=settings.seed,
        origin_ns=_plant_origin_ns(),
        watchdog_timeout_s=plant.guard.shed_after_s,
        certificates=certificates_of(settings.opcua),
    )

    def say(_: Scada) -> None:
        print(f"SCADA with {scada.cells} cells at {scada.speed:g}x on {scada.endpoint}", flush=True)

    await run_scada(scada, stop, say)


def _plant_origin_ns() -> int:
    """Return when plant time began in this run, so that a restarted simulator goes on in time."""
    now_ns = time.time_ns()
    run = os.environ.get(RUN_VARIABLE)
    if run is None:
        return now_ns
    kept = Path(tempfile.gettempdir()) / f"plant-origin-{run}"
    try:
        return int(kept.read_text(encoding="ascii"))
    except (OSError, ValueError):
        kept.write_text(str(now_ns), encoding="ascii")
        return now_ns


async def run_gateway_process(settings: Settings, plant: PlantFile) -> None:
    """Read the plant and publish its samples and its laboratory's reports until a signal stops it.

    It does not wait for Kafka, neither to begin nor to end: scans are kept while it is away.
    """
    start_log()
    stop = stop_event()
    connection = settings.kafka.connection(needed(settings.kafka.address, "kafka.address"))
    partitions = settings.kafka.partitions
    outbox = Outbox(connection, "gateway", time.time_ns)

    async def send(topic: str, section: int, payload: bytes) -> None:
        partition = partition_of(section, partitions)
        await outbox.send(topic, section_key(section), payload, partition)

    async def publish(frame: SampleFrame) -> None:
        await send(SAMPLES.name, frame.section, encode_samples(frame))

    async def publish_report(report: LaboratoryReport) -> None:
        await send(LABORATORY.name, report.section, encode(report))

    parts = sections(plant.line)
    before = await _unless_stopped(
        newest_samples(connection, partitions, range(len(parts))), stop, instead={}
    )
    gateway = Gateway(
        needed(settings.opcua.endpoint, "opcua.endpoint"),
        plant.opcua,
        parts,
        publish,
        outbox.report,
        limits=plant.signals,
        scan_period_s=plant.line.scan_period_s,
        publish_interval_s=settings.gateway.publish_interval_s,
        resume=resume_point(before, time.time_ns()),
        publish_report=publish_report,
        opener=plant_opener(settings.opcua, "gateway"),
    )
    connecting = asyncio.create_task(outbox.start())  # says in the log where it waits for Kafka
    try:
        await gateway.run(stop)
    finally:
        connecting.cancel()
        closing = asyncio.create_task(outbox.stop())  # flushes, and so may wait for ever
        await asyncio.wait({closing}, timeout=_FLUSH_WITHIN_S)
        closing.cancel()


async def _unless_stopped(
    asked: Coroutine[Any, Any, AnswerT], stop: asyncio.Event, instead: AnswerT
) -> AnswerT:
    """Return the answer to what may take long; something else once it is time to stop."""
    asking = asyncio.create_task(asked)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if asking.done():
        return asking.result()
    asking.cancel()
    await asyncio.wait({asking})
    return instead
