"""Strict JAX for tests: 64 bits, and no silent rank promotion."""

from collections.abc import Iterator

import jax
import pytest

from physics.precision import require_x64

require_x64()


@pytest.fixture(autouse=True)
def strict_jax() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield
