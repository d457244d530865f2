"""Cleans up after a supervisor that could not do it itself (`kill -9`, out of memory).

It waits at the end of a pipe from the supervisor. The word `done` sends it home; the pipe breaking
without it means that the supervisor is gone, and then every process of the run is killed and its
folder removed.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from ops.leftovers import kill_processes_of, remove_folder

_DONE: Final = b"done"


def hire(run_id: str, folder: Path | None) -> "subprocess.Popen[bytes]":
    """Start the janitor of a run.

    Args:
        folder: to be removed if the supervisor dies; None to keep it.
    """
    return subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", __name__, run_id, *([str(folder)] if folder else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def dismiss(janitor: "subprocess.Popen[bytes]") -> None:
    """Send the janitor home: the supervisor has cleaned up itself."""
    janitor.communicate(_DONE, timeout=5.0)


def wait_and_clean(run_id: str, folder: Path | None) -> None:
    """Wait for the supervisor's last word on standard input, and clean up where it never came."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == _DONE:
        return
    kill_processes_of(run_id)
    if folder is not None:
        remove_folder(folder)


if __name__ == "__main__":
    wait_and_clean(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
