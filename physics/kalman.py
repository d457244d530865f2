"""Extended Kalman filter of one cell: predict through time, take in one measurement at a time."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.parameters import CellParameters
from physics.reduced.model import advance

_LONGEST_SUBSTEP_S = 30.0
_MOST_SUBSTEPS = 120
_SUBSTEP_IN_A_GAP_S = 120.0  # the longest gap that is predicted through: four hours


class Belief(NamedTuple):
    """Mean and covariance of one cell: (N,) and (N, N)."""

    mean: Array
    covariance: Array


class Innovation(NamedTuple):
    """What a measurement said beyond the prediction, and in standard deviations; scalars."""

    residual: Array
    normalised: Array


def predict(
    parameters: CellParameters,
    belief: Belief,
    noise_per_s: Array,
    feed_kg_per_h: Array,
    current_ka: Array,
    extra_voltage_v: Array,
    dt_s: Array,
) -> Belief:
    """Carry a belief through time, in substeps of at most 30 s.

    A gap beyond an hour takes longer substeps, up to 120 s; beyond four hours the mean stops there
    and only the uncertainty goes on growing.

    Args:
        parameters: nominal.
        belief: before.
        noise_per_s: (N,) variance that each state gains in a second.
        feed_kg_per_h: commanded, scalar.
        current_ka: scalar.
        extra_voltage_v: in an anode effect, scalar.
        dt_s: scalar, 0 or more.

    Returns:
        The belief after; its covariance is symmetric.
    """
    count = jnp.clip(jnp.ceil(dt_s / _LONGEST_SUBSTEP_S), 1.0, _MOST_SUBSTEPS)
    h = jnp.minimum(dt_s / count, _SUBSTEP_IN_A_GAP_S)
    added = jnp.diag(noise_per_s * dt_s / count)

    def substep(_: Array, before: Belief) -> Belief:
        def move(x: Array) -> tuple[Array, Array]:
            after = advance(parameters, x, feed_kg_per_h, current_ka, h, extra_voltage_v)
            return after, after

        F, mean = jax.jacfwd(move, has_aux=True)(before.mean)
        return Belief(mean, _symmetric(F @ before.covariance @ F.T + added))

    after: Belief = jax.lax.fori_loop(0, count.astype(int), substep, belief)
    return after


def update(
    belief: Belief,
    row: Array,
    residual: Array,
    variance: Array,
    usable: Array,
    tolerance_sd: Array,
) -> tuple[Belief, Innovation]:
    """Take in one scalar measurement, in Joseph form.

    A residual beyond `tolerance_sd` standard deviations counts for less, as if its noise were
    larger by the square of the excess: an outlier bends the estimate a little, a real step moves it
    in time.

    Args:
        belief: before.
        row: (N,) how the measurement depends on the state.
        residual: measured less predicted.
        variance: of the measurement's noise.
        usable: bool; without it nothing changes.
        tolerance_sd: scalar.

    Returns:
        The belief after and the innovation, NaN where not usable.
    """
    residual = jnp.where(usable, residual, 0.0)
    spread = belief.covariance @ row
    expected = row @ spread + variance
    normalised = residual / jnp.sqrt(expected)
    excess = jnp.maximum(jnp.abs(normalised) / tolerance_sd, 1.0)
    trusted = variance + expected * (excess**2 - 1.0)
    gain = jnp.where(usable, spread / (row @ spread + trusted), 0.0)
    keep = jnp.eye(row.shape[0]) - jnp.outer(gain, row)
    covariance = keep @ belief.covariance @ keep.T + trusted * jnp.outer(gain, gain)
    after = Belief(belief.mean + gain * residual, _symmetric(covariance))
    blank = jnp.where(usable, 1.0, jnp.nan)
    return after, Innovation(residual * blank, normalised * blank)


def _symmetric(matrix: Array) -> Array:
    return 0.5 * (matrix + matrix.T)
