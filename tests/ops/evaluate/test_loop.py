"""Closed loops of two cells for some hours, and what is told of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ops.evaluate.loop import run_loop
from ops.evaluate.options import ControllerName, EvaluateOptions, read_baselines
from ops.evaluate.page import report_page
from ops.evaluate.record import ASTRAY, RunRecord
from ops.evaluate.run import list_tasks
from ops.evaluate.summary import COMPARED, Findings, find, summarise, table_csv, write_summary
from ops.plantfile import PlantFile
from ops.settings import DEFAULT_PLANT

OPTIONS = EvaluateOptions(
    plant_file=DEFAULT_PLANT, cells=2, days=0.1, seeds=1, burn_in_days=0.05, first_seed=3
)


@pytest.fixture(scope="module")
def records(plant: PlantFile) -> dict[ControllerName, RunRecord]:
    return {name: run_loop(plant, OPTIONS, name, 3) for name in OPTIONS.controllers}


@pytest.fixture(scope="module")
def findings(plant: PlantFile, records: dict[ControllerName, RunRecord]) -> Findings:
    # A second seed by hand: what is tested is how seeds are put together.
    more = [
        replace(
            record,
            seed=4,
            production=replace(record.production, energy_kwh=record.production.energy_kwh * 1.01),
        )
        for record in records.values()
    ]
    return find(replace(OPTIONS, seeds=2), plant, [*more, *records.values()])


@pytest.mark.slow
def test_each_controller_stands_at_its_own_operating_point(
    records: dict[ControllerName, RunRecord],
) -> None:
    volts = {name: record.mean["cell_voltage_v"] for name, record in records.items()}
    assert volts[ControllerName.TUNED] == pytest.approx(4.2, abs=0.06)
    assert volts[ControllerName.LEGACY] == pytest.approx(4.6, abs=0.08)
    assert volts[ControllerName.MPC] < volts[ControllerName.LEGACY]


@pytest.mark.slow
def test_totals_are_those_of_the_counted_time(
    records: dict[ControllerName, RunRecord],
) -> None:
    for record in records.values():
        production = record.production
        assert production.pot_days == pytest.approx(OPTIONS.cells * OPTIONS.days)
        assert production.charge_kah == pytest.approx(300.0 * 24.0 * 0.2, rel=0.03)
        volts = float(production.energy_kwh / production.charge_kah)
        assert volts == pytest.approx(record.mean["cell_voltage_v"], abs=0.3)
        assert 0.85 < record.mean["current_efficiency"] < 0.98
        assert record.hard_violations == 0


@pytest.mark.slow
def test_the_mpc_decides_every_period_and_its_moves_pass_the_interlock(
    records: dict[ControllerName, RunRecord],
) -> None:
    counts = records[ControllerName.MPC].counts
    periods = 0.15 * 86400.0 / OPTIONS.control_period_s
    decided = sum(count for words, count in counts.items() if words.startswith("decision"))
    assert decided == pytest.approx(2 * periods, abs=6)
    assert counts["move intent"] > 0.9 * 2 * decided
    assert records[ControllerName.TUNED].counts == {}


@pytest.mark.slow
def test_estimates_are_held_against_the_truth(
    records: dict[ControllerName, RunRecord],
) -> None:
    errors = records[ControllerName.MPC].estimate_error
    assert set(errors) == set(ASTRAY)
    assert abs(errors["alumina_wt_pct"].mean) < 1.0
    assert abs(errors["bath_temperature_c"].mean) < 5.0
    assert records[ControllerName.TUNED].estimate_error == {}


@pytest.mark.slow
def test_a_summary_has_the_keys_that_others_read(findings: Findings, tmp_path: Path) -> None:
    write_summary(summarise(findings), tmp_path / "summary.json")
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    headline = (
        "energy_kwh_per_kg",
        "ghg_t_per_t",
        "anode_effects_per_pot_day",
        "throughput_kg_per_pot_day",
    )
    for baseline in ("legacy", "tuned"):
        for figure in headline:
            assert set(summary["change_pct"][baseline][figure]) == {"mean", "low", "high"}
    for controller in ("mpc", "legacy", "tuned"):
        assert set(headline) < set(summary["absolute"][controller])
    assert summary["hard_bound_violations"] == 0
    assert summary["seeds"] == 2
    assert summary["pot_days"] == pytest.approx(2 * 2 * 0.1)
    energy = summary["absolute"]["mpc"]["energy_kwh_per_kg"]
    assert energy["low"] < energy["mean"] < energy["high"]


@pytest.mark.slow
def test_a_table_and_a_page_tell_every_figure(findings: Findings) -> None:
    rows = table_csv(findings).splitlines()
    assert len(rows) == 1 + len(COMPARED)
    assert len({row.count(",") for row in rows}) == 1
    page = report_page(findings)
    assert all(meaning in page for _, meaning, _, _ in COMPARED)
    assert "IPCC AR4" in page
    assert "http://" not in page.partition("<main>")[2].partition("<script")[0]


def test_every_controller_runs_every_seed() -> None:
    tasks = list_tasks(replace(OPTIONS, seeds=3))
    assert len(tasks) == 9
    assert {task.seed for task in tasks} == {3, 4, 5}


def test_baselines_are_read_by_name() -> None:
    assert read_baselines("legacy, tuned,legacy") == (ControllerName.LEGACY, ControllerName.TUNED)
    for names in ("", "mpc", "best"):
        with pytest.raises(ValueError, match="Remedy"):
            read_baselines(names)
