"""The command line: help that is quick, versions, mistakes in sentences and without tracebacks."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from ops.ports import free_port, is_free, is_open
from ops.settings import DEFAULT_PLANT


def potline(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments],
        env=os.environ | {"POTLINE_SETTINGS": "", "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command() -> None:
    shown = potline("--help")
    assert shown.returncode == 0
    for command in (
        "up",
        "tail",
        "doctor",
        "cell",
        "settings",
        "plant",
        "broker",
        "scada",
        "guard",
    ):
        assert command in shown.stdout


def test_help_is_quick_because_nothing_of_a_command_is_imported_for_it() -> None:
    program = "import sys, ops.cli; print(*(name.partition('.')[0] for name in sys.modules))"
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "jax", "scipy", "aiokafka", "faust", "asyncua", "bokeh", "pydantic", "redis"}
    assert heavy & set(imported) == set()


def test_it_says_its_version() -> None:
    assert potline("--version").stdout == f"potline {version('potline')}\n"


def test_settings_in_force_are_printed_with_their_origin() -> None:
    shown = potline("settings", "--json", POTLINE_CELLS="7")
    cells = json.loads(shown.stdout)["cells"]
    assert cells == {"value": "7", "origin": "POTLINE_CELLS"}
    table = potline("settings", POTLINE_CELLS="7").stdout
    assert any(row.split() == ["cells", "7", "POTLINE_CELLS"] for row in table.splitlines())


def test_an_address_may_be_a_flag() -> None:
    flags = {
        "kafka.address": ("--kafka", "kafka://broker.example:9092"),
        "redis.address": ("--redis", "redis://redis.example:6379/0"),
        "opcua.endpoint": ("--opcua", "opc.tcp://scada.example:4840"),
    }
    words = [word for pair in flags.values() for word in pair]
    shown = json.loads(potline("settings", "--json", *words).stdout)
    for key, (_, address) in flags.items():
        assert shown[key] == {"value": address, "origin": "flag"}
    for command in ("up", "doctor"):
        refused = potline(command, "--kafka", "broker:9092")
        assert refused.returncode == 2
        assert "kafka.address = 'broker:9092' (flag): must begin with kafka://" in refused.stderr


def test_mistakes_in_settings_do_not_hide_those_of_the_plant_file(tmp_path: Path) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text(DEFAULT_PLANT.read_text().replace("cell_count = 24", "cell_count = 0"))
    shown = potline("up", "--plant", str(plant), POTLINE_SPEED="fast")
    assert shown.returncode == 2
    assert "speed = 'fast'" in shown.stderr
    assert f"line ({plant}): cell_count 0" in shown.stderr


@pytest.mark.parametrize("command", [("settings",), ("doctor",), ("plant", "check")])
def test_mistakes_in_settings_are_sentences(command: tuple[str, ...]) -> None:
    shown = potline(*command, POTLINE_CELS="7", POTLINE_SPEED="fast")
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    lines = shown.stderr.splitlines()
    assert len(lines) == 2
    assert "Did you mean POTLINE_CELLS?" in shown.stderr


def test_a_settings_file_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("seed = 9\n")
    shown = potline("--settings", str(file), "settings", "--json")
    assert json.loads(shown.stdout)["seed"] == {"value": "9", "origin": str(file)}


def test_a_plant_file_is_checked(tmp_path: Path) -> None:
    shown = potline("plant", "check", str(DEFAULT_PLANT), "--cells", "30")
    assert shown.returncode == 0
    assert "30 cells" in shown.stdout
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(DEFAULT_PLANT.read_text().replace("cell_count", "cell_cuont"))
    shown = potline("plant", "check", str(wrong))
    assert shown.returncode == 2
    assert "line.cell_cuont" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_doctor_ends_with_one_if_anything_is_bad() -> None:
    address = f"redis://127.0.0.1:{free_port()}/0"
    shown = potline("doctor", "--json", POTLINE_REDIS__ADDRESS=address)
    assert shown.returncode == 1
    (row,) = [row for row in json.loads(shown.stdout) if row["what"] == "Redis"]
    assert row["verdict"] == "bad"
    assert shown.stderr == ""
    assert "bad" in potline("doctor", POTLINE_REDIS__ADDRESS=address).stdout


def test_without_a_network_fetching_is_one_sentence(tmp_path: Path) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    shown = potline("broker", "fetch", XDG_CACHE_HOME=str(tmp_path), HTTPS_PROXY=proxy)
    assert shown.returncode == 1
    assert len(shown.stderr.splitlines()) == 1
    assert "Remedy" in shown.stderr


@pytest.mark.parametrize("command", [("broker", "lock"), ("broker", "fetch")])
def test_help_teaches(command: tuple[str, ...]) -> None:
    shown = potline(*command, "--help")
    assert shown.returncode == 0
    assert "Kafka" in shown.stdout


def test_jars_that_are_here_are_not_fetched_again(kafka: str) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    shown = potline("broker", "fetch", HTTPS_PROXY=proxy)
    assert shown.returncode == 0, shown.stderr
    assert "each as locked" in shown.stdout


@pytest.fixture
def running_broker(tmp_path: Path, kafka: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`potline broker run`, and the address that it says; `kafka` has fetched the jars."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "broker", "run", str(tmp_path)],
        env=os.environ | {"POTLINE_SETTINGS": "", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    yield process, said.split()[3].rstrip(".")
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_broker_of_its_own_ends_when_asked(
    running_broker: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, address = running_broker
    port = int(address.rpartition(":")[2])
    assert is_open("127.0.0.1", port)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert is_free(port)


def test_a_broker_that_is_killed_ends_the_command_with_its_last_words(
    running_broker: tuple[subprocess.Popen[str], str],
) -> None:
    process, _ = running_broker
    (java,) = psutil.Process(process.pid).children()
    java.kill()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.startswith("potline: kafka ended with code -9. Remedy")


def test_no_broker_outlives_the_command_that_runs_it(
    running_broker: tuple[subprocess.Popen[str], str],
) -> None:
    process, address = running_broker
    (java,) = psutil.Process(process.pid).children()
    process.kill()
    psutil.wait_procs([java], timeout=10)
    assert not java.is_running()
    assert is_free(int(address.rpartition(":")[2]))
