"""Double precision for every program that computes with this room."""

import jax
import jax.numpy as jnp


def require_x64() -> None:
    """Switch JAX to 64-bit floats; call it once at the start of a program, before any array.

    Raises:
        RuntimeError: JAX still makes 32-bit floats, because another library fixed it earlier.
    """
    jax.config.update("jax_enable_x64", True)
    made = jnp.zeros(()).dtype
    if made != jnp.float64:
        raise RuntimeError(
            f"JAX makes {made} although float64 was asked for. Remedy: call "
            "physics.precision.require_x64() before other code uses JAX, and unset JAX_ENABLE_X64"
        )
