"""One measurement at a time: the algebra of the filter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from physics.design import PlantDesign
from physics.kalman import Belief, predict, update
from physics.reduced.model import STATES, make_nominal_state, make_reduced_parameters

COUNT = len(STATES)
step = jax.jit(update)
carry = jax.jit(predict)
SCALES = np.array([0.4, 6.0, 0.3, 8.0, 3.0, 0.4, 0.04, 0.03])
TRUE = jnp.asarray(True)


def make_belief(reference: PlantDesign) -> Belief:
    return Belief(jnp.asarray(make_nominal_state(reference)), jnp.diag(jnp.asarray(SCALES**2)))


def is_sound(covariance: jax.Array) -> bool:
    scaled = np.asarray(covariance) / np.outer(SCALES, SCALES)
    return bool(np.array_equal(covariance, np.transpose(covariance))) and bool(
        np.linalg.eigvalsh(scaled).min() > -1e-9
    )


def test_a_measurement_and_its_prediction_meet_by_their_variances(reference: PlantDesign) -> None:
    belief = make_belief(reference)
    row = jnp.eye(COUNT)[0]
    after, innovation = step(belief, row, 0.4, 0.4**2, TRUE, 4.0)
    assert float(after.mean[0] - belief.mean[0]) == pytest.approx(0.2)
    assert float(after.covariance[0, 0]) == pytest.approx(0.08)
    assert float(innovation.normalised) == pytest.approx(0.4 / np.hypot(0.4, 0.4))


def test_what_may_not_be_used_changes_nothing(reference: PlantDesign) -> None:
    belief = make_belief(reference)
    after, innovation = step(belief, jnp.eye(COUNT)[0], jnp.nan, 1.0, jnp.asarray(False), 4.0)
    assert np.array_equal(after.mean, belief.mean)
    assert np.array_equal(after.covariance, belief.covariance)
    assert np.isnan(float(innovation.residual))


def test_an_outlier_moves_less_than_its_size(reference: PlantDesign) -> None:
    belief = make_belief(reference)
    row = jnp.eye(COUNT)[0]
    near, _ = step(belief, row, 2.0, 0.4**2, TRUE, 4.0)
    far, _ = step(belief, row, 200.0, 0.4**2, TRUE, 4.0)
    assert float(far.mean[0] - belief.mean[0]) < float(near.mean[0] - belief.mean[0])


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(np.float64, COUNT, elements=st.floats(-3.0, 3.0)),
    st.floats(-1e3, 1e3),
    st.floats(1e-8, 1e4),
)
def test_the_covariance_stays_symmetric_and_positive(
    direction: np.ndarray, residual: float, variance: float
) -> None:
    covariance = jnp.diag(jnp.asarray(SCALES**2))
    belief = Belief(jnp.zeros(COUNT), covariance)
    for _ in range(3):
        belief, _ = step(belief, jnp.asarray(direction / SCALES), residual, variance, TRUE, 4.0)
    assert is_sound(belief.covariance)
    assert np.all(np.diag(belief.covariance) <= SCALES**2 * (1.0 + 1e-9))


def test_uncertainty_grows_through_a_gap(reference: PlantDesign) -> None:
    belief = make_belief(reference)
    parameters = make_reduced_parameters(reference)
    noise = jnp.asarray((0.1 * SCALES) ** 2 / 3600.0)
    alumina_sd = []
    for dt_s in (0.0, 60.0, 3600.0, 4.0 * 3600.0, 40.0 * 3600.0):
        after = carry(parameters, belief, noise, 180.0, 300.0, 0.0, dt_s)
        assert is_sound(after.covariance)
        assert bool(jnp.all(jnp.isfinite(after.mean)))
        alumina_sd.append(float(after.covariance[0, 0]))
    assert alumina_sd == sorted(alumina_sd)
    assert np.array_equal(
        carry(parameters, belief, noise, 180.0, 300.0, 0.0, 0.0).mean, belief.mean
    )
