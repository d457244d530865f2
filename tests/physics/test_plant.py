"""The simulated line: what it shows, where it starts, and that its random streams are its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.plant import Disturbances, PlantInputs, init_plant, make_inputs, step_plant
from physics.plant.bath import Composition
from physics.plant.conductivity import (
    compute_chrenkova_s_per_cm,
    compute_conductivity_s_per_cm,
    compute_hives_s_per_cm,
)
from physics.plant.streams import draw, make_keys
from physics.reduced.model import make_reduced_parameters
from physics.signals import CELL_SIGNALS, LINE_SIGNALS
from tests.physics.plant_cases import CELLS, run, start


def test_a_scan_shows_every_signal(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=1)
    state, outputs = step_plant(parameters, state, make_inputs(state), 15.0)
    assert set(outputs.measured) == {*CELL_SIGNALS, *LINE_SIGNALS}
    assert all(outputs.measured[name].shape == (CELLS,) for name in CELL_SIGNALS)
    assert outputs.measured["line_current_ka"].shape == ()
    assert all(bool(np.all(np.isfinite(x))) for x in outputs.measured.values())
    assert all(bool(np.all(np.isfinite(x))) for x in outputs.truth)
    assert outputs.truth.anode_current_ka.shape == (CELLS, reference.cell.electrodes.anode_count)
    assert float(state.t_s) == pytest.approx(15.0)


def test_cells_start_near_nominal_and_differ(reference: PlantDesign) -> None:
    parameters, state = init_plant(reference, CELLS, seed=2)
    _, outputs = step_plant(parameters, state, make_inputs(state), 1.0)
    voltage = np.asarray(outputs.truth.cell_voltage_v)
    assert np.all(np.abs(voltage - reference.cell.nominal.cell_voltage_v) < 0.05)
    assert 0.01 < np.std(np.asarray(outputs.truth.acd_cm)) < 0.2
    superheat = np.asarray(outputs.truth.superheat_c)
    assert np.all((superheat > 4.0) & (superheat < 11.0))
    assert np.std(np.asarray(outputs.truth.bath_temperature_c)) > 0.5


@pytest.mark.parametrize("plant", ["reference", "metalx"])
def test_a_cell_is_the_same_in_any_line_and_no_two_are_alike(
    plant: str, request: pytest.FixtureRequest
) -> None:
    design: PlantDesign = request.getfixturevalue(plant)
    cells, state = init_plant(design, CELLS, seed=7)
    others, _ = init_plant(design, CELLS, seed=8)
    mass_kg = np.asarray(cells.cell.bath_mass_kg)
    assert len({*mass_kg, *np.asarray(others.cell.bath_mass_kg)}) == 2 * CELLS
    assert np.all(
        np.abs(state.bath.bath_temperature_c - design.cell.nominal.bath_temperature_c) < 8
    )
    ledge_cm = np.asarray(state.bath.bath_ledge_cm + state.bath.metal_ledge_cm) / 2.0
    assert np.mean(ledge_cm) == pytest.approx(design.cell.nominal.ledge_cm, rel=0.15)


def test_what_a_cell_draws_does_not_depend_on_the_length_of_the_line() -> None:
    drawing = jax.jit(draw)
    _, line, cells = drawing(make_keys(jnp.asarray(7), CELLS))
    _, same_line, fewer = drawing(make_keys(jnp.asarray(7), 3))
    for all_of, some, one, same in zip(cells, fewer, line, same_line, strict=True):
        assert np.array_equal(all_of[:3], some)
        assert float(one) == float(same)


def test_the_same_seed_runs_the_same_and_another_differs(reference: PlantDesign) -> None:
    def voltages(seed: int) -> np.ndarray:
        parameters, state = init_plant(reference, CELLS, seed)
        _, scans = run(parameters, state, 0.1)
        return np.stack([np.asarray(scan.measured["cell_voltage_v"]) for scan in scans])

    assert np.array_equal(voltages(5), voltages(5))
    assert not np.any(voltages(5) == voltages(6))


def test_streams_are_the_plants_own_and_one_for_each_cell() -> None:
    """No key is one that another use of the same seed folds, and cells do not go together."""
    keys = make_keys(jnp.asarray(3), CELLS)
    root = jax.random.key(3)
    common = [root, *(jax.random.fold_in(root, number) for number in range(100))]
    known = {tuple(np.asarray(jax.random.key_data(key))) for key in common}
    assert known.isdisjoint({tuple(row) for row in np.asarray(jax.random.key_data(keys))})
    moving = jax.jit(draw)
    shots, rows = [], 400
    for _ in range(rows):
        keys, _, cells = moving(keys)
        shots.append(np.asarray(cells.shot))
    drawn = np.array(shots)
    assert np.mean(drawn) == pytest.approx(0.0, abs=4.0 / np.sqrt(rows * CELLS))
    assert np.std(drawn) == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * rows * CELLS))
    others = np.corrcoef(drawn.T)[~np.eye(CELLS, dtype=bool)]
    assert np.all(np.abs(others) < 5.0 / np.sqrt(rows))


def test_no_figure_is_shared_with_the_reduced_model(reference: PlantDesign) -> None:
    parameters, _ = init_plant(reference, CELLS, seed=4)
    reduced = make_reduced_parameters(reference)
    for name in (
        "bath_mass_kg",
        "anode_area_cm2",
        "conductivity_factor",
        "anode_resistance_uohm",
        "cathode_resistance_uohm",
        "excess_alf3_wt_pct",
        "anode_effect_alumina_wt_pct",
        "dissolution_per_s",
        "undissolved_fraction",
        "top_and_bottom_conductance_w_per_k",
        "bath_to_ledge_w_per_m2_k",
        "ledge_conductivity_w_per_m_k",
    ):
        cells = np.asarray(getattr(parameters.cell, name))
        assert not np.any(cells == float(getattr(reduced, name))), name
        assert np.mean(cells) == pytest.approx(float(getattr(reduced, name)), rel=0.15), name


def test_conductivity_stands_between_two_published_laws() -> None:
    """The values of both at 3 wt% of alumina, 11 of AlF3 and 5 of CaF2."""
    bath = Composition(*(jnp.full(3, w) for w in (3.0, 11.0, 5.0, 0.0, 0.0)))
    temperature_c = jnp.asarray([950.0, 960.0, 970.0])
    hives = compute_hives_s_per_cm(temperature_c, bath)
    chrenkova = compute_chrenkova_s_per_cm(temperature_c, bath)
    assert np.allclose(hives, [2.135, 2.152, 2.169], atol=0.0006)
    assert np.allclose(chrenkova, [2.232, 2.262, 2.290], atol=0.0006)
    middle = compute_conductivity_s_per_cm(jnp.full(3, 0.5), temperature_c, bath)
    assert np.allclose(middle, (hives + chrenkova) / 2.0)


def test_inputs_that_are_not_finite_change_nothing(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=5)
    before = make_inputs(state)
    inputs = PlantInputs(
        np.tile([np.nan, np.inf], CELLS // 2), np.tile([np.inf, np.nan], CELLS // 2)
    )
    state, outputs = step_plant(parameters, state, inputs, 15.0)
    assert np.array_equal(outputs.feed_rate_kg_per_h, before.feed_rate_kg_per_h)
    assert np.array_equal(state.beam_mm, before.beam_target_mm)


def test_neither_period_nor_disturbances_compile_again(reference: PlantDesign) -> None:
    for seed, disturbances in enumerate((Disturbances(), Disturbances(faults_per_cell_day=2.0))):
        parameters, state = init_plant(reference, CELLS, seed, disturbances)
        inputs = PlantInputs(make_inputs(state).feed_rate_kg_per_h, state.beam_mm, np.zeros(CELLS))
        state, _ = step_plant(parameters, state, inputs, 15.0)
        compiled = step_plant._cache_size()
        for dt_s in (1.0, 7.5, 900.0):
            state, outputs = step_plant(parameters, state, inputs, dt_s)
        assert step_plant._cache_size() == compiled
        assert all(bool(np.all(np.isfinite(x))) for x in outputs.measured.values())


def test_the_start_follows_the_voltage_at_which_the_line_stood(reference: PlantDesign) -> None:
    _, usual = init_plant(reference, CELLS, seed=6)
    _, warm = init_plant(reference, CELLS, seed=6, cell_voltage_v=4.6)
    assert np.all(warm.anodes.gap_cm > usual.anodes.gap_cm + 0.5)
    assert np.all(warm.bath.bath_ledge_cm < usual.bath.bath_ledge_cm - 3.0)


def test_a_line_that_cannot_be_is_refused(reference: PlantDesign) -> None:
    with pytest.raises(ValueError, match="0 cells"):
        init_plant(reference, 0, seed=1)
    with pytest.raises(ValueError, match=r"12\.0 V.*4\.2 V"):
        init_plant(reference, CELLS, seed=1, cell_voltage_v=12.0)


def test_feed_falls_in_whole_shots_at_the_demanded_rate(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=4)
    asked = np.full(CELLS, 180.0)
    asked[:4] = 60.0, 100.0, 180.0, 1e9
    state, scans = run(parameters, state, 0.5, PlantInputs(asked, np.asarray(state.beam_mm)))
    fed = np.asarray(scans[-1].measured["alumina_fed_kg"])[:4]
    shot = reference.cell.feed.shot_kg
    assert np.allclose(fed / shot, np.round(fed / shot))
    most = 5.0 * nominal_feed_kg_per_h(reference)
    assert np.allclose(fed, np.array([30.0, 50.0, 90.0, most / 2.0]), atol=2.0 * shot)
