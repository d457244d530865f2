"""Double precision is on, and a weakly typed tree is made strong."""

import jax.numpy as jnp

from physics.precision import require_x64, strengthen


def test_new_arrays_have_64_bits() -> None:
    require_x64()
    assert jnp.zeros(3).dtype == jnp.float64


def test_strengthen_keeps_values_and_drops_weak_types() -> None:
    weak = jnp.asarray(1.5)
    strong = strengthen({"number": weak, "flag": jnp.array([True])})
    assert strong["number"].weak_type is False
    assert float(strong["number"]) == 1.5
    assert strong["flag"].dtype == bool
