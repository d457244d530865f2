"""`potline evaluate` as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.evaluate.evaluation import PAGE_FILE, SUMMARY_FILE, TABLE_FILE


def evaluate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", "evaluate", *map(str, arguments)],
        env=os.environ | {"POTLINE_SETTINGS": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_help_tells_how_to_try_it() -> None:
    shown = evaluate("--help")
    assert shown.returncode == 0
    for words in ("--baseline", "--shift", "--noise", "--missing", "--seeds", "Try"):
        assert words in shown.stdout


def test_a_baseline_that_is_none_is_a_sentence() -> None:
    shown = evaluate("--baseline", "best")
    assert shown.returncode == 2
    assert "Remedy" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.slow
def test_a_small_evaluation_leaves_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shown = evaluate(
        *("--cells", 2, "--days", 0.05, "--burn-in", 0.05, "--seeds", 1, "--baseline", "tuned"),
        *("--report", folder, "--processes", 1, "--json", "--missing", 5),
    )
    assert shown.returncode == 0, shown.stderr
    summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    assert json.loads(shown.stdout) == summary
    assert set(summary["change_pct"]) == {"tuned"}
    assert summary["stress"]["missing_pct"] == 5.0
    assert (folder / TABLE_FILE).read_text(encoding="utf-8").startswith("figure,unit,mpc_mean")
    page = (folder / PAGE_FILE).read_text(encoding="utf-8")
    assert "What limits it" in page
    assert "there are no more than 30 per pot-day" in page, "0 in 0.1 pot-days is no promise"
