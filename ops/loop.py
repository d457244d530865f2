"""The loop worker, put together: screen, estimate and decide in one Faust process."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np

from control.day_plan import DayPlanner
from control.mpc import CellController
from ops.entry import needed, start_log
from ops.plantfile import PlantFile, plant_hash
from ops.settings import Settings
from physics.design import sections
from physics.estimate_state import from_bytes, to_bytes
from physics.estimator import Estimator
from physics.signals import ALF3_SETPOINT, SIGNALS
from stream.app import Worker, make_worker
from stream.days import DayBrain, warm_up
from stream.decide import DecideSettings, add_decide
from stream.estimate import add_estimate, warm_up_scan
from stream.laboratory import make_ranges
from stream.models import announce, make_lineariser, warm_up_lineariser
from stream.run import await_topics, run_worker
from stream.sampling import LABORATORY_SD
from stream.screen import add_screen
from stream.screening import Screen
from stream.topics import LOOP_APP

_PROCESS: Final = "loop"
_DAYS_WARM_AFTER_S: Final = 10.0  # a start has better use for the processor; days can wait


def make_loop(
    settings: Settings,
    plant: PlantFile,
    days: DayBrain | None,
    clock_ns: Callable[[], int] = time.time_ns,
) -> Worker:
    """Return the worker with its agents, all but the days compiled before the first message."""
    cells = dict(enumerate(sections(plant.line)))
    limits = {row.name: row for row in plant.signals}
    rows = tuple(limits[name] for name in SIGNALS)
    worker = make_worker(
        LOOP_APP,
        f"{_PROCESS}-{os.getpid()}",
        settings.kafka.connection(needed(settings.kafka.address, "kafka.address")),
        settings.kafka.partitions,
        clock_ns,
    )
    estimator = Estimator(plant.design, {row.name: row.noise_sd for row in plant.signals})
    controller = CellController(plant.control, {row.name: row for row in plant.setpoints})
    linearise = make_lineariser(plant.design, plant.control)
    compute = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
    add_screen(
        worker, {section: Screen(section, numbers, rows) for section, numbers in cells.items()}
    )
    add_estimate(worker, estimator, cells, make_ranges(plant.signals), compute)
    add_decide(
        worker,
        controller,
        linearise,
        DecideSettings(
            control_period_s=plant.control.control_period_s,
            deadline_s=settings.loop.deadline_s,
            max_estimate_age_s=plant.guard.max_input_age_s,
            validity_s=plant.guard.proposal_validity_s,
            sections=len(cells),
        ),
        compute,
        days,
    )
    with ThreadPoolExecutor(thread_name_prefix="compile") as compilers:
        # side by side: each is one compiler's work for seconds, and neither holds the interpreter
        jobs = [
            compilers.submit(job, size)
            for size in _find_sizes(plant)
            for job in (
                partial(warm_up_scan, estimator),
                partial(warm_up_lineariser, plant.design, plant.control.step_s),
                partial(_warm_up_samples, estimator),
            )
        ]
        for job in jobs:
            job.result()
    return worker


def make_day_brain(plant: PlantFile) -> DayBrain | None:
    """Return what plans days; None where the plant file has no setpoint for it."""
    if all(row.name != ALF3_SETPOINT for row in plant.setpoints):
        return None
    return DayBrain(DayPlanner(plant.control), plant.design)


def _find_sizes(plant: PlantFile) -> list[int]:
    """How many cells a section may have."""
    return sorted({len(numbers) for numbers in sections(plant.line)})


def _warm_up_samples(estimator: Estimator, size: int) -> None:
    """Compile what a laboratory's sample needs: one may be waiting from before a restart."""
    # as a section's table gives it back
    before = from_bytes(to_bytes(estimator.init(size)))
    estimator.take_sample(before, 0, np.nan, [np.nan] * 3, LABORATORY_SD)


def run_loop(settings: Settings, plant: PlantFile) -> None:
    """Run a loop worker until it is told to stop."""
    start_log()
    connection = settings.kafka.connection(needed(settings.kafka.address, "kafka.address"))
    days = make_day_brain(plant)
    worker = make_loop(settings, plant, days)
    await_topics(connection, settings.kafka.partitions)

    async def say_what_decides() -> None:
        await worker.recovered()
        await announce(worker, plant.name, plant_hash(plant))

    async def warm_up_days() -> None:
        await worker.recovered()
        if days is not None:
            await asyncio.sleep(_DAYS_WARM_AFTER_S)
            await asyncio.to_thread(warm_up, days, _find_sizes(plant))

    run_worker(worker, [say_what_decides, warm_up_days])
