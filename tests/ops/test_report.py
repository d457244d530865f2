"""The report: the keys that the bars name, from the numbers of a run."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.leftovers import LeftBehind
from ops.report import RunFacts, build_report, report_lines, versions, write_report
from ops.tally import Tally
from ops.usage import Usage, folder_mb
from stream.frame_codec import encode_samples
from stream.records import MoveState, encode
from tests.ops.records import START_NS, accepted_frame, move, proposal, sample_frame

NOTHING = LeftBehind((), (), ())
FACTS = RunFacts(
    run_id="1-abc",
    plant="reference-300ka",
    cells=24,
    speed=60.0,
    seconds=90.0,
    stop_seconds=2.5,
    ready_seconds=9.0,
    ended_by="time",
    failure=None,
    drained=True,
)
NAMED_IN_THE_BARS = (
    "samples.published",
    "samples.accepted",
    "samples.rejected",
    "samples.lost",
    "moves.verified",
    "moves.written",
    "moves.held",
    "moves.failed",
    "moves.expired",
    "moves.unchecked",
    "estimates.applied_twice",
    "estimates.unapplied",
    "time_to_first_verified_move_s",
    "latency_ms.source_to_written.p99",
    "latency_ms.source_to_accepted.p95",
    "latency_ms.source_to_verified.max",
    "solve_ms.p50",
    "solve_ms.p95",
    "solve_ms.p99",
    "left_behind.processes",
    "left_behind.ports",
    "left_behind.files",
    "processes.up.rss_mb.first",
    "processes.up.rss_mb.max",
    "processes.up.rss_mb.last",
    "processes.up.cpu_pct",
    "processes.up.restarts",
    "disk_mb.first",
    "disk_mb.max",
    "disk_mb.last",
    "run.cells",
    "run.speed",
    "run.seconds",
    "run.plant",
    "run.versions.python",
)


def at(report: Mapping[str, Any], path: str) -> Any:
    """Return the value under a dotted path."""
    value: Any = report
    for key in path.split("."):
        value = value[key]
    return value


@pytest.fixture
def report(tmp_path: Path) -> dict[str, object]:
    """The report of a small run with this test itself as its only process."""
    tally = Tally(START_NS)
    tally.add("samples", 0, 0, encode_samples(sample_frame(0)))
    tally.add("accepted", 0, 0, encode_samples(accepted_frame(sample_frame(0), 0)))
    tally.add("proposals", 0, 0, encode(proposal(1)))
    tally.add("moves", 0, 0, encode(move(1, MoveState.INTENT)))
    tally.add("moves", 0, 1, encode(move(1, MoveState.VERIFIED)))
    usage = Usage()
    for now_s in (0.0, 1.0, 2.0):
        usage.read({"up": os.getpid()}, tmp_path, now_s)
    return build_report(FACTS, tally, usage, {"up": 0}, NOTHING)


@pytest.mark.parametrize("path", NAMED_IN_THE_BARS)
def test_the_report_has_every_named_key_with_a_value(report: dict[str, Any], path: str) -> None:
    """A reader of run.json finds each figure where it is said to be."""
    assert at(report, path) is not None


def test_the_report_is_written_whole(report: dict[str, Any], tmp_path: Path) -> None:
    """It reads back as it was, and no draft stays behind."""
    path = tmp_path / "deep" / "run.json"
    write_report(report, path)
    assert json.loads(path.read_text()) == report
    assert [entry.name for entry in path.parent.iterdir()] == ["run.json"]


def test_the_end_of_a_run_is_told_in_four_lines(report: dict[str, Any]) -> None:
    """Samples, moves, latency, what was left."""
    samples, moves, latency, left = report_lines(report)
    assert samples == "samples: 12 published, 12 accepted, 0 rejected, 0 lost"
    assert "1 written, 1 verified" in moves
    assert "first verified after 1.6 s" in moves
    assert "to written 400 ms" in latency
    assert left == "left behind: 0 processes, 0 ports, 0 files"


def test_a_run_without_moves_is_told_too() -> None:
    """What there is none of is a dash, not a zero."""
    empty = build_report(FACTS, Tally(START_NS), Usage(), {}, LeftBehind(("1 x",), (9092,), ()))
    assert at(empty, "latency_ms.source_to_written.p99") is None
    assert at(empty, "left_behind.names") == ["1 x", "9092"]
    assert "first verified after -" in report_lines(empty)[1]


def test_versions_of_what_is_not_installed_are_null() -> None:
    """The report can be made where only a part is installed."""
    assert versions()["python"]
    assert versions()["numpy"]


def test_usage_counts_on_over_a_restart(tmp_path: Path) -> None:
    """The same name with another process: memory and load of both belong to the row."""
    usage = Usage()
    usage.read({"pump": os.getpid()}, tmp_path, 0.0)
    usage.read({"pump": os.getppid()}, tmp_path, 1.0)
    usage.read({"pump": 2**22 + 1}, tmp_path, 2.0)  # has ended meanwhile: no reading
    row = usage.summary({"pump": 1})["pump"]
    assert isinstance(row, dict)
    assert row["restarts"] == 1
    assert row["rss_mb"]["max"] >= row["rss_mb"]["first"] > 0


def test_disk_is_blocks_in_use(tmp_path: Path) -> None:
    """A sparse file takes what was written, not its size."""
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    (tmp_path / "full").write_bytes(b"x" * 1024 * 1024)
    assert 0.9 < folder_mb(tmp_path) < 8
