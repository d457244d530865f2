"""Means, paired differences and changes over seeds, against SciPy and by hand."""

import numpy as np
import pytest
from scipy import stats

from ops.evaluate.statistics import Interval, change_pct, difference, interval_of

OURS = np.array([12.8, 12.9, 12.7, 13.0, 12.75])
THEIRS = np.array([13.1, 13.3, 13.0, 13.2, 13.05])


def test_a_mean_has_students_interval() -> None:
    low, high = stats.t.interval(0.95, len(OURS) - 1, OURS.mean(), stats.sem(OURS))
    found = interval_of(OURS)
    assert found.mean == pytest.approx(OURS.mean())
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_difference_is_that_of_the_paired_test() -> None:
    test = stats.ttest_rel(OURS, THEIRS).confidence_interval(0.95)
    found = difference(OURS, THEIRS)
    assert (found.low, found.high) == pytest.approx((test.low, test.high))


def test_a_change_is_that_of_the_totals() -> None:
    assert change_pct(np.array([1.0, 2.0]), np.array([2.0, 4.0])).mean == pytest.approx(-50.0)
    assert change_pct(np.array([1.0, 5.0]), np.array([0.0, 4.0])).mean == pytest.approx(50.0)


def test_a_change_that_is_the_same_for_each_seed_is_certain() -> None:
    found = change_pct(0.9 * THEIRS, THEIRS)
    assert (found.mean, found.low, found.high) == pytest.approx((-10.0, -10.0, -10.0))


def test_a_change_against_a_constant_is_students() -> None:
    found = change_pct(OURS, np.full(len(OURS), 13.0))
    whole = interval_of(100.0 * (OURS / 13.0 - 1.0))
    assert (found.mean, found.low, found.high) == pytest.approx((whole.mean, whole.low, whole.high))


def test_a_changes_interval_is_about_that_of_resampling_the_seeds() -> None:
    random = np.random.default_rng(3)
    theirs = random.poisson(30.0, 60).astype(float)
    ours = random.poisson(6.0 + 0.1 * theirs).astype(float)
    found = change_pct(ours, theirs)

    def changed(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return 100.0 * (x.mean(axis=axis) / y.mean(axis=axis) - 1.0)

    resampled = stats.bootstrap(
        (ours, theirs), changed, paired=True, n_resamples=2000, method="basic", rng=random
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((resampled.low, resampled.high), abs=1.0)


def test_one_seed_tells_no_spread_and_nothing_compares_with_nothing() -> None:
    assert interval_of(np.array([3.0])) == Interval(3.0, None, None)
    assert change_pct(np.array([1.0, 2.0]), np.zeros(2)) == Interval(None, None, None)
