"""Nothing is made or lost in the simulated line: alumina, metal, AlF3, cryolite and current."""

from dataclasses import replace

import numpy as np
import pytest

from physics.design import PlantDesign
from physics.plant import (
    UNDISTURBED,
    Disturbances,
    PlantInputs,
    PlantOutputs,
    PlantParameters,
    PlantState,
    make_inputs,
)
from physics.plant.anodes import compute_frozen_kg
from physics.plant.heat import compute_ledge_kg
from tests.physics.plant_cases import CELLS, run, start, truths

BUSY = Disturbances(
    faults_per_cell_day=2.0, anode_life_s=45.0 * 3600.0, tap_s=4.0 * 3600.0, sample_s=7200.0
)
Day = tuple[PlantParameters, PlantState, PlantState, list[PlantOutputs]]


@pytest.fixture(scope="module")
def day(reference: PlantDesign) -> Day:
    """Twelve hours with more faults, anode changes and tappings than any line has."""
    parameters, before = start(reference, seed=3, disturbances=BUSY)
    after, scans = run(parameters, before, 12.0, scan_s=300.0)
    return parameters, before, after, scans


def test_alumina(day: Day) -> None:
    _, before, after, _ = day

    def stored(state: PlantState) -> np.ndarray:
        bath = state.bath
        return np.asarray(
            bath.alumina_kg + bath.undissolved_kg + bath.sludge_kg + state.feeder.crust_kg
        )

    gained = stored(after) - stored(before)
    assert np.allclose(gained, after.feeder.arrived_kg - after.used_kg, atol=1e-8)
    assert np.all(np.asarray(after.used_kg) > 1000.0)


def test_metal_and_faraday(day: Day) -> None:
    parameters, before, after, _ = day
    metal = after.metal
    gained = np.asarray(metal.metal_kg - before.metal.metal_kg)
    assert np.allclose(gained, np.asarray(metal.made_kg - metal.tapped_kg), atol=1e-8)
    cell = parameters.cell
    oxide_for_metal = np.asarray(cell.oxide_kg_per_coulomb / cell.metal_kg_per_coulomb)
    assert np.allclose(after.used_kg, oxide_for_metal * np.asarray(metal.made_kg))
    assert np.all(np.asarray(metal.tapped_kg) > 500.0)


def test_alf3(day: Day) -> None:
    _, before, after, _ = day
    gained = np.asarray(after.bath.alf3_kg - before.bath.alf3_kg)
    assert np.allclose(gained, np.asarray(after.alf3_added_kg - after.alf3_lost_kg), atol=1e-8)
    assert np.all(np.asarray(after.alf3_lost_kg) > 5.0)


def test_cryolite_is_in_the_bath_or_frozen(day: Day) -> None:
    parameters, before, after, scans = day

    def cryolite(state: PlantState) -> np.ndarray:
        bath = state.bath
        frozen = compute_ledge_kg(
            parameters, bath.bath_ledge_cm, bath.metal_ledge_cm
        ) + compute_frozen_kg(parameters, state.anodes)
        return np.asarray(bath.bath_kg - bath.alumina_kg - bath.alf3_kg + frozen)

    assert np.allclose(cryolite(after), cryolite(before), rtol=1e-12)
    assert np.all(np.ptp(truths(scans, "bath_kg"), axis=0) > 100.0)


def test_anodes_carry_the_current_of_the_line(day: Day) -> None:
    _, _, _, scans = day
    of_anodes = np.sum(truths(scans, "anode_current_ka"), axis=2)
    assert np.allclose(of_anodes, truths(scans, "line_current_ka"), rtol=1e-12)


def test_a_growing_ledge_makes_the_bath_more_acid(reference: PlantDesign) -> None:
    """Gaps that close bring less heat; what freezes takes no AlF3 with it."""
    parameters, before = start(reference, seed=14)
    lowered = np.asarray(before.beam_mm) - 3.0 * (np.arange(CELLS) < CELLS // 2)
    inputs = PlantInputs(make_inputs(before).feed_rate_kg_per_h, lowered, np.zeros(CELLS))
    _, scans = run(parameters, before, 10.0, inputs, scan_s=300.0)
    ledge_cm, alf3 = truths(scans, "ledge_cm"), truths(scans, "excess_alf3_wt_pct")
    liquidus_c = truths(scans, "liquidus_c")
    cold = slice(0, CELLS // 2)
    assert np.all(ledge_cm[-1, cold] > ledge_cm[0, cold] + 0.2)
    assert np.all(alf3[-1, cold] > alf3[0, cold] + 0.2)
    assert np.all(liquidus_c[-1, cold] < liquidus_c[0, cold])


def test_alf3_is_added_as_asked_or_by_the_routine(reference: PlantDesign) -> None:
    world = replace(UNDISTURBED, sample_s=3600.0, sample_delay_shortest_s=0.0)
    world = replace(world, sample_delay_longest_s=600.0)
    parameters, before = start(reference, seed=15, disturbances=world)
    asked = np.full(CELLS, np.nan)
    asked[0] = 48.0
    now = make_inputs(before)
    after, scans = run(
        parameters, before, 3.0, PlantInputs(now.feed_rate_kg_per_h, now.beam_target_mm, asked)
    )
    assert float(after.alf3_added_kg[0]) == pytest.approx(6.0)
    report = scans[-1].laboratory
    wanted = (
        0.006 * 24.0 * np.asarray(now.feed_rate_kg_per_h)
        + 1.5 * (report.bath_temperature_c - reference.cell.nominal.bath_temperature_c)
        + 4.0 * (reference.cell.bath.excess_alf3_wt_pct - report.excess_alf3_wt_pct)
    )
    assert np.allclose(after.alf3_kg_per_day[1:], np.clip(wanted, 0.0, 100.0)[1:])
