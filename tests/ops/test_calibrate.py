"""`potline calibrate` as a person runs it: files of the result, progress, mistakes as sentences."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ops.calibrate import PAGE_FILE, PLANT_LINES_FILE, RESULT_FILE
from ops.history import write_recording
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from physics.design import nominal_feed_kg_per_h

HOURS = 14


def calibrate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", "calibrate", *map(str, arguments)],
        env=os.environ | {"POTLINE_SETTINGS": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def write_quiet_history(path: Path, hours: int) -> None:
    """A cell that stands at its nominal point, but for its beam and the drift of its gap."""
    plant = load_plant(DEFAULT_PLANT)
    random = np.random.default_rng(4)
    minute = np.arange(hours * 60)
    rows = len(minute)
    rise_mm = 1.0 * np.sign(np.sin(minute / 40.0))
    feed_kg_per_h = nominal_feed_kg_per_h(plant.design)
    columns = {
        "t_plant_s": 60.0 * minute,
        "line_current_ka": np.full(rows, plant.line.current_ka),
        "alumina_fed_kg": np.cumsum(np.full(rows, feed_kg_per_h / 60.0)),
        "beam_position_mm": 200.0 + rise_mm + 0.15 * minute / 60.0,
        "cell_voltage_v": 4.2 + 0.0371 * rise_mm + random.normal(0.0, 0.002, rows),
        "bath_temperature_c": 956.0 + random.normal(0.0, 0.5, rows),
    }
    columns["cell_voltage_v"][7] = 900.0  # no instrument reads that
    write_recording(path, 7, columns)


@pytest.mark.slow
def test_a_history_becomes_a_report_a_result_and_lines_for_the_plant_file(tmp_path: Path) -> None:
    history, out = tmp_path / "history.parquet", tmp_path / "out"
    write_quiet_history(history, HOURS)
    shown = calibrate(
        "--history", history, "--cell", 7, "--out", out, "--fit", "conductivity_factor",
        "--fit", "latent_heat_j_per_kg",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "1 readings of cell_voltage_v lie beyond its physical range" in shown.stdout
    assert "1 of 2 figures are identified" in shown.stdout

    result = json.loads((out / RESULT_FILE).read_text())
    assert result["status"] == "converged"
    assert result["cell"] == 7
    assert result["hours"] == HOURS
    figure = result["figures"]["bath.conductivity_factor"]
    assert figure["verdict"] == "identified"
    # The history was made at the plant file's own slope of the voltage.
    assert figure["low"] < 1.0 < figure["high"]
    latent = result["figures"]["heat.latent_heat_j_per_kg"]
    assert latent["verdict"] == "not_identifiable"
    assert latent["history_share"] is None
    assert result["channels"]["cell_voltage_v"]["readings"] == HOURS * 12

    lines = tomllib.loads((out / PLANT_LINES_FILE).read_text())
    assert list(lines["cell"]) == ["bath"]
    assert lines["cell"]["bath"]["conductivity_factor"] == pytest.approx(figure["value"], rel=0.01)
    plant = tmp_path / "plant.toml"
    pasted = f"[cell.bath]\nconductivity_factor = {lines['cell']['bath']['conductivity_factor']}\n"
    plant.write_text(DEFAULT_PLANT.read_text().replace("[cell.bath]\n", pasted))
    assert load_plant(plant).cell.bath.conductivity_factor != 1.0

    page = (out / PAGE_FILE).read_text()
    assert "What the history says of cell 7" in page
    assert "not identifiable from this history" in page
    tags = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert re.findall(r"<(?:script|link|img)\b[^>]*\b(?:src|href)=", tags) == []  # no network


def test_too_little_history_is_a_sentence_and_a_status(tmp_path: Path) -> None:
    history, out = tmp_path / "short.parquet", tmp_path / "out"
    write_quiet_history(history, HOURS)
    out.mkdir()
    (out / PAGE_FILE).write_text("of a run before")
    shown = calibrate("--history", history, "--out", out, "--end-h", 3)
    assert shown.returncode == 1
    assert "too little history" in shown.stderr
    assert "Traceback" not in shown.stderr
    result = json.loads((out / RESULT_FILE).read_text())
    assert result["status"] == "too_little_history"
    assert result["figures"] == {}
    assert not (out / PAGE_FILE).exists()


def test_what_can_be_fitted_is_listed_and_a_misspelt_name_is_hinted_at() -> None:
    listed = calibrate("--list")
    assert listed.returncode == 0
    assert "bath.conductivity_factor" in listed.stdout
    refused = calibrate("--fit", "conductivity", "--history", "none.parquet")
    assert refused.returncode == 2
    assert "conductivity_factor" in refused.stderr


def test_without_a_file_or_a_kafka_there_is_no_history() -> None:
    shown = calibrate("--cell", 3)
    assert shown.returncode == 1
    assert "neither a file nor the address of a Kafka" in shown.stderr
    assert "Traceback" not in shown.stderr
