"""TCP ports of this machine: which are free, and whether something listens."""

import socket

_ANSWER_S = 1.0


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def usual_or_free_port(usual: int) -> int:
    """Return the usual port of a program, or any free one where that is taken."""
    return usual if is_free(usual) else free_port()


def is_open(host: str, port: int) -> bool:
    """Return whether something listens at the port; asks for at most a second."""
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S):
            return True
    except OSError:
        return False
