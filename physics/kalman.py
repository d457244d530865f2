"""Extended Kalman filter of one cell in square-root form, with what it remembers of the past, and
what innovations say of jumps that it does not model (`physics.feeder_jumps`)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.filter_model import FilterModel, advance_estimate
from physics.square_root import absorb_scalar, expect_variance, spread_factor

_LONGEST_SUBSTEP_S = 30.0
_MOST_SUBSTEPS = 120
_SUBSTEP_IN_A_GAP_S = 120.0  # the longest gap that is predicted through: four hours


class Belief(NamedTuple):
    """What is believed of one cell now, and in hindsight of R quantities of earlier times.

    Attributes:
        mean: (N,).
        factor: (N + R, N): S with P = S S^T, and below it G of the remembered quantities.
        correction: (R,) how far the remembered quantities are from what was believed then.
        rest: (R, R) W, their covariance if the state of now were known.
        jump_shift: (J, N) how far the mean is from the truth by now for a unit of each of J jumps.
        jump_score: (J,) what the innovations since say for it: its log-likelihood ratio is
            `size * score - size**2 * information / 2`, most likely at `score / information`.
        jump_information: (J,) how much they could say.
    """

    mean: Array
    factor: Array
    correction: Array
    rest: Array
    jump_shift: Array
    jump_score: Array
    jump_information: Array


class Innovation(NamedTuple):
    """What a measurement said beyond the prediction, and in standard deviations; scalars."""

    residual: Array
    normalised: Array


def predict(
    model: FilterModel,
    belief: Belief,
    noise_per_s: Array,
    doubt: Array,
    feed_kg_per_h: Array,
    current_ka: Array,
    extra_voltage_v: Array,
    dt_s: Array,
) -> Belief:
    """Carry a belief through time, in substeps of at most 30 s.

    A gap beyond an hour takes longer substeps, up to 120 s; beyond four hours the mean stops there
    and only the uncertainty goes on growing.

    Args:
        model: nominal.
        belief: before.
        noise_per_s: (N,) variance that each state gains in a second.
        doubt: (N,) variance that it gains beside that.
        feed_kg_per_h: commanded, scalar.
        current_ka: scalar.
        extra_voltage_v: in an anode effect, scalar.
        dt_s: scalar, 0 or more.

    Returns:
        The belief after.
    """
    count = jnp.clip(jnp.ceil(dt_s / _LONGEST_SUBSTEP_S), 1.0, _MOST_SUBSTEPS)
    h = jnp.minimum(dt_s / count, _SUBSTEP_IN_A_GAP_S)
    noise_sd = jnp.sqrt((noise_per_s * dt_s + doubt) / count)

    def substep(_: Array, before: Belief) -> Belief:
        def move(x: Array) -> tuple[Array, Array]:
            after = advance_estimate(model, x, feed_kg_per_h, current_ka, h, extra_voltage_v)
            return after, after

        F, mean = jax.jacfwd(move, has_aux=True)(before.mean)
        factor, forgotten = spread_factor(before.factor, F, noise_sd)
        added = forgotten @ forgotten.T
        rest = before.rest + 0.5 * (added + added.T)  # products need not be symmetric to the bit
        shift = before.jump_shift @ F.T
        return before._replace(mean=mean, factor=factor, rest=rest, jump_shift=shift)

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
    """Take in one scalar measurement of what is now.

    A residual beyond `tolerance_sd` standard deviations counts for less, as if its noise were
    larger by the square of the excess: an outlier bends the estimate a little, a real step moves it
    in time.

    Args:
        belief: before.
        row: (N,) how the measurement depends on the state.
        residual: measured less predicted.
        variance: of the measurement's noise, above 0.
        usable: bool; without it nothing changes.
        tolerance_sd: scalar.

    Returns:
        The belief after and the innovation, NaN where not usable.
    """
    count = row.shape[0]
    shared = jnp.where(usable, row @ belief.factor[:count], 0.0)
    expected = expect_variance(belief.factor, row, variance)
    residual, trusted, innovation = _weigh(residual, expected, variance, usable, tolerance_sd)
    factor, gain = absorb_scalar(belief.factor, shared, trusted)
    seen = jnp.where(usable, belief.jump_shift @ row, 0.0)
    held = expected - variance + trusted
    after = belief._replace(
        mean=belief.mean + gain[:count] * residual,
        factor=factor,
        correction=belief.correction + gain[count:] * residual,
        jump_shift=belief.jump_shift - jnp.outer(seen, gain[:count]),
        jump_score=belief.jump_score + seen * residual / held,
        jump_information=belief.jump_information + seen**2 / held,
    )
    return after, innovation


def update_past(
    belief: Belief,
    row: Array,
    past_row: Array,
    residual: Array,
    variance: Array,
    usable: Array,
    tolerance_sd: Array,
) -> tuple[Belief, Innovation]:
    """Take in one scalar measurement of what was, and of what is where it depends on that as well.

    What it would have been after a jump is not known: where it is taken in, jumps are forgotten.

    Args:
        belief: before.
        row: (N,) how the measurement depends on the state of now.
        past_row: (R,) how it depends on the remembered quantities.
        residual: measured less what is now believed of then.
        variance, usable, tolerance_sd: as for `update`.

    Returns:
        The belief after, now and in hindsight, and the innovation, NaN where not usable.
    """
    count = row.shape[0]
    past_row = jnp.where(usable, past_row, 0.0)
    shared = jnp.where(usable, row, 0.0) @ belief.factor[:count] + past_row @ belief.factor[count:]
    own = belief.rest @ past_row
    known = jnp.sum(shared**2) + past_row @ own
    residual, trusted, innovation = _weigh(
        residual, variance + known, variance, usable, tolerance_sd
    )
    beside = jnp.concatenate([jnp.zeros_like(row), own])
    alone = trusted + past_row @ own
    factor, gain = absorb_scalar(belief.factor, shared, alone, beside)
    # Joseph's form: this is done once a day, so it can neither drift nor cost anything.
    keep = jnp.eye(own.shape[0], dtype=own.dtype) - jnp.outer(own / alone, past_row)
    rest = keep @ belief.rest @ keep.T + trusted * jnp.outer(own / alone, own / alone)
    after = belief._replace(
        mean=belief.mean + gain[:count] * residual,
        factor=factor,
        correction=belief.correction + gain[count:] * residual,
        rest=0.5 * (rest + rest.T),
    )
    return forget_jumps(after, usable), innovation


def variances(belief: Belief) -> Array:
    """(N,) of the states of now."""
    return jnp.sum(belief.factor[: belief.mean.shape[0]] ** 2, axis=1)


def begin_anew(belief: Belief, mean: Array, start_factor: Array) -> Belief:
    """The mean with the uncertainty of a start, for which the past says nothing of now."""
    count = mean.shape[0]
    factor = jnp.zeros_like(belief.factor).at[:count].set(start_factor)
    blank = jax.tree.map(jnp.zeros_like, belief)
    anew: Belief = blank._replace(mean=mean, factor=factor)
    return anew


def forget_jumps(belief: Belief, where: Array) -> Belief:
    """The belief without what has been followed of jumps, of all or of some.

    Args:
        belief: before.
        where: bool, scalar or (J,).
    """
    where = jnp.broadcast_to(where, belief.jump_score.shape)
    return belief._replace(
        jump_shift=jnp.where(where[:, None], 0.0, belief.jump_shift),
        jump_score=jnp.where(where, 0.0, belief.jump_score),
        jump_information=jnp.where(where, 0.0, belief.jump_information),
    )


def _weigh(
    residual: Array, expected: Array, variance: Array, usable: Array, tolerance_sd: Array
) -> tuple[Array, Array, Innovation]:
    """The residual to use, the variance to trust it with, and what to tell of it."""
    residual = jnp.where(usable, residual, 0.0)
    normalised = residual / jnp.sqrt(expected)
    excess = jnp.maximum(jnp.abs(normalised) / tolerance_sd, 1.0)
    trusted = variance + expected * (excess**2 - 1.0)
    blank = jnp.where(usable, 1.0, jnp.nan)
    return residual, trusted, Innovation(residual * blank, normalised * blank)
