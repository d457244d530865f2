"""A run that was cut off goes on from where it stood."""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from ops.fields.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from ops.mistakes import OperationError


class _Inner(NamedTuple):
    potential_v: Array


class _State(NamedTuple):
    t_s: Array
    enthalpy: Array
    inner: _Inner


def _state(t_s: float, boxes: int = 3) -> _State:
    return _State(jnp.asarray(t_s), jnp.arange(float(boxes)) / 3.0, _Inner(jnp.ones((2, 2))))


def test_a_state_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path / "run.h5")
    save_checkpoint(path, _state(1.0), "plant a, 3 boxes")
    save_checkpoint(path, _state(2.0), "plant a, 3 boxes")
    back = load_checkpoint(path, _state(0.0), "plant a, 3 boxes")
    assert float(back.t_s) == 2.0
    np.testing.assert_array_equal(back.enthalpy, _state(0.0).enthalpy)
    np.testing.assert_array_equal(back.inner.potential_v, jnp.ones((2, 2)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5.checkpoint"]


@pytest.mark.parametrize(("boxes", "about"), [(4, "plant a"), (3, "plant b")])
def test_another_run_is_refused(tmp_path: Path, boxes: int, about: str) -> None:
    path = tmp_path / "run.checkpoint"
    save_checkpoint(path, _state(1.0), "plant a")
    with pytest.raises(OperationError, match="belongs to another run: plant a"):
        load_checkpoint(path, _state(0.0, boxes), about)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off"])
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run.checkpoint"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OperationError, match="leave out --resume"):
        load_checkpoint(path, _state(0.0), "plant a")
