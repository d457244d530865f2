"""Double precision for every program that computes with this room."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

Tree = TypeVar("Tree")


def require_x64() -> None:
    """Switch JAX to 64-bit floats; call it once at the start of a program, before any array.

    Raises:
        RuntimeError: JAX still makes 32-bit floats, because another library fixed it earlier.
    """
    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    made = jnp.zeros(()).dtype
    if made != jnp.float64:
        raise RuntimeError(
            f"JAX makes {made} although float64 was asked for. Remedy: call "
            "physics.precision.require_x64() before other code uses JAX, and unset JAX_ENABLE_X64"
        )


def strengthen(tree: Tree) -> Tree:
    """Fix the type of every float in a tree, so that a jitted step compiles once and not twice.

    A Python number makes a weakly typed array, which counts as another signature than the result of
    the first step.
    """
    strong: Tree = jax.tree.map(_strengthen_leaf, tree)
    return strong


def _strengthen_leaf(leaf: Array) -> Array:
    return jnp.asarray(leaf, dtype=leaf.dtype) if jnp.issubdtype(leaf.dtype, jnp.number) else leaf
