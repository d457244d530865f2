"""What exchanges with a server say of its clock, whatever the wire and the server do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua.clock_offset import (
    AGREEING,
    COARSEST_STAMP_S,
    GOOD_FOR_S,
    KEPT,
    Exchange,
    OffsetWindow,
    agreed,
)
from stream.edge import ClockOffset

_BEGAN_NS = 1_800_000_000_000_000_000
_EVERY_S = 0.25


def _exchange(
    at_s: float, offset_s: float, there_s: float = 0.001, back_s: float = 0.001, our_s: float = 0.0
) -> Exchange:
    """An exchange begun at a time, with what it takes there and back; our clock is `our_s` off."""
    heard_s = at_s + there_s + back_s
    return Exchange(
        asked_ns=_BEGAN_NS + round((at_s + our_s) * 1e9),
        heard_ns=_BEGAN_NS + round((heard_s + our_s) * 1e9),
        asked_s=at_s,
        heard_s=heard_s,
        answered_ns=_BEGAN_NS + round((at_s + there_s + offset_s) * 1e9),
    )


def _window(*exchanges: Exchange) -> OffsetWindow:
    window = OffsetWindow()
    for exchange in exchanges:
        window = window.see(exchange)
    return window


def _steady(offset_s: float, count: int = KEPT, begin_s: float = 0.0) -> list[Exchange]:
    return [_exchange(begin_s + _EVERY_S * at, offset_s) for at in range(count)]


def _found(window: OffsetWindow) -> ClockOffset:
    offset = window.offset(window.exchanges[-1].heard_s)
    assert offset is not None
    return offset


@pytest.mark.contract(12)
@pytest.mark.parametrize("offset_s", [0.0, 0.3, -0.3, 5.0, -5.0, -3600.0, 4e8])
def test_a_clock_ahead_or_behind_is_measured_within_half_the_round_trip(offset_s: float) -> None:
    offset = _found(_window(*_steady(offset_s)))
    assert offset.offset_s == pytest.approx(offset_s, abs=1e-6)
    assert offset.error_s == pytest.approx(0.001 + COARSEST_STAMP_S, abs=1e-6)


@given(
    offset_s=st.floats(-100.0, 100.0),
    ways=st.lists(
        st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 3.0)), min_size=AGREEING, max_size=KEPT
    ),
)
def test_the_error_holds_however_long_each_way_takes(
    offset_s: float, ways: list[tuple[float, float]]
) -> None:
    exchanges = [_exchange(0.0, offset_s, *way) for way in ways]
    offset = _window(*exchanges).offset(max(one.heard_s for one in exchanges))
    if offset is None:
        assert max(map(sum, ways)) > GOOD_FOR_S, "too few of them are new"
    else:
        assert abs(offset.offset_s - offset_s) <= offset.error_s + 1e-6


@given(
    lies=st.lists(st.floats(-1e5, 1e5), max_size=(KEPT - 1) // 2),
    offset_s=st.floats(-3.0, 3.0),
    way_s=st.floats(0.0, 0.5),
    order=st.randoms(),
)
def test_wrong_answers_that_are_fewer_than_half_never_make_the_error_untrue(
    lies: list[float], offset_s: float, way_s: float, order: object
) -> None:
    true = [offset_s] * (KEPT - len(lies))
    told = [*true, *lies]
    order.shuffle(told)  # type: ignore[attr-defined]
    window = _window(
        *(_exchange(_EVERY_S * at, one, way_s, way_s / 3.0) for at, one in enumerate(told))
    )
    offset = _found(window)
    assert abs(offset.offset_s - offset_s) <= offset.error_s + 1e-6


def test_an_asymmetric_wire_is_never_taken_for_a_clock() -> None:
    """All the round trip on the way back: a clock that is right looks 200 ms behind, or as much as
    that by the error."""
    window = _window(*(_exchange(_EVERY_S * at, 0.0, 0.0, 0.4) for at in range(KEPT)))
    offset = _found(window)
    assert offset.offset_s == pytest.approx(-0.2, abs=1e-6)
    assert not offset.is_surely_beyond(0.0)


def test_a_few_slow_answers_among_quick_ones_do_not_make_it_unsure() -> None:
    quick, slow = _steady(0.4, 5), [_exchange(2.0 + at, 0.4, 0.9, 0.01) for at in range(3)]
    offset = _found(_window(*slow[:1], *quick, *slow[1:]))
    assert offset.error_s < 0.02


def test_fewer_than_some_tell_nothing_and_neither_do_old_ones() -> None:
    assert OffsetWindow().offset(0.0) is None
    few = _steady(9.0, AGREEING - 1)
    assert _window(*few).offset(1.0) is None
    enough = _window(*_steady(9.0, AGREEING))
    assert enough.offset(1.0) is not None
    assert enough.offset(1.0 + GOOD_FOR_S) is None, "nobody has answered for so long"


def test_answers_that_do_not_agree_tell_nothing() -> None:
    assert _window(*(_exchange(_EVERY_S * at, 3.0 * at) for at in range(KEPT))).offset(2.0) is None


def test_a_clock_that_was_set_shows_once_most_answers_are_newer() -> None:
    window = _window(*_steady(0.0))
    found = []
    for exchange in _steady(-7.0, KEPT, begin_s=2.0):
        window = window.see(exchange)
        offset = window.offset(exchange.heard_s)
        found.append(None if offset is None else round(offset.offset_s))
    half = KEPT // 2
    assert found == [*[0] * (half - 1), None, *[-7] * half]


def test_our_own_clock_that_was_set_shows_like_the_other_and_not_while_a_question_is_out() -> None:
    window = _window(*_steady(0.0))
    (across,) = (_exchange(2.0, 0.0),)
    jumped = Exchange(
        across.asked_ns,
        across.heard_ns + 60_000_000_000,
        across.asked_s,
        across.heard_s,
        across.answered_ns,
    )
    assert not jumped.is_sound
    assert window.see(jumped) == window
    for at in range(KEPT):
        window = window.see(_exchange(2.25 + _EVERY_S * at, 0.0, our_s=60.0))
    assert _found(window).offset_s == pytest.approx(-60.0, abs=1e-6)


def test_a_server_whose_stamps_are_coarse_is_still_agreed_on() -> None:
    """64 ticks a second, and answers faster than a tick: no stamp alone is within its exchange."""

    def coarse(exchange: Exchange) -> Exchange:
        tick_ns = round(COARSEST_STAMP_S * 1e9)
        stamp_ns = exchange.answered_ns // tick_ns * tick_ns
        return Exchange(
            exchange.asked_ns, exchange.heard_ns, exchange.asked_s, exchange.heard_s, stamp_ns
        )

    exchanges = [_exchange(0.2503 * at, -0.5, 0.0002, 0.0002) for at in range(KEPT)]
    offset = _found(_window(*map(coarse, exchanges)))
    assert abs(offset.offset_s + 0.5) <= offset.error_s
    assert offset.error_s < 0.02


def test_bounds_that_touch_agree_and_those_apart_do_not() -> None:
    assert agreed([(0.0, 1.0), (1.0, 2.0)], 2) == ClockOffset(1.0, 0.0)
    assert agreed([(0.0, 1.0), (1.1, 2.0)], 2) is None
    assert agreed([(0.0, 1.0), (0.0, 1.0), (5.0, 9.0)], 2) == ClockOffset(0.5, 0.5)
    assert agreed([], 1) is None
