"""Strict JAX for validation, and the reference plant."""

import pytest

from physics.design import PlantDesign
from tests.physics.compilations import compilations
from tests.physics.plants import load_design
from tests.physics.strict import strict_jax

__all__ = ["compilations", "strict_jax"]


@pytest.fixture(scope="session")
def reference() -> PlantDesign:
    return load_design("reference-300ka.toml")
