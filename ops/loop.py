"""The loop worker, put together: screen, estimate and decide in one Faust process."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from control.mpc import CellController
from ops.entry import needed, start_log
from ops.plantfile import PlantFile, plant_hash
from ops.settings import Settings
from physics.design import sections
from physics.estimator import Estimator
from physics.signals import SIGNALS
from stream.app import Worker, make_worker
from stream.decide import DecideSettings, add_decide
from stream.estimate import add_estimate
from stream.models import announce, make_lineariser
from stream.run import run_worker
from stream.screen import add_screen
from stream.screening import Screen
from stream.topics import LOOP_APP

_PROCESS: Final = "loop"


def make_loop(
    settings: Settings, plant: PlantFile, clock_ns: Callable[[], int] = time.time_ns
) -> Worker:
    """Return the worker with its three agents, everything compiled before the first message."""
    cells = dict(enumerate(sections(plant.line)))
    limits = {row.name: row for row in plant.signals}
    rows = tuple(limits[name] for name in SIGNALS)
    worker = make_worker(
        LOOP_APP,
        f"{_PROCESS}-{os.getpid()}",
        settings.kafka.connection(needed(settings.kafka.address, "kafka.address")),
        settings.kafka.partitions,
        clock_ns,
        from_beginning=True,
    )
    estimator = Estimator(plant.design, {row.name: row.noise_sd for row in plant.signals})
    controller = CellController(plant.control, {row.name: row for row in plant.setpoints})
    linearise = make_lineariser(plant.design, plant.control)
    compute = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
    add_screen(
        worker, {section: Screen(section, numbers, rows) for section, numbers in cells.items()}
    )
    add_estimate(worker, estimator, cells, compute)
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
    )
    return worker


def run_loop(settings: Settings, plant: PlantFile) -> None:
    """Run a loop worker until it is told to stop."""
    start_log()
    worker = make_loop(settings, plant)

    async def say_what_decides() -> None:
        await announce(worker, plant.name, plant_hash(plant))

    run_worker(worker, [say_what_decides])
