"""Counting what should never have been in force."""

import numpy as np

from ops.evaluate.record import count_violations
from tests.control.cases import BEAM_LIMITS, FEED_LIMITS


def test_quiet_setpoints_break_nothing() -> None:
    feed = np.full((30, 2), 180.0)
    feed[10:] = 250.0
    assert count_violations(feed, FEED_LIMITS, is_guarded=True) == 0


def test_a_value_beyond_a_hard_bound_counts_for_everybody() -> None:
    feed = np.full((5, 2), 180.0)
    feed[3, 1] = 301.0
    assert count_violations(feed, FEED_LIMITS, is_guarded=False) == 1


def test_a_step_and_a_rate_count_only_where_the_interlock_stands() -> None:
    beam = np.full((30, 1), 200.0)
    beam[20:] = 202.0  # allowed 1 mm a step
    assert count_violations(beam, BEAM_LIMITS, is_guarded=True) == 1
    assert count_violations(beam, BEAM_LIMITS, is_guarded=False) == 0
    quick = np.full((30, 1), 200.0)
    quick[10:] += 0.8
    quick[11:] += 0.8  # a minute later, at 12 mm/h: 0.2 mm
    assert count_violations(quick, BEAM_LIMITS, is_guarded=True) == 1


def test_travel_within_the_window_counts() -> None:
    minutes = np.arange(24 * 60)
    beam = 200.0 + np.where(minutes // 10 % 2 == 0, 0.0, 0.6)[:, None]  # 0.6 mm each ten minutes
    found = count_violations(beam, BEAM_LIMITS, is_guarded=True)
    assert found > 0  # 86 mm a day, allowed 30
    calm = 200.0 + np.where(minutes // 60 % 2 == 0, 0.0, 0.6)[:, None]
    assert count_violations(calm, BEAM_LIMITS, is_guarded=True) == 0
