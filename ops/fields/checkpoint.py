"""Where a run stands, whole and exact, so that it can go on: one file, replaced at once.

The state is a pytree; its arrays are stored under the names of its fields, in float64.
"""

import os
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from ops.mistakes import OperationError

State = TypeVar("State")


def checkpoint_path(run: Path) -> Path:
    """Where the checkpoint of a run's file lies: beside it."""
    return run.with_name(run.name + ".checkpoint")


def save_checkpoint(path: Path, state: Any, about: str) -> None:
    """Replace the checkpoint by a new one; whoever reads meanwhile sees the old one or the new.

    Args:
        path: of the checkpoint.
        state: a pytree of arrays.
        about: what belongs to this state alone; loading asks for the same.
    """
    arrays = {
        jax.tree_util.keystr(place): np.asarray(leaf)
        for place, leaf in jax.tree_util.tree_leaves_with_path(state)
    }
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        np.savez(file, about=np.array(about), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load_checkpoint(path: Path, like: State, about: str) -> State:
    """Read a checkpoint back.

    Args:
        path: of the checkpoint.
        like: a state of the same structure and shapes.
        about: as it was saved with.

    Returns:
        The state.

    Raises:
        OperationError: there is none, it is damaged, or it belongs to another run.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as exc:
        raise OperationError(
            f"no run can be gone on with: {path} cannot be read ({exc}). "
            "Remedy: leave out --resume to begin anew"
        ) from exc
    found = str(arrays.pop("about", ""))
    places = {
        jax.tree_util.keystr(place): np.shape(leaf)
        for place, leaf in jax.tree_util.tree_leaves_with_path(like)
    }
    shapes = {name: array.shape for name, array in arrays.items()}
    if found != about or shapes != places:
        raise OperationError(
            f"{path} belongs to another run: {found or 'of an unknown kind'}, this one is {about}. "
            "Remedy: resume with the same plant, grid and inputs, or leave out --resume"
        )
    leaves = [
        jax.numpy.asarray(arrays[jax.tree_util.keystr(place)])
        for place, _ in jax.tree_util.tree_leaves_with_path(like)
    ]
    state: State = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(like), leaves)
    return state
