"""How many points a minute pass through screen and estimate, against a consumer that only decodes.

    python benchmarks/ingest.py [--cells 240] [--frames 1200] [--json]

A real Kafka holds a backlog of frames (a section each, four scans of six signals). A bare aiokafka
consumer decodes them; then the loop worker's own process screens and estimates the same frames,
over Kafka, tables and changelogs included. Both are timed alike: the clock starts when the first
messages have come (samples decoded there, estimates here), and only what comes after them counts.
The ratio, per point, is what screening, estimating and being able to restart cost.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from ops.broker import Broker, prepare_broker
from ops.plantfile import PlantFile, load_plant
from ops.ports import free_port
from ops.settings import DEFAULT_PLANT, load_settings, to_environment
from physics.design import sections
from physics.signals import CELL_SIGNALS, SIGNALS
from stream.frame_codec import decode_estimates, decode_samples, encode_samples
from stream.frames import SampleFrame
from stream.kafka import KafkaConnection, create_topics, make_consumer, make_producer
from stream.topics import ESTIMATES, SAMPLES, Topic, partition_of

SCANS_PER_FRAME = 4
LEVELS = {
    "cell_voltage_v": (4.2, 0.01),
    "bath_temperature_c": (956.0, 2.0),
    "alumina_fed_kg": (1000.0, 0.0),
    "beam_position_mm": (200.0, 0.0),
    "voltage_noise_mv": (10.0, 1.0),
    "line_current_ka": (300.0, 0.02),
}


def make_frame(section: int, cells: tuple[int, ...], sequence: int, now_ns: int) -> SampleFrame:
    """A frame of plausible samples; the feeders run at the nominal rate."""
    rng = np.random.default_rng((section, sequence))
    shape = (SCANS_PER_FRAME, len(cells), len(SIGNALS))
    t_plant_s = 1.0e9 + SCANS_PER_FRAME * sequence + np.arange(SCANS_PER_FRAME, dtype=np.float64)
    value = np.empty(shape)
    for k, name in enumerate(SIGNALS):
        level, sd = LEVELS[name]
        value[:, :, k] = level + sd * rng.standard_normal(shape[:2])
    value[:, :, SIGNALS.index("alumina_fed_kg")] += ((t_plant_s - 1.0e9) * 0.05)[:, None]
    age_ns = (np.arange(SCANS_PER_FRAME)[::-1] * 1_000_000)[:, None, None]
    return SampleFrame(
        section=section,
        session=1,
        sequence=sequence,
        cells=cells,
        signals=SIGNALS,
        t_plant_s=t_plant_s,
        value=value,
        quality=np.zeros(shape, dtype=np.uint8),
        source_time_ns=np.broadcast_to(now_ns + sequence * 10_000_000 - age_ns, shape).copy(),
        t_received_ns=now_ns,
    )


async def publish(connection: KafkaConnection, plant: PlantFile, frames: int, parts: int) -> None:
    """Put the backlog on `samples`."""
    line = sections(plant.line)
    # In the past, so that no frame is from the future however fast they are read.
    now_ns = time.time_ns() - frames * 10_000_000 - 60_000_000_000
    producer = make_producer(connection, "ingest")
    await producer.start()
    try:
        for sequence in range(frames // len(line)):
            for section, cells in enumerate(line):
                frame = make_frame(section, cells, sequence, now_ns)
                partition = partition_of(section, parts)
                await producer.send(SAMPLES.name, encode_samples(frame), partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


@dataclass(frozen=True, slots=True)
class Rate:
    """Points of cell signals that came in a window of time, and its length."""

    points: int
    seconds: float

    @property
    def per_min(self) -> float:
        """Points a minute."""
        return self.points / self.seconds * 60


async def read_all(
    connection: KafkaConnection, topic: Topic, frames: int, is_going_on: Callable[[], bool]
) -> Rate:
    """Decode `frames` messages of a topic, and time all but those of the first look.

    Raises:
        RuntimeError: whoever writes the topic has ended, or the first look found all of them.
    """
    decode = {SAMPLES: decode_samples, ESTIMATES: decode_estimates}[topic]
    consumer = make_consumer(connection, topic, client_id="bare", from_beginning=True)
    await consumer.start()
    seen = points = 0
    began_s: float | None = None
    try:
        while seen < frames:
            if not is_going_on():
                raise RuntimeError("the loop worker ended")
            batches = await consumer.getmany(timeout_ms=1000, max_records=50)
            for message in (message for batch in batches.values() for message in batch):
                cells = len(decode(message.value).cells)
                seen += 1
                if began_s is not None:
                    points += SCANS_PER_FRAME * cells * len(CELL_SIGNALS)
            if seen and began_s is None:
                began_s = time.perf_counter()
    finally:
        await consumer.stop()
    if began_s is None or not points:
        raise RuntimeError("too few frames to time any. Remedy: --frames 200 or more")
    return Rate(points, time.perf_counter() - began_s)


async def run_loop(connection: KafkaConnection, environment: dict[str, str], frames: int) -> Rate:
    """Start a loop worker and time its estimates, all but the first of them."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.cli",
        "loop",
        env=os.environ | environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await read_all(connection, ESTIMATES, frames, lambda: worker.returncode is None)
    finally:
        if worker.returncode is None:
            worker.terminate()
            await worker.wait()


async def measure(cells: int, frames: int) -> dict[str, float]:
    """Run the benchmark and return its figures."""
    plant = load_plant(DEFAULT_PLANT, cells)
    line = sections(plant.line)
    frames -= frames % len(line)
    with tempfile.TemporaryDirectory(prefix="potline-ingest-") as folder:
        launch = await prepare_broker(Path(folder), port=free_port())
        async with Broker(launch):
            connection = KafkaConnection(launch.address)
            settings = load_settings({"cells": cells, "kafka.address": launch.address})
            await create_topics(connection, settings.kafka.partitions)
            await publish(connection, plant, frames, settings.kafka.partitions)
            bare = await read_all(connection, SAMPLES, frames, lambda: True)
            loop = await run_loop(connection, to_environment(settings), frames)
    return {
        "cells": cells,
        "frames": frames,
        "bare_points": bare.points,
        "bare_s": round(bare.seconds, 3),
        "screen_estimate_points": loop.points,
        "screen_estimate_s": round(loop.seconds, 3),
        "bare_points_per_min": round(bare.per_min),
        "points_per_min": round(loop.per_min),
        "ratio_to_bare": round(bare.per_min / loop.per_min, 2),
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=240, help="of the line (default 240)")
    parser.add_argument("--frames", type=int, default=1200, help="in the backlog (default 1200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    with console.status("a backlog, a bare consumer, a loop worker: about a minute ..."):
        figures = asyncio.run(measure(arguments.cells, arguments.frames))
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:22} {value:>14,}")


if __name__ == "__main__":
    main()
