"""What is best: fronts, knees, and the convex sweep against points at random."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from control.operation import KEPT, Operation, find_front, find_knee
from control.rating import ALF3, GAP, Rater
from control.sweep import Sweep, list_weights
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from tests.physics.strict import strict_jax

__all__ = ["strict_jax"]

PLANT = load_plant(DEFAULT_PLANT)
LIMITS = {row.name: row for row in PLANT.setpoints}
SMALL = st.integers(0, 4).map(float)


@pytest.fixture(scope="module")
def operation() -> Operation:
    return Operation(Rater(PLANT.design), PLANT.control, LIMITS)


@pytest.fixture(scope="module")
def sweep(operation: Operation) -> Sweep:
    return Sweep(operation)


@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.just(3)), elements=SMALL))
def test_a_front_is_what_nothing_beats(values: np.ndarray) -> None:
    front = find_front(values)
    for value in values[front]:
        no_worse = np.all(values <= value, axis=1)
        assert not np.any(no_worse & np.any(values < value, axis=1))
    for row, value in enumerate(values):
        if row not in front:
            assert np.any(np.all(values[front] <= value, axis=1))
    assert len(np.unique(values[front], axis=0)) == len(front)


def test_a_knee_is_near_the_best_of_everything() -> None:
    bent = np.array([[0.0, 1.0, 0.0], [0.1, 0.15, 0.0], [0.5, 0.1, 0.0], [1.0, 0.0, 0.0]])
    assert find_knee(bent) == 1
    assert find_knee(np.array([[3.0, 2.0, 1.0]])) == 0


def test_weights_cover_their_simplex() -> None:
    weights = list_weights(5)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert len(np.unique(weights, axis=0)) == len(weights) == 21


def test_the_present_gap_is_where_superheat_or_the_floor_holds_it(operation: Operation) -> None:
    present = operation.present()
    _, (beyond,) = operation.judge(present[None])
    at_floor = present[GAP] == pytest.approx(operation.low[GAP])
    assert at_floor or beyond[KEPT.index("superheat_low")] == pytest.approx(0.0, abs=0.02)
    lower = present - [0.02, 0.0, 0.0, 0.0]
    assert not operation.is_kept(lower[None])[0] or at_floor


def test_the_program_is_parametrised(sweep: Sweep) -> None:
    assert sweep.is_parametrised


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.2, 0.2, 8.0)])
def test_no_point_at_random_is_better_than_what_the_sweep_finds(
    operation: Operation, sweep: Sweep, weights: tuple[float, ...]
) -> None:
    found = sweep.minimise(np.array(weights), operation.nominal)
    assert operation.is_kept(found[None])[0]
    (value,), _ = operation.judge(found[None])
    random = np.random.default_rng(1)
    tried = random.uniform(operation.low, operation.high, (4096, 4))
    near = np.clip(found + random.normal(0.0, 0.03, (2048, 4)), operation.low, operation.high)
    points = np.vstack([tried, near])
    values, beyond = operation.judge(points)
    kept = np.all(beyond <= 0.0, axis=1)
    assert kept.sum() > 100
    assert np.min(values[kept] @ weights) >= value @ np.array(weights) * (1.0 - 2e-5)


def test_bath_chemistry_that_is_to_stay_stays(operation: Operation) -> None:
    kept = Operation(operation.rater, PLANT.control, LIMITS, alf3_reach_wt_pct=0.0)
    assert kept.low[ALF3] == kept.high[ALF3] == PLANT.cell.bath.excess_alf3_wt_pct
