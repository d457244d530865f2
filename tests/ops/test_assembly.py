"""From settings to what is run: what is started, with which addresses, in which order."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.assembly import assemble, make_units, rows_to_start
from ops.child import ChildCommand
from ops.follow import Follower
from ops.mistakes import ConfigurationError
from ops.processes import FRONT, PROCESSES, TOPICS_STEP, instance_names
from ops.reservation import Reservation
from ops.settings import load_settings
from stream.kafka import KafkaConnection
from stream.topics import BY_NAME

OUTSIDE = {
    "kafka.address": "kafka://plant:9092",
    "redis.address": "redis://plant:6379/0",
    "opcua.endpoint": "opc.tcp://plant:4840",
    "audit.folder": "audit",
}
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A server that is not started in these tests."""

    address: str
    command: ChildCommand = ChildCommand(("/bin/true",))  # noqa: RUF009 - frozen

    async def is_ready(self) -> bool:
        """Return True."""
        return True


LAUNCHES = {
    "broker": Elsewhere("kafka://127.0.0.1:19092"),
    "redis": Elsewhere("redis://127.0.0.1:16379/0"),
}


@pytest.fixture
def reservation() -> Iterator[Reservation]:
    """Ports for one test."""
    reservation = Reservation()
    yield reservation
    reservation.release()


def test_with_nothing_set_everything_runs_here(tmp_path: Path, reservation: Reservation) -> None:
    """Every row is started, and every child is given every address."""
    assembly = assemble(load_settings(environment={}), LAUNCHES, reservation, tmp_path)
    assert assembly.processes == tuple(row for row in PROCESSES if row is not FRONT)
    assert assembly.is_simulated
    assert len(assembly.ports) == 4
    units = make_units(assembly, Follower(KafkaConnection("kafka://x:1"), 1, 0), tmp_path)
    for unit in units:
        if unit.name not in LAUNCHES:
            given = unit.command.environment
            assert given["POTLINE_KAFKA__ADDRESS"] == "kafka://127.0.0.1:19092"
            assert given["POTLINE_REDIS__ADDRESS"] == "redis://127.0.0.1:16379/0"
            assert given["POTLINE_OPCUA__ENDPOINT"].startswith("opc.tcp://127.0.0.1:")
            assert given["POTLINE_GUARD__INITIAL_MODE"] == "AUTO"
            assert given["POTLINE_AUDIT__FOLDER"] == str(tmp_path / "audit")
            assert given["TMPDIR"].startswith(str(tmp_path))
            assert load_settings(environment=given).ui.port == assembly.settings.ui.port


def test_what_the_settings_name_is_not_started(tmp_path: Path, reservation: Reservation) -> None:
    """Nobody waits for it either, and a real plant starts in the mode that its file says."""
    settings = load_settings(OUTSIDE, environment={})
    assembly = assemble(settings, {}, reservation, tmp_path)
    assert [row.name for row in rows_to_start(settings)] == [
        "gateway",
        "loop",
        "guard",
        "feed",
        "ui",
    ]
    assert assembly.settings.opcua.endpoint == "opc.tcp://plant:4840"
    assert assembly.settings.guard.initial_mode is None
    assert not assembly.is_simulated
    units = make_units(assembly, Follower(KafkaConnection("kafka://x:1"), 1, 0), tmp_path)
    provided = {unit.name for unit in units} | {TOPICS_STEP}
    assert all(set(unit.after) <= provided for unit in units)


def test_the_front_is_started_where_it_has_an_endpoint(
    tmp_path: Path, reservation: Reservation
) -> None:
    values = {"front.endpoint": "opc.tcp://127.0.0.1:4841/front"}
    assembly = assemble(load_settings(values, environment={}), LAUNCHES, reservation, tmp_path)
    assert assembly.processes[-1] is FRONT
    assert 4841 in assembly.ports


def test_a_real_plant_needs_a_place_for_its_audit(tmp_path: Path, reservation: Reservation) -> None:
    settings = load_settings({**OUTSIDE, "audit.folder": None}, environment={})
    with pytest.raises(ConfigurationError, match=r"audit\.folder.*a folder that is kept"):
        assemble(settings, {}, reservation, tmp_path)


def test_the_loop_runs_as_often_as_it_is_told(tmp_path: Path, reservation: Reservation) -> None:
    """Each with a name of its own; who waits for the loop waits for all of them."""
    settings = load_settings({**OUTSIDE, "loop.workers": 3}, environment={})
    assembly = assemble(settings, {}, reservation, tmp_path)
    units = make_units(assembly, Follower(KafkaConnection("kafka://x:1"), 1, 0), tmp_path)
    names = [unit.name for unit in units]
    assert names == ["gateway", "loop-1", "loop-2", "loop-3", "guard", "feed", "ui"]
    gateway = units[0]
    assert {"loop-1", "loop-2", "loop-3"} <= set(gateway.after)


def test_the_table_is_whole() -> None:
    """Needs, topics and stop order name what exists; the loop ends in the order of its flow."""
    names = {row.name for row in PROCESSES} | {TOPICS_STEP}
    for row in PROCESSES:
        assert set(row.after) <= names
        if row.health is not None:
            assert row.health.writes in BY_NAME
            assert row.health.reads in {*BY_NAME, None}
        assert row.does
        assert row.if_it_stops
    rank = {row.name: row.stop_rank for row in PROCESSES}
    assert rank["gateway"] < rank["loop"] < rank["guard"] < rank["scada"] < rank["broker"]
    assert instance_names(PROCESSES[0], 1) == ("broker",)


def test_console_script_is_the_command_that_children_run() -> None:
    """`potline` and `python -m ops.cli` are one program."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"potline": "ops.cli:main"}
