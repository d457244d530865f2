"""A server of our own on this machine, started and stopped by whoever holds it.

A supervised run tends the same command lines through `ops.supervise`; this is for one server alone,
as in tests and in `potline broker run`.

Errors::

    OperationError    it does not come up, or ends by itself; with its last log lines
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from ops.child import ChildCommand, bound_to_this_process
from ops.mistakes import OperationError

_READY_POLL_S: Final = 0.05
_LOG_LINES_SHOWN: Final = 12


class Launch(Protocol):
    """How to start a server, as often as need be, and how to see that it is up."""

    @property
    def command(self) -> ChildCommand:
        """What to run, in a folder of its own."""

    @property
    def address(self) -> str:
        """Where it listens, the same at each start."""

    async def is_ready(self) -> bool:
        """Return whether it answers, and is the one that was started."""


class LocalServer:
    """A server, as an async context manager or by `start` and `stop`.

    Args:
        name: for messages, and of its log in the folder.
        launch: how to start it.
        start_deadline_s: how long it may take until it is ready.
        stop_grace_s: how long it may take to end before it is killed.
    """

    def __init__(
        self,
        name: str,
        launch: Launch,
        *,
        start_deadline_s: float = 60.0,
        stop_grace_s: float = 5.0,
    ) -> None:
        self.address = launch.address
        self._name = name
        self._launch = launch
        self._start_deadline_s = start_deadline_s
        self._stop_grace_s = stop_grace_s
        self._log = (launch.command.folder or Path()) / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None
        self._is_up = False

    @property
    def process_id(self) -> int | None:
        """Its process, or None while it does not run."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            OperationError: it does not come up; with its last log lines.
        """
        self._is_up = False
        with self._log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *bound_to_this_process(self._launch.command.argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._launch.command.folder,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(self._start_deadline_s):
                await self._wait_ready(process)
        except TimeoutError as exc:
            message = self._failure(f"did not answer within {self._start_deadline_s:g} s")
            raise OperationError(message) from exc
        finally:
            if not self._is_up:
                await self.kill()

    async def wait_ended(self) -> None:
        """Wait until the process ends, asked to or not.

        Raises:
            OperationError: it ended by itself; with its last log lines.
        """
        if self._process is not None and await self._process.wait() != 0:
            raise OperationError(self._failure(f"ended with code {self._process.returncode}"))

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not in time."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), self._stop_grace_s)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL)."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def restart(self) -> None:
        """Stop it and start it again in the same folder, at the same address."""
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            if await self._launch.is_ready():
                self._is_up = True
                return
            await asyncio.sleep(_READY_POLL_S)
        raise OperationError(self._failure("ended while starting"))

    def _failure(self, what: str) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        last = "\n".join(lines[-_LOG_LINES_SHOWN:])
        return f"{self._name} {what}. Remedy: read its last lines, from {self._log}:\n{last}"
