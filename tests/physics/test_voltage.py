"""The voltage's shape: where it rises, where it is flat, and that slopes exist at the corners."""

import jax
import jax.numpy as jnp
import pytest

from physics.parameters import make_parameters
from physics.voltage import compute_noise_mv, compute_voltage_parts
from tests.physics.plants import load_design

PARAMETERS = make_parameters(load_design("reference-300ka.toml"))


def voltage_at(alumina: float, acd_cm: float = 4.121) -> float:
    return float(compute_voltage_parts(PARAMETERS, 300.0, alumina, 956.0, acd_cm).total())


def test_the_minimum_over_alumina_lies_near_four_per_cent() -> None:
    grid = jnp.linspace(1.9, 6.0, 83)
    parts = jax.jit(compute_voltage_parts)(PARAMETERS, 300.0, grid, 956.0, 4.121)
    assert 3.8 < float(grid[jnp.argmin(parts.total())]) < 4.6


def test_the_slope_exists_below_the_anode_effect() -> None:
    slope = jax.grad(lambda w: compute_voltage_parts(PARAMETERS, 300.0, w, 956.0, 4.121).total())
    for alumina in (0.1, 0.5, 1.7, 1.8, 1.81, 2.0):
        assert bool(jnp.isfinite(slope(alumina)))
    assert float(slope(1.85)) < -0.5


def test_a_longer_gap_costs_voltage() -> None:
    assert voltage_at(2.8, 4.221) - voltage_at(2.8, 4.121) == pytest.approx(0.0371, abs=0.0003)


def test_no_current_no_ohmic_voltage() -> None:
    parts = compute_voltage_parts(PARAMETERS, 1e-6, 2.8, 956.0, 4.121)
    assert float(parts.bath_v + parts.bubble_v + parts.anode_ohmic_v) == pytest.approx(
        0.0, abs=1e-6
    )
    assert float(parts.anode_reaction_v) == pytest.approx(0.0, abs=1e-6)


def test_noise_grows_below_the_onset_only() -> None:
    assert float(compute_noise_mv(PARAMETERS, 4.2)) == 10.0
    assert float(compute_noise_mv(PARAMETERS, 3.8)) == 10.0
    assert float(compute_noise_mv(PARAMETERS, 3.55)) == pytest.approx(20.0)
    assert float(compute_noise_mv(PARAMETERS, 3.3)) == pytest.approx(50.0)
