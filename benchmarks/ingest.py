"""How many points a minute pass through screen and estimate, against a consumer that only decodes.

    python benchmarks/ingest.py [--cells 240] [--frames 600] [--json]

A real Kafka holds a backlog of frames (a section each, one scan of six signals per frame and plant
second, packed four scans to a frame). A bare aiokafka consumer decodes them all; then the loop
worker's own process screens and estimates the same frames: from the first accepted frame to the
last estimate, both over Kafka, tables and changelogs included. The ratio is what screening,
estimating and being able to restart cost.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
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
from stream.topics import ESTIMATES, MODELS, SAMPLES, partition_of

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


async def publish(connection: KafkaConnection, plant: PlantFile, frames: int, parts: int) -> int:
    """Put the backlog on `samples`; returns how many points of cell signals it holds."""
    line = sections(plant.line)
    # In the past, so that no frame is from the future however fast they are read.
    now_ns = time.time_ns() - frames * 10_000_000 - 60_000_000_000
    producer = make_producer(connection, "ingest")
    await producer.start()
    points = 0
    try:
        for sequence in range(frames // len(line)):
            for section, cells in enumerate(line):
                frame = make_frame(section, cells, sequence, now_ns)
                points += SCANS_PER_FRAME * len(cells) * len(CELL_SIGNALS)
                partition = partition_of(section, parts)
                await producer.send(SAMPLES.name, encode_samples(frame), partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return points


async def read_all(connection: KafkaConnection, topic: object, frames: int) -> float:
    """Decode `frames` messages of a topic; returns the seconds from the first to the last."""
    decode = {SAMPLES: decode_samples, ESTIMATES: decode_estimates}[topic]  # type: ignore[index]
    consumer = make_consumer(connection, topic, client_id="bare", from_beginning=True)  # type: ignore[arg-type]
    await consumer.start()
    seen, began_s = 0, 0.0
    try:
        while seen < frames:
            for batch in (await consumer.getmany(timeout_ms=1000, max_records=1000)).values():
                began_s = began_s or time.perf_counter()
                for message in batch:
                    decode(message.value)
                    seen += 1
    finally:
        await consumer.stop()
    return time.perf_counter() - began_s


async def run_loop(connection: KafkaConnection, environment: dict[str, str], frames: int) -> float:
    """Start a loop worker and return the seconds from its first estimate to its last."""
    consumer = make_consumer(connection, MODELS, ESTIMATES, client_id="clock", from_beginning=True)
    await consumer.start()
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.cli",
        "loop",
        env=os.environ | environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    seen, began_s = 0, 0.0
    try:
        while seen < frames:
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                estimates = sum(message.topic == ESTIMATES.name for message in batch)
                if estimates and not began_s:
                    began_s, estimates = time.perf_counter(), 0
                    frames -= len(batch)  # the clock starts with them
                seen += estimates
            assert worker.returncode is None, "the loop worker ended"
    finally:
        await consumer.stop()
        if worker.returncode is None:
            worker.terminate()
            await worker.wait()
    return time.perf_counter() - began_s


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
            points = await publish(connection, plant, frames, settings.kafka.partitions)
            bare_s = await read_all(connection, SAMPLES, frames)
            loop_s = await run_loop(connection, to_environment(settings), frames)
    return {
        "cells": cells,
        "frames": frames,
        "points": points,
        "bare_s": round(bare_s, 3),
        "screen_estimate_s": round(loop_s, 3),
        "bare_points_per_min": round(points / bare_s * 60),
        "points_per_min": round(points / loop_s * 60),
        "ratio_to_bare": round(loop_s / bare_s, 2),
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
