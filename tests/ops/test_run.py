"""Whole runs of `potline up`, as a person starts and ends them."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ops.broker import Broker, java_program, prepare_broker
from ops.leftovers import RUN_VARIABLE
from ops.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
UP = (sys.executable, "-m", "ops.cli", "up", "--no-browser")
STOP_WITHIN_S = 10.0  # promised


@contextmanager
def up(
    temporary: Path, *flags: str, environment: dict[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Start a run whose temporary files go to `temporary`; yields it and the file it prints to."""
    printed = temporary / "printed"
    with (
        printed.open("w") as out,
        subprocess.Popen(
            [*UP, *flags],
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary), **(environment or {})},
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process, printed
        finally:
            process.kill()


def children_of(process: "subprocess.Popen[str]") -> dict[int, str]:
    """Return the run's processes: id -> command line."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if RUN_VARIABLE in child.environ():
                found[child.pid] = " ".join(child.cmdline())
        except psutil.Error:
            continue
    return found


def words(printed: Path) -> str:
    """Return what has been printed so far."""
    return printed.read_text()


def as_seen_from_here(path: Path) -> str:
    """Return a path relative to the working folder, which a run shares with the tests."""
    return os.path.relpath(path)


def run_folders(temporary: Path) -> list[Path]:
    """Return the folders of runs in a folder for temporary files."""
    return list(temporary.glob("potline-*"))


async def until_printed(printed: Path, pattern: str, seconds: float = 120.0) -> None:
    """Wait until the run has said something, given as a regular expression."""
    try:
        async with asyncio.timeout(seconds):
            while not re.search(pattern, words(printed)):  # noqa: ASYNC110 - another program's words
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{pattern!r} was not said within {seconds} s:\n{words(printed)}")


async def until_gone(process_ids: list[int], folders: list[Path], seconds: float = 10.0) -> None:
    """Wait until no process and no folder is left."""
    async with asyncio.timeout(seconds):
        while any(map(psutil.pid_exists, process_ids)) or any(  # noqa: ASYNC110
            folder.exists() for folder in folders
        ):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_in_mid_start_ends_all_within_ten_seconds(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Exit 0, no process, port or temporary file left."""
    report = tmp_path / "run.json"
    with up(tmp_path, "--report", str(report)) as (process, printed):
        await until_printed(printed, "broker ready")
        started = list(children_of(process))
        assert started
        asked_s = time.monotonic()
        process.send_signal(number)
        assert await asyncio.to_thread(process.wait, 30) == 0, words(printed)
        assert time.monotonic() - asked_s < STOP_WITHIN_S
    run = json.loads(report.read_text())
    assert run["run"]["ended_by"] == "signal"
    assert run["left_behind"] == {"processes": 0, "ports": 0, "files": 0, "names": []}
    assert not any(map(psutil.pid_exists, started))
    assert run_folders(tmp_path) == []


async def test_a_signal_while_jars_are_fetched_ends_it_too(tmp_path: Path) -> None:
    """From a network that gives nothing; the fetch is shown, and nothing has been started."""
    cache = tmp_path / "cache"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "XDG_CACHE_HOME": str(cache),
            "HTTPS_PROXY": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        with up(tmp_path, environment=environment) as (process, printed):
            await until_printed(printed, "Fetching Apache Kafka")
            asked_s = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0, words(printed)
            assert time.monotonic() - asked_s < STOP_WITHIN_S
        assert "Ended before anything had been started." in words(printed)
    assert run_folders(tmp_path) == []


async def test_killing_potline_up_leaves_nothing(tmp_path: Path) -> None:
    """After kill -9 every process and the run folder are gone."""
    with up(tmp_path) as (process, printed):
        await until_printed(printed, "topics ready")
        started = list(children_of(process))
        folders = run_folders(tmp_path)
        assert len(started) >= 3
        assert len(folders) == 1
        process.kill()
        await until_gone(started, folders)


async def test_the_line_is_held_while_there_is_no_scada(
    tmp_path: Path, kafka: str, redis: str
) -> None:
    """Kafka and Redis of others are used, an absent SCADA is waited for, nothing is written."""
    report = tmp_path / "run.json"
    environment = {
        "POTLINE_KAFKA__ADDRESS": kafka,
        "POTLINE_REDIS__ADDRESS": redis,
        "POTLINE_OPCUA__ENDPOINT": f"opc.tcp://127.0.0.1:{free_port()}",
        "POTLINE_AUDIT__FOLDER": str(tmp_path / "audit"),
    }
    with up(tmp_path, "--for", "30s", "--report", str(report), environment=environment) as (
        process,
        printed,
    ):
        await until_printed(printed, "guard ready")
        names = " ".join(children_of(process).values())
        assert "kafka.Kafka" not in names
        assert "scada" not in names
        assert await asyncio.to_thread(process.wait, 60) == 0, words(printed)
    run = json.loads(report.read_text())
    assert run["run"]["ended_by"] == "time"
    assert run["run"]["speed"] is None
    assert run["samples"]["published"] == 0
    assert run["moves"]["written"] == 0
    assert set(run["processes"]) <= {"gateway", "loop", "guard", "feed", "ui", "up"}
    assert run["left_behind"]["processes"] == 0


async def test_a_run_whose_vital_part_cannot_run_says_so_and_ends(tmp_path: Path) -> None:
    """The sentence, the last log lines, exit 1, the logs kept and nothing left."""
    broken = tmp_path / "java"
    broken.write_text(
        f'#!/bin/sh\ncase "$*" in *StorageTool*) exec {java_program()} "$@";; esac\n'
        "echo no memory for you\nexit 3\n"
    )
    broken.chmod(0o755)
    folder = tmp_path / "kept"
    flags = ("--run-folder", as_seen_from_here(folder))
    with up(tmp_path, *flags, environment={"POTLINE_JAVA": str(broken)}) as (process, printed):
        assert await asyncio.to_thread(process.wait, 60) == 1
    text = words(printed)
    assert "The run failed: broker ended 6 times within 60 s (last: exit code 3)" in text
    assert "    no memory for you" in text
    assert "left behind: 0 processes" in text
    assert "no memory for you" in words(folder / "logs" / "broker.log")


async def test_the_loop_goes_on_without_redis(tmp_path: Path) -> None:
    """Cells are moved though neither the picture nor the control room can be had."""
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho no memory for you\nexit 3\n")
    broken.chmod(0o755)
    report = tmp_path / "run.json"
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    with up(tmp_path, "--report", str(report), environment=environment) as (process, printed):
        await until_printed(printed, "6 times within 60 s, the run goes on without it")
        await until_printed(printed, "moves [1-9]")
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 30) == 0, words(printed)
    run = json.loads(report.read_text())
    assert run["moves"]["verified"] > 0


async def test_the_line_runs_with_a_redis_that_is_away_from_the_start(tmp_path: Path) -> None:
    """An outside one: the control room is there, and says what it lacks."""
    address = f"redis://127.0.0.1:{free_port()}/0"
    with up(tmp_path, environment={"POTLINE_REDIS__ADDRESS": address}) as (process, printed):
        await until_printed(printed, "Control room: http://")
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 30) == 0, words(printed)


async def test_a_stop_while_kafka_is_away_keeps_its_promise(tmp_path: Path) -> None:
    """Nothing can be settled then, so that nothing is waited for."""
    report = tmp_path / "run.json"
    broker = Broker(await prepare_broker(tmp_path / "kafka", port=free_port()))
    await broker.start()
    try:
        flags = ("--cells", "4", "--report", str(report))
        environment = {"POTLINE_KAFKA__ADDRESS": broker.address}
        with up(tmp_path, *flags, environment=environment) as (process, printed):
            await until_printed(printed, "AUTO 4")
            await broker.kill()
            asked_s = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 60) == 0, words(printed)
            assert time.monotonic() - asked_s < STOP_WITHIN_S, words(printed)
    finally:
        await broker.stop()
    run = json.loads(report.read_text())
    assert run["run"]["drained"] is False
    assert run["left_behind"]["processes"] == 0
