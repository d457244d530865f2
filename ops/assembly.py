"""From settings to what is run: addresses found, every row of the process table made startable."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ops.child import ChildCommand
from ops.entry import needed
from ops.follow import Follower
from ops.local_server import Launch
from ops.processes import (
    FRONT,
    GATEWAY,
    LOOP,
    PROCESSES,
    SCADA,
    TOPICS_STEP,
    UI,
    Process,
    instance_names,
)
from ops.ready import ReadyCheck, answers_http, has_written, listens
from ops.reservation import Reservation
from ops.screens import check_entrance
from ops.settings import Settings, to_environment
from ops.units import Unit, ready_at_once
from stream.topics import MODELS, SAMPLES

_LOCAL: Final = "127.0.0.1"
_USUAL_OPCUA_PORT: Final = 4840
_EVERY_CHILD: Final = {
    "PYTHONUNBUFFERED": "1",  # a log that ends where the process ended
    "OMP_NUM_THREADS": "1",  # the parallel unit is the process; pools would fight over the cores
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Assembly:
    """A run that could be started.

    Attributes:
        settings: with every address filled in.
        launches: the servers that are not ours, by their row's name.
        processes: the rows that will be started.
        ports: that the run will open on this machine.
    """

    settings: Settings
    launches: Mapping[str, Launch]
    processes: tuple[Process, ...]
    ports: tuple[int, ...]

    @property
    def control_room(self) -> str:
        """Address of the control room."""
        scheme = "http" if self.settings.ui.certificate_file is None else "https"
        return f"{scheme}://{self.settings.ui.host}:{self.settings.ui.port}"

    @property
    def is_simulated(self) -> bool:
        """Whether the plant is our simulator."""
        return SCADA in self.processes


def value_at(settings: Settings, key: str) -> Any:
    """Return a setting by its dotted key."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def with_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    """Return settings with some replaced, by dotted key of two parts."""
    for key, value in values.items():
        group, name = key.split(".")
        changed = getattr(settings, group).model_copy(update={name: value})
        settings = settings.model_copy(update={group: changed})
    return settings


def rows_to_start(settings: Settings) -> tuple[Process, ...]:
    """Return the rows of the table that are wanted, and that no outside server stands in for."""
    return tuple(
        row
        for row in PROCESSES
        if (row.stands_in_for is None or value_at(settings, row.stands_in_for) is None)
        and (row.needs_setting is None or value_at(settings, row.needs_setting) is not None)
    )


def port_of(address: str) -> int:
    """Return the port in an address."""
    port = urlsplit(address).port
    assert port is not None, f"{address} was made here, with a port"
    return port


def assemble(
    settings: Settings, launches: Mapping[str, Launch], reservation: Reservation, folder: Path
) -> Assembly:
    """Fill in the addresses of what will be started.

    Args:
        launches: of the broker and Redis, where they are to be started.
        reservation: takes the ports of what is to be started, for as long as the run lasts.
        folder: of the run; the audit of a simulated plant goes there.

    Raises:
        ConfigurationError: a real plant, and nothing says where its audit is to be kept.
        OperationError: people could not come to the control room, see `ops.screens`.
    """
    check_entrance(settings)
    rows = rows_to_start(settings)
    ports = [port_of(launch.address) for launch in launches.values()]
    values: dict[str, object] = {
        row.stands_in_for: launches[row.name].address
        for row in rows
        if row.stands_in_for is not None and row.name in launches
    }
    if SCADA in rows:
        port = reservation.choose(_USUAL_OPCUA_PORT)
        ports.append(port)
        values["opcua.endpoint"] = f"opc.tcp://{_LOCAL}:{port}"
        # Nobody stands beside a simulated cell who would have to agree.
        values["guard.initial_mode"] = settings.guard.initial_mode or "AUTO"
        values["guard.rearm"] = settings.guard.rearm or "automatic"
        if settings.guard.warm_up_h is None:
            values["guard.warm_up_h"] = 0.0
        values["audit.folder"] = settings.audit.folder or folder / "audit"
    else:
        needed(
            settings.audit.folder,
            "audit.folder",
            "to a folder that is kept: what is written to a real plant is audited",
        )
    if FRONT in rows:
        ports.append(port_of(settings.front.endpoint or ""))
    ui_port = reservation.choose(settings.ui.port)
    ports.append(ui_port)
    values["ui.port"] = ui_port
    return Assembly(with_values(settings, values), dict(launches), rows, tuple(ports))


def make_units(assembly: Assembly, follower: Follower, folder: Path) -> tuple[Unit, ...]:
    """Return a unit for every process to be started.

    Args:
        follower: knows which topics have been written.
        folder: of the run; temporary files go there.
    """
    instances = {row.name: _instances(row, assembly.settings) for row in assembly.processes}
    provided = instances | {TOPICS_STEP: (TOPICS_STEP,)}
    temporary = folder / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = to_environment(assembly.settings) | _EVERY_CHILD | {"TMPDIR": str(temporary)}
    units = []
    for row in assembly.processes:
        launch = assembly.launches.get(row.name)
        command = (
            ChildCommand((sys.executable, "-m", "ops.cli", row.command), environment)
            if launch is None
            else launch.command
        )
        is_ready, deadline_s = _ready(row, assembly, follower)
        units += [
            Unit(
                name=name,
                command=command,
                after=tuple(name for need in row.after for name in provided.get(need, ())),
                stop_rank=row.stop_rank,
                stop_grace_s=row.stop_grace_s,
                is_ready=is_ready,
                ready_deadline_s=deadline_s,
                niceness=row.niceness,
                restarts=row.restarts,
                is_vital=row.is_vital,
            )
            for name in instances[row.name]
        ]
    return tuple(units)


def _instances(row: Process, settings: Settings) -> tuple[str, ...]:
    """Return the names under which a row runs."""
    copies = value_at(settings, row.copies_setting) if row.copies_setting else 1
    return instance_names(row, copies)


def _ready(row: Process, assembly: Assembly, follower: Follower) -> tuple[ReadyCheck, float | None]:
    """Return how a start is known to have worked, and the deadline for it.

    What waits for the plant has no deadline: a SCADA that is away is waited for.
    """
    settings = assembly.settings
    launch = assembly.launches.get(row.name)
    if launch is not None:
        return launch.is_ready, row.ready_deadline_s
    if row is SCADA:
        return listens(_LOCAL, port_of(settings.opcua.endpoint or "")), row.ready_deadline_s
    if row is FRONT:
        where = urlsplit(settings.front.endpoint or "")
        return listens(where.hostname or _LOCAL, where.port or 0), row.ready_deadline_s
    if row is UI:
        return (
            # Over TLS an answer takes a certificate to be checked: that it listens is enough then.
            answers_http(settings.ui.host, settings.ui.port, "/healthz")
            if settings.ui.certificate_file is None
            else listens(settings.ui.host, settings.ui.port),
            row.ready_deadline_s,
        )
    if row is LOOP:
        return has_written(follower, MODELS.name), None  # it says what decides when it is ready
    if row is GATEWAY:
        return has_written(follower, SAMPLES.name), None
    return ready_at_once, row.ready_deadline_s
