"""Tasks are shared out: all results, in order; progress of all; an early end is an error."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from ops.mistakes import OperationError
from ops.pool import Bar, run_tasks, tell

ROOT = Path(__file__).parents[2]


def square(number: int) -> tuple[int, int, str | None]:
    """A task that tells twice."""
    tell(0.5 * number)
    tell(0.5 * number)
    return number * number, os.getpid(), os.environ.get("NPROC")


def refuse(number: int) -> int:
    """A task that fails at its third."""
    if number == 3:
        raise OperationError(f"no {number}. Remedy: another")
    return number


def sleep_for_ever(_: int) -> None:
    """A task that says who it is and does not end."""
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    time.sleep(1e6)


def end(_: int) -> int:
    """A task whose process is killed."""
    os._exit(9)


def _run(work: Callable[[int], Any], count: int, processes: int) -> tuple[list[Any], str]:
    shown = StringIO()
    bar = Bar("squares", sum(range(1, count + 1)), "units")
    console = Console(file=shown, force_terminal=True, width=120)
    return run_tasks(work, list(range(1, count + 1)), processes, bar, console), shown.getvalue()


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_tasks_order_with_all_progress(processes: int) -> None:
    found, shown = _run(square, 5, processes)
    assert [value for value, _, _ in found] == [1, 4, 9, 16, 25]
    assert "15 of 15 units" in shown


def test_one_process_is_this_one_and_more_are_others_of_a_thread_each() -> None:
    before = os.environ.get("NPROC")
    here, _ = _run(square, 2, 1)
    assert {(pid, threads) for _, pid, threads in here} == {(os.getpid(), before)}
    there, _ = _run(square, 4, 2)
    assert os.getpid() not in {pid for _, pid, _ in there}
    assert {threads for _, _, threads in there} == {"1"}
    assert os.environ.get("NPROC") == before


@pytest.mark.parametrize("processes", [1, 2])
def test_a_tasks_own_error_comes_out_as_it_is(processes: int) -> None:
    with pytest.raises(OperationError, match=r"no 3\. Remedy: another"):
        _run(refuse, 5, processes)


def test_a_process_that_ends_early_is_named() -> None:
    with pytest.raises(OperationError, match=r"ended before its task was done.*--processes"):
        _run(end, 3, 2)


def test_processes_end_with_the_one_that_is_killed() -> None:
    """A killed command leaves no work behind."""
    program = (
        "import sys, time\n"
        "from rich.console import Console\n"
        "from ops.pool import Bar, run_tasks\n"
        "from tests.ops.test_pool import sleep_for_ever\n"
        "if __name__ == '__main__':\n"
        "    run_tasks(sleep_for_ever, [1, 2], 2, Bar('x', 1.0, 'y'), Console(stderr=True))\n"
    )
    command = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert command.stdout is not None
    workers = [psutil.Process(int(command.stdout.readline())) for _ in range(2)]
    command.kill()
    command.wait(10)
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []


def test_nothing_to_do_is_done_without_a_bar() -> None:
    assert _run(square, 0, 2) == ([], "")
