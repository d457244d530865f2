"""What follows from what: only what the table names, only there, and only what came after."""

from dataclasses import replace

import pytest

from control.alarm_causes import CAUSES, SETTLE_NS, Cause, Episode, explains, is_cause
from control.events import EVENTS, Consequence, Priority

TRIP = Episode("line_without_current", "guard", None, None, since_ns=1000)
STALE = Episode("samples_stale", "guard", 2, None, since_ns=1000)


@pytest.mark.parametrize("row", CAUSES, ids=lambda row: f"{row.event} {row.told_by}".strip())
def test_each_row_names_events_of_the_table_and_says_why(row: Cause) -> None:
    assert {row.event, *row.hides} <= EVENTS.keys()
    assert row.because.endswith(".")
    assert EVENTS[row.event].consequence in (Consequence.HOLD, Consequence.SHED, Consequence.TRIP)


def test_of_what_is_urgent_only_echoes_are_hidden_of_a_silence_or_at_once_of_a_trip() -> None:
    urgent = {
        (name, row.within_s is not None)
        for row in CAUSES
        for name in row.hides
        if EVENTS[name].priority is Priority.HIGH
    }
    assert urgent == {
        ("samples_stale", False),
        ("decisions_silent", False),
        ("cell_silent", False),
        ("line_without_current", True),
    }
    assert max(row.within_s or 0.0 for row in CAUSES) <= SETTLE_NS / 1e9


def test_a_cause_is_at_least_as_urgent_as_what_it_hides() -> None:
    order = list(Priority)
    for row in CAUSES:
        for name in row.hides:
            assert order.index(EVENTS[row.event].priority) <= order.index(EVENTS[name].priority)


def test_nothing_is_its_own_cause_by_however_many_steps() -> None:
    follows: dict[str, set[str]] = {}
    for row in CAUSES:
        follows.setdefault(row.event, set()).update(row.hides)
    for first in follows:
        reached, front = set(), {first}
        while front:
            front = set().union(*(follows.get(name, set()) for name in front)) - reached
            reached |= front
        assert first not in reached


def test_a_cause_of_the_line_reaches_every_cell_and_one_of_a_section_its_own() -> None:
    assert explains(TRIP, "cell_silent", 5, 77, 1000)
    assert explains(STALE, "cell_silent", 2, 31, 1001)
    assert not explains(STALE, "cell_silent", 3, 31, 1001)
    cell = Episode("cell_silent", "guard", 2, 31, since_ns=1000)
    assert explains(cell, "cell_unregulated", 2, 31, 1001)
    assert not explains(cell, "cell_unregulated", 2, 32, 1001)


def test_what_came_before_its_cause_or_after_it_follows_from_something_else() -> None:
    assert not explains(TRIP, "cell_silent", 0, 1, 999)
    over = TRIP.ended(2000)
    assert explains(over, "cell_silent", 0, 1, 2000)
    assert not explains(over, "cell_silent", 0, 1, 2001)


def test_what_is_no_consequence_is_explained_by_nothing() -> None:
    for name in ("audit_unwritable", "plant_took_over", "bypass_active", "channel_lost"):
        assert not explains(TRIP, name, None, None, 1001)


def test_what_the_gateway_cannot_read_the_guard_may_well_write() -> None:
    gateway = Episode("scada_lost", "gateway", None, None, since_ns=0)
    guard = replace(gateway, told_by="guard")
    assert explains(gateway, "cell_silent", 0, 1, 1)
    assert not explains(gateway, "write_failed", 0, 1, 1)
    assert explains(guard, "write_failed", 0, 1, 1)
    assert not explains(guard, "cell_silent", 0, 1, 1)
    assert not is_cause("scada_lost", "feed")
    assert not is_cause("move_held", "guard")


def test_a_cause_that_comes_and_goes_is_one_and_long_after_another() -> None:
    over = TRIP.ended(2000)
    assert over.over_ns == 2000 + SETTLE_NS
    assert over.ended(3000) == over
    again_ns = 1999 + SETTLE_NS
    assert over.resumed(again_ns) == replace(TRIP, gaps=((2000, again_ns),))
    assert TRIP.resumed(3000) == TRIP, "it had not ended"
    assert over.resumed(2000 + SETTLE_NS) == replace(TRIP, since_ns=2000 + SETTLE_NS)
    same = over.resumed(2000 + 2 * SETTLE_NS, is_same=True)
    assert (same.since_ns, same.until_ns) == (1000, None)


def test_what_began_while_the_cause_did_not_stand_is_not_explained_when_it_stands_again() -> None:
    again = TRIP.ended(2000).resumed(3000)
    began = [1999, 2000, 2001, 2999, 3000, 3001]
    explained = [at_ns for at_ns in began if explains(again, "cell_silent", 0, 1, at_ns)]
    assert explained == [1999, 2000, 3000, 3001]


def test_a_cause_that_comes_and_goes_for_hours_stays_small_and_hides_rather_too_little() -> None:
    flapping = TRIP
    for turn in range(1, 1000):
        flapping = flapping.ended(1000 + 100 * turn).resumed(1050 + 100 * turn)
    assert len(flapping.gaps) < 100
    for turn in range(1, 1000):
        assert not explains(flapping, "cell_silent", 0, 1, 1025 + 100 * turn), "of a gap"
    assert explains(flapping, "cell_silent", 0, 1, 1001), "before the first gap"
    assert explains(flapping, "cell_silent", 0, 1, 1075 + 100 * 999), "after the last"


def test_a_current_that_is_gone_right_after_the_plants_trip_follows_from_it() -> None:
    trip = Episode("plant_trip", "guard", None, None, since_ns=0)
    second = 1_000_000_000
    assert explains(trip, "line_without_current", None, None, 3 * second)
    assert not explains(trip, "line_without_current", None, None, 60 * second)
    assert explains(trip, "write_failed", 0, 1, 60 * second), "the other rows have no such end"
    current = Episode("line_without_current", "guard", None, None, since_ns=0)
    assert not explains(current, "plant_trip", None, None, second)
