"""The estimator on recorded runs of the simulated line, and on what goes wrong with frames."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from physics.design import PlantDesign
from physics.estimate_state import EstimatorState
from physics.estimator import Estimator, count_compilations
from physics.filter_model import ESTIMATED
from physics.plant import UNDISTURBED
from physics.reduced.model import ACD, ALUMINA, FEEDER, LEDGE, STATES, UNDISSOLVED
from physics.signals import SIGNALS
from tests.physics.line_record import LineRecord, record_line
from tests.physics.plants import load_design, load_noise_sd

CELLS = 8
CALM = UNDISTURBED
DESIGN = load_design("reference-300ka.toml")
ESTIMATOR = Estimator(DESIGN, load_noise_sd("reference-300ka.toml"))
VOLTAGE, FED, BEAM = (
    SIGNALS.index(name) for name in ("cell_voltage_v", "alumina_fed_kg", "beam_position_mm")
)
Columns = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def record() -> LineRecord:
    return record_line(DESIGN, CELLS, hours=1.1, seed=21, disturbances=CALM)


def follow(
    record: LineRecord,
    first: int = 0,
    last: int | None = None,
    state: EstimatorState | None = None,
    frame: int = 4,
    estimator: Estimator = ESTIMATOR,
) -> tuple[EstimatorState, list[Columns]]:
    """Feed a record to the estimator in frames of a few scans."""
    state = estimator.init(record.value.shape[1]) if state is None else state
    columns = []
    for start in range(first, len(record.t_plant_s) if last is None else last, frame):
        scans = slice(start, start + frame)
        state, row = estimator.step(
            state, record.t_plant_s[scans], record.value[scans], record.valid[scans]
        )
        columns.append(row)
    return state, columns


def covariance_factors(state: EstimatorState) -> np.ndarray:
    return np.asarray(state.factor)[:, : len(ESTIMATED)]


def covariances(state: EstimatorState) -> np.ndarray:
    factors = covariance_factors(state)
    return factors @ np.swapaxes(factors, 1, 2)


@pytest.mark.parametrize(
    ("plant", "alumina_bar_wt_pct"), [("reference-300ka.toml", 0.15), ("metalx-120ka.toml", 0.18)]
)
def test_it_tracks_cells_that_differ_from_its_model(plant: str, alumina_bar_wt_pct: float) -> None:
    """Cells are of other equations and alumina swings by 0.2 to 0.5 wt%; an hour to settle."""
    design, noise_sd = load_design(plant), load_noise_sd(plant)
    record = record_line(design, CELLS, hours=6.0, seed=22, disturbances=CALM)
    estimator = Estimator(design, noise_sd)
    _, columns = follow(record, estimator=estimator)
    settled = slice(60, None)  # an hour
    truth = {name: rows[3::4][settled] for name, rows in record.truth.items()}

    quiet = ~truth["anode_effect"]

    def rms_error(name: str) -> float:
        estimate = np.stack([row[name] for row in columns])[settled]
        return float(np.sqrt(np.mean((estimate - truth[name])[quiet] ** 2)))

    print(f"{plant}: alumina {rms_error('alumina_wt_pct'):.3f} wt%")
    assert rms_error("alumina_wt_pct") < alumina_bar_wt_pct
    assert rms_error("alumina_wt_pct") < 0.5 * np.std(truth["alumina_wt_pct"])
    assert rms_error("acd_cm") < 0.12
    assert rms_error("superheat_c") < 0.6
    assert rms_error("bath_temperature_c") < 1.5
    assert rms_error("cell_voltage_v") < 0.006
    assert rms_error("energy_kwh_per_kg") < 0.15
    estimate = np.stack([row["alumina_wt_pct"] for row in columns])[settled]
    sd = np.stack([row["alumina_wt_pct_sd"] for row in columns])[settled]
    assert np.mean(np.abs(estimate - truth["alumina_wt_pct"]) < 2.0 * sd) > 0.80
    normalised = np.stack([row["innovation_normalised"] for row in columns])[settled]
    assert 0.7 < np.mean(normalised**2) < 1.4


def test_every_column_is_there_and_finite(record: LineRecord) -> None:
    _, columns = follow(record, last=8)
    last = columns[-1]
    asked = {*STATES, *(f"{name}_sd" for name in STATES)} | {
        "superheat_c",
        "cell_voltage_v",
        "resistance_uohm",
        "innovation_voltage_mv",
        "innovation_normalised",
        "current_efficiency",
        "energy_kwh_per_kg",
        "line_current_ka",
        "beam_position_mm",
        "alumina_feed_rate_kg_per_h",
        "anode_effect_margin_wt_pct",
    }
    assert asked <= set(last)
    assert all(x.shape == (CELLS,) and np.all(np.isfinite(x)) for x in last.values())
    assert np.all(last["estimate_restarts"] == 0.0)


def test_it_compiles_once_whatever_a_frame_holds(record: LineRecord) -> None:
    follow(record, last=8)
    compiled = count_compilations()
    for frame in (1, 3, 8, 16):
        follow(record, last=16, frame=frame)
    other = Estimator(DESIGN, dict.fromkeys(SIGNALS, 2.0))
    follow(record, last=8, estimator=other)
    assert count_compilations() == compiled


def test_a_frame_may_be_cut_anywhere(record: LineRecord) -> None:
    in_fours, _ = follow(record, last=40, frame=4)
    at_once, _ = follow(record, last=40, frame=40)
    for name in EstimatorState._fields:
        pair = getattr(in_fours, name), getattr(at_once, name)
        assert np.allclose(*pair, rtol=1e-12, equal_nan=True), name


def test_a_scan_seen_again_or_late_changes_nothing(record: LineRecord) -> None:
    state, _ = follow(record, last=20)
    again, _ = follow(record, first=4, last=20, state=state)
    for name in EstimatorState._fields:
        pair = getattr(again, name), getattr(state, name)
        assert np.array_equal(*pair, equal_nan=True), name
    timeless, _ = ESTIMATOR.step(
        state, np.array([np.nan]), record.value[20:21], record.valid[20:21]
    )
    assert np.array_equal(timeless.mean, state.mean)


def test_an_empty_frame_describes_the_state(record: LineRecord) -> None:
    state, columns = follow(record, last=20)
    same, row = ESTIMATOR.step(state, np.empty(0), record.value[:0], record.valid[:0])
    assert np.array_equal(same.mean, state.mean)
    assert np.array_equal(row["alumina_wt_pct"], columns[-1]["alumina_wt_pct"])


def test_what_is_marked_or_not_finite_is_not_taken_in(record: LineRecord) -> None:
    state, _ = follow(record, last=20)
    scan = slice(20, 21)
    spoilt, marks = record.value[scan].copy(), record.valid[scan].copy()
    spoilt[0, 0, VOLTAGE] = np.nan
    spoilt[0, 1, VOLTAGE] = 99.0
    marks[0, 1, VOLTAGE] = False
    clean, _ = ESTIMATOR.step(state, record.t_plant_s[scan], record.value[scan], record.valid[scan])
    after, row = ESTIMATOR.step(state, record.t_plant_s[scan], spoilt, marks)
    unmarked = np.abs(after.innovation_v - state.innovation_v)
    assert np.all(unmarked[:2] == 0.0)
    assert np.array_equal(after.mean[2:], clean.mean[2:])
    assert np.all(np.isfinite(after.mean))
    assert np.all(row["anode_effect"] == 0.0)


def test_a_silent_cell_is_predicted(record: LineRecord) -> None:
    state, _ = follow(record, last=80)
    _, heard = follow(record, last=200)
    marks = record.valid.copy()
    marks[80:200, 0, :] = False
    for start in range(80, 200, 4):
        scans = slice(start, start + 4)
        state, row = ESTIMATOR.step(
            state, record.t_plant_s[scans], record.value[scans], marks[scans]
        )
    assert row["alumina_wt_pct_sd"][0] > 1.2 * heard[-1]["alumina_wt_pct_sd"][0]
    assert np.array_equal(row["alumina_wt_pct"][1:], heard[-1]["alumina_wt_pct"][1:])
    assert abs(row["alumina_wt_pct"][0] - record.truth["alumina_wt_pct"][199, 0]) < 0.4


def test_a_gap_is_predicted_through_with_what_was_fed_in_it(record: LineRecord) -> None:
    _, heard = follow(record, last=244)
    state, _ = follow(record, last=120)
    state, columns = follow(record, first=240, last=244, state=state)  # half an hour later
    error = columns[-1]["alumina_wt_pct"] - record.truth["alumina_wt_pct"][243]
    assert np.sqrt(np.mean(error**2)) < 0.15
    unheard = columns[-1]["feeder_efficiency_sd"]
    assert np.mean(unheard) > np.mean(heard[-1]["feeder_efficiency_sd"])


def test_a_reset_or_leaping_total_is_not_believed(record: LineRecord) -> None:
    state, _ = follow(record, last=120)
    scans = slice(120, 124)
    jumped = record.value[scans].copy()
    jumped[1:, 0, FED] -= jumped[1, 0, FED]  # the counter starts again at zero
    jumped[1:, 1, FED] += 1e6
    clean, _ = ESTIMATOR.step(
        state, record.t_plant_s[scans], record.value[scans], record.valid[scans]
    )
    after, row = ESTIMATOR.step(state, record.t_plant_s[scans], jumped, record.valid[scans])
    assert np.allclose(after.mean[:2, ALUMINA], clean.mean[:2, ALUMINA], atol=0.06)
    assert np.all(row["alumina_feed_rate_kg_per_h"][:2] > 100.0)
    assert np.all(row["alumina_feed_rate_kg_per_h"][:2] < 260.0)


def with_raised_beam(record: LineRecord, scan: slice, raised_mm: list[float]) -> np.ndarray:
    value = record.value[scan].copy()
    value[:, :, BEAM] += np.array(raised_mm)[:, None]
    return value


def test_a_beam_move_moves_the_gap_by_what_its_play_leaves(record: LineRecord) -> None:
    """Upwards; back within the play; back out of it: cm after 1.0, 0.8 and 0.2 mm."""
    state, _ = follow(record, last=120)
    state = state._replace(beam_play_mm=jnp.zeros(CELLS))  # in the middle
    scan = slice(120, 121)
    marks = record.valid[scan].copy()
    marks[0, :, VOLTAGE] = False
    play_mm = DESIGN.cell.gap.beam_backlash_mm
    assert play_mm == 0.3
    for raised_mm, gap_cm in (
        ([1.0], 0.1 - 0.05 * play_mm),
        ([1.0, 0.8], 0.1 - 0.05 * play_mm),
        ([1.0, 0.2], 0.1 - 0.05 * play_mm - 0.08 + 0.1 * play_mm),
    ):
        scans = slice(120, 120 + len(raised_mm))
        many = np.repeat(marks, len(raised_mm), axis=0)
        times = record.t_plant_s[scans]
        still, _ = ESTIMATOR.step(state, times, record.value[scans], many)
        raised = with_raised_beam(record, scans, raised_mm)
        moved, row = ESTIMATOR.step(state, times, raised, many)
        assert np.allclose(moved.mean[:, ACD] - still.mean[:, ACD], gap_cm, atol=0.003)
        assert np.allclose(row["beam_position_mm"], raised[-1, :, BEAM])
        assert np.all(covariances(moved)[:, ACD, ACD] > covariances(still)[:, ACD, ACD])


def test_a_gap_that_opens_at_once_is_not_taken_for_alumina(record: LineRecord) -> None:
    """As when metal is tapped: 80 mV for eight minutes, then as before.

    Near the minimum of the voltage, where alumina is known by a quarter of a per cent only.
    """
    state, _ = follow(record, last=160)
    factor = np.array(state.factor)
    sd_wt_pct = np.sqrt(covariances(state)[:, ALUMINA, ALUMINA])
    factor[:, ALUMINA] *= (0.25 / sd_wt_pct)[:, None]
    state = state._replace(factor=jnp.asarray(factor))
    flat = np.asarray(state.mean[:, ALUMINA]) > 2.9
    assert np.sum(flat) >= 3
    scans = slice(160, 224)
    opened = record.value[scans].copy()
    opened[:32, :, VOLTAGE] += 0.08
    clean, _ = ESTIMATOR.step(
        state, record.t_plant_s[scans], record.value[scans], record.valid[scans]
    )
    during, _ = ESTIMATOR.step(state, record.t_plant_s[160:192], opened[:32], record.valid[160:192])
    after, _ = ESTIMATOR.step(state, record.t_plant_s[scans], opened, record.valid[scans])
    before = np.asarray(state.mean[:, ALUMINA])
    assert np.all(np.abs(np.asarray(during.mean[:, ALUMINA]) - before)[flat] < 0.25)
    assert np.all(np.abs(np.asarray(after.mean - clean.mean)[flat, ALUMINA]) < 0.25)


def test_what_the_treatment_of_an_anode_effect_feeds_arrives(record: LineRecord) -> None:
    """Though a feeder was thought to lose half; and what is known of it is doubted afterwards."""
    state, _ = follow(record, last=120)
    mean = np.array(state.mean)
    mean[:, FEEDER] = 0.5
    state = state._replace(mean=jnp.asarray(mean))
    scans = slice(120, 124)
    burning = record.value[scans].copy()
    burning[:3, :, VOLTAGE] = 28.0  # the last scan sees the end of it
    treated = burning.copy()
    shots_kg = 2 * DESIGN.cell.feed.shot_kg
    treated[1:, :, FED] += shots_kg
    times, marks = record.t_plant_s[scans], record.valid[scans]
    without, _ = ESTIMATOR.step(state, times[:3], burning[:3], marks[:3])
    fed, _ = ESTIMATOR.step(state, times[:3], treated[:3], marks[:3])
    more = np.asarray(fed.mean - without.mean)
    arrived_kg = 0.01 * DESIGN.cell.bath.mass_kg * more[:, ALUMINA] + more[:, UNDISSOLVED]
    assert np.allclose(arrived_kg, shots_kg, rtol=0.1)
    after, _ = ESTIMATOR.step(fed, times[3:], treated[3:], marks[3:])
    grown = np.sqrt(covariances(after)[:, FEEDER, FEEDER])
    assert np.all(grown > 3.0 * np.sqrt(covariances(fed)[:, FEEDER, FEEDER]))


def test_an_anode_effect_tells_the_alumina(record: LineRecord) -> None:
    state, _ = follow(record, last=120)
    scans = slice(120, 124)
    sparking = record.value[scans].copy()
    sparking[1:, 0, VOLTAGE] = 28.0
    after, row = ESTIMATOR.step(state, record.t_plant_s[scans], sparking, record.valid[scans])
    clean, _ = ESTIMATOR.step(
        state, record.t_plant_s[scans], record.value[scans], record.valid[scans]
    )
    assert row["anode_effect"].tolist() == [1.0] + [0.0] * (CELLS - 1)
    before_wt_pct = float(clean.mean[0, ALUMINA])
    assert 1.7 <= float(after.mean[0, ALUMINA]) < before_wt_pct - 0.05
    assert float(row["bath_temperature_c"][0]) > float(clean.mean[0, 3]) + 2.0
    assert np.allclose(after.mean[1:], clean.mean[1:], rtol=1e-12)


def test_a_feeder_that_loses_half_its_dose_is_noticed_within_an_hour() -> None:
    always = replace(CALM, faults_per_cell_day=1e6)
    sound = record_line(DESIGN, CELLS, hours=3.0, seed=23, disturbances=CALM)
    faulty = record_line(DESIGN, CELLS, hours=1.0, seed=23, disturbances=always)
    _, healthy = follow(sound)
    assert np.mean(healthy[-1]["feeder_efficiency"]) == pytest.approx(1.0, abs=0.05)
    _, columns = follow(faulty)
    assert np.median(columns[-1]["feeder_efficiency"]) < 0.7


def test_a_cell_that_is_lost_begins_anew(record: LineRecord) -> None:
    state, _ = follow(record, last=20)
    mean = np.array(state.mean)
    mean[0, LEDGE] = np.nan
    broken = state._replace(mean=mean)
    after, row = ESTIMATOR.step(
        broken, record.t_plant_s[20:24], record.value[20:24], record.valid[20:24]
    )
    assert row["estimate_restarts"].tolist() == [1.0] + [0.0] * (CELLS - 1)
    assert np.all(np.isfinite(after.mean))
    assert np.all(np.isfinite(after.factor))


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(np.float64, (4, CELLS, len(SIGNALS)), elements=st.floats(-1e9, 1e9)),
    hnp.arrays(np.bool_, (4, CELLS, len(SIGNALS))),
    st.floats(0.1, 1e5),
)
def test_no_values_make_it_lose_its_state(
    value: np.ndarray, valid: np.ndarray, period_s: float
) -> None:
    state = ESTIMATOR.init(CELLS)
    for frame in range(2):
        times = period_s * (np.arange(1.0, 5.0) + 4.0 * frame)
        state, row = ESTIMATOR.step(state, times, value, valid)
    assert np.all(np.isfinite(state.mean))
    assert np.array_equal(state.rest, np.swapaxes(state.rest, 1, 2))
    assert np.all(np.triu(covariance_factors(state), 1) == 0.0)
    assert np.all(covariances(state)[:, range(8), range(8)] > 0.0)
    assert np.all(np.isfinite(row["cell_voltage_v"]))
    assert np.all(np.asarray(state.mean)[:, FEEDER] <= 1.5)


def test_signals_may_come_in_another_order(record: LineRecord) -> None:
    names = ("silica_wt_pct", *reversed(SIGNALS))
    other = Estimator(DESIGN, load_noise_sd("reference-300ka.toml"), signals=names)
    value = np.concatenate([np.zeros((4, CELLS, 1)), record.value[:4, :, ::-1]], axis=2)
    state, _ = other.step(
        other.init(CELLS), record.t_plant_s[:4], value, np.ones(value.shape, dtype=bool)
    )
    expected, _ = follow(record, last=4)
    assert np.array_equal(state.mean, expected.mean)


def test_wrong_shapes_and_missing_noise_are_refused(
    record: LineRecord, reference: PlantDesign
) -> None:
    with pytest.raises(ValueError, match="one state for each section"):
        ESTIMATOR.step(ESTIMATOR.init(3), record.t_plant_s[:4], record.value[:4], record.valid[:4])
    with pytest.raises(ValueError, match=r"line_current_ka.*Remedy"):
        Estimator(reference, dict.fromkeys(SIGNALS[:-1], 1.0))
    with pytest.raises(ValueError, match=r"misses signals \['line_current_ka'\]"):
        Estimator(reference, dict.fromkeys(SIGNALS, 1.0), signals=SIGNALS[:-1])
