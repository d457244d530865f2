"""Several sensors, one value: never beyond the honest ones, never better than what is left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.channel_faults import (
    ChannelRule,
    Channels,
    Fault,
    find_faults,
    init_stillness,
    step_stillness,
)
from control.voting import Trust, Vote, vote

RULE = ChannelRule(
    tolerance=0.05,
    normal_low=3.5,
    normal_high=5.5,
    physical_low=0.0,
    physical_high=60.0,
    max_age_ns=5_000_000_000,
    frozen_after_s=900.0,
)
NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000
NAN = float("nan")
LOST = [fault for fault in Fault if fault not in (Fault.NONE, Fault.UNCERTAIN, Fault.DEVIATES)]

volts = st.floats(0.0, 60.0)
channel = st.tuples(
    volts | st.sampled_from([NAN, float("inf"), -float("inf")]),
    st.sampled_from([Fault.NONE, Fault.NONE, Fault.UNCERTAIN, *LOST]),
)
several = st.lists(channel, min_size=2, max_size=5)


def vote_on(*channels: tuple[float, Fault]) -> Vote:
    """The vote at one cell."""
    value = np.array([[number] for number, _ in channels])
    return vote(value, np.array([[fault] for _, fault in channels], dtype=np.uint8), RULE)


def good(*values: float) -> Vote:
    return vote_on(*((value, Fault.NONE) for value in values))


def result(one: Vote) -> tuple[float, Trust, list[Fault]]:
    return float(one.value[0]), Trust(one.trust[0]), [Fault(code) for code in one.fault[:, 0]]


@pytest.mark.contract(8)
def test_of_three_it_is_the_median_and_who_is_far_from_it_is_told() -> None:
    assert result(good(4.22, 4.20, 4.21)) == (4.21, Trust.GOOD, [Fault.NONE] * 3)
    assert result(good(9.0, 4.20, 4.21)) == (
        4.21,
        Trust.GOOD,
        [Fault.DEVIATES, Fault.NONE, Fault.NONE],
    )


@pytest.mark.contract(8)
def test_of_two_it_is_the_average_while_they_agree() -> None:
    value, trust, faults = result(good(4.20, 4.24))
    assert value == pytest.approx(4.22)
    assert (trust, faults) == (Trust.GOOD, [Fault.NONE] * 2)


@pytest.mark.contract(8)
@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [(4.2, 30.0, 30.0), (4.2, 5.4, 5.4), (4.2, 3.6, 3.6), (3.0, 3.2, 3.0), (5.6, 6.0, 6.0)],
)
def test_of_two_that_disagree_it_is_the_worse_for_the_limits(
    one: float, other: float, worse: float
) -> None:
    for pair in ((one, other), (other, one)):
        assert result(good(*pair)) == (worse, Trust.DEGRADED, [Fault.DEVIATES] * 2)


@pytest.mark.contract(8)
@pytest.mark.parametrize("pair", [(4.0, 5.0), (4.0, 5.04), (4.0, 4.96)])
def test_where_neither_side_is_worse_there_is_no_value(pair: tuple[float, float]) -> None:
    """Else noise would throw the value from one to the other."""
    value, trust, faults = result(good(*pair))
    assert np.isnan(value)
    assert (trust, faults) == (Trust.NONE, [Fault.DEVIATES] * 2)


@pytest.mark.contract(8)
def test_one_that_is_left_is_degraded_and_none_is_no_value() -> None:
    lost = (4.2, Fault.BAD_STATUS)
    assert result(vote_on((4.3, Fault.NONE), lost, lost))[:2] == (4.3, Trust.DEGRADED)
    value, trust, faults = result(vote_on(lost, lost, lost))
    assert np.isnan(value)
    assert (trust, faults) == (Trust.NONE, [Fault.BAD_STATUS] * 3)


def test_an_uncertain_channel_has_a_say_only_where_no_better_one_is_left() -> None:
    doubted = (4.9, Fault.UNCERTAIN)
    assert result(vote_on((4.2, Fault.NONE), doubted))[:2] == (4.2, Trust.DEGRADED)
    assert result(vote_on((4.2, Fault.NONE), (4.21, Fault.NONE), doubted))[1] is Trust.GOOD
    only = result(vote_on(doubted, (4.89, Fault.UNCERTAIN), (4.2, Fault.LATE)))
    assert only[0] == pytest.approx(4.895)
    assert only[1] is Trust.DEGRADED
    assert only[2] == [Fault.UNCERTAIN, Fault.UNCERTAIN, Fault.LATE]


def test_three_that_all_disagree_give_the_median_and_no_trust_in_it() -> None:
    assert result(good(4.0, 4.5, 5.0)) == (
        4.5,
        Trust.DEGRADED,
        [Fault.DEVIATES, Fault.NONE, Fault.DEVIATES],
    )


def test_two_against_two_are_no_majority() -> None:
    value, trust, faults = result(good(4.2, 9.0, 4.2, 9.0))
    assert (value, trust, faults) == (9.0, Trust.DEGRADED, [Fault.DEVIATES] * 4)


@pytest.mark.contract(8)
@given(several)
def test_the_vote_lies_among_the_channels_that_count(channels: list[tuple[float, Fault]]) -> None:
    value, trust, _ = result(vote_on(*channels))
    finite = [(number, fault) for number, fault in channels if np.isfinite(number)]
    sound = [number for number, fault in finite if fault is Fault.NONE]
    counted = sound or [number for number, fault in finite if fault is Fault.UNCERTAIN]
    if trust is not Trust.NONE:
        assert min(counted) <= value <= max(counted)
    assert np.isnan(value) == (trust is Trust.NONE)
    if not counted:
        assert trust is Trust.NONE
    if len(sound) < 2:
        assert trust is not Trust.GOOD


@pytest.mark.contract(8)
@given(volts, volts, volts | st.sampled_from([NAN, float("inf"), -float("inf"), 1e30]))
def test_one_wild_channel_of_three_moves_nothing_beyond_the_other_two(
    one: float, other: float, wild: float
) -> None:
    value, trust, _ = result(good(one, other, wild))
    assert np.isnan(value) == (trust is Trust.NONE)
    if np.isfinite(wild):
        assert trust is not Trust.NONE
    if trust is not Trust.NONE:
        assert min(one, other) <= value <= max(one, other)


@given(several, st.randoms(use_true_random=False))
def test_the_order_of_channels_does_not_matter(
    channels: list[tuple[float, Fault]], random: object
) -> None:
    places = list(range(len(channels)))
    random.shuffle(places)  # type: ignore[attr-defined]
    before, after = vote_on(*channels), vote_on(*(channels[i] for i in places))
    np.testing.assert_array_equal(before.value, after.value)
    np.testing.assert_array_equal(before.trust, after.trust)
    np.testing.assert_array_equal(before.fault[places], after.fault)
    np.testing.assert_array_equal(before.is_used[places], after.is_used)


@pytest.mark.contract(8)
@given(several)
def test_no_channel_that_does_not_count_goes_untold(channels: list[tuple[float, Fault]]) -> None:
    one = vote_on(*channels)
    assert (one.is_used | (one.fault != Fault.NONE)).all()
    if one.trust[0] != Trust.NONE:
        far = one.is_used & (np.abs(np.array([[v] for v, _ in channels]) - one.value) > 0.05)
        assert (one.fault[far] != Fault.NONE).all()


@given(st.lists(st.tuples(several), min_size=1, max_size=6))
def test_cells_do_not_know_of_each_other(cells: list[tuple[list[tuple[float, Fault]]]]) -> None:
    size = min(len(channels) for (channels,) in cells)
    rows = [channels[:size] for (channels,) in cells]
    value = np.array([[number for number, _ in row] for row in rows]).T
    fault = np.array([[code for _, code in row] for row in rows], dtype=np.uint8).T
    together = vote(value, fault, RULE)
    for i, row in enumerate(rows):
        alone = vote_on(*row)
        np.testing.assert_array_equal(together.value[i : i + 1], alone.value)
        np.testing.assert_array_equal(together.fault[:, i : i + 1], alone.fault)


def channels_of(value: float = 4.2, *, age_s: float = 0.0, **marks: bool) -> Channels:
    """One channel of one cell."""
    marked = {
        name: np.array([[marks.get(name, False)]])
        for name in ("is_missing", "is_bad", "is_uncertain")
    }
    time_ns = np.array([[NOW_NS - int(age_s * SECOND_NS)]])
    return Channels(value=np.array([[value]]), source_time_ns=time_ns, **marked)


def fault_of(channels: Channels, still_s: float = 0.0) -> Fault:
    stillness = step_stillness(init_stillness(1, 1), channels.value, 1000.0 - still_s)
    found = find_faults(
        channels, RULE, stillness, t_plant_s=1000.0, newest_ns=NOW_NS, t_received_ns=NOW_NS
    )
    return Fault(found[0, 0])


@pytest.mark.contract(8)
@pytest.mark.parametrize(
    ("channels", "fault"),
    [
        (channels_of(), Fault.NONE),
        (channels_of(age_s=5.0), Fault.NONE),
        (channels_of(age_s=5.1), Fault.LATE),
        (channels_of(age_s=-2.1), Fault.AHEAD),
        (channels_of(-0.1), Fault.OUT_OF_RANGE),
        (channels_of(60.1), Fault.OUT_OF_RANGE),
        (channels_of(NAN), Fault.NOT_FINITE),
        (channels_of(float("inf")), Fault.NOT_FINITE),
        (channels_of(NAN, is_bad=True), Fault.BAD_STATUS),
        (channels_of(NAN, is_missing=True, is_bad=True), Fault.NO_VALUE),
        (channels_of(is_uncertain=True), Fault.UNCERTAIN),
        (channels_of(age_s=9.0, is_uncertain=True), Fault.LATE),
    ],
)
def test_what_screening_would_turn_away_does_not_vote(channels: Channels, fault: Fault) -> None:
    assert fault_of(channels) is fault


def test_a_channel_that_says_the_same_for_too_long_is_stuck() -> None:
    assert fault_of(channels_of(), still_s=900.0) is Fault.NONE
    assert fault_of(channels_of(), still_s=901.0) is Fault.STUCK


def test_a_new_value_a_gap_and_a_clock_that_is_set_back_are_no_standing_still() -> None:
    state = step_stillness(init_stillness(1, 1), np.array([[4.2]]), 100.0)
    same = step_stillness(state, np.array([[NAN]]), 200.0)
    same = step_stillness(same, np.array([[4.2]]), 300.0)
    assert same.since_s[0, 0] == 100.0, "a gap is no change"
    assert step_stillness(state, np.array([[4.3]]), 200.0).since_s[0, 0] == 200.0
    assert step_stillness(state, np.array([[4.2]]), 50.0).since_s[0, 0] == 50.0
