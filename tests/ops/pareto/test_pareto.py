"""`potline pareto`: both methods find the same front, and what is printed can be used."""

import csv
import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pymoo.indicators.hv import HV
from typer.testing import CliRunner, Result

from control.rating import OBJECTIVES
from ops.cli import app
from ops.mistakes import ConfigurationError
from ops.pareto.front import Front, Method, ParetoOptions, find_plant_front, values_of
from ops.pareto.study import PAGE_FILE, PICTURE_FILE, RESULT_FILE, TABLE_FILE
from ops.pareto.words import plant_lines
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT

PLANT = load_plant(DEFAULT_PLANT)
GENERATIONS = 60


def find(*methods: Method) -> Front:
    options = ParetoOptions(methods, weights=6, generations=GENERATIONS)
    return find_plant_front(PLANT, options, lambda *_: None)


@pytest.fixture(scope="module")
def swept() -> Front:
    return find(Method.SWEEP)


@pytest.fixture(scope="module")
def searched() -> Front:
    return find(Method.NSGA2)


def test_the_search_covers_what_the_sweep_does_and_beats_none_of_it(
    swept: Front, searched: Front
) -> None:
    sweep, search = values_of(swept.points), values_of(searched.points)
    worst = np.maximum(sweep.max(axis=0), search.max(axis=0))
    span = worst - np.minimum(sweep.min(axis=0), search.min(axis=0))
    volume = HV(ref_point=np.full(3, 1.1))
    of_search, of_sweep = (
        float(volume((values - (worst - span)) / span)) for values in (search, sweep)
    )
    assert of_search > 0.97 * of_sweep
    # A weighted sum has no better point anywhere: nothing found is better in all than the sweep.
    for value in sweep:
        better = np.min(np.max((search - value) / span, axis=1))
        assert better > -0.005


def test_the_same_seed_finds_the_same(searched: Front) -> None:
    again = find(Method.NSGA2)
    assert np.array_equal(again.points.targets, searched.points.targets)


def test_points_of_a_front_keep_their_bounds_and_come_by_energy(searched: Front) -> None:
    assert searched.operation.is_kept(searched.points.targets).all()
    assert np.all(np.diff(searched.points.figures[OBJECTIVES[0]]) >= 0.0)
    assert searched.pick("energy") == 0
    assert searched.pick(str(len(searched.points))) == len(searched.points) - 1


@pytest.mark.parametrize("word", ["0", "9999", "best"])
def test_a_point_that_is_none_is_refused(swept: Front, word: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no point of the front. Remedy: knee, energy"):
        swept.pick(word)


def test_the_lines_make_a_plant_file_whose_controller_is_at_the_point(swept: Front) -> None:
    row = swept.knee
    tables = tomllib.loads(plant_lines(swept, row))
    control = replace(PLANT.control, **tables["control"])
    gap, alumina, swing, alf3 = swept.points.targets[row]
    assert control.alumina_target_wt_pct == pytest.approx(alumina, abs=0.005)
    assert control.alumina_swing_wt_pct == pytest.approx(swing, abs=0.005)
    lift = PLANT.control.acd_floor_cm(0.08, 0.0) - PLANT.control.acd_low_cm
    assert control.acd_low_cm + lift == pytest.approx(gap, abs=0.005)
    assert tables["cell"]["bath"]["excess_alf3_wt_pct"] == pytest.approx(alf3, abs=0.05)


def pareto(folder: Path, *words: str) -> Result:
    flags = ["--plant", str(DEFAULT_PLANT), "--report", str(folder), "--generations", "5", *words]
    return CliRunner().invoke(app, ["pareto", "--weights", "2", *flags])


def test_everything_is_written_and_agrees(tmp_path: Path) -> None:
    shown = pareto(tmp_path, "--json", "--pick", "energy")
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert json.loads((tmp_path / RESULT_FILE).read_text(encoding="utf-8")) == found
    with (tmp_path / TABLE_FILE).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["point"] for row in rows[-2:]] == ["present", "nominal"]
    assert len(rows) == len(found["front"]) + 2
    assert float(rows[0]["energy_kwh_per_kg"]) == pytest.approx(
        found["front"][0]["energy_kwh_per_kg"], abs=1e-5
    )
    assert {row["method"] for row in found["front"]} <= {"sweep", "nsga2"}
    assert (tmp_path / PICTURE_FILE).read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
    assert found["plant_lines"].splitlines()[0] in page


@pytest.mark.parametrize(("method", "code", "is_written"), [("both", 0, True), ("nsga2", 1, False)])
def test_without_pymoo_the_sweep_still_runs(
    tmp_path: Path, method: str, code: int, is_written: bool
) -> None:
    # As Python shows a package that is not there.
    program = "import sys; sys.modules['pymoo'] = None; from ops.cli import main; main()"
    words = ["pareto", "--plant", DEFAULT_PLANT, "--report", tmp_path, "--weights", 2]
    shown = subprocess.run(
        [sys.executable, "-c", program, *map(str, [*words, "--method", method])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == code, shown.stderr
    said = " ".join(shown.stderr.split())
    assert "needs pymoo, which is not installed. Remedy: pip install 'potline[study]'" in said
    assert (tmp_path / PAGE_FILE).exists() is is_written


def test_help_teaches_by_examples() -> None:
    shown = CliRunner().invoke(app, ["pareto", "--help"], env={"COLUMNS": "110"}).stdout
    assert "potline pareto --grid norway --pick anode-effects" in shown
    assert "--method sweep" in shown
