"""The servers that are not ours but run beside us where the settings name none: Kafka and Redis."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from ops.assembly import rows_to_start
from ops.broker import prepare_broker
from ops.local_server import Launch
from ops.processes import BROKER, REDIS
from ops.redis_server import prepare_redis
from ops.reservation import Reservation
from ops.settings import Settings


async def launch_servers(
    settings: Settings, folder: Path, reservation: Reservation, run_id: str, console: Console
) -> Mapping[str, Launch]:
    """Make ready the servers that the settings leave to us, each in a folder of the run's.

    Args:
        reservation: takes their ports, for as long as the run lasts.
        run_id: marks what is started meanwhile.
        console: shows how far the fetch of Kafka's jars is.

    Returns:
        How to start each, by its name in the process table.

    Raises:
        OperationError: one of them cannot be run here; the message says what is missing.
    """
    rows = rows_to_start(settings)
    launches: dict[str, Launch] = {}
    if BROKER in rows:
        launches[BROKER.name] = await prepare_broker(
            folder / "broker",
            java=settings.java,
            reservation=reservation,
            console=console,
            run_id=run_id,
        )
    if REDIS in rows:
        launches[REDIS.name] = prepare_redis(folder / "redis", reservation=reservation)
    return launches
