"""The voltage's shape: where it rises, where it is flat, and that slopes exist at the corners."""

import jax
import jax.numpy as jnp
import pytest

from physics.parameters import make_parameters
from physics.voltage import (
    compute_anode_concentration_v,
    compute_cathode_concentration_v,
    compute_critical_current_density,
    compute_noise_mv,
    compute_voltage_parts,
)
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


def test_the_concentration_overvoltage_rises_smoothly_through_the_limiting_current() -> None:
    density = jnp.linspace(-0.5, 3.0, 701)
    temperature_k, limiting = jnp.asarray(1229.0), jnp.asarray(1.0)
    value_and_slope = jax.vmap(
        jax.value_and_grad(lambda i: compute_anode_concentration_v(temperature_k, i, limiting))
    )
    value_v, slope = value_and_slope(density)
    assert bool(jnp.all(jnp.diff(value_v) > 0.0))
    assert bool(jnp.all(jnp.diff(slope) > -1e-12))  # no corner, no pole
    _, beside = value_and_slope(jnp.asarray([0.98 - 1e-9, 0.98 + 1e-9]))
    assert float(beside[1] - beside[0]) == pytest.approx(0.0, abs=1e-5)


def test_the_cathode_gives_nothing_back() -> None:
    temperature_k, ratio = jnp.asarray(1229.15), jnp.asarray(1.0624)
    density = jnp.linspace(-1.0, 1.0, 401)
    value_v = compute_cathode_concentration_v(temperature_k, density, ratio)
    assert bool(jnp.all(value_v * density >= 0.0))
    assert bool(jnp.all(jnp.diff(value_v) >= 0.0))
    working = jnp.linspace(0.5, 1.0, 51)
    factor_v = 8.314462618 * 1229.15 / 96485.33212 / 1.5 * (1.375 - 0.25 * 1.0624)
    logarithm_v = factor_v * jnp.log(working / 0.257)
    regular_v = compute_cathode_concentration_v(temperature_k, working, ratio)
    assert float(jnp.max(jnp.abs(regular_v - logarithm_v))) < 1e-4


def test_the_critical_current_is_nominal_at_the_anode_effect() -> None:
    ratio = jnp.asarray(1.0624)
    at = compute_critical_current_density(0.8, ratio, jnp.asarray([1.8, 2.8]), jnp.asarray(1.8))
    assert float(at[0]) == pytest.approx(0.8)
    assert 1.0 < float(at[1]) < 1.5
