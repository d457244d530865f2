"""Hypotheses that a feeder jumped, beside filters that know of the jump."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.design import PlantDesign
from physics.estimator_tuning import EstimatorTuning, make_setting
from physics.feeder_jumps import ONSETS, believe_jump, follow_onsets
from physics.kalman import Belief, predict, update, update_past
from physics.reduced.model import ALUMINA, FEEDER
from tests.physics.plants import load_noise_sd
from tests.physics.test_kalman import COUNT, TRUE, make_belief

QUARTER_S = 900.0
JUMP = 0.4
UNIT = jnp.eye(COUNT)
NEVER_AN_OUTLIER = 1e9
step = jax.jit(update)
carry = jax.jit(predict)


def jumped(belief: Belief) -> Belief:
    """The same where a filter is told of the jump."""
    return belief._replace(mean=belief.mean + JUMP * UNIT[FEEDER])


def log_likelihood(residual: float, variance: float) -> float:
    return float(-0.5 * (residual**2 / variance + np.log(2.0 * np.pi * variance)))


def test_a_hypothesis_is_a_filter_that_was_told_of_the_jump() -> None:
    """Its shift is what such a filter's mean is off, its ratio what such a filter fits better."""
    rng = np.random.default_rng(3)
    unaware = make_belief(jnp.zeros(COUNT), ONSETS)
    aware = jumped(unaware)
    unaware = follow_onsets(unaware, jnp.asarray(QUARTER_S - 1.0), jnp.asarray(QUARTER_S))
    ratio = 0.0
    for row in jnp.asarray(rng.standard_normal((40, COUNT))):
        measured, variance = rng.standard_normal(), 0.3
        squares = []
        for belief in (unaware, aware):
            shared = row @ belief.factor
            squares.append(log_likelihood(measured - row @ belief.mean, shared @ shared + variance))
        ratio += float(squares[1] - squares[0])
        unaware, _ = step(
            unaware, row, measured - row @ unaware.mean, variance, TRUE, NEVER_AN_OUTLIER
        )
        aware, _ = step(aware, row, measured - row @ aware.mean, variance, TRUE, NEVER_AN_OUTLIER)
    np.testing.assert_allclose(
        aware.mean, unaware.mean + JUMP * unaware.jump_shift[1], rtol=0.0, atol=1e-12
    )
    score, information = float(unaware.jump_score[1]), float(unaware.jump_information[1])
    assert JUMP * score - 0.5 * JUMP**2 * information == pytest.approx(ratio, rel=1e-9)
    others = [slot for slot in range(ONSETS) if slot != 1]
    assert not np.any(np.asarray(unaware.jump_shift)[others]), "which have not begun"
    assert not np.any(np.asarray(unaware.jump_information)[others])


def test_a_jump_is_carried_through_time_as_the_model_would(reference: PlantDesign) -> None:
    setting = make_setting(reference, load_noise_sd("reference-300ka.toml"), EstimatorTuning())
    small = 1e-4
    unaware = follow_onsets(
        make_belief(setting.start_mean, ONSETS), jnp.asarray(-1.0), jnp.asarray(0.0)
    )
    aware = unaware._replace(mean=unaware.mean + small * UNIT[FEEDER])
    usual = (setting.noise_per_s, jnp.zeros(COUNT), 180.0, 300.0, 0.0, 1800.0)
    after, known = (carry(setting.model, belief, *usual) for belief in (unaware, aware))
    expected = (known.mean - after.mean) / small
    np.testing.assert_allclose(after.jump_shift[0], expected, rtol=2e-3, atol=1e-6)
    assert float(after.jump_shift[0, ALUMINA]) > 0.3, "half an hour of half the feed and more"


def test_the_oldest_hypothesis_makes_room() -> None:
    belief = make_belief(jnp.zeros(COUNT), ONSETS)
    for number in range(1, ONSETS + 1):
        now_s = jnp.asarray(number * QUARTER_S)
        belief = follow_onsets(belief, now_s - 60.0, now_s)
        belief, _ = step(belief, UNIT[FEEDER], 0.01, 0.1**2, TRUE, NEVER_AN_OUTLIER)
    before = np.asarray(belief.jump_information)
    assert np.all(before > 0.0)
    now_s = jnp.asarray((ONSETS + 1) * QUARTER_S)
    within = follow_onsets(belief, now_s - 120.0, now_s - 60.0)
    assert np.array_equal(within.jump_information, before), "none is due"
    after = follow_onsets(belief, now_s - 60.0, now_s)
    assert after.jump_information.tolist() == [before[0], 0.0, *before[2:]]
    assert np.array_equal(after.jump_shift[1], UNIT[FEEDER])


def told(size: float, shots: int, before: float = 1.0) -> Belief:
    """The belief of a feeder, after measurements of one that has jumped by a size since."""
    belief = make_belief(before * UNIT[FEEDER], ONSETS)
    belief = belief._replace(factor=belief.factor * 0.1)
    belief = follow_onsets(belief, jnp.asarray(-1.0), jnp.asarray(0.0))
    for _ in range(shots):
        residual = before + size - belief.mean[FEEDER]
        belief, _ = step(belief, UNIT[FEEDER], residual, 0.15**2, TRUE, NEVER_AN_OUTLIER)
    return belief


def test_a_jump_beyond_chance_is_believed_once() -> None:
    belief = told(-0.5, 30)
    assert float(belief.mean[FEEDER]) > 0.9, "the filter alone is slow"
    after, doubt = believe_jump(belief)
    assert float(after.mean[FEEDER]) == pytest.approx(0.5, abs=0.01)
    assert 0.0 < float(doubt[FEEDER]) < 0.1**2
    assert not np.any(np.asarray(after.jump_shift))
    again, no_doubt = believe_jump(after)
    assert np.array_equal(again.mean, after.mean)
    assert not np.any(np.asarray(no_doubt))


def test_the_end_of_a_fault_takes_less_to_believe_than_its_begin() -> None:
    begun, _ = believe_jump(told(-0.4, 1))
    assert float(begun.mean[FEEDER]) > 0.9
    ended, _ = believe_jump(told(0.4, 1, before=0.5))
    assert float(ended.mean[FEEDER]) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("size", "shots"),
    [(-0.5, 1), (-0.1, 60), (0.5, 30)],
    ids=["too little said", "no fault", "more than it is asked for"],
)
def test_what_is_no_fault_is_not_believed(size: float, shots: int) -> None:
    belief = told(size, shots)
    after, doubt = believe_jump(belief)
    assert np.array_equal(after.mean, belief.mean)
    assert not np.any(np.asarray(doubt))


def test_a_sample_of_before_ends_what_was_followed() -> None:
    belief = told(-0.5, 30)
    residual, variance, tolerance_sd = map(jnp.asarray, (0.1, 0.01, 4.0))

    def take(usable: jax.Array) -> Belief:
        return update_past(
            belief, UNIT[ALUMINA], jnp.zeros(0), residual, variance, usable, tolerance_sd
        )[0]

    after, kept = take(TRUE), take(~TRUE)
    assert not np.any(np.asarray(after.jump_information))
    assert np.array_equal(kept.jump_information, belief.jump_information)
