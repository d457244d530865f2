"""What follows from the state of the cells at one instant; the step and the scan both need it."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.plant.bath import BathView, view_bath
from physics.plant.efficiency import compute_plant_efficiency
from physics.plant.electrics import ElectricView, compute_electrics
from physics.plant.noise import compute_roll_mv
from physics.plant.parameters import PlantParameters
from physics.plant.state import AnodeState, BathState, PlantState


class CellView(NamedTuple):
    """Bath, voltage, noise and efficiency of every cell; fields (C,) but for single anodes."""

    bath: BathView
    electric: ElectricView
    roll_mv: Array
    efficiency: Array
    tapping: Array  # bool


def view_cells(parameters: PlantParameters, state: PlantState) -> CellView:
    """Look at every cell of a line."""
    extra_v = jnp.where(state.anode_effect, state.anode_effect_v, 0.0)
    return view_parts(
        parameters,
        state.t_s,
        state.line.current_ka,
        state.bath,
        state.anodes,
        extra_v,
        state.metal.tap_left_kg > 0.0,
    )


def view_parts(
    parameters: PlantParameters,
    t_s: Array,
    current_ka: Array,
    bath: BathState,
    anodes: AnodeState,
    extra_voltage_v: Array,
    tapping: Array,
) -> CellView:
    """Look at cells that are not a whole line yet.

    Args:
        parameters: of the line.
        t_s: plant time.
        current_ka: of the line, scalar.
        bath: of every cell.
        anodes: of every cell.
        extra_voltage_v: of an anode effect, (C,).
        tapping: where metal is being tapped, (C,) bool.

    Returns:
        The view.
    """
    seen = view_bath(parameters, bath)
    electric = compute_electrics(parameters, t_s, current_ka, bath, seen, anodes, extra_voltage_v)
    roll_mv = compute_roll_mv(parameters, electric.gap_cm, tapping)
    efficiency = compute_plant_efficiency(parameters, bath, seen, electric.gap_cm, roll_mv)
    return CellView(seen, electric, roll_mv, efficiency, tapping)
