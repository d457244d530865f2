"""Near 4 wt% voltage has its minimum and tells nothing of alumina: the estimator has to know it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from physics.estimator import Estimator
from physics.estimator_tuning import EstimatorTuning, make_setting
from physics.filter_model import advance_estimate, evaluate_estimate
from physics.properties import compute_liquidus_c
from physics.reduced.model import ALF3, ALUMINA
from physics.signals import SIGNALS
from tests.physics.plants import load_design, load_noise_sd

DESIGN = load_design("reference-300ka.toml")
NOISE_SD = load_noise_sd("reference-300ka.toml")
ESTIMATOR = Estimator(DESIGN, NOISE_SD)
SCAN_S, SCANS = 60.0, 480
LEAN_WT_PCT, FLAT_WT_PCT = 2.4, 4.0
CURRENT_KA = 300.0
Columns = dict[str, np.ndarray]


def choose_alf3_wt_pct(alumina_wt_pct: float) -> float:
    """The chemistry at which a bath of so much alumina freezes where the nominal one does."""
    bath, nominal = DESIGN.cell.bath, DESIGN.cell.nominal
    additives = (bath.caf2_wt_pct, bath.mgf2_wt_pct, bath.lif_wt_pct)

    def liquidus_c(w: float, alf3: float) -> float:
        return float(compute_liquidus_c(w, alf3, *additives))

    wanted_c = liquidus_c(nominal.alumina_wt_pct, bath.excess_alf3_wt_pct)
    return brentq(lambda alf3: liquidus_c(alumina_wt_pct, alf3) - wanted_c, 8.0, 15.0)


@pytest.fixture(scope="module")
def followed() -> tuple[list[Columns], np.ndarray]:
    """Cells that are fed what they use for five hours, and by turns more and less for three.

    Two are at the flat of the voltage, two on its lean side. Truth by scan, (S, C).
    """
    setting = make_setting(DESIGN, NOISE_SD, EstimatorTuning())
    model = setting.model
    levels = np.array([FLAT_WT_PCT, FLAT_WT_PCT, LEAN_WT_PCT, LEAN_WT_PCT])
    x = np.tile(np.asarray(setting.start_mean), (len(levels), 1))
    x[:, ALUMINA] = levels
    x[:, ALF3] = [choose_alf3_wt_pct(level) for level in levels]
    state = ESTIMATOR.init(len(levels))
    state = state._replace(mean=jnp.asarray(x))

    @jax.jit
    def advance(x: jax.Array, feed_factor: jax.Array) -> tuple[jax.Array, ...]:
        shown = jax.vmap(lambda one: evaluate_estimate(model.cell, one, CURRENT_KA))(x)
        feed = feed_factor * 3600.0 * shown.oxide_use_kg_per_s
        step = jax.vmap(
            lambda one, kg: advance_estimate(model, one, kg, CURRENT_KA, jnp.asarray(SCAN_S))
        )
        return step(x, feed), feed, shown.cell_voltage_v

    rng, fed = np.random.default_rng(7), np.zeros(len(levels))
    truth_x, value, truth = jnp.asarray(x), [], []
    for scan in range(SCANS):
        factor = 1.0 if scan < 300 else (0.7, 1.3)[(scan // 60) % 2]
        truth_x, feed, _ = advance(truth_x, jnp.asarray(factor))
        voltage = advance(truth_x, jnp.asarray(factor))[2]
        fed = fed + np.asarray(feed) * SCAN_S / 3600.0
        noise = rng.standard_normal((2, len(levels)))
        row = {
            "cell_voltage_v": np.asarray(voltage) + 0.01 * noise[0],
            "bath_temperature_c": np.asarray(truth_x[:, 3]) + 2.0 * noise[1],
            "alumina_fed_kg": fed,
            "beam_position_mm": np.full(len(levels), 200.0),
            "voltage_noise_mv": np.full(len(levels), 10.0),
            "line_current_ka": np.full(len(levels), CURRENT_KA),
        }
        value.append(np.stack([row[name] for name in SIGNALS], axis=1))
        truth.append(np.asarray(truth_x[:, ALUMINA]))
    values, columns = np.stack(value), []
    for first in range(0, SCANS, 16):
        scans = slice(first, first + 16)
        times = SCAN_S * (1.0 + np.arange(first, first + 16))
        marks = np.ones(values[scans].shape, dtype=bool)
        state, row = ESTIMATOR.step(state, times, values[scans], marks)
        columns.append(row)
    return columns, np.stack(truth)[15::16]


def test_without_perturbation_it_knows_less_and_less_at_the_flat(
    followed: tuple[list[Columns], np.ndarray],
) -> None:
    columns, truth = followed
    sd = np.stack([row["alumina_wt_pct_sd"] for row in columns])
    assert np.all(np.abs(truth[:18, :2] - FLAT_WT_PCT) < 0.3)
    assert np.all(sd[17, :2] > 1.3 * sd[1, :2])
    assert np.all(np.mean(sd[:18, :2], axis=0) > 1.5 * np.mean(sd[:18, 2:]))


def test_it_does_not_fool_itself(followed: tuple[list[Columns], np.ndarray]) -> None:
    columns, truth = followed
    estimate = np.stack([row["alumina_wt_pct"] for row in columns])
    sd = np.stack([row["alumina_wt_pct_sd"] for row in columns])
    assert np.mean(np.abs(estimate - truth) < 2.0 * sd) > 0.9
    assert np.max(np.abs(estimate - truth) / sd) < 4.0
