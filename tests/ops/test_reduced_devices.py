"""A reduced cell's file is of no device: it is put on one, and steps there."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.reduced_file import load_reduced, save_reduced
from physics.reduced.field_cell import count_states
from physics.reduced.replay import step_cells
from tests.ops.reduced_cells import ABOUT, make_some_cell

CELLS = 3


def _gpus() -> list[jax.Device]:
    try:
        return list(jax.devices("gpu"))
    except RuntimeError:
        return []


# Without a GPU there is one case, the CPU's; with one the same case runs on both.
@pytest.mark.parametrize("device", [jax.devices("cpu")[0], *_gpus()], ids=str)
def test_a_loaded_cell_steps_where_it_is_put(device: jax.Device, tmp_path: Path) -> None:
    path = tmp_path / "cell.reduced"
    made = make_some_cell()
    save_reduced(path, made, ABOUT)
    cell = jax.device_put(load_reduced(path)[0], device)
    drives = jnp.asarray([300.0, 4.2, 180.0, 1.2, 25.0])
    masses = jnp.asarray([150.0, 15.0, 2.0, 720.0, 958.0])
    state = jnp.concatenate([masses, jnp.zeros(count_states(cell) - len(masses))])
    states = jax.device_put(jnp.broadcast_to(state, (CELLS, len(state))), device)
    line = jax.device_put(jnp.broadcast_to(drives, (CELLS, len(drives))), device)
    short_s = jax.device_put(jnp.asarray(1.0), device)
    moved = step_cells(cell, states, line, line, short_s)
    assert moved.devices() == {device}
    assert moved.dtype == jnp.float64
    home = step_cells(made, np.asarray(states), *[np.asarray(line)] * 2, np.asarray(1.0))
    np.testing.assert_allclose(moved, home, rtol=1e-9)
    assert np.all(np.isfinite(moved))
    assert np.abs(moved - states).max() > 0.0
