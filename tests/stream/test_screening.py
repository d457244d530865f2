"""Every sample that comes is either accepted or rejected with its reason, whatever comes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.frames import Quality, SampleFrame
from stream.rejects import Reason
from stream.screen_state import ScreenState, decode_state, encode_state
from stream.screening import Screen, Screened
from tests.stream.frame_cases import CELLS, LIMITS, NOW_NS, SECOND_NS, make_frame, origin

SCREEN = Screen(0, CELLS, LIMITS)


def screen(
    frame: SampleFrame, state: ScreenState | None = None, offset: int = 0, now_ns: int = NOW_NS
) -> tuple[ScreenState, Screened]:
    return SCREEN.step(state or SCREEN.initial_state(), frame, b"as sent", origin(offset), now_ns)


def with_sample(frame: SampleFrame, place: tuple[int, int, int], **change: float) -> SampleFrame:
    """The frame with one sample's value, quality or source_time_ns changed."""
    for name, number in change.items():
        array = getattr(frame, name).copy()
        array[place] = number
        frame = replace(frame, **{name: array})
    return frame


def test_an_honest_frame_passes_whole() -> None:
    frame = make_frame()
    state, screened = screen(frame)
    assert screened.rejects is None
    assert screened.accepted is not None
    np.testing.assert_array_equal(screened.accepted.value, frame.value)
    assert screened.accepted.origin == origin(0)
    assert screened.accepted.t_accepted_ns == NOW_NS
    assert (state.session, state.sequence, state.offset) == (1, 0, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": np.nan}, Reason.NOT_FINITE),
        ({"value": np.inf}, Reason.NOT_FINITE),
        ({"value": -np.inf}, Reason.NOT_FINITE),
        ({"value": -0.1}, Reason.OUT_OF_RANGE),
        ({"value": 60.1}, Reason.OUT_OF_RANGE),
        ({"quality": Quality.BAD}, Reason.BAD_STATUS),
        ({"quality": Quality.MISSING, "value": np.nan}, Reason.MISSING),
        ({"quality": 200}, Reason.BAD_STATUS),
        ({"source_time_ns": NOW_NS + 3 * SECOND_NS}, Reason.FUTURE),
    ],
)
def test_one_bad_sample_is_rejected_alone(change: dict[str, float], reason: Reason) -> None:
    frame = with_sample(make_frame(), (1, 2, 0), **change)
    _, screened = screen(frame)
    assert screened.rejects is not None
    assert screened.accepted is not None
    assert screened.rejects.reason == (reason,)
    assert screened.rejects.cell.tolist() == [3]
    assert screened.rejects.signal == ("cell_voltage_v",)
    np.testing.assert_array_equal(screened.rejects.value, [frame.value[1, 2, 0]])
    assert screened.accepted.quality[1, 2, 0] == Quality.REJECTED
    assert np.isnan(screened.accepted.value[1, 2, 0])
    assert screened.accepted.usable_points + screened.rejects.points == frame.points
    assert screened.rejects.original == (b"as sent",)


def test_the_message_is_attached_once_and_only_if_the_reject_can_still_be_sent() -> None:
    frame = replace(make_frame(), value=np.full((2, 3, 2), np.nan))
    for payload, kept in ((b"as sent", b"as sent"), (bytes(1_000_001), None)):
        _, screened = SCREEN.step(SCREEN.initial_state(), frame, payload, origin(0), NOW_NS)
        assert screened.rejects is not None
        assert screened.rejects.original == (kept, *(None,) * 11)


def test_more_bad_samples_than_a_reject_holds_turn_the_message_away_whole() -> None:
    before, _ = screen(make_frame(0))
    frame = make_frame(1, scans=1, cells=tuple(range(100, 25_101)), t_plant_s=110.0)
    following, screened = screen(frame, before, offset=1)
    assert screened.accepted is None
    assert screened.rejects is not None
    assert screened.rejects.reason == (Reason.TOO_MANY,)
    assert screened.rejects.points == frame.points == 50_002
    assert (following.sequence, following.offset) == (0, 1)
    later_ns = NOW_NS + 5 * SECOND_NS
    honest = make_frame(2, now_ns=later_ns)
    assert screen(honest, following, offset=2, now_ns=later_ns)[1].rejects is None


@pytest.mark.parametrize(
    ("ahead_s", "elapsed_s", "reason"),
    [
        (3600.0 + 4500.0, 5.0, None),
        (3600.0 + 5500.0, 5.0, Reason.FUTURE),
        (1e9, 5.0, Reason.FUTURE),
        (600.0 * 3600.0, 3600.0, None),  # an hour without the broker, at the fastest simulator
        (1e9, 3600.0, Reason.FUTURE),
    ],
)
def test_a_plant_time_that_no_plant_can_have_reached_does_not_shut_out_the_honest_ones(
    ahead_s: float, elapsed_s: float, reason: Reason | None
) -> None:
    before, _ = screen(make_frame(0, t_plant_s=1000.0))
    now_ns = NOW_NS + int(elapsed_s * SECOND_NS)
    frame = make_frame(1, t_plant_s=1001.0 + ahead_s, now_ns=now_ns)
    following, screened = screen(frame, before, offset=1, now_ns=now_ns)
    if reason is None:
        assert screened.rejects is None
        return
    assert screened.accepted is None
    assert screened.rejects is not None
    assert screened.rejects.reason == (reason,)
    assert "after 1, 0, 1001 s" in screened.rejects.detail[0]
    honest = make_frame(2, t_plant_s=1002.0, now_ns=now_ns)
    assert screen(honest, following, offset=2, now_ns=now_ns)[1].rejects is None


def test_a_session_may_begin_at_any_plant_time_that_hangs_together() -> None:
    before, _ = screen(make_frame(0, t_plant_s=1000.0))
    now_ns = NOW_NS + 5 * SECOND_NS
    another = make_frame(0, session=2, t_plant_s=1.8e9, now_ns=now_ns)
    assert screen(another, before, offset=1, now_ns=now_ns)[1].rejects is None
    torn = replace(another, t_plant_s=np.array([1000.0, 1.8e9]))
    _, screened = screen(torn, before, offset=1, now_ns=now_ns)
    assert screened.rejects is not None
    assert screened.rejects.reason == (Reason.FUTURE,)


def test_a_clock_ahead_within_tolerance_passes() -> None:
    frame = with_sample(make_frame(), (1, 0, 0), source_time_ns=NOW_NS + SECOND_NS)
    assert screen(frame)[1].rejects is None


def test_an_unknown_cell_and_signal_are_rejected_and_the_rest_kept_in_order() -> None:
    frame = make_frame(cells=(3, 99, 1), signals=("bath_temperature_c", "mystery"))
    _, screened = screen(frame)
    assert screened.rejects is not None
    assert screened.accepted is not None
    reasons = dict.fromkeys(screened.rejects.reason, 0)
    for reason in screened.rejects.reason:
        reasons[reason] += 1
    assert reasons == {Reason.UNKNOWN_CELL: 4, Reason.UNKNOWN_SIGNAL: 4}
    accepted = screened.accepted
    assert accepted.cells == CELLS
    np.testing.assert_array_equal(accepted.value[:, 0, 1], frame.value[:, 2, 0])
    np.testing.assert_array_equal(accepted.value[:, 2, 1], frame.value[:, 0, 0])
    assert (accepted.quality[:, 1, :] == Quality.MISSING).all()
    assert accepted.usable_points + screened.rejects.points == frame.points


def test_a_frame_of_strangers_only_is_rejected_whole() -> None:
    frame = make_frame(cells=(98, 99))
    _, screened = screen(frame)
    assert screened.rejects is not None
    assert screened.rejects.points == frame.points
    assert screened.accepted is not None
    assert screened.accepted.usable_points == 0


def test_the_same_message_again_is_not_counted_again() -> None:
    state, _ = screen(make_frame(), offset=7)
    again, screened = screen(make_frame(), state, offset=7)
    assert screened == Screened(None, None)
    assert again is state


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (make_frame(5), Reason.DUPLICATE),
        (make_frame(4), Reason.OUT_OF_ORDER),
        (make_frame(9, session=0), Reason.OUT_OF_ORDER),
        (make_frame(6, t_plant_s=1.0), Reason.OUT_OF_ORDER),
    ],
)
def test_a_repeated_or_late_frame_is_rejected_whole_with_its_bytes(
    frame: SampleFrame, reason: Reason
) -> None:
    state, _ = screen(make_frame(5), offset=7)
    following, screened = screen(frame, state, offset=8)
    assert screened.accepted is None
    assert screened.rejects is not None
    assert screened.rejects.reason == (reason,)
    assert screened.rejects.original == (b"as sent",)
    assert screened.rejects.points == frame.points
    assert (following.sequence, following.offset) == (5, 8)


def test_a_new_gateway_session_starts_over() -> None:
    state, _ = screen(make_frame(5))
    later_ns = NOW_NS + 5 * SECOND_NS
    frame = make_frame(0, session=2, t_plant_s=50.0, now_ns=later_ns)
    following, screened = screen(frame, state, offset=1, now_ns=later_ns)
    assert screened.rejects is None
    assert (following.session, following.sequence) == (2, 0)


def test_a_sample_older_than_its_predecessor_is_out_of_order() -> None:
    state, _ = screen(make_frame(0))
    later_ns = NOW_NS + 5 * SECOND_NS
    frame = make_frame(1, now_ns=later_ns)
    late = with_sample(frame, (0, 1, 1), source_time_ns=NOW_NS - SECOND_NS // 2)
    _, screened = screen(late, state, offset=1, now_ns=later_ns)
    assert screened.rejects is not None
    assert screened.rejects.reason == (Reason.OUT_OF_ORDER,)


def test_a_source_time_that_stands_still_while_the_others_go_on_is_stale() -> None:
    frame = with_sample(make_frame(), (1, 2, 0), source_time_ns=NOW_NS - 6 * SECOND_NS)
    _, screened = screen(frame)
    assert screened.rejects is not None
    assert screened.rejects.reason == (Reason.STALE,)
    assert screened.rejects.cell.tolist() == [3]
    waited, _ = screen(frame, now_ns=NOW_NS + 600 * SECOND_NS)
    assert waited.sequence == 0, "a frame that waited for Kafka is not stale as a whole"


def test_a_session_from_the_future_does_not_shut_out_the_honest_ones() -> None:
    ahead = make_frame(0, session=NOW_NS + 86_400 * SECOND_NS)
    state, screened = screen(ahead)
    assert screened.accepted is None
    assert screened.rejects is not None
    assert screened.rejects.reason == (Reason.FUTURE,)
    assert screen(make_frame(0), state, offset=1)[1].accepted is not None


@pytest.mark.contract(7)
def test_a_value_that_never_changes_is_frozen_where_the_signal_should_move() -> None:
    state = SCREEN.initial_state()
    for sequence in range(12):
        frame = make_frame(sequence, t_plant_s=100.0 * sequence, scans=1)
        frame = replace(frame, value=np.full(frame.shape, [4.2, 956.0]))
        state, screened = screen(frame, state, offset=sequence)
        expected = 3 if 100.0 * sequence > 900.0 else 0  # the temperature may stand still
        assert (screened.rejects.points if screened.rejects else 0) == expected
    assert screened.rejects is not None
    assert set(screened.rejects.reason) == {Reason.FROZEN}
    assert set(screened.rejects.signal) == {"cell_voltage_v"}


def test_the_state_survives_its_bytes() -> None:
    state, _ = screen(make_frame())
    assert decode_state(encode_state(state), 3, 2) == state
    with pytest.raises(ValueError, match="wanted version 2 with 8"):
        decode_state(encode_state(state), 4, 2)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(
    frames=st.lists(
        st.tuples(
            st.integers(0, 4),  # sequence
            st.integers(0, 2),  # session
            st.lists(st.sampled_from([1, 2, 3, 77]), min_size=1, max_size=4, unique=True),
            st.lists(numbers, min_size=4, max_size=4),
            st.lists(st.integers(0, 6), min_size=4, max_size=4),
            st.integers(-100, 100),
        ),
        max_size=6,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_every_point_is_accepted_or_rejected_once(frames: list) -> None:
    state = SCREEN.initial_state()
    for offset, (sequence, session, cells, values, qualities, seconds) in enumerate(frames):
        frame = make_frame(sequence, session=session, cells=tuple(cells))
        value, quality = frame.value.copy(), frame.quality.copy()
        value.ravel()[: len(values)] = values[: value.size]
        quality.ravel()[: len(qualities)] = qualities[: quality.size]
        source = frame.source_time_ns + seconds * SECOND_NS
        frame = replace(frame, value=value, quality=quality, source_time_ns=source)
        state, screened = screen(frame, state, offset=offset)
        accepted = screened.accepted.usable_points if screened.accepted else 0
        rejected = screened.rejects.points if screened.rejects else 0
        assert accepted + rejected == frame.points
        if screened.accepted is not None:
            usable = screened.accepted.quality <= Quality.UNCERTAIN
            assert np.isfinite(screened.accepted.value[usable]).all()
            assert np.isnan(screened.accepted.value[~usable]).all()


def test_a_session_whose_clock_was_set_back_is_not_judged_by_the_old_times() -> None:
    state, _ = screen(make_frame())
    hour_ns = 3600 * SECOND_NS
    back = make_frame()
    back = replace(
        back,
        session=2,
        t_plant_s=back.t_plant_s - 3600.0,
        source_time_ns=back.source_time_ns - hour_ns,
    )
    _, screened = screen(back, state, offset=1)
    assert screened.rejects is None
    assert screened.accepted is not None


def test_a_session_whose_clock_went_on_is_judged_by_the_old_times() -> None:
    state, _ = screen(make_frame())
    later = make_frame()
    later = replace(
        later,
        session=2,
        t_plant_s=later.t_plant_s + 10.0,
        source_time_ns=later.source_time_ns - 1,
    )
    _, screened = screen(later, state, offset=1)
    assert screened.rejects is not None
    assert Reason.OUT_OF_ORDER in screened.rejects.reason
