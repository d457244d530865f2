"""The twin does what the reduced model does, and its copies scatter as the estimate is unsure."""

import jax.numpy as jnp
import numpy as np
import pytest

from physics.estimator_tuning import EstimatorTuning, FilterSetting, make_setting
from physics.reduced.model import (
    ACD,
    ALF3,
    ALUMINA,
    BEAM,
    LEDGE,
    make_nominal_state,
    make_reduced_parameters,
    step_state,
)
from physics.twin import SHOWN, STEP_S, play, scatter
from tests.physics.plants import load_design, load_noise_sd
from tests.physics.strict import strict_jax

__all__ = ["strict_jax"]

PLANT = "reference-300ka.toml"
DESIGN = load_design(PLANT)
HOUR = round(3600.0 / STEP_S)


@pytest.fixture(scope="module")
def setting() -> FilterSetting:
    return make_setting(DESIGN, load_noise_sd(PLANT), EstimatorTuning())


def drive(feed_kg_per_h: float, beam_mm: float, steps: int = HOUR) -> np.ndarray:
    return np.tile([feed_kg_per_h, beam_mm], (steps, 1))


def current(steps: int = HOUR) -> np.ndarray:
    return np.full(steps, DESIGN.line.current_ka)


def test_it_goes_where_the_reduced_model_goes_but_for_what_the_ledge_takes(
    setting: FilterSetting,
) -> None:
    dry = setting._replace(model=setting.model._replace(bath_share_per_cm=jnp.zeros(())))
    nominal = make_nominal_state(DESIGN)
    start, beam_mm = np.asarray(setting.start_mean)[None], nominal[BEAM] - 2.0
    course = play(dry, start, nominal[BEAM], drive(140.0, beam_mm), current())
    reduced = step_state(
        make_reduced_parameters(DESIGN),
        jnp.asarray(nominal),
        jnp.array([140.0, beam_mm]),
        DESIGN.line.current_ka,
        3600.0,
        substeps=HOUR,
    )
    np.testing.assert_allclose(course.states[-1, 0, :BEAM], reduced[:BEAM], rtol=1e-9)
    freezing = play(setting, start, nominal[BEAM], drive(140.0, beam_mm), current())
    grown_cm = freezing.states[-1, 0, LEDGE] - nominal[LEDGE]
    richer = freezing.states[-1, 0, ALF3] - course.states[-1, 0, ALF3]
    assert np.sign(richer) == np.sign(grown_cm) != 0.0


def test_a_beam_moves_the_gap_once(setting: FilterSetting) -> None:
    start = np.asarray(setting.start_mean)[None]
    still = play(setting, start, 200.0, drive(180.0, 200.0), current())
    moved = play(setting, start, 200.0, drive(180.0, 203.0), current())
    gap = SHOWN.index("acd_cm")
    np.testing.assert_allclose(moved.shown[:, 0, gap] - still.shown[:, 0, gap], 0.3, atol=1e-9)


def test_alf3_lowers_the_liquidus_from_the_first_moment(setting: FilterSetting) -> None:
    start = np.asarray(setting.start_mean)[None]
    plain = play(setting, start, 200.0, drive(180.0, 200.0), current())
    acid = play(setting, start, 200.0, drive(180.0, 200.0), current(), alf3_shift_wt_pct=1.0)
    superheat = SHOWN.index("superheat_c")
    assert acid.shown[0, 0, superheat] > plain.shown[0, 0, superheat] + 1.0
    richer = acid.states[-1, 0, ALF3]
    # What melts of the ledge is cryolite, which takes some of it back.
    left = richer - plain.states[-1, 0, ALF3]
    assert 0.3 < left < 1.0


def test_copies_scatter_as_the_covariance_says_and_the_first_does_not(
    setting: FilterSetting,
) -> None:
    mean, factor = np.asarray(setting.start_mean), np.asarray(setting.start_factor)
    starts, noise = scatter(setting, mean, factor, 4000, 2, seed=3)
    assert np.array_equal(starts[0], mean)
    assert not noise[:, 0].any()
    sd = np.sqrt(np.sum(factor**2, axis=1))
    free = [ALUMINA, ACD]  # those that no floor cuts
    np.testing.assert_allclose(starts[1:, free].std(axis=0), sd[free], rtol=0.05)
    again, _ = scatter(setting, mean, factor, 4000, 2, seed=3)
    assert np.array_equal(starts, again)
