"""A loop to test with: the real agents for a line of small sections, and what they say."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from aiokafka import AIOKafkaProducer

from control.mpc import CellController
from ops.plantfile import PlantFile, load_plant
from physics.estimator import Estimator
from physics.precision import require_x64
from physics.signals import SIGNALS
from stream.app import Worker, make_worker
from stream.decide import DecideSettings, Linearise, add_decide
from stream.estimate import add_estimate
from stream.frame_codec import encode_samples
from stream.frames import Quality, SampleFrame
from stream.kafka import KafkaConnection, make_consumer, make_producer
from stream.laboratory import make_ranges
from stream.models import make_lineariser
from stream.run import _Companion
from stream.screen import add_screen
from stream.screening import Screen
from stream.signals import SignalLimits
from stream.topics import LOOP_APP, SAMPLES, Topic, partition_of
from tests.physics.plants import PLANTS
from tests.stream.frame_cases import NOW_NS, SECOND_NS

FoundT = TypeVar("FoundT")
PARTITIONS = 2
SECTIONS = 12
# The files of tests share one broker, and read topics from their beginning: what one sends, another
# would count as its own. So each has sections of its own; test_loop.py has all others.
LABORATORY_SECTION = 2
AGAIN_SECTION = 7
FEEDER_SECTION = 10
CELLS = {section: (2 * section + 1, 2 * section + 2) for section in range(SECTIONS)}
PERIOD_S = 120.0


@dataclass(slots=True)
class HandClock:
    """A clock that stands until a test moves it."""

    now_ns: int = NOW_NS

    def __call__(self) -> int:
        return self.now_ns

    def forward(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)


@dataclass(frozen=True, slots=True)
class Brains:
    """What a loop computes with, for sections of two cells."""

    plant: PlantFile
    estimator: Estimator
    controller: CellController
    linearise: Linearise

    @property
    def limits(self) -> tuple[SignalLimits, ...]:
        """Limits of the signals, in the order of `SIGNALS`."""
        rows = {row.name: row for row in self.plant.signals}
        return tuple(rows[name] for name in SIGNALS)


def make_brains() -> Brains:
    """Return what the reference plant computes with."""
    require_x64()
    plant = load_plant(PLANTS / "reference-300ka.toml", cells=2)
    return Brains(
        plant=plant,
        estimator=Estimator(plant.design, {row.name: row.noise_sd for row in plant.signals}),
        controller=CellController(plant.control, {row.name: row for row in plant.setpoints}),
        linearise=make_lineariser(plant.design, plant.control),
    )


def decide_settings(deadline_s: float = 10.0) -> DecideSettings:
    """Decide every two plant minutes, from the second frame on."""
    return DecideSettings(
        control_period_s=PERIOD_S,
        deadline_s=deadline_s,
        max_estimate_age_s=5.0,
        validity_s=5.0,
        sections=SECTIONS,
        first_after_frames=2,
    )


def make_loop(
    connection: KafkaConnection,
    brains: Brains,
    compute: Executor,
    clock_ns: Callable[[], int],
    deadline_s: float = 60.0,
) -> Worker:
    """Return a worker with the three agents of the loop.

    Args:
        clock_ns: of the day, and of how long something has lasted: here nobody sets it.
        deadline_s: of a decision; the first one of a test waits for the compiler too.
    """
    worker = make_worker(
        LOOP_APP, "loop-test", connection, PARTITIONS, clock_ns, monotonic_ns=clock_ns
    )
    limits = brains.limits
    add_screen(worker, {section: Screen(section, row, limits) for section, row in CELLS.items()})
    add_estimate(worker, brains.estimator, CELLS, make_ranges(limits), compute)
    add_decide(worker, brains.controller, brains.linearise, decide_settings(deadline_s), compute)
    return worker


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Run the worker in this process, with what runs beside its agents."""
    companion = _Companion(worker, [])
    await worker.app.start()
    await companion.start()
    try:
        async with asyncio.timeout(30):
            await worker.recovered()
        yield worker
    finally:
        await worker.app.stop()
        await companion.stop()


def plant_frame(
    section: int,
    sequence: int,
    t_plant_s: float,
    now_ns: int,
    *,
    session: int = 1,
    missing: Sequence[str] = (),
    **replaced: float,
) -> SampleFrame:
    """A frame of one scan of a section that runs well.

    Args:
        missing: signals without a value.
        replaced: signals with another value than usual.
    """
    cells = CELLS[section]
    usual = {
        "cell_voltage_v": 4.2 + 0.001 * (sequence % 7),
        "bath_temperature_c": 956.0 + 0.01 * (sequence % 7),
        "alumina_fed_kg": 1000.0 + t_plant_s * 0.05,
        "beam_position_mm": 200.0,
        "voltage_noise_mv": 12.0,
        "line_current_ka": 300.0 + 0.01 * (sequence % 7),
    } | replaced
    shape = (1, len(cells), len(SIGNALS))
    value = np.broadcast_to(np.array([usual[name] for name in SIGNALS]), shape).copy()
    quality = np.zeros(shape, dtype=np.uint8)
    for name in missing:
        value[:, :, SIGNALS.index(name)] = np.nan
        quality[:, :, SIGNALS.index(name)] = Quality.MISSING
    return SampleFrame(
        section=section,
        session=session,
        sequence=sequence,
        cells=cells,
        signals=SIGNALS,
        t_plant_s=np.array([t_plant_s]),
        value=value,
        quality=quality,
        source_time_ns=np.full(shape, now_ns, dtype=np.int64),
        t_received_ns=now_ns,
    )


@dataclass(frozen=True, slots=True)
class Gateway:
    """Sends samples as a gateway does."""

    producer: AIOKafkaProducer

    async def send(self, frame: SampleFrame) -> int:
        """Send a frame; returns its offset."""
        return await self.send_bytes(frame.section, encode_samples(frame))

    async def send_bytes(self, section: int, payload: bytes) -> int:
        """Send anything at all; returns its offset."""
        sent = await self.producer.send_and_wait(
            SAMPLES.name, payload, partition=partition_of(section, PARTITIONS)
        )
        return int(sent.offset)


@asynccontextmanager
async def gateway_at(connection: KafkaConnection) -> AsyncIterator[Gateway]:
    """A gateway's connection."""
    producer = make_producer(connection, "test-gateway")
    await producer.start()
    try:
        yield Gateway(producer)
    finally:
        await producer.stop()


async def found(
    connection: KafkaConnection,
    topic: Topic,
    read: Callable[[bytes], FoundT | None],
    count: int = 1,
) -> list[FoundT]:
    """Return the first `count` messages of a topic, from its beginning, that `read` makes
    something of; waits until they are there."""
    consumer = make_consumer(connection, topic, client_id="test", from_beginning=True)
    await consumer.start()
    rows: list[FoundT] = []
    try:
        async with asyncio.timeout(30):
            while len(rows) < count:
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    read_rows = [read(message.value or b"") for message in messages]
                    rows += [row for row in read_rows if row is not None]
    finally:
        await consumer.stop()
    return rows
