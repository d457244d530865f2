"""A cell over days: balances, and what plans see of it."""

import jax.numpy as jnp
import numpy as np
import pytest

from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from physics.reduced.day_model import (
    DAY_OUTPUTS,
    DayBeliefs,
    day_derivative,
    linearise_day,
    make_day_parameters,
    show_day,
    step_day,
)

DESIGN = load_plant(DEFAULT_PLANT).design
PARAMETERS = make_day_parameters(DESIGN)
STEP_S = 4 * 3600.0
STATE = np.array([956.0, 12.8, 13.0])
INPUTS = np.array([4.121, 26.0])


def beliefs(**changes: float) -> DayBeliefs:
    usual = {"alumina_wt_pct": 2.8, "line_current_ka": 300.0}
    usual |= {"added_resistance_uohm": 0.0, "added_heat_kw": 0.0}
    return DayBeliefs(**(usual | changes))


def beliefs_of(cells: int) -> DayBeliefs:
    return DayBeliefs(*(np.full(cells, value) for value in beliefs()))


def test_a_kilogram_of_alf3_is_a_kilogram() -> None:
    more = day_derivative(
        PARAMETERS, jnp.asarray(STATE), jnp.asarray(INPUTS + np.array([0.0, 24.0])), beliefs()
    )
    less = day_derivative(PARAMETERS, jnp.asarray(STATE), jnp.asarray(INPUTS), beliefs())
    kg_per_day = (more - less)[2] * 86400.0 / 100.0 * DESIGN.cell.bath.mass_kg
    assert float(kg_per_day) == pytest.approx(24.0)


def test_what_soda_takes_is_replaced_by_the_usual_addition() -> None:
    parameters = PARAMETERS._replace(bath_share_per_cm=jnp.zeros(()))
    rate = day_derivative(parameters, jnp.asarray(STATE), jnp.asarray(INPUTS), beliefs())
    # 0.006 of 180 kg/h of alumina is 26 kg a day.
    assert float(rate[2]) * 86400.0 == pytest.approx(0.0, abs=0.01)


def test_a_ledge_that_grows_leaves_the_bath_more_acid() -> None:
    cold = jnp.asarray(STATE - np.array([3.0, 0.0, 0.0]))
    rate = day_derivative(PARAMETERS, cold, jnp.asarray(INPUTS), beliefs())
    assert rate[1] > 0.0
    still = day_derivative(PARAMETERS, cold, jnp.asarray(INPUTS), beliefs(), rate[1])
    frozen_share = float(rate[1]) * 2790.0 * 25.0 / 100.0 / 7000.0
    assert float(rate[2] - still[2]) == pytest.approx(frozen_share * 13.0)
    assert float(still[1]) == 0.0


def test_the_linear_model_is_the_nonlinear_one_near_its_point() -> None:
    model = linearise_day(DESIGN, STATE[None], INPUTS[None], beliefs_of(1), STEP_S)
    begin, u = model.state[0] + np.array([0.05, 0.02, 0.02]), INPUTS + np.array([0.01, 1.0])
    settled = jnp.asarray(model.state[0])
    standing = day_derivative(PARAMETERS, settled, jnp.asarray(INPUTS), beliefs())[1]
    after = step_day(
        PARAMETERS, jnp.asarray(begin), jnp.asarray(u), beliefs(), STEP_S, 48, standing
    )
    linear = model.A[0] @ begin + model.B[0] @ u + model.c[0]
    np.testing.assert_allclose(linear, after, rtol=2e-4)
    shown = show_day(PARAMETERS, after, jnp.asarray(u), beliefs())
    outputs = model.C[0] @ linear + model.D[0] @ u + model.d[0]
    np.testing.assert_allclose(outputs, shown, rtol=2e-3)
    assert len(outputs) == len(DAY_OUTPUTS)


def test_under_what_is_in_force_the_ledge_is_taken_to_stand() -> None:
    # Two degrees of error in the temperature would be six centimetres of ledge.
    for error_c in (-2.0, 0.0, 2.0):
        begin = STATE + np.array([error_c, 0.0, 0.0])
        model = linearise_day(DESIGN, begin[None], INPUTS[None], beliefs_of(1), STEP_S)
        after = model.A[0] @ model.state[0] + model.B[0] @ INPUTS + model.c[0]
        np.testing.assert_allclose(after, model.state[0], atol=0.02)


def test_a_wider_gap_warms_and_melts() -> None:
    model = linearise_day(DESIGN, STATE[None], INPUTS[None], beliefs_of(1), STEP_S)
    assert model.B[0][0, 0] > 5.0
    assert model.B[0][1, 0] < -0.5
    assert model.B[0][2, 1] > 0.0


def test_a_cell_that_is_no_number_spoils_only_itself() -> None:
    states = np.stack([STATE, [np.nan, 12.8, 13.0], STATE])
    model = linearise_day(DESIGN, states, np.tile(INPUTS, (3, 1)), beliefs_of(3), STEP_S)
    assert not np.all(np.isfinite(model.A[1]))
    np.testing.assert_array_equal(model.A[0], model.A[2])
    assert np.all(np.isfinite(model.A[0]))
