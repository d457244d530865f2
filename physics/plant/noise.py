"""Noise that remembers: bubbles, the rolling metal pad, and the drift of a thermocouple.

Each process is stepped exactly, so its statistics do not depend on how often it is looked at.
"""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.parameters import PlantParameters
from physics.plant.state import NoiseState
from physics.plant.streams import Readings

_BUBBLES_S: Final = 1.0  # standard literature: bubbles come at 0.5 to 2 Hz
_ROLL_LASTS_S: Final = 600.0  # design value: how long a wave of the metal keeps its phase
_ANODE_EFFECT_MV: Final = 800.0  # design value
_TAPPING_MV: Final = 8.0  # design value: metal that flows to the siphon


def move_noise(
    parameters: PlantParameters, readings: Readings, dt_s: Array, noise: NoiseState
) -> NoiseState:
    """Advance by the time between two scans: first-order bubbles and drift, a damped oscillation.

    Args:
        parameters: of the line.
        readings: random numbers.
        dt_s: since the scan before.
        noise: before.

    Returns:
        The noise after.
    """
    world = parameters.disturbances
    bubbles = jnp.exp(-dt_s / _BUBBLES_S)
    lasting = jnp.exp(-dt_s / _ROLL_LASTS_S)
    drifting = jnp.exp(-dt_s / world["temperature_drift_s"])
    angle = 2.0 * jnp.pi * dt_s / parameters.nature.roll_period_s
    cos, sin = lasting * jnp.cos(angle), lasting * jnp.sin(angle)
    kick = jnp.sqrt(1.0 - lasting**2)
    return NoiseState(
        bubbles=bubbles * noise.bubbles + jnp.sqrt(1.0 - bubbles**2) * readings.bubbles,
        roll=cos * noise.roll - sin * noise.roll_quadrature + kick * readings.roll,
        roll_quadrature=sin * noise.roll
        + cos * noise.roll_quadrature
        + kick * readings.roll_quadrature,
        drift_c=drifting * noise.drift_c
        + world["temperature_drift_c"] * jnp.sqrt(1.0 - drifting**2) * readings.drift,
    )


def compute_roll_mv(parameters: PlantParameters, gap_cm: Array, tapping: Array) -> Array:
    """Standard deviation of the voltage by the rolling metal pad, mV, (C,).

    Nothing above the onset; below, it grows with the square of what the gap lacks. Source: design
    value, no law is published.
    """
    cell = parameters.cell
    short_cm = jnp.maximum(parameters.nature.roll_onset_cm - gap_cm, 0.0)
    rolling = cell.noise_floor_mv * (short_cm / cell.noise_doubling_cm) ** 2
    return rolling + jnp.where(tapping, _TAPPING_MV, 0.0)


def show_noise(
    parameters: PlantParameters, noise: NoiseState, roll_mv: Array, anode_effect: Array
) -> tuple[Array, Array]:
    """The voltage's noise now, mV, and its standard deviation in the last minute, mV; each (C,)."""
    floor_mv = jnp.where(anode_effect, _ANODE_EFFECT_MV, parameters.cell.noise_floor_mv)
    now_mv = floor_mv * noise.bubbles + roll_mv * noise.roll
    wave = jnp.sqrt((noise.roll**2 + noise.roll_quadrature**2) / 2.0)
    return now_mv, jnp.hypot(floor_mv, roll_mv * wave)
