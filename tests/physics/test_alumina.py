"""Alumina is neither made nor lost between its three places."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physics.alumina import compute_alumina_rates
from physics.parameters import make_parameters
from tests.physics.plants import load_design

PARAMETERS = make_parameters(load_design("reference-300ka.toml"))
rates_of = jax.jit(compute_alumina_rates)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.0, 12.0),
    st.floats(0.0, 300.0),
    st.floats(0.0, 300.0),
    st.floats(5.0, 10.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.1),
)
def test_what_is_fed_and_not_used_is_somewhere(
    dissolved: float, waiting: float, sludge: float, saturation: float, feed: float, use: float
) -> None:
    rates = rates_of(PARAMETERS, dissolved, waiting, sludge, saturation, feed, use)
    in_solution = float(rates.dissolved_wt_pct_per_s) * float(PARAMETERS.bath_mass_kg) / 100.0
    stored = in_solution + float(rates.undissolved_kg_per_s) + float(rates.sludge_kg_per_s)
    assert stored == pytest.approx(feed - use, abs=1e-9)


def test_nothing_dissolves_in_a_saturated_bath() -> None:
    rates = compute_alumina_rates(PARAMETERS, 8.0, 50.0, 50.0, 8.0, 0.1, 0.05)
    assert float(rates.dissolving_kg_per_s) == 0.0
    assert float(rates.dissolved_wt_pct_per_s) < 0.0


def test_empty_reservoirs_do_not_go_below_zero() -> None:
    rates = compute_alumina_rates(PARAMETERS, 2.5, 0.0, 0.0, 8.0, 0.0, 0.05)
    assert float(rates.undissolved_kg_per_s) == 0.0
    assert float(rates.sludge_kg_per_s) == 0.0
    assert bool(jnp.isfinite(rates.dissolved_wt_pct_per_s))
