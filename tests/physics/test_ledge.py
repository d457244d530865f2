"""The ledge grows when the bath is cool, melts when it is hot, and stops at the bare wall."""

import jax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physics.ledge import compute_ledge_cm_per_s, compute_steady_ledge_cm
from physics.parameters import make_parameters
from tests.physics.plants import load_design

PARAMETERS = make_parameters(load_design("reference-300ka.toml"))
growth_of = jax.jit(compute_ledge_cm_per_s)
steady_of = jax.jit(compute_steady_ledge_cm)


@settings(max_examples=60, deadline=None)
@given(st.floats(1.0, 12.0), st.floats(900.0, 1000.0))
def test_the_steady_thickness_is_stable(superheat_c: float, liquidus_c: float) -> None:
    steady = float(steady_of(PARAMETERS, superheat_c, liquidus_c))
    assert float(growth_of(PARAMETERS, steady, superheat_c, liquidus_c)) == pytest.approx(
        0.0, abs=1e-12
    )
    assert float(growth_of(PARAMETERS, steady + 1.0, superheat_c, liquidus_c)) < 0.0
    assert float(growth_of(PARAMETERS, 0.9 * steady, superheat_c, liquidus_c)) > 0.0


def test_hot_bath_melts_it_all_but_not_more() -> None:
    assert float(compute_steady_ledge_cm(PARAMETERS, 40.0, 950.0)) == 0.0
    assert float(compute_ledge_cm_per_s(PARAMETERS, 0.0, 40.0, 950.0)) == 0.0
    assert float(compute_ledge_cm_per_s(PARAMETERS, 5.0, 40.0, 950.0)) < 0.0


def test_a_cold_bath_freezes() -> None:
    assert float(compute_ledge_cm_per_s(PARAMETERS, 12.8, -5.0, 950.0)) > 0.0
