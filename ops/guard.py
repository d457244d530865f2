"""The guard, put together: the Faust worker and its edge to the plant in one process."""

import asyncio
import time
from pathlib import Path
from typing import Final

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Rearm
from opcua.writer import Writer
from ops.entry import needed, start_log
from ops.mistakes import OperationError
from ops.opcua_security import plant_opener
from ops.plantfile import PlantFile, plant_hash
from ops.settings import Settings
from physics.design import sections
from stream.app import Worker
from stream.audit.claims import AuditedClaims, ClaimFile
from stream.audit.files import audit_files
from stream.audit.keeper import AuditKeeper
from stream.audit.keys import (
    SEALING_FILE,
    SIGNING_FILE,
    AuditKeyError,
    make_keys,
    read_sealing_keys,
    read_signing_key,
)
from stream.audit.log import AuditLog
from stream.guard import Guard, make_guard_worker
from stream.mode_keeper import GuardSettings
from stream.run import await_topics, run_worker

_LATE_PERIODS: Final = 1.6  # design value: of the slowest that comes again and again


def mode_policy(settings: Settings, plant: PlantFile) -> ModePolicy:
    """Return how cells start and come back: as set, else as the plant file says."""
    chosen = settings.guard
    policy = plant.control.modes
    return ModePolicy(
        initial_mode=Mode(chosen.initial_mode) if chosen.initial_mode else policy.initial_mode,
        rearm=Rearm(chosen.rearm) if chosen.rearm else policy.rearm,
        warm_up_h=policy.warm_up_h if chosen.warm_up_h is None else chosen.warm_up_h,
    )


def run_guard(settings: Settings, plant: PlantFile) -> None:
    """Run the guard until it is told to stop."""
    start_log()
    connection = settings.kafka.connection(needed(settings.kafka.address, "kafka.address"))
    await_topics(connection, settings.kafka.partitions)
    worker = make_guard_worker(connection, settings.kafka.partitions, time.time_ns)
    folder = needed(settings.audit.folder, "audit.folder", "to a folder that is kept")
    keys = settings.audit.keys or folder / "keys"
    audit = open_audit(folder, keys, settings.audit.retention_days, plant_hash(plant), worker)
    cells = dict(enumerate(sections(plant.line)))
    writer = Writer(
        needed(settings.opcua.endpoint, "opcua.endpoint"),
        plant.opcua,
        [cell for numbers in cells.values() for cell in numbers],
        plant.setpoints,
        readback_deadline_s=plant.guard.readback_deadline_s,
        watchdog_timeout_s=plant.guard.shed_after_s,
        claims=AuditedClaims(audit, ClaimFile(folder)),
        opener=plant_opener(settings.opcua, "guard"),
    )
    guard = Guard(
        worker,
        writer,
        audit,
        GuardSettings(
            cells=cells,
            limits=InterlockLimits(
                setpoints={row.name: row for row in plant.setpoints}, guard=plant.guard
            ),
            policy=mode_policy(settings, plant),
            control_period_s=plant.control.control_period_s,
            late_after_s=_LATE_PERIODS
            * max(1.0, plant.line.scan_period_s, settings.gateway.publish_interval_s),
        ),
    )
    guard.attach()

    async def keep_the_link() -> None:
        async with writer:
            await asyncio.Event().wait()

    run_worker(worker, [*guard.background, audit.run, keep_the_link])


def open_audit(
    folder: Path, keys: Path, retention_days: int, config_hash: str, worker: Worker
) -> AuditKeeper:
    """Return the keeper of an audit; a new audit gets keys of its own.

    Raises:
        OperationError: the keys are missing or cannot be used.
    """
    try:
        if not audit_files(folder) and not (keys / SEALING_FILE).exists():
            make_keys(keys)
            print(f"A new audit in {folder}; its keys are in {keys}: keep a copy.", flush=True)
        elif not audit_files(folder):
            print(f"A new audit begins in {folder}, with the keys in {keys}.", flush=True)
        sealing = read_sealing_keys(keys / SEALING_FILE)
        signing = read_signing_key(keys / SIGNING_FILE)
    except (AuditKeyError, OSError) as exc:
        raise OperationError(str(exc)) from exc

    def open_log() -> AuditLog:
        return AuditLog(folder, sealing, config_hash, worker.clock_ns)

    return AuditKeeper(open_log, worker.outbox, signing, retention_days)
