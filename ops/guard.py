"""The guard, put together: the Faust worker and its edge to the plant in one process."""

import asyncio
import time

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Rearm
from opcua.writer import Writer
from ops.entry import needed, start_log
from ops.plantfile import PlantFile
from ops.settings import Settings
from physics.design import sections
from stream.guard import Guard, make_guard_worker
from stream.mode_keeper import GuardSettings
from stream.run import await_topics, run_worker


def mode_policy(settings: Settings, plant: PlantFile) -> ModePolicy:
    """Return how cells start and come back: as set, else as the plant file says."""
    chosen = settings.guard
    policy = plant.control.modes
    return ModePolicy(
        initial_mode=Mode(chosen.initial_mode) if chosen.initial_mode else policy.initial_mode,
        rearm=Rearm(chosen.rearm) if chosen.rearm else policy.rearm,
    )


def run_guard(settings: Settings, plant: PlantFile) -> None:
    """Run the guard until it is told to stop."""
    start_log()
    connection = settings.kafka.connection(needed(settings.kafka.address, "kafka.address"))
    await_topics(connection, settings.kafka.partitions)
    worker = make_guard_worker(connection, settings.kafka.partitions, time.time_ns)
    cells = dict(enumerate(sections(plant.line)))
    writer = Writer(
        needed(settings.opcua.endpoint, "opcua.endpoint"),
        plant.opcua,
        [cell for numbers in cells.values() for cell in numbers],
        plant.setpoints,
        readback_deadline_s=plant.guard.readback_deadline_s,
    )
    guard = Guard(
        worker,
        writer,
        GuardSettings(
            cells=cells,
            limits=InterlockLimits(
                setpoints={row.name: row for row in plant.setpoints}, guard=plant.guard
            ),
            policy=mode_policy(settings, plant),
            control_period_s=plant.control.control_period_s,
        ),
    )
    guard.attach()

    async def keep_the_link() -> None:
        async with writer:
            await asyncio.Event().wait()

    run_worker(worker, [*guard.background, keep_the_link])
