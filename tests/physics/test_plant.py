"""The simulated line: what it shows, what it conserves, what befalls it."""

from dataclasses import replace
from time import perf_counter

import jax
import numpy as np
import pytest

from physics.cell import compute_derivative, compute_outputs
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.disturbances import Disturbances
from physics.plant import (
    PlantInputs,
    PlantOutputs,
    PlantParameters,
    PlantState,
    init_plant,
    make_inputs,
    step_plant,
)
from physics.signals import CELL_SIGNALS, LINE_SIGNALS
from tests.physics.plants import load_design

CELLS = 8  # one size for most tests: each other size compiles anew
CALM = Disturbances(faults_per_cell_day=0.0)


def run(
    parameters: PlantParameters, state: PlantState, inputs: PlantInputs, hours: float
) -> tuple[PlantState, PlantOutputs]:
    """Run in scans of a minute."""
    for _ in range(round(hours * 60.0)):
        state, outputs = step_plant(parameters, state, inputs, 60.0)
    return state, outputs


def test_a_scan_shows_every_signal(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=1)
    state, outputs = step_plant(parameters, state, make_inputs(state), 15.0)
    assert set(outputs.measured) == {*CELL_SIGNALS, *LINE_SIGNALS}
    assert all(outputs.measured[name].shape == (CELLS,) for name in CELL_SIGNALS)
    assert outputs.measured["line_current_ka"].shape == ()
    assert all(bool(np.all(np.isfinite(x))) for x in outputs.measured.values())
    assert float(state.t_s) == pytest.approx(15.0)


@pytest.mark.parametrize("plant", ["reference", "metalx"])
def test_cells_start_near_nominal_and_differ(plant: str, request: pytest.FixtureRequest) -> None:
    design: PlantDesign = request.getfixturevalue(plant)
    parameters, state = init_plant(design, CELLS, seed=2)
    _, outputs = step_plant(parameters, state, make_inputs(state), 1.0)
    voltage = np.asarray(outputs.truth.cell_voltage_v)
    assert np.all(np.abs(voltage - design.cell.nominal.cell_voltage_v) < 0.05)
    assert 0.01 < np.std(np.asarray(outputs.truth.acd_cm)) < 0.2
    superheat = np.asarray(outputs.truth.superheat_c)
    assert np.all((superheat > 4.0) & (superheat < 11.0))
    assert np.std(np.asarray(outputs.truth.bath_temperature_c)) > 0.5


def test_a_cell_is_the_same_in_any_line(reference: PlantDesign) -> None:
    short = init_plant(reference, 3, seed=7)
    long = init_plant(reference, CELLS, seed=7)
    for _ in range(3):
        short = (short[0], step_plant(*short, make_inputs(short[1]), 15.0)[0])
        long = (long[0], step_plant(*long, make_inputs(long[1]), 15.0)[0])
    assert np.array_equal(short[1].cell.alumina_wt_pct, long[1].cell.alumina_wt_pct[:3])
    other = init_plant(reference, 3, seed=8)
    assert not np.array_equal(short[0].cell.bath_mass_kg, other[0].cell.bath_mass_kg)


def test_no_alumina_is_made_or_lost(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=3)

    def stored(state: PlantState) -> np.ndarray:
        dissolved = state.cell.alumina_wt_pct * parameters.cell.bath_mass_kg / 100.0
        return np.asarray(
            dissolved + state.cell.undissolved_alumina_kg + state.cell.sludge_kg + state.crust_kg
        )

    before = stored(state)
    state, _ = run(parameters, state, make_inputs(state), 3.0)
    gained = stored(state) - before
    assert np.allclose(gained, np.asarray(state.arrived_kg - state.used_kg), atol=1e-8)


def test_feed_falls_in_whole_shots_at_the_demanded_rate(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=4, disturbances=CALM)
    asked = np.full(CELLS, 180.0)
    asked[:4] = 60.0, 100.0, 180.0, 1e9
    state, outputs = run(parameters, state, PlantInputs(asked, state.beam_mm), 0.5)
    fed = np.asarray(outputs.measured["alumina_fed_kg"])[:4]
    shot = reference.cell.feed.shot_kg
    assert np.allclose(fed / shot, np.round(fed / shot))
    most = 5.0 * nominal_feed_kg_per_h(reference)
    assert np.allclose(fed, np.array([30.0, 50.0, 90.0, most / 2.0]), atol=2.0 * shot)


def test_inputs_that_are_not_finite_change_nothing(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=5)
    beam = np.asarray(state.beam_mm)
    feed = np.asarray(state.feed_rate_kg_per_h)
    inputs = PlantInputs(
        np.tile([np.nan, np.inf], CELLS // 2), np.tile([np.inf, np.nan], CELLS // 2)
    )
    state, outputs = step_plant(parameters, state, inputs, 15.0)
    assert np.array_equal(outputs.feed_rate_kg_per_h, feed)
    assert np.array_equal(state.beam_mm, beam)


def test_the_beam_runs_at_its_speed_and_moves_the_anodes_behind_its_backlash(
    reference: PlantDesign,
) -> None:
    still = replace(CALM, acd_wander_cm_per_root_h=0.0)
    parameters, state = init_plant(reference, CELLS, seed=6, disturbances=still)
    beam, gap = float(state.beam_mm[0]), float(state.cell.acd_cm[0])
    inputs = PlantInputs(state.feed_rate_kg_per_h, np.full(CELLS, beam + 5.04))
    state, outputs = step_plant(parameters, state, inputs, 5.0)
    assert float(state.beam_mm[0]) - beam == pytest.approx(2.5)  # 0.5 mm/s
    state, outputs = step_plant(parameters, state, inputs, 30.0)
    assert float(outputs.measured["beam_position_mm"][0]) - beam == pytest.approx(5.0)  # 0.1 mm
    raised_cm = float(state.cell.acd_cm[0]) - gap
    assert raised_cm == pytest.approx((5.0 - 0.15) / 10.0, abs=0.001)


def test_a_starved_cell_has_an_anode_effect_and_ends_it_itself(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=9, disturbances=CALM)
    asked = np.full(CELLS, nominal_feed_kg_per_h(reference))
    asked[0] = 0.0
    inputs = PlantInputs(asked, np.asarray(state.beam_mm))
    seen, longest_min, running_min = 0, 0, 0
    for _ in range(3 * 60):
        state, outputs = step_plant(parameters, state, inputs, 60.0)
        out = bool(outputs.truth.anode_effect[0])
        assert not bool(outputs.truth.anode_effect[1])
        if out:
            assert float(outputs.measured["cell_voltage_v"][0]) > 15.0
            assert float(outputs.truth.alumina_wt_pct[0]) < 2.6
        running_min = running_min + 1 if out else 0
        seen += running_min == 1
        longest_min = max(longest_min, running_min)
    assert seen >= 1
    assert longest_min <= 12
    assert float(outputs.truth.ledge_cm[0]) > 0.0


def test_a_faulty_feeder_says_it_dropped_what_it_did_not(reference: PlantDesign) -> None:
    always = replace(CALM, faults_per_cell_day=1e6, shot_sd_kg=0.0)
    parameters, state = init_plant(reference, CELLS, seed=10, disturbances=always)
    state, outputs = run(parameters, state, make_inputs(state), 0.5)
    assert np.allclose(state.arrived_kg, 0.5 * np.asarray(state.fed_kg))
    assert np.all(np.asarray(outputs.truth.feed_share) == 0.5)


def test_faults_come_as_often_as_stated_and_last_one_to_two_hours(reference: PlantDesign) -> None:
    often = Disturbances(faults_per_cell_day=2.0)
    parameters, state = init_plant(reference, 300, seed=11, disturbances=often)
    inputs = make_inputs(state)
    faulty_h = 0.0
    for _ in range(12 * 12):
        state, outputs = step_plant(parameters, state, inputs, 300.0)
        faulty_h += float(np.sum(np.asarray(outputs.truth.feed_share) < 1.0)) / 12.0
    # 2 a day begin while healthy; each lasts 1.5 h on average.
    expected_h = 300.0 * 12.0 * (1.5 / (12.0 + 1.5))
    assert faulty_h == pytest.approx(expected_h, rel=0.2)


def test_the_measured_noise_is_the_stated_noise(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, 300, seed=12, disturbances=CALM)
    inputs = make_inputs(state)
    state, outputs = step_plant(parameters, state, inputs, 15.0)
    truth, measured = outputs.truth, outputs.measured
    voltage_error_v = np.asarray(measured["cell_voltage_v"] - truth.cell_voltage_v)
    assert np.std(voltage_error_v) == pytest.approx(0.010, rel=0.15)
    error_c = np.asarray(measured["bath_temperature_c"] - truth.bath_temperature_c)
    assert np.std(error_c) == pytest.approx(np.hypot(1.5, 0.7), rel=0.15)
    assert abs(float(measured["line_current_ka"] - truth.line_current_ka[0])) < 0.3


def test_a_short_gap_is_noisy(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=13, disturbances=CALM)
    lowered = np.asarray(state.beam_mm) - 9.0 * (np.arange(CELLS) == 1)
    inputs = PlantInputs(state.feed_rate_kg_per_h, lowered)
    _, outputs = step_plant(parameters, state, inputs, 60.0)
    calm, noisy = np.asarray(outputs.measured["voltage_noise_mv"])[:2]
    assert noisy > 2.0 * calm


def test_another_period_does_not_compile_again_and_300_cells_take_under_10_ms(
    reference: PlantDesign,
) -> None:
    parameters, state = init_plant(reference, 300, seed=14)
    inputs = make_inputs(state)
    state, _ = step_plant(parameters, state, inputs, 15.0)
    compiled = step_plant._cache_size()
    best_s = np.inf
    for dt_s in (15.0, 1.0, 15.0, 7.5, 15.0, 900.0, 15.0, 15.0):
        began_s = perf_counter()
        state, outputs = jax.block_until_ready(step_plant(parameters, state, inputs, dt_s))
        best_s = min(best_s, perf_counter() - began_s) if dt_s == 15.0 else best_s
    assert step_plant._cache_size() == compiled
    assert best_s < 0.010
    assert all(bool(np.all(np.isfinite(x))) for x in outputs.measured.values())


def test_a_line_without_cells_is_refused(reference: PlantDesign) -> None:
    with pytest.raises(ValueError, match="0 cells"):
        init_plant(reference, 0, seed=1)


def test_cells_start_with_the_sludge_and_the_waiting_alumina_that_they_keep() -> None:
    """For each cell by its own efficiency and saturation, whatever the plant."""
    for plant in ("reference-300ka.toml", "metalx-120ka.toml"):
        design = load_design(plant)
        parameters, state = init_plant(design, 6, seed=4)
        now = compute_outputs(parameters.cell, state.cell, design.line.current_ka, 0.0)
        rates = compute_derivative(
            parameters.cell, state.cell, design.line.current_ka, now.oxide_use_kg_per_s
        )
        dissolving = parameters.cell.dissolution_per_s * state.cell.undissolved_alumina_kg
        assert np.all(np.abs(rates.sludge_kg) < 1e-9)
        assert np.all(np.abs(rates.undissolved_alumina_kg) < 0.03 * dissolving)
