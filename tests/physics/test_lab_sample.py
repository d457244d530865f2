"""Laboratory samples that come hours late: as if they had been known at their own time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.estimate_state import EstimatorState, from_bytes, to_bytes
from physics.estimator import Estimator
from physics.hindsight import SLOT_S, bracket
from physics.kalman import Belief, update, update_past
from physics.lab_sample import SampleStatus
from physics.reduced.model import ALF3, ALUMINA
from physics.signals import SIGNALS
from physics.square_root import spread_factor
from tests.physics.plants import load_design, load_noise_sd

CELLS = 4
SCAN_S = 240.0
HOUR_S = 3600.0
DESIGN = load_design("reference-300ka.toml")
ESTIMATOR = Estimator(DESIGN, load_noise_sd("reference-300ka.toml"))
SD = np.array([0.1, 0.2, 1.0])
ONLY_ALF3 = np.array([np.nan, 13.5, np.nan])
LEVELS = np.array([4.2, 956.0, 0.0, 200.0, 10.0, 300.0])
BATH = SIGNALS.index("bath_temperature_c")
Samples = dict[int, tuple[float, np.ndarray]]


def run(first: int, last: int, state: EstimatorState | None = None) -> EstimatorState:
    """Follow a cell that stands still, its bath temperature measured once in four hours."""
    scan = np.arange(first, last)
    noise = np.random.default_rng(5).standard_normal((10_000, CELLS))[scan]
    value = np.broadcast_to(LEVELS, (len(scan), CELLS, len(SIGNALS))).copy()
    value[:, :, SIGNALS.index("cell_voltage_v")] += 0.01 * noise
    value[:, :, SIGNALS.index("alumina_fed_kg")] = (180.0 * SCAN_S / HOUR_S * scan)[:, None]
    marks = np.ones(value.shape, dtype=bool)
    marks[:, :, BATH] = (scan % 60 == 30)[:, None]
    state = ESTIMATOR.init(CELLS) if state is None else state
    state, _ = ESTIMATOR.step(state, SCAN_S * (1.0 + scan), value, marks)
    return state


def take(state: EstimatorState, hour: float, values: np.ndarray = ONLY_ALF3) -> EstimatorState:
    state, outcome = ESTIMATOR.take_sample(state, 0, hour * HOUR_S, values, SD)
    assert outcome.status.tolist() == [SampleStatus.TAKEN_IN]
    return state


@pytest.fixture(scope="module")
def at_noon() -> EstimatorState:
    """Twelve hours after the start."""
    return run(0, 180)


@pytest.fixture(scope="module")
def at_slot() -> EstimatorState:
    """Eight hours after it, where a slot has just been taken."""
    return run(0, 120)


@jax.jit
def live(
    belief: Belief, F: jax.Array, rows: jax.Array, seen: jax.Array, noise_sd: jax.Array
) -> Belief:
    """Some steps of a linear system with a measurement in each."""

    def step(k: jax.Array, before: Belief) -> Belief:
        factor, forgotten = spread_factor(before.factor, F, noise_sd)
        moved = before._replace(
            mean=F @ before.mean, factor=factor, rest=before.rest + forgotten @ forgotten.T
        )
        residual = seen[k] - rows[k] @ moved.mean
        one = jnp.ones(())
        return update(moved, rows[k], residual, 0.1 * one, one > 0.0, 1e9 * one)[0]

    after: Belief = jax.lax.fori_loop(0, rows.shape[0], step, belief)
    return after


def test_on_a_linear_system_it_is_exact() -> None:
    """Two samples of two times that come late and in the wrong order."""
    rng = np.random.default_rng(6)
    count = 4
    F = jnp.asarray(np.eye(count) + 0.1 * rng.standard_normal((count, count)))
    rows, seen = rng.standard_normal((2, 12, count)), rng.standard_normal((2, 12))
    noise_sd, one = jnp.asarray(rng.uniform(0.1, 0.5, count)), jnp.ones(())
    of_sample = np.eye(count)[1]
    values = (0.7, -0.4)

    def clone(belief: Belief, at: int) -> Belief:
        factor = belief.factor.at[count + at].set(belief.factor[1])
        rest = belief.rest.at[at].set(0.0).at[:, at].set(0.0)
        return belief._replace(
            factor=factor, correction=belief.correction.at[at].set(0.0), rest=rest
        )

    blank = Belief(
        jnp.zeros(count),
        jnp.zeros((count + 2, count)).at[:count].set(jnp.eye(count)),
        jnp.zeros(2),
        jnp.zeros((2, 2)),
        jnp.zeros((0, count)),
        jnp.zeros(0),
        jnp.zeros(0),
    )

    def follow(in_time: bool) -> Belief:
        belief, believed = blank, []
        for leg in range(2):
            belief = clone(belief, leg)
            believed.append(float(belief.mean[1]))
            if in_time:
                residual = values[leg] - belief.mean[1]
                now = jnp.asarray(of_sample)
                belief = update(belief, now, residual, 0.2 * one, one > 0.0, 1e9 * one)[0]
            belief = live(belief, F, jnp.asarray(rows[leg]), jnp.asarray(seen[leg]), noise_sd)
        for leg in (1, 0) if not in_time else ():
            past = jnp.eye(2)[leg]
            residual = values[leg] - believed[leg] - belief.correction[leg]
            belief = update_past(
                belief, jnp.zeros(count), past, residual, 0.2 * one, one > 0.0, 1e9 * one
            )[0]
        return belief

    exact, late = follow(in_time=True), follow(in_time=False)
    assert np.allclose(late.mean, exact.mean, rtol=1e-10, atol=1e-12)
    covariances = [np.asarray(b.factor[:count] @ b.factor[:count].T) for b in (exact, late)]
    assert np.allclose(*covariances, rtol=1e-9, atol=1e-12)


def test_a_sample_of_hours_ago_counts_as_if_it_had_been_known(at_slot: EstimatorState) -> None:
    """Drawn at a slot and reported four hours later; taken for one of now, it does not."""
    at_hour = 8.0
    in_time = run(120, 180, take(at_slot, at_hour))
    without = run(120, 180, at_slot)
    late = take(without, at_hour)
    wrong = take(without, 12.0)
    moved = float(in_time.mean[0, ALF3] - without.mean[0, ALF3])
    assert abs(moved) > 0.08
    # not to the digit: which odd voltages wait (physics.doubt) depends on what is believed by then
    assert float(late.mean[0, ALF3] - without.mean[0, ALF3]) == pytest.approx(moved, rel=0.05)
    wronged = float(wrong.mean[0, ALF3] - without.mean[0, ALF3])
    assert abs(wronged - moved) > 0.2 * abs(moved)
    sds = [float(np.linalg.norm(s.factor[0, ALF3])) for s in (in_time, late, wrong, without)]
    assert sds[1] == pytest.approx(sds[0], rel=0.01)
    assert sds[1] < sds[3]
    assert sds[2] < 0.6 * sds[0], "it would be surer than it may be"
    assert np.array_equal(late.mean[1:], without.mean[1:]), "other cells have no part in it"


def test_between_two_slots_the_error_is_interpolated(at_noon: EstimatorState) -> None:
    def tell(hour: float) -> float:
        _, outcome = ESTIMATOR.take_sample(at_noon, 0, hour * HOUR_S, ONLY_ALF3, SD)
        return float(outcome.innovation.residual[0, 1])

    at_slots = tell(4.0), tell(8.0)
    assert min(at_slots) - 0.1 < tell(6.0) < max(at_slots) + 0.1
    assert tell(8.0 - 1e-6) == pytest.approx(at_slots[1], abs=1e-4)
    assert tell(4.0 + 1e-6) == pytest.approx(at_slots[0], abs=1e-4)


def test_a_second_sample_finds_the_first_one_known(at_noon: EstimatorState) -> None:
    """The bath of another hour is known better by it as well."""
    once = take(at_noon, 8.0)

    def tell(state: EstimatorState, hour: float) -> float:
        _, outcome = ESTIMATOR.take_sample(state, 0, hour * HOUR_S, ONLY_ALF3, SD)
        return abs(float(outcome.innovation.residual[0, 1]))

    assert tell(once, 8.0) < 0.6 * tell(at_noon, 8.0)
    assert tell(once, 5.0) < 0.9 * tell(at_noon, 5.0)


def test_a_batch_says_what_became_of_each(at_noon: EstimatorState) -> None:
    hours = np.array([2.0, 13.0, -1.0, np.nan, 2.0])
    values = np.tile([2.7, 13.5, 957.0], (5, 1))
    state, outcome = ESTIMATOR.take_sample(
        at_noon, np.array([3, 2, 1, 0, 99]), hours * HOUR_S, values, SD
    )
    assert outcome.status.tolist() == [
        SampleStatus.TAKEN_IN,
        SampleStatus.FROM_THE_FUTURE,
        SampleStatus.TOO_OLD,
        SampleStatus.UNREADABLE,
        SampleStatus.UNKNOWN_CELL,
    ]
    assert np.all(np.isfinite(outcome.innovation.normalised[0]))
    assert np.all(np.isnan(outcome.innovation.normalised[1:]))
    for name in ("mean", "factor", "correction", "rest", "notes"):
        assert np.array_equal(getattr(state, name)[:3], getattr(at_noon, name)[:3]), name
    assert not np.array_equal(state.mean[3], at_noon.mean[3])


@pytest.mark.parametrize(
    ("values", "sd"),
    [([np.nan] * 3, SD), ([np.inf] * 3, SD), (ONLY_ALF3, 0.0), (ONLY_ALF3, np.nan)],
)
def test_what_cannot_be_read_changes_nothing(
    at_noon: EstimatorState, values: list[float], sd: float
) -> None:
    state, outcome = ESTIMATOR.take_sample(at_noon, 1, 6.0 * HOUR_S, values, sd)
    assert outcome.status.tolist() == [SampleStatus.UNREADABLE]
    assert all(np.array_equal(*pair, equal_nan=True) for pair in zip(state, at_noon, strict=True))


def test_a_sample_before_the_first_scan_of_a_state_is_none_of_its_time() -> None:
    _, outcome = ESTIMATOR.take_sample(ESTIMATOR.init(CELLS), 0, 100.0, ONLY_ALF3, SD)
    assert outcome.status.tolist() == [SampleStatus.FROM_THE_FUTURE]


def test_a_mistaken_analysis_bends_the_estimate_a_little(at_noon: EstimatorState) -> None:
    wild = take(at_noon, 8.0, np.array([np.nan, 40.0, np.nan]))
    assert abs(float(wild.mean[0, ALF3] - at_noon.mean[0, ALF3])) < 1.0
    assert abs(float(wild.mean[0, ALUMINA] - at_noon.mean[0, ALUMINA])) < 0.3


def test_what_is_remembered_survives_as_bytes(at_noon: EstimatorState) -> None:
    back = from_bytes(to_bytes(at_noon))
    assert np.array_equal(take(back, 6.0).mean, take(at_noon, 6.0).mean)


def test_two_samples_of_a_cell_in_one_call_are_refused(at_noon: EstimatorState) -> None:
    with pytest.raises(ValueError, match=r"each cell once.*Remedy"):
        ESTIMATOR.take_sample(at_noon, [1, 1], [1.0, 2.0], np.ones((2, 3)), SD)
    with pytest.raises(ValueError, match="Remedy"):
        ESTIMATOR.take_sample(at_noon, 1, 1.0, np.ones(2), SD)


def test_a_time_lies_between_its_neighbours_in_a_ring() -> None:
    times = jnp.array([5.0, jnp.nan, 2.0, 3.0]) * SLOT_S
    now = jnp.asarray(6.0 * SLOT_S)
    middle = bracket(times, now, jnp.asarray(4.0 * SLOT_S))
    assert middle.weights.tolist() == [0.5, 0.0, 0.0, 0.5, 0.0]
    newest = bracket(times, now, jnp.asarray(5.25 * SLOT_S))
    assert newest.weights.tolist() == [0.75, 0.0, 0.0, 0.0, 0.25]
    assert not bool(bracket(times, now, jnp.asarray(1.0)).is_held)
    assert not bool(bracket(times * jnp.nan, now, now).is_held)
