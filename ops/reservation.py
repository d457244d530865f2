"""Ports that two runs on one machine must not both choose.

A port is chosen long before the process that will listen on it has started; in between it looks
free to a second run. So a run holds the names of its ports for as long as it lasts. The names live
in the kernel (abstract Unix sockets, Linux) and vanish with the run, however it ends.
"""

import socket
import sys
from types import TracebackType
from typing import Self

from ops.mistakes import OperationError
from ops.ports import free_port, is_free


class Reservation:
    """The ports of one run, as a context manager or until `release`."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []
        self._chosen: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def choose(self, usual: int) -> int:
        """Return the usual port, or another where that is taken, promised to another run or 0."""
        port = usual
        while port == 0 or not is_free(port) or not self._hold(port):
            port = free_port()
        return port

    def choose_for(self, program: str, wanted: int | None, usual: int) -> int:
        """Return the port that was asked for, or where none was, what `choose` returns.

        Args:
            program: for the message.

        Raises:
            OperationError: the port that was asked for is taken or promised.
        """
        chosen = self.choose(usual if wanted is None else wanted)
        if wanted not in {None, 0, chosen}:
            raise OperationError(
                f"Port {wanted} is taken, so that {program} cannot listen on it. "
                "Remedy: end what runs there, or leave the port out to have a free one chosen."
            )
        return chosen

    def release(self) -> None:
        """Give all ports back."""
        self._chosen.clear()
        while self._held:
            self._held.pop().close()

    def _hold(self, port: int) -> bool:
        """Return whether the port is now promised to this run; each is promised once."""
        if port in self._chosen:
            return False
        if sys.platform != "linux":
            self._chosen.add(port)
            return True
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0potline-port-{port}")
        except OSError:
            name.close()
            return False
        self._held.append(name)
        self._chosen.add(port)
        return True
