"""What the interlock remembers survives a table, and stays small."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from control.interlock_state import (
    BUCKETS,
    SectionState,
    SetpointState,
    Travel,
    add_travel,
    put_back,
    travelled,
)
from tests.control.cases import FEED, HOUR_S

WINDOW_S = 6 * HOUR_S


def test_a_state_comes_back_from_its_bytes() -> None:
    state = SectionState().remember(
        7, FEED, SetpointState((1, 2), 180.0, 12.5, 3, (Travel(3, 4.0),))
    )
    state = state.count_move(7, 5).count_move(7, 5).count_move(8, 5)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=SectionState) == state
    assert state.moved_in(5) == (7, 8)
    assert state.moved_in(6) == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(1.0, 3000.0), st.floats(0.0, 10.0)), max_size=200))
def test_travel_is_never_undercounted_and_never_grows_long(
    moves: list[tuple[float, float]],
) -> None:
    travels: tuple[Travel, ...] = ()
    now_s, history = 1.0e6, []
    for wait_s, distance in moves:
        now_s += wait_s
        history.append((now_s, distance))
        travels = add_travel(travels, now_s, WINDOW_S, distance)
    true = sum(distance for at_s, distance in history if at_s > now_s - WINDOW_S)
    longer = sum(
        distance for at_s, distance in history if at_s > now_s - WINDOW_S * (1 + 2 / BUCKETS)
    )
    counted = travelled(travels, now_s, WINDOW_S)
    assert true - 1e-6 <= counted <= longer + 1e-6
    assert len(travels) <= BUCKETS + 2


@settings(deadline=None)
@given(
    buckets=st.lists(st.integers(0, 3000), max_size=24, unique=True).map(sorted),
    now_s=st.floats(0.0, 2.0e6),
)
def test_a_clock_that_is_put_back_makes_no_travel_forgotten(
    buckets: list[int], now_s: float
) -> None:
    travels = tuple(Travel(bucket, 1.0) for bucket in buckets)
    kept = put_back(travels, now_s, WINDOW_S)
    assert travelled(kept, now_s, WINDOW_S) == travelled(travels, now_s, WINDOW_S)
    assert all(travel.bucket <= now_s // (WINDOW_S / BUCKETS) for travel in kept)
    assert travelled(kept, now_s + 1.1 * WINDOW_S, WINDOW_S) == 0.0
