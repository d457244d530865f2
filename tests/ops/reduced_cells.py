"""A reduced cell of random numbers, with every array that a file keeps."""

import jax
import jax.numpy as jnp
import numpy as np

from ops.reduced_file import ReducedAbout
from physics.parameters import make_parameters
from physics.reduced.basis import Basis
from physics.reduced.field_cell import FieldCell
from physics.reduced.inference import Operators
from tests.physics.plants import load_design

ABOUT = ReducedAbout(
    program="1.2.3",
    plant_name="a plant",
    plant_hash="abc",
    grid="24x1x24",
    every_s=300.0,
    hours=72.0,
    trained=9,
    folds=3,
    sizes={"field_modes": 3, "ledge_modes": 1, "ridge": 1e-5},
    errors={"field": 0.001},
)


def make_some_cell() -> FieldCell:
    """The cell that `ABOUT` is about."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> jax.Array:
        return jnp.asarray(rng.normal(size=shape))

    return FieldCell(
        parameters=make_parameters(load_design("reference-300ka.toml")),
        temperature=Basis(some(12), some(12, 3), some(12) ** 2, some(3) ** 2, some()),
        ledge=Basis(some(4), some(4, 1), some(4) ** 2, some(1) ** 2, some()),
        operators=Operators(1e-6 * some(13, 5), some(13), 1.0 + some(13) ** 2, 1e-6 * some(5)),
        bath_kg=jnp.asarray([[6000.0, 1.0], [6500.0, 1.0]]),
        voltage_v=1e-3 * some(20),
        alf3_loss_kg_per_kg=some(),
    )
