"""Ports that two runs on one machine must not both choose.

A port is chosen long before the process that will listen on it has started; in between it looks
free to a second run. So a run holds the names of its ports for as long as it lasts. The names live
in the kernel (abstract Unix sockets, Linux) and vanish with the run, however it ends.
"""

import socket
import sys

from ops.ports import free_port, is_free


class Reservation:
    """The ports of one run."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def choose(self, usual: int) -> int:
        """Return the usual port, or another where that is taken, promised to another run or 0."""
        port = usual
        while port == 0 or not is_free(port) or not self._hold(port):
            port = free_port()
        return port

    def release(self) -> None:
        """Give all ports back."""
        while self._held:
            self._held.pop().close()

    def _hold(self, port: int) -> bool:
        if sys.platform != "linux":
            return True
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0potline-port-{port}")
        except OSError:
            name.close()
            return False
        self._held.append(name)
        return True
