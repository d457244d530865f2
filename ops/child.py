"""A program that does not outlive the one that started it.

The kernel is asked to kill the child when its parent ends (Linux); elsewhere, and for a child's own
children, `ops.janitor` does it. A start through this file, and not a `preexec_fn`, because code
between fork and exec may deadlock once the parent has threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """How to start a program.

    Attributes:
        argv: the program and its arguments.
        environment: variables set on top of the parent's own.
        folder: where it runs; None for where the parent runs.
        stop_signal: what asks it to end.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends; does nothing but on Linux.

    Args:
        parent_pid: the parent as it was at the start; where it has ended already, so does this.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_PDEATHSIG): {os.strerror(number)}")
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def bound_to_this_process(argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` so that it ends with the calling process.

    It costs one bare interpreter start (about 20 ms); the program then has the same process id.
    """
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the supervisor's own table
    except OSError as error:
        sys.exit(f"cannot start {sys.argv[2]}: {error.strerror}")
