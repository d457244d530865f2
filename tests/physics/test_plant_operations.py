"""What befalls the simulated cells: feeders, new anodes, tapping, anode effects, line current."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.plant import (
    UNDISTURBED,
    PlantInputs,
    PlantOutputs,
    PlantState,
    make_inputs,
    step_plant,
)
from tests.physics.plant_cases import CELLS, measurements, run, start, truths

STILL = replace(UNDISTURBED, acd_wander_cm_per_root_h=0.0)
FIRST = np.arange(CELLS) == 0


def test_the_beam_runs_at_its_speed_and_moves_the_anodes_behind_its_backlash(
    reference: PlantDesign,
) -> None:
    parameters, state = start(reference, seed=6, disturbances=STILL)
    beam, gap = float(state.beam_mm[0]), np.asarray(state.anodes.gap_cm[0])
    inputs = PlantInputs(make_inputs(state).feed_rate_kg_per_h, np.full(CELLS, beam + 5.04))
    state, _ = step_plant(parameters, state, inputs, 5.0)
    assert float(state.beam_mm[0]) - beam == pytest.approx(2.5)  # 0.5 mm/s
    state, outputs = step_plant(parameters, state, inputs, 30.0)
    assert float(outputs.measured["beam_position_mm"][0]) - beam == pytest.approx(5.0)  # 0.1 mm
    raised_cm = np.asarray(state.anodes.gap_cm[0]) - gap
    assert raised_cm == pytest.approx((5.0 - 0.15) / 10.0, abs=0.001)


def test_a_faulty_feeder_says_it_dropped_what_it_did_not(reference: PlantDesign) -> None:
    always = replace(UNDISTURBED, faults_per_cell_day=1e6, shot_sd_kg=0.0)
    parameters, state = start(reference, seed=10, disturbances=always)
    state, scans = run(parameters, state, 0.3)
    assert np.allclose(state.feeder.arrived_kg, 0.5 * np.asarray(state.feeder.fed_kg))
    assert np.all(truths(scans, "feed_share") == 0.5)


def test_faults_come_as_often_as_stated_and_last_one_to_two_hours(reference: PlantDesign) -> None:
    often = replace(UNDISTURBED, faults_per_cell_day=8.0)
    parameters, state = start(reference, seed=11, disturbances=often)
    _, scans = run(parameters, state, 60.0, scan_s=300.0)
    faulty = truths(scans, "feed_share") < 1.0
    # 8 a day begin while healthy, after 3 h; each lasts 1.5 h on average.
    assert np.mean(faulty) == pytest.approx(1.5 / (3.0 + 1.5), rel=0.25)
    edges = np.diff(faulty.astype(int), axis=0)
    for cell in range(CELLS):
        begins, ends = np.flatnonzero(edges[:, cell] == 1), np.flatnonzero(edges[:, cell] == -1)
        ends = ends[ends > begins[0]]
        lasting_h = (ends - begins[: len(ends)]) / 12.0
        assert np.all((lasting_h >= 0.9) & (np.median(lasting_h) <= 2.1))


@pytest.fixture(scope="module")
def change(reference: PlantDesign) -> tuple[list[PlantOutputs], list[PlantOutputs], PlantState]:
    """A day of the same line twice: in the first run cell 1 gets two new anodes at once."""
    world = replace(STILL, anode_life_s=600.0 * 3600.0, holdback_highest=0.0)
    parameters, state = start(reference, seed=12, disturbances=world)
    never = jnp.full(CELLS, jnp.inf)
    quiet = state.anodes._replace(next_change_s=never)
    due = state.anodes._replace(next_change_s=never.at[0].set(0.0))
    asked = PlantInputs(1.01 * make_inputs(state).feed_rate_kg_per_h, state.beam_mm)
    after, changed = run(parameters, state._replace(anodes=due), 24.0, asked, scan_s=600.0)
    _, unchanged = run(parameters, state._replace(anodes=quiet), 24.0, asked, scan_s=600.0)
    assert not np.any(truths(changed + unchanged, "anode_effect"))
    return changed, unchanged, after


def test_new_anodes_carry_little_at_first_and_their_share_after_a_day(
    change: tuple[list[PlantOutputs], list[PlantOutputs], PlantState],
) -> None:
    changed, unchanged, after = change
    current = (
        truths(changed, "anode_current_ka")[:, 0] / truths(unchanged, "anode_current_ka")[:, 0]
    )
    assert np.all(current[0, :2] < 0.75)
    assert np.all(current[0, 2:] > 1.01)
    assert np.all(np.abs(current[-1] - 1.0) < 0.12)
    assert int(after.anodes.next_pair[0]) == 1
    assert 35.0 < float(after.anodes.next_change_s[0]) / 3600.0 < 45.0


def test_an_anode_change_cools_the_bath_freezes_some_of_it_and_raises_the_resistance(
    change: tuple[list[PlantOutputs], list[PlantOutputs], PlantState],
) -> None:
    """Standard literature: 3 to 10 degC colder after 1 to 4 h, 0.1 to 0.3 uohm more."""
    changed, unchanged, _ = change

    def difference(name: str) -> np.ndarray:
        return truths(changed, name) - truths(unchanged, name)

    assert 0.1 < difference("resistance_uohm")[0, 0] < 0.4
    assert -250.0 < difference("bath_kg")[0, 0] < -60.0
    colder_c = difference("bath_temperature_c")[:, 0]
    assert -10.0 < np.min(colder_c) < -3.0
    assert 1.0 <= np.argmin(colder_c) / 6.0 <= 6.0
    assert np.all(difference("alumina_wt_pct")[:, 1:] == 0.0), "the others saw nothing of it"


def test_an_anode_with_a_shorter_gap_carries_more_and_burns_back(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=13, disturbances=replace(STILL, gap_spread_cm=0.0))
    gap_cm = state.anodes.gap_cm.at[:, 4].add(-0.5)
    state = state._replace(anodes=state.anodes._replace(gap_cm=gap_cm))
    state, scans = run(parameters, state, 48.0, scan_s=900.0)
    current = truths(scans, "anode_current_ka")[0]
    assert np.all(current[:, 4] > 1.05 * current[:, 5])
    left_cm = np.asarray(state.anodes.gap_cm[:, 5] - state.anodes.gap_cm[:, 4])
    assert np.all((left_cm > 0.15) & (left_cm < 0.42))


def test_a_tapping_lowers_the_metal_and_the_anodes_follow(reference: PlantDesign) -> None:
    world = replace(STILL, tap_s=20.0 * 3600.0, tap_error_mm=0.0)
    parameters, state = start(reference, seed=16, disturbances=world)
    metal = state.metal._replace(
        metal_kg=parameters.nature.metal_low_kg + 1900.0,
        next_tap_s=jnp.where(FIRST, 0.0, jnp.inf),
    )
    state = state._replace(metal=metal)
    after, scans = run(parameters, state, 0.5, scan_s=15.0)
    tapping = truths(scans, "tapping")
    assert np.sum(tapping[:, 0]) * 15.0 / 60.0 == pytest.approx(8.0, abs=0.6)
    assert not np.any(tapping[:, 1:])
    assert float(after.metal.tapped_kg[0]) == pytest.approx(1900.0, abs=30.0)
    assert float(after.metal.next_tap_s[0]) == pytest.approx(20.0 * 3600.0)
    beam_mm = measurements(scans, "beam_position_mm")[:, 0]
    assert np.all(beam_mm == beam_mm[0]), "the mark is set anew"
    wider_cm = truths(scans, "acd_cm") - truths(scans, "acd_cm")[0]
    assert 0.05 < np.max(wider_cm[:, 0]) < 0.5, "the anodes are lowered behind the metal"
    drift_cm = np.mean(np.asarray(after.anodes.gap_cm - state.anodes.gap_cm), axis=1)
    assert np.all((drift_cm > -0.02) & (drift_cm < 0.0)), "burn-off less the rise of the metal"


def test_a_starved_cell_has_an_anode_effect_and_ends_it_itself(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=9)
    asked = np.where(FIRST, 0.0, nominal_feed_kg_per_h(reference))
    _, scans = run(parameters, state, 3.0, PlantInputs(asked, np.asarray(state.beam_mm)))
    out = truths(scans, "anode_effect")
    assert not np.any(out[:, 1:])
    alumina = truths(scans, "alumina_wt_pct")[:, 0]
    critical = truths(scans, "anode_effect_alumina_wt_pct")[:, 0]
    edges = np.diff(out[:, 0].astype(int))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    assert len(begins) >= 1
    assert np.all(alumina[begins] < critical[begins] + 0.15)
    assert np.all(measurements(scans, "cell_voltage_v")[out[:, 0], 0] > 15.0)
    lasting_min = ends - begins[: len(ends)]
    assert np.all((lasting_min >= 2) & (lasting_min <= 12))


def test_fewer_live_anodes_bring_the_anode_effect_nearer(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=17, disturbances=STILL)
    frozen = state.anodes.frozen_share.at[0, :4].set(0.8)
    state = state._replace(anodes=state.anodes._replace(frozen_share=frozen))
    _, outputs = step_plant(parameters, state, make_inputs(state), 1.0)
    nearer = np.asarray(outputs.truth.anode_effect_alumina_wt_pct) - np.asarray(
        parameters.cell.anode_effect_alumina_wt_pct
    )
    assert nearer[0] > 0.15
    assert np.all(np.abs(nearer[1:]) < 0.05)


def test_the_line_is_cut_back_for_all_cells_alike_and_comes_back(reference: PlantDesign) -> None:
    world = replace(
        STILL,
        current_steps_per_day=24.0,
        current_wander_ka=0.0,
        current_step_shortest_s=1800.0,
        current_step_longest_s=1800.0,
    )
    parameters, state = start(reference, seed=18, disturbances=world)
    _, scans = run(parameters, state, 12.0, scan_s=300.0)
    current = truths(scans, "line_current_ka")
    assert np.all(current == current[:, :1])
    nominal = reference.line.current_ka
    assert np.max(current) == pytest.approx(nominal)
    assert 0.95 * nominal - 0.1 < np.min(current) < 0.99 * nominal
    cut = current[:, 0] < nominal - 1e-6
    assert 0.1 < np.mean(cut) < 0.6  # half an hour after one of healthy hours
    quiet, _ = start(reference, seed=18, disturbances=STILL)
    assert np.array_equal(quiet.cell.bath_mass_kg, parameters.cell.bath_mass_kg)
