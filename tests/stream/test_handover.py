"""Who took a cell: asked for once, shown, and then gone."""

from stream.handover import Finding, Handover

_S = 1_000_000_000
CELL = 7


def entered(at_s: float = 100.0) -> Handover:
    """A life that began long ago; the cell has just come to remote control."""
    handover = Handover(0)
    handover.enter(CELL)
    assert look(handover, False, at_s) is Finding.ASK_REMOTE
    return handover


def look(handover: Handover, shown: bool | None, at_s: float, *, wanted: bool = True) -> Finding:
    return handover.look(CELL, wanted, shown, int(at_s * _S))


def test_remote_control_is_asked_for_until_it_is_shown_and_then_never_again() -> None:
    handover = entered()
    assert look(handover, False, 110.0) is Finding.ASK_REMOTE, "as long as it takes"
    assert look(handover, True, 110.25) is Finding.WELL
    assert look(handover, False, 110.5) is Finding.WELL, "it may be an old picture"
    assert look(handover, True, 112.0) is Finding.WELL
    assert look(handover, False, 113.0) is Finding.WELL
    assert look(handover, False, 114.9) is Finding.WELL
    assert look(handover, False, 115.0) is Finding.TAKEN_BY_PERSON


def test_it_is_asked_for_even_where_an_old_picture_still_shows_it() -> None:
    handover = Handover(0)
    handover.enter(CELL)
    assert look(handover, True, 100.0) is Finding.ASK_REMOTE
    assert look(handover, True, 100.25) is Finding.WELL


def test_what_goes_while_there_is_doubt_was_taken_by_the_plant() -> None:
    handover = entered()
    look(handover, True, 101.0)
    handover.doubt(104 * _S)
    look(handover, True, 106.0)
    assert handover.is_doubted(106 * _S)
    assert look(handover, False, 106.25) is Finding.WELL
    assert look(handover, False, 108.25) is Finding.TAKEN_BY_PLANT
    assert not handover.is_doubted(108 * _S)


def test_a_doubt_of_long_ago_does_not_count() -> None:
    handover = entered()
    handover.doubt(104 * _S)
    look(handover, True, 108.0)
    look(handover, False, 109.0)
    assert look(handover, False, 112.0) is Finding.TAKEN_BY_PERSON


def test_what_was_remote_before_this_life_was_taken_by_the_plant() -> None:
    handover = Handover(100 * _S)
    assert look(handover, False, 100.0) is Finding.WELL
    assert look(handover, False, 102.0) is Finding.TAKEN_BY_PLANT


def test_a_plant_that_does_not_say_who_controls_is_not_asked() -> None:
    handover = Handover(0)
    handover.enter(CELL)
    assert look(handover, None, 100.0) is Finding.WELL
    assert look(handover, False, 101.0) is Finding.ASK_REMOTE
    look(handover, True, 102.0)
    assert look(handover, None, 140.0) is Finding.WELL


def test_a_cell_that_is_not_ours_is_handed_back_as_often_as_it_is_shown() -> None:
    handover = entered()
    look(handover, True, 101.0)
    for at_s in (102.0, 103.0):
        assert look(handover, True, at_s, wanted=False) is Finding.ASK_LOCAL
    assert look(handover, False, 104.0, wanted=False) is Finding.WELL
    handover.enter(CELL)
    assert look(handover, False, 105.0) is Finding.ASK_REMOTE
