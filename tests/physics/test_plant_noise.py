"""What the instruments and the laboratory of the simulated line show of the truth."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from physics.design import PlantDesign
from physics.plant import UNDISTURBED, PlantInputs, make_inputs
from tests.physics.plant_cases import CELLS, measurements, run, start, truths

LOWERED = np.arange(CELLS) >= CELLS // 2


def test_the_noise_of_a_quiet_cell_is_the_stated_noise(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=12)
    _, scans = run(parameters, state, 0.5, scan_s=15.0)
    error_v = measurements(scans, "cell_voltage_v") - truths(scans, "cell_voltage_v")
    assert np.std(error_v) == pytest.approx(0.010, rel=0.15)
    error_c = measurements(scans, "bath_temperature_c") - truths(scans, "bath_temperature_c")
    assert np.std(np.diff(error_c, axis=0)) / np.sqrt(2.0) == pytest.approx(1.5, rel=0.1)
    bias_c = np.mean(error_c, axis=0)
    assert 0.2 < np.std(bias_c) < 1.5
    current = measurements(scans, "line_current_ka") - truths(scans, "line_current_ka")[:, 0]
    assert np.std(current) == pytest.approx(0.05, rel=0.25)


def test_a_thermocouple_drifts_and_remembers(reference: PlantDesign) -> None:
    world = replace(
        UNDISTURBED, temperature_noise_c=0.0, temperature_drift_c=2.0, temperature_drift_s=86400.0
    )
    parameters, state = start(reference, seed=13, disturbances=world)
    _, scans = run(parameters, state, 24.0, scan_s=900.0)
    error_c = measurements(scans, "bath_temperature_c") - truths(scans, "bath_temperature_c")
    assert np.std(np.diff(error_c, axis=0)) == pytest.approx(2.0 * np.sqrt(2.0 / 96.0), rel=0.15)
    assert np.all(np.ptp(error_c, axis=0) > 0.5)


def test_a_short_gap_makes_the_metal_roll_in_waves(reference: PlantDesign) -> None:
    """Bubbles forget within seconds; a wave has a period and goes on for minutes."""
    world = replace(UNDISTURBED, temperature_noise_c=0.0)
    parameters, state = start(reference, seed=14, disturbances=world)
    period_s = 40.0
    nature = parameters.nature._replace(roll_period_s=jnp.full(CELLS, period_s))
    parameters = parameters._replace(nature=nature)
    lowered = np.asarray(state.beam_mm) - 9.0 * LOWERED
    inputs = PlantInputs(make_inputs(state).feed_rate_kg_per_h, lowered)
    state, _ = run(parameters, state, 1.0 / 60.0, inputs)
    _, scans = run(parameters, state, 0.25, inputs, scan_s=2.0)
    error_v = measurements(scans, "cell_voltage_v") - truths(scans, "cell_voltage_v")
    shown_mv = np.mean(measurements(scans, "voltage_noise_mv"), axis=0)
    assert np.all(shown_mv[LOWERED] > 1.5 * np.max(shown_mv[~LOWERED]))

    def correlation(lag_s: float) -> np.ndarray:
        lag = round(lag_s / 2.0)
        return np.array(
            [np.corrcoef(error_v[lag:, cell], error_v[:-lag, cell])[0, 1] for cell in range(CELLS)]
        )

    assert np.all(correlation(period_s)[LOWERED] > 0.4)
    assert np.all(correlation(period_s / 2.0)[LOWERED] < -0.4)
    assert np.all(np.abs(correlation(period_s)[~LOWERED]) < 0.3)


def test_noise_does_not_depend_on_how_often_it_is_looked_at(reference: PlantDesign) -> None:
    parameters, state = start(reference, seed=15)
    spread = []
    for scan_s in (1.0, 60.0):
        _, scans = run(parameters, state, 300.0 * scan_s / 3600.0, scan_s=scan_s)
        error_v = measurements(scans, "cell_voltage_v") - truths(scans, "cell_voltage_v")
        spread.append(np.std(error_v))
        neighbours = np.mean(error_v[1:] * error_v[:-1]) / np.var(error_v)
        assert neighbours == pytest.approx(np.exp(-scan_s), abs=0.08)
    assert spread[0] == pytest.approx(spread[1], rel=0.12)


def test_the_laboratory_reports_what_was_true_hours_ago(reference: PlantDesign) -> None:
    exact = replace(
        UNDISTURBED,
        sample_s=6.0 * 3600.0,
        sample_delay_shortest_s=2.0 * 3600.0,
        sample_delay_longest_s=4.0 * 3600.0,
        sample_temperature_sd_c=0.0,
        sample_alf3_sd_wt_pct=0.0,
        sample_alumina_sd_wt_pct=0.0,
    )
    parameters, state = start(reference, seed=16, disturbances=exact)
    _, scans = run(parameters, state, 14.0, scan_s=300.0)
    sampled_s = np.stack([np.asarray(scan.laboratory.t_sampled_s) for scan in scans])
    now_s = 300.0 * np.arange(1, len(scans) + 1)
    assert np.all(np.isnan(sampled_s[:20]))
    told = np.isfinite(sampled_s)
    assert np.all(told[-1])
    age_s = (now_s[:, None] - sampled_s)[told]
    assert np.all((age_s >= 2.0 * 3600.0) & (age_s <= 10.0 * 3600.0 + 600.0))
    for told_name, true_name in (
        ("bath_temperature_c", "bath_temperature_c"),
        ("excess_alf3_wt_pct", "excess_alf3_wt_pct"),
        ("alumina_wt_pct", "alumina_wt_pct"),
    ):
        reported = np.asarray(getattr(scans[-1].laboratory, told_name))
        at = np.round(sampled_s[-1] / 300.0).astype(int) - 1
        assert np.allclose(reported, truths(scans, true_name)[at, np.arange(CELLS)]), told_name
    for cell in range(CELLS):
        taken = np.unique(sampled_s[told[:, cell], cell])
        assert np.allclose(np.diff(taken), 6.0 * 3600.0)
