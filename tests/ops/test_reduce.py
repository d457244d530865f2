"""`potline reduce` from trajectories to file: made once, kept, read again, and refused in time."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ops.mistakes import ConfigurationError, OperationError
from ops.plantfile import PlantFile, design_hash, load_plant
from ops.reduce import CANDIDATES, ReduceOptions, list_candidates, make_trajectories, reduce_cell
from ops.reduced_file import load_reduced
from ops.snapshots import EVERY_S, Plan, count_ledge_rows, make_full_cell

PLANT = Path("plants/reference-300ka.toml")
SLICE = (14, 1, 18)  # the coarsest that resolves this cell
HOURS = 2.0
RUNS = 3


@pytest.fixture(scope="module")
def plant() -> PlantFile:
    return load_plant(PLANT)


def test_a_ledge_of_few_rows_is_given_fewer_modes() -> None:
    assert list_candidates(20) == CANDIDATES
    few = list_candidates(3)
    assert {sizes.ledge_modes for sizes in few} == {2}
    assert {sizes.field_modes for sizes in few} == {sizes.field_modes for sizes in CANDIDATES}
    assert len(few) == len(set(few))


@pytest.mark.parametrize("grid", ["16x29", "2x1x2", "14x1x18.5"])
def test_a_grid_that_cannot_be_is_named_before_anything_runs(
    plant: PlantFile, grid: str, tmp_path: Path
) -> None:
    options = ReduceOptions(tmp_path / "cell.reduced", grid, RUNS, HOURS, 1)
    with pytest.raises(ConfigurationError, match=f"grid = {grid} \\(--grid\\)"):
        reduce_cell(plant.design, design_hash(plant.design), options, Console(file=StringIO()))
    assert list(tmp_path.iterdir()) == []


def test_a_plan_has_a_file_of_its_own(tmp_path: Path) -> None:
    plans = [Plan(form, seed, HOURS) for form in ("lines", "sines") for seed in range(6)]
    assert len({plan.path(tmp_path) for plan in plans}) == len(plans)


@dataclass(frozen=True, slots=True)
class Learnt:
    """A reduced cell of a slice and where it lies."""

    out: Path
    own_hash: str
    folder: Path
    said: str


@pytest.fixture(scope="module")
def learnt(plant: PlantFile, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    out = tmp_path_factory.mktemp("reduced") / "cell.reduced"
    said = StringIO()
    own = design_hash(plant.design)
    grid = "x".join(str(count) for count in SLICE)
    options = ReduceOptions(out, grid, RUNS, HOURS, 1, processes=2)
    reduce_cell(plant.design, own, options, Console(file=said, width=120))
    folder = out.with_name("cell.reduced.snapshots") / f"{own[:12]}-{grid}-{HOURS:g}h"
    return Learnt(out, own, folder, said.getvalue())


@pytest.mark.slow
def test_a_slice_is_learnt_and_its_file_says_of_what(learnt: Learnt) -> None:
    _, about = load_reduced(learnt.out, learnt.own_hash)
    assert about.trained == RUNS
    assert about.folds == RUNS
    assert all(np.isfinite(error) for error in about.errors.values())
    assert about.errors["field"] < 0.05  # hours of a slice: a cell still, not a good one
    assert "mV (wanted 10 or less)" in learnt.said
    assert "rounds of fitting" in learnt.said


@pytest.mark.slow
def test_trajectories_are_kept_and_not_made_again(plant: PlantFile, learnt: Learnt) -> None:
    cell = make_full_cell(plant.design, SLICE)
    plans = [Plan("lines", seed, HOURS) for seed in range(1, RUNS + 1)]
    before = {path: path.stat().st_mtime_ns for path in learnt.folder.iterdir()}
    assert set(before) == {plan.path(learnt.folder) for plan in plans} | {
        learnt.folder / "settled.npz"
    }
    found = make_trajectories(cell, plans, learnt.folder, 2, Console(file=StringIO()))
    assert {path: path.stat().st_mtime_ns for path in learnt.folder.iterdir()} == before
    for run in found:
        samples = run.samples
        assert len(samples.drives) == round(HOURS * 3600.0 / EVERY_S)
        assert samples.ledge_m.shape[1] == count_ledge_rows(cell)
        assert np.all(np.isfinite(samples.temperature_c))
    drives = np.stack([run.samples.drives for run in found])
    assert np.ptp(drives, axis=0).max(axis=0).min() > 0.0  # of every drive each has its own course


@pytest.mark.slow
def test_a_damaged_trajectory_is_named(plant: PlantFile, learnt: Learnt, tmp_path: Path) -> None:
    plan = Plan("lines", 1, HOURS)
    whole = plan.path(learnt.folder).read_bytes()
    plan.path(tmp_path).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "settled.npz").write_bytes((learnt.folder / "settled.npz").read_bytes())
    cell = make_full_cell(plant.design, SLICE)
    with pytest.raises(OperationError, match=f"{plan.path(tmp_path)} cannot be read"):
        make_trajectories(cell, [plan], tmp_path, 1, Console(file=StringIO()))
