"""The supervisor, on small real programs that die, hang, ignore signals or leave children."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from ops.child import ChildCommand
from ops.leftovers import look_for, processes_of
from ops.ports import is_open
from ops.processes import RestartBudget
from ops.supervise import Supervisor
from ops.units import Change, RunFailedError, Step, Unit, UnitState

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER
WITH_CHILD = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)\n" + SLEEPER
)
QUICK = RestartBudget(restarts=2, window_s=60.0, first_wait_s=0.01, longest_wait_s=0.02)


def python(program: str) -> ChildCommand:
    """Return the command that runs a small program."""
    return ChildCommand((sys.executable, "-c", program))


def has_printed(folder: Path, name: str, text: str = "up") -> Callable[[], Awaitable[bool]]:
    """Return a ready check: the unit's log holds `text`."""

    async def check() -> bool:
        log = folder / f"{name}.log"
        return log.exists() and text in log.read_text()

    return check


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait on a state."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other programs set no events
            await asyncio.sleep(0.01)


@asynccontextmanager
async def supervised(
    folder: Path, *units: Unit, steps: tuple[Step, ...] = ()
) -> AsyncIterator[tuple[Supervisor, list[Change]]]:
    """Run some units; whatever a test does, nothing of them is left."""
    changes: list[Change] = []
    supervisor = Supervisor(
        f"test-{uuid.uuid4().hex}", units, steps, log_folder=folder, on_change=changes.append
    )
    supervisor.start()
    try:
        yield supervisor, changes
    finally:
        await supervisor.stop_all()
        assert look_for(supervisor.run_id, (), ()).is_nothing


async def test_units_start_in_the_order_of_their_needs(tmp_path: Path) -> None:
    """A unit starts when what it needs is ready; a step runs between two starts."""
    seen: list[str] = []

    async def note() -> None:
        seen.append("step")

    units = (
        Unit("last", python(SLEEPER), after=("step",)),
        Unit("first", python(SLEEPER), is_ready=has_printed(tmp_path, "first")),
    )
    async with supervised(tmp_path, *units, steps=(Step("step", note, after=("first",)),)) as (
        supervisor,
        changes,
    ):
        await supervisor.wait_ready()
        order = [(change.name, change.state) for change in changes]
        assert order.index(("first", UnitState.READY)) < order.index(("step", UnitState.STARTING))
        assert order.index(("step", UnitState.READY)) < order.index(("last", UnitState.STARTING))
    assert seen == ["step"]


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    """kill -9 costs one restart, with the signal's name as the reason, and a new process runs."""
    unit = Unit("pump", python(SLEEPER), restarts=QUICK)
    async with supervised(tmp_path, unit) as (supervisor, changes):
        await supervisor.wait_ready()
        first = supervisor.process_ids()["pump"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.process_ids().get("pump", first) != first)
        assert supervisor.restarts() == {"pump": 1}
        assert [c.why for c in changes if c.state is UnitState.RESTARTING] == ["signal SIGKILL"]


async def test_the_run_fails_when_the_budget_is_spent(tmp_path: Path) -> None:
    """A process that always ends takes the run with it: one sentence and its last words."""
    unit = Unit("fuse", python("print('no fuse fitted'); raise SystemExit(3)"), restarts=QUICK)
    async with supervised(tmp_path, unit) as (supervisor, _):
        async with asyncio.timeout(10):
            with pytest.raises(
                RunFailedError, match=r"fuse ended 3 times .* exit code 3"
            ) as caught:
                await supervisor.wait_failed()
        assert caught.value.log_lines == ("no fuse fitted",) * 3
        assert supervisor.restarts() == {"fuse": 2}


async def test_the_others_go_on_when_one_that_is_not_vital_cannot_be_kept_up(
    tmp_path: Path,
) -> None:
    """It is started again and again, at the longest wait, and who waits for it waits."""
    units = (
        Unit("redis", python("raise SystemExit(3)"), restarts=QUICK, is_vital=False),
        Unit("loop", python(SLEEPER), is_ready=has_printed(tmp_path, "loop")),
    )
    async with supervised(tmp_path, *units) as (supervisor, changes):
        failing = asyncio.create_task(supervisor.wait_failed())
        await until(lambda: supervisor.restarts()["redis"] > QUICK.restarts + 3)
        await until(lambda: supervisor.states()["loop"] is UnitState.READY)
        assert not failing.done()
        failing.cancel()
        whys = [change.why for change in changes if change.state is UnitState.RESTARTING]
        assert "exit code 3; 3 times within 60 s, the run goes on without it" in whys
        assert sum("goes on" in why for why in whys) == 1, "it is said once"


async def test_one_that_is_not_vital_and_is_never_ready_is_started_again(tmp_path: Path) -> None:
    """A server that hangs is no better than one that has ended."""

    async def never() -> bool:
        return False

    unit = Unit(
        "ui",
        python(SLEEPER),
        is_ready=never,
        ready_deadline_s=0.2,
        restarts=QUICK,
        is_vital=False,
    )
    async with supervised(tmp_path, unit) as (supervisor, changes):
        await until(lambda: supervisor.restarts()["ui"] >= 1)
        why = next(change.why for change in changes if change.state is UnitState.RESTARTING)
        assert why == "was not ready 0.2 s after its start"


async def test_a_process_that_is_never_ready_fails_the_run(tmp_path: Path) -> None:
    """The deadline of a start is named."""

    async def never() -> bool:
        return False

    unit = Unit("valve", python(SLEEPER), is_ready=never, ready_deadline_s=0.2)
    async with supervised(tmp_path, unit) as (supervisor, _):
        with pytest.raises(RunFailedError, match=r"valve was not ready 0\.2 s after its start"):
            await supervisor.wait_ready()


async def test_a_failing_step_fails_the_run_with_its_message(tmp_path: Path) -> None:
    """What a step raises reaches the operator."""

    async def refuse() -> None:
        raise ConnectionError("No Kafka at kafka://127.0.0.1:1")

    async with supervised(tmp_path, steps=(Step("topics", refuse),)) as (supervisor, _):
        with pytest.raises(RunFailedError, match="No Kafka at"):
            await supervisor.wait_ready()


async def test_a_program_that_is_not_there_fails_the_run(tmp_path: Path) -> None:
    """The name of the missing program is in the log lines."""
    unit = Unit("ghost", ChildCommand(("/nonexistent/ghost",)), restarts=QUICK)
    async with supervised(tmp_path, unit) as (supervisor, _):
        with pytest.raises(RunFailedError) as caught:
            await supervisor.wait_failed()
        assert "cannot start /nonexistent/ghost" in caught.value.log_lines[-1]


async def test_units_stop_in_the_order_of_their_ranks(tmp_path: Path) -> None:
    """The lower rank has ended before the higher one is asked."""
    names = ("third", "first", "second")
    rank = {"first": 1, "second": 2, "third": 3}
    units = [
        Unit(n, python(SLEEPER), stop_rank=rank[n], is_ready=has_printed(tmp_path, n))
        for n in names
    ]
    async with supervised(tmp_path, *units) as (supervisor, changes):
        await supervisor.wait_ready()
        await supervisor.stop_all()
    stopped = [change.name for change in changes if change.state is UnitState.STOPPED]
    assert stopped[:3] == ["first", "second", "third"]


async def test_one_unit_can_be_stopped_while_the_others_go_on(tmp_path: Path) -> None:
    """It is not taken for a crash, and not started again."""
    units = [
        Unit(n, python(SLEEPER), restarts=QUICK, is_ready=has_printed(tmp_path, n))
        for n in ("gateway", "loop")
    ]
    async with supervised(tmp_path, *units) as (supervisor, _):
        await supervisor.wait_ready()
        await supervisor.stop("gateway")
        assert supervisor.states() == {"gateway": UnitState.STOPPED, "loop": UnitState.READY}
        assert list(supervisor.process_ids()) == ["loop"]
        assert supervisor.restarts() == {"gateway": 0, "loop": 0}


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """The grace is not exceeded by much."""
    unit = Unit("mule", python(STUBBORN), stop_grace_s=0.2, is_ready=has_printed(tmp_path, "mule"))
    async with supervised(tmp_path, unit) as (supervisor, _):
        await supervisor.wait_ready()
        pid = supervisor.process_ids()["mule"]
        async with asyncio.timeout(5):
            await supervisor.stop_all()
        assert not psutil.pid_exists(pid)


async def test_a_process_may_be_made_to_give_way(tmp_path: Path) -> None:
    """So that screens never take processor time from the loop."""
    unit = Unit("ui", python(SLEEPER), niceness=3, is_ready=has_printed(tmp_path, "ui"))
    async with supervised(tmp_path, unit) as (supervisor, _):
        await supervisor.wait_ready()
        assert psutil.Process(supervisor.process_ids()["ui"]).nice() == os.nice(0) + 3


async def test_children_of_children_are_gone_too(tmp_path: Path) -> None:
    """Also those that made a session of their own."""
    unit = Unit("father", python(WITH_CHILD), is_ready=has_printed(tmp_path, "father"))
    async with supervised(tmp_path, unit) as (supervisor, _):
        await supervisor.wait_ready()
        assert len(processes_of(supervisor.run_id)) == 2
        await supervisor.stop_all()
        assert processes_of(supervisor.run_id) == []


async def test_stopping_in_mid_start_leaves_nothing(tmp_path: Path) -> None:
    """Units that wait, that start and that wait for their restart are all ended."""

    async def never() -> bool:
        return False

    slow = RestartBudget(restarts=5, window_s=60.0, first_wait_s=60.0, longest_wait_s=60.0)
    units = (
        Unit("starting", python(SLEEPER), is_ready=never),
        Unit("waiting", python(SLEEPER), after=("starting",)),
        Unit("crashed", python("raise SystemExit(1)"), restarts=slow),
    )
    async with supervised(tmp_path, *units) as (supervisor, _):
        await until(lambda: supervisor.states()["crashed"] is UnitState.RESTARTING)
        async with asyncio.timeout(5):
            await supervisor.stop_all()
        assert set(supervisor.states().values()) == {UnitState.STOPPED}


async def test_an_unknown_need_is_refused(tmp_path: Path) -> None:
    """A table that cannot be started is a mistake of the programmer, said at once."""
    with pytest.raises(ValueError, match=r"ui waits for \['reddis'\]"):
        Supervisor(
            "test",
            [Unit("ui", python(SLEEPER), after=("reddis",))],
            log_folder=tmp_path,
            on_change=lambda change: None,  # noqa: ARG005
        )


SUPERVISING = """
import asyncio, sys
from pathlib import Path
from ops.child import ChildCommand
from ops.janitor import hire
from ops.supervise import Supervisor
from ops.units import Unit

async def main(run_id, folder, program):
    (folder / "kept-until-the-end").write_text("x")
    hire(run_id, folder)
    unit = Unit("listener", ChildCommand((sys.executable, "-c", program)))
    supervisor = Supervisor(run_id, [unit], log_folder=folder, on_change=lambda change: None)
    supervisor.start()
    await supervisor.wait_failed()

asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
"""
LISTENER = """
import socket, subprocess, sys, time
server = socket.create_server(("127.0.0.1", 0))
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open({port_file!r}, "w").write(str(server.getsockname()[1]) + "\\n")
time.sleep(600)
"""


async def test_killing_the_supervisor_leaves_nothing(tmp_path: Path) -> None:
    """After kill -9 of the supervisor no process, port or folder of the run is left."""
    run_id, folder = f"test-{uuid.uuid4().hex}", tmp_path / "run"
    folder.mkdir()
    port_file = tmp_path / "port"
    program = LISTENER.format(port_file=str(port_file))
    with subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, "-c", SUPERVISING, run_id, str(folder), program]
    ) as supervising:
        await until(lambda: port_file.exists() and port_file.read_text().endswith("\n"))
        port = int(port_file.read_text())
        assert is_open("127.0.0.1", port)
        assert len(processes_of(run_id)) == 2
        supervising.kill()
    await until(lambda: not folder.exists())
    assert look_for(run_id, (port,), (folder,)).is_nothing
