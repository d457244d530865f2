"""What the guard makes of the offset of the plant's clock."""

import pytest

from stream.edge import ClockOffset
from stream.plant_clock import PlantClock


def _after(*offsets: tuple[float, float] | None) -> PlantClock:
    clock = PlantClock()
    for offset in offsets:
        clock = clock.see(None if offset is None else ClockOffset(*offset))
    return clock


@pytest.mark.contract(12)
@pytest.mark.parametrize(
    ("offset_s", "error_s", "is_apart", "drifts"),
    [
        (0.0, 0.02, False, False),
        (0.09, 0.005, False, False),
        (0.2, 0.02, False, True),
        (-0.2, 0.02, False, True),
        (1.3, 0.02, True, False),
        (-1.3, 0.02, True, False),
        (-86_400.0, 0.02, True, False),
        (0.2, 0.11, False, False),
        (1.3, 0.4, False, True),
        (30.0, 31.0, False, False),
    ],
)
def test_what_is_surely_beyond_a_limit_and_nothing_that_its_error_explains(
    offset_s: float, error_s: float, is_apart: bool, drifts: bool
) -> None:
    clock = _after((offset_s, error_s))
    assert (clock.is_apart, clock.drifts) == (is_apart, drifts)


def test_what_stands_goes_on_until_it_is_surely_over() -> None:
    apart = _after((2.0, 0.02))
    assert apart.see(None).is_apart, "that there is no answer says nothing"
    assert apart.see(ClockOffset(0.0, 3.0)).is_apart
    assert apart.see(ClockOffset(0.99, 0.02)).is_apart
    drifting = apart.see(ClockOffset(0.9, 0.02))
    assert (drifting.is_apart, drifting.drifts) == (False, True)
    assert drifting.see(ClockOffset(0.09, 0.02)).drifts
    over = drifting.see(ClockOffset(0.05, 0.02))
    assert (over.is_apart, over.drifts) == (False, False)


def test_a_server_that_tells_no_time_any_more_leaves_nobody_shed_for_ever() -> None:
    apart = _after((2.0, 0.02))
    waiting = apart.see(None, 100.0).see(None, 159.0)
    assert (waiting.is_apart, waiting.is_given_up) == (True, False)
    away = waiting.see(None, 161.0, is_connected=False)
    assert away.see(None, 200.0).is_apart, "over an outage nothing could be asked"
    given_up = waiting.see(None, 161.0)
    assert (given_up.is_apart, given_up.offset, given_up.is_given_up) == (False, None, True)
    again = given_up.see(ClockOffset(2.0, 0.02), 162.0)
    assert (again.is_apart, again.is_given_up) == (True, False)


def test_nothing_is_known_before_the_first_measurement() -> None:
    clock = _after(None, None)
    assert (clock.offset, clock.is_apart, clock.drifts, clock.is_news) == (None,) + (False,) * 3


def test_people_are_told_of_the_first_figure_and_of_one_that_is_another() -> None:
    first = _after((0.004, 0.017))
    assert first.is_news
    told = first.tell()
    assert not told.see(ClockOffset(0.03, 0.017)).is_news, "the errors explain it"
    assert not told.see(None).is_news
    moved = told.see(ClockOffset(-0.05, 0.017))
    assert moved.is_news
    assert not moved.tell().is_news


def test_the_figures_say_which_side_and_stay_readable() -> None:
    assert _after((-1.5, 0.0171)).details == {
        "offset_ms": -1500,
        "error_ms": 17,
        "apart_ms": 1500,
        "side": "behind",
    }
    assert _after((0.25, 0.02)).details["side"] == "ahead of"
    assert _after((1e12, 0.02)).details["apart_ms"] == 1_000_000_000
