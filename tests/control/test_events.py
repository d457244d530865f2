"""The event table is whole: every sentence can be filled, every consequence has its advice."""

import string

import pytest

from control.events import EVENTS, Consequence, EventType, Priority


@pytest.mark.parametrize("row", EVENTS.values(), ids=lambda row: row.name)
def test_each_row_speaks_in_sentences(row: EventType) -> None:
    assert EVENTS[row.name] is row
    assert row.sentence.endswith(".")
    fields = [name for _, name, _, _ in string.Formatter().parse(row.sentence) if name is not None]
    filled = row.sentence.format(**dict.fromkeys(fields, "7"))
    assert "{" not in filled
    assert (row.advice == "") is (row.consequence is Consequence.JOURNAL)


def test_what_sheds_or_trips_is_never_of_low_priority() -> None:
    strong = [
        row for row in EVENTS.values() if row.consequence in (Consequence.SHED, Consequence.TRIP)
    ]
    assert strong
    assert all(row.priority in (Priority.HIGH, Priority.MEDIUM) for row in strong)
