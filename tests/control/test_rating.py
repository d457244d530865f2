"""What an operating point is worth: a cell at rest, its account, and its anode effects."""

import jax.numpy as jnp
import numpy as np
import pytest

from control.anode_effects import Disturbances, anode_effect_rate
from control.kpis import GRIDS
from control.rating import (
    ALF3,
    ALUMINA,
    GAP,
    OBJECTIVES,
    SWING,
    Rater,
)
from physics.operating_point import compute_operating_point, make_operating_inputs
from physics.reduced import model as reduced
from tests.physics.plants import load_design
from tests.physics.strict import strict_jax

__all__ = ["strict_jax"]

DESIGN = load_design("reference-300ka.toml")
POINTS = np.array(
    [[4.12, 2.8, 0.0, 13.0], [3.8, 3.3, 0.0, 13.5], [5.0, 2.4, 0.0, 12.5]]
)  # no swing: a cell that stands still
QUIET = Disturbances(faults_per_pot_day=0.0, seen_sd_wt_pct=1e-3, blind_sd_wt_pct=0.0)


@pytest.fixture(scope="module")
def rater() -> Rater:
    return Rater(DESIGN)


def test_a_cell_at_rest_stays_there_in_the_reduced_model(rater: Rater) -> None:
    rated = rater.rate(POINTS)
    parameters = reduced.make_reduced_parameters(DESIGN)
    for row, targets in enumerate(POINTS):
        own = parameters._replace(excess_alf3_wt_pct=jnp.asarray(targets[ALF3]))
        x = jnp.asarray(reduced.make_nominal_state(DESIGN))
        x = x.at[reduced.ALUMINA].set(targets[ALUMINA]).at[reduced.ACD].set(targets[GAP])
        x = x.at[reduced.TEMPERATURE].set(rated.figures["bath_temperature_c"][row])
        x = (
            x.at[reduced.LEDGE]
            .set(rated.figures["ledge_cm"][row])
            .at[reduced.ALF3]
            .set(targets[ALF3])
        )
        use_kg_per_h = 3600.0 * float(
            reduced.evaluate(own, x, DESIGN.line.current_ka).oxide_use_kg_per_s
        )
        waiting_kg = own.undissolved_fraction * use_kg_per_h / 3600.0 / own.dissolution_per_s
        x = x.at[reduced.UNDISSOLVED].set(waiting_kg)
        per_h = 3600.0 * np.asarray(
            reduced.derivative(own, x, use_kg_per_h, DESIGN.line.current_ka)
        )
        still = [reduced.ALUMINA, reduced.UNDISSOLVED, reduced.TEMPERATURE, reduced.LEDGE]
        np.testing.assert_allclose(per_h[still], 0.0, atol=1e-6)


def test_without_anode_effects_energy_is_that_of_the_operating_point() -> None:
    rated = Rater(DESIGN, QUIET).rate(POINTS)
    inputs = make_operating_inputs(DESIGN)._replace(
        alumina_wt_pct=POINTS[:, ALUMINA],
        acd_cm=POINTS[:, GAP],
        excess_alf3_wt_pct=POINTS[:, ALF3],
        bath_temperature_c=rated.figures["bath_temperature_c"],
    )
    point = compute_operating_point(reduced.make_reduced_parameters(DESIGN), inputs)
    np.testing.assert_allclose(
        rated.figures["energy_kwh_per_kg"], point.energy_kwh_per_kg, rtol=1e-9
    )
    np.testing.assert_allclose(rated.figures["ghg_pfc_t_per_t"], 0.0, atol=1e-9)


def test_what_jax_traces_is_what_the_account_says(rater: Rater) -> None:
    rated = rater.rate(POINTS)
    traced = np.array([rater.objectives(jnp.asarray(targets)) for targets in POINTS])
    told = np.column_stack([rated.figures[name] for name in OBJECTIVES])
    np.testing.assert_allclose(traced, told, rtol=1e-12)


def test_a_clean_grid_leaves_carbon_and_fluorides() -> None:
    world, norway = (Rater(DESIGN, grid=grid).rate(POINTS).figures for grid in ("world", "Norway"))
    factor = {grid.name: grid.value for grid in GRIDS}
    share = norway["ghg_electricity_t_per_t"] / world["ghg_electricity_t_per_t"]
    np.testing.assert_allclose(share, factor["Norway"] / factor["world"])
    np.testing.assert_allclose(norway["ghg_pfc_t_per_t"], world["ghg_pfc_t_per_t"])


def test_an_unknown_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no grid 'moon'. Remedy: one of world, norway, china"):
        Rater(DESIGN, grid="moon")


def rate_of(disturbances: Disturbances, margin: float, swing: float, sd: float) -> float:
    numbers = (jnp.asarray(x) for x in (margin, swing, sd, 1.3, 0.08))
    return float(anode_effect_rate(disturbances, *numbers))


def test_a_deviate_alone_crosses_as_rice_says() -> None:
    alone = Disturbances(faults_per_pot_day=0.0)
    expected = 24.0 / (2.0 * np.pi * alone.correlation_h) * np.exp(-0.5 * (0.9 / 0.4) ** 2)
    assert rate_of(alone, 0.9, 0.0, 0.4) == pytest.approx(expected)


def test_faults_alone_are_those_that_last_longer_than_the_margin() -> None:
    faults = Disturbances(noticed_after_h=(0.0, 2.0))
    # Alumina that falls by 1.3 wt% an hour, and 0.08 h longer, is down by 1.3 after 0.92 h: what is
    # noticed later, 1.08 of 2 h, comes too late.
    expected = faults.faults_per_pot_day * 1.08 / 2.0
    # A deviate brings as many to it as it spares, where neither end of the times is near.
    assert rate_of(faults, 1.3, 0.0, 0.1) == pytest.approx(expected, rel=1e-3)


def test_more_margin_means_fewer(rater: Rater) -> None:
    rates = [rate_of(Disturbances(), margin, 0.4, 0.3) for margin in np.linspace(0.2, 3.0, 15)]
    assert np.all(np.diff(rates) < 0.0)


def test_a_swing_shows_where_the_cell_is_and_costs_voltage(rater: Rater) -> None:
    points = np.tile([3.9, 2.8, 0.0, 13.0], (4, 1))
    points[:, SWING] = (0.0, 0.2, 0.4, 0.6)
    figures = rater.rate(points).figures
    assert np.all(np.diff(figures["deviate_wt_pct"]) < 0.0)
    assert np.all(np.diff(figures["cell_voltage_v"]) > 0.0)
