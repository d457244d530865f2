"""The estimator where a signal lies or falls silent: what it says then, and how sure it is."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from physics.estimate_state import EstimatorState
from physics.estimator import Estimator
from physics.plant import UNDISTURBED
from physics.reduced.model import ACD
from physics.signals import SIGNALS
from tests.physics.line_record import LineRecord, record_line
from tests.physics.plants import load_design, load_noise_sd

CELLS = 4
DESIGN = load_design("reference-300ka.toml")
NOISE_SD = load_noise_sd("reference-300ka.toml")
ESTIMATOR = Estimator(DESIGN, NOISE_SD)
VOLTAGE, FED, BEAM, NOISE, CURRENT = (
    SIGNALS.index(name)
    for name in (
        "cell_voltage_v",
        "alumina_fed_kg",
        "beam_position_mm",
        "voltage_noise_mv",
        "line_current_ka",
    )
)
Columns = dict[str, np.ndarray]


def make_record(scan_s: float, scans: int) -> LineRecord:
    return record_line(
        DESIGN,
        CELLS,
        hours=scans * scan_s / 3600.0,
        seed=31,
        disturbances=UNDISTURBED,
        scan_s=scan_s,
    )


@pytest.fixture(scope="module", params=[1.0, 15.0, 60.0], ids=lambda scan_s: f"{scan_s:g}s")
def record(request: pytest.FixtureRequest) -> LineRecord:
    return make_record(request.param, 320)


def follow(
    record: LineRecord,
    first: int = 0,
    last: int | None = None,
    state: EstimatorState | None = None,
    silent: tuple[int, ...] = (),
    estimator: Estimator = ESTIMATOR,
) -> tuple[EstimatorState, list[Columns]]:
    """Feed scan after scan; `silent` signals of all cells have no value."""
    state = estimator.init(CELLS) if state is None else state
    marks = record.valid.copy()
    marks[:, :, list(silent)] = False
    columns = []
    for scan in range(first, len(record.t_plant_s) if last is None else last):
        one = slice(scan, scan + 1)
        state, row = estimator.step(state, record.t_plant_s[one], record.value[one], marks[one])
        columns.append(row)
    return state, columns


def with_beam(record: LineRecord, first: int, last: int, added_mm: np.ndarray) -> LineRecord:
    value = record.value.copy()
    value[first:last, 0, BEAM] += added_mm
    return replace(record, value=value)


def acd_errors_and_sds(record: LineRecord, columns: list[Columns]) -> tuple[np.ndarray, np.ndarray]:
    """Of cell 1, scan by scan."""
    estimate = np.array([row["acd_cm"][0] for row in columns])
    error = estimate - record.truth["acd_cm"][-len(columns) :, 0]
    return error, np.array([row["acd_cm_sd"][0] for row in columns])


@pytest.mark.parametrize("added_mm", [-200.0, -60.0, 150.0])
def test_one_wrong_beam_reading_leaves_no_wrong_gap(record: LineRecord, added_mm: float) -> None:
    """The reading falls to zero, say, and comes back."""
    state, _ = follow(record, last=200)
    lying = with_beam(record, 200, 201, np.array([added_mm]))
    state, columns = follow(lying, first=200, state=state)
    error, sd = acd_errors_and_sds(lying, columns)
    honest = np.abs(error) < np.maximum(0.3, 3.0 * sd)
    assert np.all(honest), (error[~honest], sd[~honest])
    assert np.all(np.abs(error[60:]) < 0.3)
    assert np.isnan(columns[0]["beam_position_mm"][0]), "not told before it is borne out"
    assert columns[-1]["beam_position_mm"][0] == lying.value[-1, 0, BEAM]


def test_a_beam_that_is_raised_while_the_anodes_stay_does_not_open_the_gap(
    record: LineRecord,
) -> None:
    """Beam raising: 100 mm at the speed of the drive, all of it without the anodes."""
    state, _ = follow(record, last=60)
    times = record.t_plant_s[60:] - record.t_plant_s[60]
    raised_mm = np.minimum(DESIGN.cell.gap.beam_speed_mm_per_s * times, 100.0)
    raised = with_beam(record, 60, len(record.t_plant_s), raised_mm)
    _, columns = follow(raised, first=60, state=state)
    error, sd = acd_errors_and_sds(raised, columns)
    honest = np.abs(error) < np.maximum(0.45, 3.0 * sd)
    assert np.all(honest), (error[~honest], sd[~honest])
    assert abs(error[-1]) < 0.25
    assert columns[-1]["beam_position_mm"][0] == raised.value[-1, 0, BEAM]


def test_a_gap_that_voltage_after_voltage_belies_begins_anew(record: LineRecord) -> None:
    state, _ = follow(record, last=100)
    mean = np.array(state.mean)
    mean[0, ACD] = 9.0
    state, columns = follow(record, first=100, state=state._replace(mean=mean))
    error, _ = acd_errors_and_sds(record, columns)
    assert abs(error[30]) < 0.3
    restarts = columns[-1]["estimate_restarts"]
    assert restarts[0] >= 1.0
    assert np.all(restarts[1:] == 0.0)


def test_a_state_that_is_held_back_is_known_less_well() -> None:
    record = make_record(15.0, 40)
    state, _ = follow(record, last=30)
    mean = np.array(state.mean)
    mean[0, ACD] = 12.0
    marks = record.valid[30:31].copy()
    marks[:, :, VOLTAGE] = False
    one = slice(30, 31)
    pushed, row = ESTIMATOR.step(
        state._replace(mean=mean), record.t_plant_s[one], record.value[one], marks
    )
    assert float(pushed.mean[0, ACD]) == 9.0
    assert row["acd_cm_sd"][0] > 0.3
    assert row["acd_cm_sd"][1] < 0.25


def test_a_reading_that_flickers_by_its_resolution_moves_nothing() -> None:
    record = make_record(1.0, 320)
    flicker_mm = DESIGN.cell.gap.beam_resolution_mm * (np.arange(260) % 2)
    _, still = follow(record)
    state, _ = follow(record, last=60)
    _, flickered = follow(with_beam(record, 60, 320, flicker_mm), first=60, state=state)
    assert flickered[-1]["acd_cm"][0] == still[-1]["acd_cm"][0]
    assert flickered[-1]["acd_cm_sd"][0] == still[-1]["acd_cm_sd"][0]


def test_small_moves_count_when_they_add_up() -> None:
    record = make_record(15.0, 60)
    state, _ = follow(record, last=30)
    state = state._replace(beam_play_mm=jnp.full(CELLS, -0.5 * DESIGN.cell.gap.beam_backlash_mm))
    crept = with_beam(record, 30, 40, 0.1 * np.arange(1, 11))
    marks = record.valid.copy()
    marks[30:40, :, VOLTAGE] = False
    scans = slice(30, 40)
    moved, row = ESTIMATOR.step(state, record.t_plant_s[scans], crept.value[scans], marks[scans])
    still, _ = ESTIMATOR.step(state, record.t_plant_s[scans], record.value[scans], marks[scans])
    assert float(moved.mean[0, ACD] - still.mean[0, ACD]) == pytest.approx(0.1, abs=0.005)
    assert row["beam_position_mm"][0] == crept.value[39, 0, BEAM]


@pytest.mark.parametrize(
    ("silent", "unknown"),
    [
        (CURRENT, "line_current_ka"),
        (BEAM, "beam_position_mm"),
        (NOISE, "voltage_noise_mv"),
        (FED, "alumina_feed_rate_kg_per_h"),
    ],
)
def test_what_was_measured_long_ago_is_not_known_any_more(
    record: LineRecord, silent: int, unknown: str
) -> None:
    state, columns = follow(record, last=100)
    assert np.all(np.isfinite(columns[-1][unknown]))
    scan_s = float(np.diff(record.t_plant_s[:2])[0])
    silence_s = max(30.0, 3.0 * scan_s)
    scans = int(silence_s / scan_s)
    state, columns = follow(record, 100, 100 + scans, state, silent=(silent,))
    assert np.all(np.isfinite(columns[-1][unknown])), "a few scans without a value are no silence"
    state, columns = follow(record, 100 + scans, 102 + scans, state, silent=(silent,))
    assert np.all(np.isnan(columns[-1][unknown]))
    assert np.all(np.isfinite(columns[-1]["alumina_wt_pct"]))
    _, columns = follow(record, 102 + scans, 104 + scans, state)
    assert np.all(np.isfinite(columns[-1][unknown]))


def test_without_a_current_of_now_the_voltage_tells_nothing() -> None:
    """The line is cut back by a tenth while nobody hears of its current."""
    record = make_record(15.0, 200)
    state, _ = follow(record, last=100)
    value = record.value.copy()
    value[100:, :, VOLTAGE] -= 0.1 * (value[100:, :, VOLTAGE] - 1.65)
    cut = replace(record, value=value)
    short, columns = follow(cut, 100, 160, state, silent=(CURRENT,))
    silent, _ = follow(cut, 160, 161, short, silent=(CURRENT,))
    deaf, _ = follow(cut, 160, 161, short, silent=(CURRENT, VOLTAGE))
    assert np.array_equal(silent.mean, deaf.mean)
    assert np.all(np.isnan(columns[-1]["line_current_ka"]))
    error = columns[-1]["acd_cm"] - cut.truth["acd_cm"][159]
    assert np.all(np.abs(error) < 0.35), "the current was new enough for two scans"
