"""States of cells for tests."""

import jax.numpy as jnp
from hypothesis import strategies as st
from jax import Array

from physics.cell import CellState
from physics.design import PlantDesign


def make_cell_state(design: PlantDesign, **changes: float) -> CellState:
    """A cell at its nominal operating point, but for what is given."""
    nominal = design.cell.nominal
    values: dict[str, Array | float] = {
        "alumina_wt_pct": nominal.alumina_wt_pct,
        "undissolved_alumina_kg": 15.0,
        "sludge_kg": 9.0,
        "bath_temperature_c": nominal.bath_temperature_c,
        "ledge_cm": nominal.ledge_cm,
        "acd_cm": nominal.acd_cm,
    }
    return CellState(**{name: jnp.asarray(x) for name, x in (values | changes).items()})


wide_states = st.builds(
    lambda *values: CellState(*(jnp.asarray(x) for x in values)),
    st.floats(0.3, 12.0),
    st.floats(0.0, 500.0),
    st.floats(0.0, 500.0),
    st.floats(850.0, 1080.0),
    st.floats(0.0, 60.0),
    st.floats(1.5, 9.0),
)
