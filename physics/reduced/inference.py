"""Operators learnt from what a full-order model did: rates as a weighted sum of features.

    d state / dt = sum over features f of operator[f, :] f(state, drives)

Which features there are is the caller's physics. The sum is fitted in its integral form, so that no
rate has to be taken from differences of stored states:

    state(t1) - state(t0) = operator . (integral of the features from t0 to t1)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


class Operators(NamedTuple):
    """Learnt weights, with the scales that make features and states of order one."""

    weight: Array  # (F, X), of scaled features to scaled rates
    feature_mean: Array  # (F,)
    feature_scale: Array  # (F,)
    rate_scale: Array  # (X,), per second


def compute_rates(operators: Operators, features: Array) -> Array:
    """Rates of change (X,) from features (F,)."""
    scaled = (features - operators.feature_mean) / operators.feature_scale
    return operators.rate_scale * (scaled @ operators.weight)


def integrate_features(features: Array, interval_s: Array) -> Array:
    """Integral of the features over each interval of a trajectory, by the trapezoidal rule.

    Args:
        features: (S + 1, F) at the ends of the intervals.
        interval_s: (S,).

    Returns:
        (S, F).
    """
    return 0.5 * interval_s[:, None] * (features[1:] + features[:-1])


def fit_operators(
    integrals: Array, changes: Array, interval_s: Array, ridge: ArrayLike
) -> Operators:
    """Fit the weights by least squares, with a penalty on their size.

    Args:
        integrals: (S, F) of the features over each interval; a constant feature belongs to them.
        changes: (S, X) of the states over each interval.
        interval_s: (S,).
        ridge: penalty on the squared weights of scaled features, as a share of the number of rows;
            (X,) or scalar.

    Returns:
        The operators.

    Source:
        Peherstorfer and Willcox 2016 (operator inference); McQuarrie, Huang and Willcox 2021 for
        the penalty.
    """
    means = integrals / interval_s[:, None]  # of the features in each interval
    rates = changes / interval_s[:, None]
    centre = means.mean(axis=0)
    spread = means.std(axis=0)
    is_constant = spread <= 1e-12 * (jnp.abs(centre) + 1e-300)
    # A constant feature keeps its value: it carries what does not vary.
    centre = jnp.where(is_constant, 0.0, centre)
    scale = jnp.where(is_constant, jnp.where(means[0] != 0.0, jnp.abs(means[0]), 1.0), spread)
    rate_scale = jnp.sqrt((rates**2).mean(axis=0))
    rate_scale = jnp.where(rate_scale > 0.0, rate_scale, 1.0)
    rows = (means - centre[None, :]) / scale[None, :]
    aims = rates / rate_scale[None, :]
    penalty = jnp.broadcast_to(jnp.asarray(ridge), rate_scale.shape) * rows.shape[0]
    free = jnp.where(is_constant, 0.0, 1.0)
    squares, products = rows.T @ rows, rows.T @ aims

    def fit_one(penalty: Array, product: Array) -> Array:
        solved: Array = jnp.linalg.solve(squares + jnp.diag(penalty * free + 1e-12), product)
        return solved

    weight = jax.vmap(fit_one, in_axes=(0, 1), out_axes=1)(penalty, products)
    return Operators(weight, centre, scale, rate_scale)


def make_products(values: Array) -> Array:
    """All products of pairs of some values (V,): (V (V + 1) / 2,)."""
    rows, columns = jnp.triu_indices(values.shape[0])
    return values[rows] * values[columns]
