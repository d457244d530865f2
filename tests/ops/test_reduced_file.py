"""A reduced cell's file gives back what was kept, and says what is wrong with it otherwise."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.mistakes import OperationError
from ops.plantfile import design_hash, load_plant
from ops.reduced_file import load_reduced, save_reduced
from physics.reduced.field_cell import FieldCell, count_states, show
from physics.reduced.replay import replay
from tests.ops.reduced_cells import ABOUT, make_some_cell


@pytest.fixture(scope="module")
def cell() -> FieldCell:
    return make_some_cell()


def test_a_cell_comes_back_to_the_bit(cell: FieldCell, tmp_path: Path) -> None:
    path = tmp_path / "cell.reduced"
    digest = save_reduced(path, cell, ABOUT)
    found, about = load_reduced(path, "abc")
    assert about == ABOUT
    assert digest == sha256(path.read_bytes()).hexdigest()
    assert jax.tree.structure(found) == jax.tree.structure(cell)
    for kept, given in zip(jax.tree.leaves(found), jax.tree.leaves(cell), strict=True):
        np.testing.assert_array_equal(kept, given)


def test_the_one_that_is_shipped_is_of_its_plant_file_and_steps() -> None:
    plant = load_plant(Path("plants/reference-300ka.toml"))
    found, about = load_reduced(
        Path("plants/reference-300ka.reduced"), design_hash(plant.design)
    )  # another hash is refused: then `potline reduce` is to be run again
    assert about.trained == 48
    drives = jnp.asarray([300.0, 4.2, 180.0, 1.2, 25.0])
    masses_kg = jnp.asarray([150.0, 15.0, 2.0, 720.0])
    heat = jnp.zeros(count_states(found) - 5)  # ledge and field as in the mean
    state = jnp.concatenate([masses_kg, jnp.asarray([956.0]), heat])
    day = replay(found, state, jnp.broadcast_to(drives[None], (288, 5)), jnp.asarray(300.0))
    shown = show(found, day[-1], drives)
    assert 4.0 < float(shown.cell_voltage_v) < 4.6
    assert 940.0 < float(shown.bath_temperature_c) < 980.0
    assert 0.05 < float(shown.ledge_m) < 0.2


def test_another_plants_cell_is_refused(cell: FieldCell, tmp_path: Path) -> None:
    path = tmp_path / "cell.reduced"
    save_reduced(path, cell, replace(ABOUT, plant_hash="other"))
    with pytest.raises(OperationError, match="of the plant a plant other, wanted is abc"):
        load_reduced(path, "abc")
    assert load_reduced(path)[1].plant_hash == "other"


def test_a_damaged_file_is_refused(cell: FieldCell, tmp_path: Path) -> None:
    path = tmp_path / "cell.reduced"
    save_reduced(path, cell, ABOUT)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OperationError, match="cannot be read as a reduced cell"):
        load_reduced(path)
    with pytest.raises(OperationError, match="potline reduce"):
        load_reduced(tmp_path / "none.reduced")


@pytest.mark.parametrize(
    ("change", "said"),
    [({"schema_version": 99}, "of version 99"), ({"unknown": 1}, "lacks a part")],
)
def test_another_version_is_refused(
    cell: FieldCell, tmp_path: Path, change: dict[str, int], said: str
) -> None:
    path = tmp_path / "cell.reduced"
    save_reduced(path, cell, ABOUT)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    header = json.loads(str(arrays.pop("about"))) | change
    with path.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    with pytest.raises(OperationError, match=said):
        load_reduced(path)
