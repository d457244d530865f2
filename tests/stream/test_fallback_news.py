"""What is told of cells without an optimal plan: each step of the ladder once."""

from stream.fallback_news import FallbackNews, FallbackTold, FellBack

SECOND_NS = 1_000_000_000
CELLS = (1, 2)


def fell(cell: int, fallback: str) -> FellBack:
    return FellBack(cell, fallback, "time limit")


def stands(cell: int, fallback: str) -> FallbackTold:
    return FallbackTold(cell, True, "time limit", fallback)


def ended(cell: int) -> FallbackTold:
    return FallbackTold(cell, False, "the optimiser plans again", "nothing")


def test_each_step_down_and_up_the_ladder_is_told_once() -> None:
    news = FallbackNews()
    fallen: tuple[int, ...] = ()
    for at_s, now, told in (
        (0, [fell(1, "relaxed tolerance")], [stands(1, "relaxed tolerance")]),
        (10, [fell(1, "relaxed tolerance")], []),
        (20, [fell(1, "previous plan")], [stands(1, "previous plan")]),
        (30, [fell(1, "hold"), fell(2, "hold")], [stands(1, "hold"), stands(2, "hold")]),
        (40, [fell(1, "relaxed tolerance"), fell(2, "hold")], [stands(1, "relaxed tolerance")]),
        (50, [fell(2, "hold")], []),  # for a moment only, perhaps
        (60, [fell(1, "relaxed tolerance"), fell(2, "hold")], []),
        (121, [fell(2, "hold")], [ended(1)]),
        (200, [], [ended(2)]),
    ):
        said, fallen = news.take(0, CELLS, fallen, now, at_s * SECOND_NS)
        assert said == told, at_s
    assert fallen == ()


def test_what_a_life_before_has_told_ends_in_this_one() -> None:
    news = FallbackNews()
    said, fallen = news.take(0, CELLS, (2,), [], 0)
    assert (said, fallen) == ([], (2,)), "it may still be so"
    said, fallen = news.take(0, CELLS, fallen, [], 61 * SECOND_NS)
    assert (said, fallen) == ([ended(2)], ())
    said, fallen = news.take(0, CELLS, (1,), [], 62 * SECOND_NS)
    assert (said, fallen) == ([], ()), "a state that was not written yet begins nothing anew"
