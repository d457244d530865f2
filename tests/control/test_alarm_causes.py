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


def test_of_what_is_urgent_only_the_echoes_of_a_silence_are_ever_hidden() -> None:
    urgent = {
        name for row in CAUSES for name in row.hides if EVENTS[name].priority is Priority.HIGH
    }
    assert urgent == {"samples_stale", "decisions_silent", "cell_silent"}


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
    assert over.resumed(1999 + SETTLE_NS) == TRIP
    assert over.resumed(2000 + SETTLE_NS) == replace(TRIP, since_ns=2000 + SETTLE_NS)
