"""What befalls many cells at once is one line."""

from hypothesis import given
from hypothesis import strategies as st

from control.modes import Mode
from tests.ui.line_story import SECOND_NS, make_event, make_mode_event
from ui.grouping import group_events

NOW_NS = 1_790_000_000 * SECOND_NS


def test_a_change_of_mode_of_the_whole_line_is_one_line() -> None:
    events = [make_mode_event(n, Mode.SHED, NOW_NS - n, number=n) for n in range(1, 241)]
    groups = group_events(events)
    assert len(groups) == 1
    assert groups[0].event is events[0]
    assert groups[0].cells_in_words == "1–240"


def test_other_modes_other_times_and_events_of_no_cell_stay_apart() -> None:
    events = [
        make_mode_event(1, Mode.SHED, NOW_NS, number=1),
        make_mode_event(2, Mode.MANUAL, NOW_NS, number=2),
        make_mode_event(4, Mode.SHED, NOW_NS - 2 * SECOND_NS, number=3),
        make_mode_event(5, Mode.SHED, NOW_NS - 6 * SECOND_NS, number=4),
        make_mode_event(3, Mode.SHED, NOW_NS - 60 * SECOND_NS, number=5),
        make_event("process_started", NOW_NS - 61 * SECOND_NS, number=6, section=None, process="a"),
        make_event("process_started", NOW_NS - 61 * SECOND_NS, number=7, section=None, process="a"),
    ]
    words = [(group.event.cell, group.cells_in_words) for group in group_events(events)]
    assert words == [(1, "1, 4–5"), (2, "2"), (3, "3"), (None, ""), (None, "")]


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(list(Mode)), st.integers(0, 20))))
def test_no_cell_is_lost_and_none_is_made_up(raw: list[tuple[int, Mode, int]]) -> None:
    events = [
        make_mode_event(cell, mode, NOW_NS - ago * SECOND_NS, number=i)
        for i, (cell, mode, ago) in enumerate(sorted(raw, key=lambda one: one[2]))
    ]
    groups = group_events(events)
    assert {(e.cell, e.details["mode"]) for e in events} == {
        (cell, group.event.details["mode"]) for group in groups for cell in group.cells
    }
    assert [g.event.t_event_ns for g in groups] == sorted(
        (g.event.t_event_ns for g in groups), reverse=True
    )
