"""One measurement at a time: what the filter does with it. The algebra is in test_square_root."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.design import PlantDesign
from physics.estimator_tuning import EstimatorTuning, make_setting
from physics.filter_model import ESTIMATED
from physics.kalman import Belief, predict, update, variances
from tests.physics.plants import load_noise_sd

COUNT = len(ESTIMATED)
step = jax.jit(update)
carry = jax.jit(predict)
SCALES = np.array([0.4, 6.0, 0.3, 8.0, 3.0, 0.4, 0.04, 0.1, 20.0])
TRUE = jnp.asarray(True)
ROW = jnp.eye(COUNT)[0]


def make_belief(mean: jax.Array, jumps: int = 0) -> Belief:
    """A belief that remembers nothing; of so many jumps, of which none has begun."""
    return Belief(
        mean,
        jnp.diag(jnp.asarray(SCALES)),
        correction=jnp.zeros(0),
        rest=jnp.zeros((0, 0)),
        jump_shift=jnp.zeros((jumps, COUNT)),
        jump_score=jnp.zeros(jumps),
        jump_information=jnp.zeros(jumps),
    )


def test_a_measurement_and_its_prediction_meet_by_their_variances() -> None:
    after, innovation = step(make_belief(jnp.zeros(COUNT)), ROW, 0.4, 0.4**2, TRUE, 4.0)
    assert float(after.mean[0]) == pytest.approx(0.2)
    assert float(variances(after)[0]) == pytest.approx(0.08)
    assert float(innovation.normalised) == pytest.approx(0.4 / np.hypot(0.4, 0.4))


def test_what_may_not_be_used_changes_nothing() -> None:
    belief = make_belief(jnp.arange(float(COUNT)))
    after, innovation = step(belief, ROW, jnp.nan, 1.0, jnp.asarray(False), 4.0)
    assert np.array_equal(after.mean, belief.mean)
    assert np.array_equal(after.factor, belief.factor)
    assert np.isnan(float(innovation.residual))


def test_an_outlier_moves_less_than_its_size() -> None:
    belief = make_belief(jnp.zeros(COUNT))
    near, _ = step(belief, ROW, 2.0, 0.4**2, TRUE, 4.0)
    far, _ = step(belief, ROW, 200.0, 0.4**2, TRUE, 4.0)
    assert 0.0 < float(far.mean[0]) < float(near.mean[0])


def test_uncertainty_grows_through_a_gap(reference: PlantDesign) -> None:
    noise_sd = load_noise_sd("reference-300ka.toml")
    setting = make_setting(reference, noise_sd, EstimatorTuning())
    belief = make_belief(setting.start_mean)
    noise = jnp.asarray((0.1 * SCALES) ** 2 / 3600.0)
    doubt = jnp.zeros(COUNT)
    alumina_sd = []
    for dt_s in (60.0, 3600.0, 4.0 * 3600.0, 40.0 * 3600.0):
        after = carry(setting.model, belief, noise, doubt, 180.0, 300.0, 0.0, dt_s)
        assert bool(jnp.all(jnp.isfinite(after.mean)))
        alumina_sd.append(float(variances(after)[0]))
    assert alumina_sd == sorted(alumina_sd)
    still = carry(setting.model, belief, noise, doubt, 180.0, 300.0, 0.0, 0.0)
    np.testing.assert_allclose(still.mean, belief.mean, rtol=1e-12)
