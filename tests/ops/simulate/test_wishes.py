"""What people want of cells binds a guard that has heard of it, and whoever begins later."""

import pytest

from ops.simulate.wishes import Wishes

HERE, ELSEWHERE = object(), object()
OFF = ["a person switched it off"]


def switched_off() -> Wishes:
    """A guard elsewhere has switched cell 3 off."""
    wishes = Wishes()
    assert wishes.see(3, "switch_off", "", "command-7", ELSEWHERE)
    return wishes


def test_who_has_it_on_record_is_bound_and_who_has_not_heard_is_not() -> None:
    wishes = switched_off()
    assert wishes.against(3, ELSEWHERE, "guard-2", 0.0) == OFF
    assert wishes.against(3, HERE, "guard-1", 0.0) == []
    assert wishes.against(4, ELSEWHERE, "guard-2", 0.0) == []


def test_who_hears_of_it_is_bound_and_who_begins_after_people_were_told() -> None:
    wishes = switched_off()
    wishes.see_heard("guard-1", "command-6")
    assert wishes.against(3, HERE, "guard-1", 0.0) == []
    wishes.see_heard("guard-1", "command-7")
    assert wishes.against(3, HERE, "guard-1", 0.0) == OFF
    wishes.see_told("command-7", 20.0)
    wishes.see_told("command-7", 30.0)  # told twice
    assert wishes.against(3, HERE, "guard-3", 19.0) == []
    assert wishes.against(3, HERE, "guard-3", 20.0) == OFF


@pytest.mark.parametrize(
    ("kind", "mode", "wanted"),
    [
        ("switch_on", "", []),
        ("set_mode", "MANUAL", [*OFF, "a person asked for MANUAL"]),
        ("set_mode", "AUTO", OFF),
    ],
)
def test_what_is_said_later_counts_whichever_comes_first(
    kind: str, mode: str, wanted: list[str]
) -> None:
    wishes = switched_off()
    wishes.see(3, kind, mode, "command-8", ELSEWHERE)
    assert wishes.against(3, ELSEWHERE, "guard-2", 0.0) == wanted
    late = Wishes()
    late.see(3, kind, mode, "command-8", ELSEWHERE)
    late.see(3, "switch_off", "", "command-7", ELSEWHERE)
    assert late.against(3, ELSEWHERE, "guard-2", 0.0) == wanted


def test_other_commands_are_no_such_wish() -> None:
    assert not Wishes().see(3, "reset_trip", "", "command-7", HERE)
