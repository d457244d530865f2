"""The cell as a whole: finite everywhere, and its terms pull the way they should."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physics.cell import CellState, compute_derivative, compute_outputs
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.parameters import make_parameters
from tests.physics.cells import make_cell_state, wide_states
from tests.physics.plants import load_design

PARAMETERS = {
    name: make_parameters(load_design(name))
    for name in ("reference-300ka.toml", "metalx-120ka.toml")
}
derivative = jax.jit(compute_derivative)
outputs = jax.jit(compute_outputs)


@settings(max_examples=60, deadline=None)
@given(
    wide_states,
    st.floats(1.0, 400.0),
    st.floats(0.0, 2.0),
    st.floats(0.0, 60.0),
    st.sampled_from(sorted(PARAMETERS)),
)
def test_everything_is_finite_everywhere(
    state: CellState, current_ka: float, feed_kg_per_s: float, extra_v: float, plant: str
) -> None:
    shown = outputs(PARAMETERS[plant], state, current_ka, feed_kg_per_s, extra_v)
    rates = derivative(PARAMETERS[plant], state, current_ka, feed_kg_per_s, extra_v)
    assert all(bool(jnp.isfinite(leaf)) for leaf in jax.tree.leaves((shown, rates)))
    assert 0.5 < float(shown.current_efficiency) < 1.0


@pytest.mark.parametrize("plant", ["reference", "metalx"])
def test_the_nominal_point_is_nearly_steady(plant: str, request: pytest.FixtureRequest) -> None:
    design: PlantDesign = request.getfixturevalue(plant)
    parameters = make_parameters(design)
    state = make_cell_state(design)
    use = float(outputs(parameters, state, design.line.current_ka, 0.0).oxide_use_kg_per_s)
    waiting = design.cell.feed.undissolved_fraction * use / design.cell.feed.dissolution_per_s
    settled = design.cell.feed.settling_per_s * waiting / design.cell.feed.sludge_return_per_s
    state = state._replace(
        undissolved_alumina_kg=jnp.asarray(waiting), sludge_kg=jnp.asarray(settled / 0.65)
    )
    shown = outputs(parameters, state, design.line.current_ka, use)
    rates = derivative(parameters, state, design.line.current_ka, use)
    assert float(shown.cell_voltage_v) == pytest.approx(
        design.cell.nominal.cell_voltage_v, abs=2e-3
    )
    assert use * 3600.0 == pytest.approx(nominal_feed_kg_per_h(design), rel=0.02)
    assert abs(float(rates.alumina_wt_pct)) * 3600.0 < 0.03
    assert abs(float(rates.bath_temperature_c)) * 3600.0 < 0.6
    assert abs(float(rates.ledge_cm)) * 3600.0 < 0.05


def test_voltage_parts_add_up(reference: PlantDesign) -> None:
    shown = outputs(PARAMETERS["reference-300ka.toml"], make_cell_state(reference), 300.0, 0.05)
    assert float(sum(shown.voltage)) == pytest.approx(float(shown.cell_voltage_v))


def test_alumina_heat_is_counted_once(reference: PlantDesign) -> None:
    """At a steady alumina content reaction and dissolution take 0.48 + 1.65 CE volts together."""
    parameters = PARAMETERS["reference-300ka.toml"]
    state = make_cell_state(reference, undissolved_alumina_kg=0.0, sludge_kg=0.0)
    share = 1.0 - float(parameters.undissolved_fraction)
    use = float(outputs(parameters, state, 300.0, 0.0).oxide_use_kg_per_s)
    shown = outputs(parameters, state, 300.0, use / share)
    taken_w = float(shown.heat.reaction_w + shown.heat.dissolution_w)
    assert taken_w == pytest.approx(3e5 * (0.48 + 1.65 * float(shown.current_efficiency)), rel=1e-9)


def test_feeding_cools_and_an_anode_effect_heats(reference: PlantDesign) -> None:
    parameters, state = PARAMETERS["reference-300ka.toml"], make_cell_state(reference)
    idle = derivative(parameters, state, 300.0, 0.0)
    fed = derivative(parameters, state, 300.0, 0.2)
    sparking = derivative(parameters, state, 300.0, 0.0, 20.0)
    assert fed.bath_temperature_c < idle.bath_temperature_c < sparking.bath_temperature_c
    assert fed.alumina_wt_pct > idle.alumina_wt_pct


def test_the_gap_closes_at_the_published_rate(reference: PlantDesign) -> None:
    rates = derivative(PARAMETERS["reference-300ka.toml"], make_cell_state(reference), 300.0, 0.05)
    assert float(rates.acd_cm) * 3600.0 * 10.0 == pytest.approx(-0.15)  # mm/h
