"""What a run leaves behind: processes, open ports, files. The promise is: nothing.

Every process of a run carries the run's id in its environment, so that also the children of its
children are found, whoever has adopted them since.
"""

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from ops.ports import is_open

RUN_VARIABLE: Final = "POTLINE_RUN"
_LOCAL: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What was found after a run had ended."""

    processes: tuple[str, ...]
    ports: tuple[int, ...]
    files: tuple[str, ...]

    @property
    def is_nothing(self) -> bool:
        """Whether the run cleaned up after itself."""
        return not (self.processes or self.ports or self.files)


def processes_of(run_id: str) -> list[psutil.Process]:
    """Return the living processes that carry the run's id; zombies have ended and do not count."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                process.environ().get(RUN_VARIABLE) == run_id
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


def kill_processes_of(run_id: str) -> int:
    """Kill every process of a run; return how many there were."""
    found = processes_of(run_id)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=2.0)
    return len(found)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it; one that is gone already is no error."""
    shutil.rmtree(folder, ignore_errors=True)


def look_for(run_id: str, ports: Iterable[int], folders: Iterable[Path]) -> LeftBehind:
    """Return what is left of a run.

    Args:
        ports: those that the run had opened.
        folders: those that should be gone by now.
    """
    processes = []
    for process in processes_of(run_id):
        with contextlib.suppress(psutil.Error):
            processes.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
    return LeftBehind(
        processes=tuple(processes),
        ports=tuple(port for port in ports if is_open(_LOCAL, port)),
        files=tuple(str(folder) for folder in folders if folder.exists()),
    )
