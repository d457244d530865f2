"""The reduced model: its step, its inputs and its linearisation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.reduced.model import (
    ACD,
    ALF3,
    ALUMINA,
    BEAM,
    FEEDER,
    OUTPUTS,
    STATES,
    LinearModel,
    advance,
    linearise,
    make_nominal_state,
    make_reduced_parameters,
    outputs,
    step_state,
)

STEP_S = 900.0
step = jax.jit(step_state, static_argnames="substeps")


def around(design: PlantDesign, cells: int = 3) -> np.ndarray:
    mean = np.tile(make_nominal_state(design), (cells, 1))
    mean[:, ALUMINA] = np.linspace(2.2, 3.6, cells)
    return mean


def linear(design: PlantDesign, mean: np.ndarray, dt_s: float = STEP_S) -> LinearModel:
    feed = np.full(len(mean), nominal_feed_kg_per_h(design))
    return linearise(design, mean, feed, np.full(len(mean), design.line.current_ka), dt_s)


@pytest.mark.parametrize("plant", ["reference", "metalx"])
def test_the_linear_model_touches_the_step_where_it_was_made(
    plant: str, request: pytest.FixtureRequest
) -> None:
    design: PlantDesign = request.getfixturevalue(plant)
    parameters, mean = make_reduced_parameters(design), around(design)
    model = linear(design, mean)
    count = len(STATES)
    assert model.A.shape == (3, count, count)
    assert model.B.shape == (3, count, 2)
    assert model.output_rows.shape == (3, len(OUTPUTS), count)
    current_ka = design.line.current_ka
    feed = nominal_feed_kg_per_h(design)
    for cell, x in enumerate(mean):
        u = np.array([feed, x[BEAM]])
        exact = step(parameters, jnp.asarray(x), jnp.asarray(u), current_ka, STEP_S)
        assert np.allclose(model.A[cell] @ x + model.B[cell] @ u + model.c[cell], exact, rtol=1e-10)
        shown = outputs(parameters, jnp.asarray(x), current_ka)
        predicted = model.output_rows[cell] @ x + model.output_offset[cell]
        assert np.allclose(predicted, shown, rtol=1e-10)


def test_the_linear_model_holds_nearby(reference: PlantDesign) -> None:
    parameters, mean = make_reduced_parameters(reference), around(reference)
    model = linear(reference, mean)
    moved = mean[1] + np.array([0.1, 3.0, 0.05, 0.5, 0.3, 0.1, 0.03, 0.0])
    u = np.array([nominal_feed_kg_per_h(reference) * 1.2, mean[1, BEAM] + 0.5])
    exact = step(parameters, jnp.asarray(moved), jnp.asarray(u), 300.0, STEP_S)
    predicted = model.A[1] @ moved + model.B[1] @ u + model.c[1]
    assert np.allclose(predicted, exact, atol=[0.01, 0.3, 1e-6, 0.1, 0.05, 1e-3, 1e-3, 1e-6])


def test_feed_raises_alumina_and_the_beam_raises_the_gap(reference: PlantDesign) -> None:
    model = linear(reference, around(reference))
    kg_per_wt_pct = reference.cell.bath.mass_kg / 100.0
    hours = STEP_S / 3600.0
    assert np.all(model.B[:, ALUMINA, 0] > 0.5 * hours / kg_per_wt_pct)
    assert np.all(model.B[:, ALUMINA, 0] < hours / kg_per_wt_pct)
    assert np.allclose(model.B[:, ACD, 1], 0.1)
    assert np.allclose(model.A[:, ACD, BEAM], -0.1)
    assert np.allclose(model.B[:, BEAM, 1], 1.0)
    assert np.allclose(model.A[:, BEAM, BEAM], 0.0)
    assert np.all(model.A[:, ALUMINA, FEEDER] > 0.0)
    voltage = OUTPUTS.index("cell_voltage_v")
    assert np.allclose(model.output_rows[:, voltage, ACD], 0.371, atol=0.01)
    superheat = OUTPUTS.index("superheat_c")
    assert np.all(model.output_rows[:, superheat, ALUMINA] > 4.0)  # liquidus falls by 4 to 7 degC
    assert np.all(model.output_rows[:, superheat, ALF3] > 3.0)


def test_substeps_are_fine_enough(reference: PlantDesign) -> None:
    parameters = make_reduced_parameters(reference)
    x = jnp.asarray(around(reference)[0])
    u = jnp.array([250.0, 201.0])
    coarse = step(parameters, x, u, 300.0, STEP_S)
    fine = step(parameters, x, u, 300.0, STEP_S, substeps=200)
    assert np.allclose(coarse, fine, atol=[2e-3, 0.1, 1e-6, 0.03, 0.01, 1e-5, 1e-4, 1e-6])


def test_slow_states_return_to_nominal(reference: PlantDesign) -> None:
    parameters = make_reduced_parameters(reference)
    x = jnp.asarray(make_nominal_state(reference)).at[FEEDER].set(0.5)
    after = step(parameters, x, jnp.array([180.0, 200.0]), 300.0, 7200.0, substeps=100)
    assert 0.65 < float(after[FEEDER]) < 0.75


def test_a_midpoint_step_of_no_length_changes_nothing(reference: PlantDesign) -> None:
    x = jnp.asarray(make_nominal_state(reference))
    assert np.array_equal(advance(make_reduced_parameters(reference), x, 180.0, 300.0, 0.0), x)


def test_another_step_length_does_not_compile_again(reference: PlantDesign) -> None:
    from physics.reduced.model import _linearise

    linear(reference, around(reference), 900.0)
    compiled = _linearise._cache_size()
    linear(reference, around(reference), 600.0)
    assert _linearise._cache_size() == compiled


def test_a_cell_that_is_not_finite_spoils_no_other(reference: PlantDesign) -> None:
    mean = around(reference)
    sound = linear(reference, mean)
    mean[1] = np.nan
    model = linear(reference, mean)
    assert not np.any(np.isfinite(model.c[1]))
    assert np.array_equal(model.A[[0, 2]], sound.A[[0, 2]])
