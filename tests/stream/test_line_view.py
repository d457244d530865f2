"""What is known of the guard from outside, and when it looks old."""

import math

import msgspec
import pytest

from control.events import Priority
from control.modes import Mode, ModePolicy
from stream.guarding import GuardState, encode_state, init_guard_state
from stream.line_view import (
    ANSWER_OVERDUE_S,
    LineView,
    Trust,
    fold_event,
    fold_move,
    fold_proposal,
    fold_state,
    init_view,
    trust_in,
)
from stream.records import Event, Move, MoveState, Proposal

CELLS = {0: (1, 2), 1: (3,)}
POLICY = ModePolicy()
NOW_NS = 1_700_000_000_000_000_000
SILENCE_S = 360.0
FEED = "alumina_feed_rate_kg_per_h"


def after_s(seconds: float) -> int:
    return NOW_NS + int(seconds * 1e9)


def state(section: int = 0) -> GuardState:
    return init_guard_state(CELLS[section], POLICY)


def tripped(cell: int) -> GuardState:
    own = state()
    modes = own.modes | {str(cell): msgspec.structs.replace(own.mode_of(cell), trip="x")}
    return msgspec.structs.replace(own, modes=modes)


def proposal(decided_ns: int, **setpoints: float) -> Proposal:
    return Proposal(
        proposal_id=f"0-1-{decided_ns}-1",
        section=0,
        cell=1,
        session=1,
        sequence=1,
        setpoints=setpoints,
        proposed_by="mpc",
        solver_status="solved",
        fallback=None,
        solve_ms=1.0,
        reason="",
        figures={},
        t_plant_s=0.0,
        t_source_ns=decided_ns,
        t_received_ns=decided_ns,
        t_estimated_ns=decided_ns,
        t_decided_ns=decided_ns,
        expires_ns=decided_ns,
    )


def move(decided_ns: int, cell: int = 1) -> Move:
    return Move(
        move_id="m",
        proposal_id="p",
        section=0,
        cell=cell,
        setpoint=FEED,
        state=MoveState.HELD,
        mode=Mode.ADVISORY,
        asked=180.0,
        applied=None,
        previous=None,
        readback=None,
        reasons=[],
        attempts=0,
        t_plant_s=0.0,
        t_source_ns=decided_ns,
        t_received_ns=decided_ns,
        t_estimated_ns=decided_ns,
        t_decided_ns=decided_ns,
        t_permitted_ns=decided_ns,
        t_written_ns=None,
        t_verified_ns=None,
    )


def event(name: str, origin: str, at_ns: int, **details: str | float) -> Event:
    return Event(
        event_id="guard-1-1",
        name=name,
        priority=Priority.JOURNAL,
        active=False,
        section=0,
        cell=1,
        sentence="",
        advice="",
        origin=origin,
        details=dict(details),
        t_event_ns=at_ns,
    )


def read() -> LineView:
    """A view that has read a state of section 0."""
    return fold_state(init_view(CELLS, POLICY), 0, encode_state(state()), NOW_NS)


def test_what_was_never_read_is_not_believed() -> None:
    view = read()
    assert trust_in(view.sections[0], NOW_NS, SILENCE_S) is Trust.GOOD
    assert trust_in(view.sections[1], NOW_NS, SILENCE_S) is Trust.NONE


def test_a_guard_that_owes_an_answer_looks_old_after_a_while() -> None:
    view = fold_proposal(read(), proposal(after_s(1.0), **{FEED: 180.0}))
    just, late = after_s(ANSWER_OVERDUE_S), after_s(ANSWER_OVERDUE_S + 2.0)
    assert trust_in(view.sections[0], just, SILENCE_S) is Trust.GOOD
    assert trust_in(view.sections[0], late, SILENCE_S) is Trust.OLD
    answered = fold_move(view, move(after_s(1.0)), after_s(1.1))
    assert trust_in(answered.sections[0], late, SILENCE_S) is Trust.GOOD


def test_an_answer_to_an_older_decision_is_none_and_one_that_came_first_counts() -> None:
    view = fold_proposal(read(), proposal(after_s(5.0), **{FEED: 180.0}))
    late = after_s(40.0)
    older = fold_move(view, move(after_s(4.0)), after_s(6.0))
    assert trust_in(older.sections[0], late, SILENCE_S) is Trust.OLD
    first = fold_move(read(), move(after_s(5.0)), after_s(5.1))
    first = fold_proposal(first, proposal(after_s(5.0), **{FEED: 180.0}))
    assert trust_in(first.sections[0], late, SILENCE_S) is Trust.GOOD


def test_a_decision_without_a_plan_needs_no_answer() -> None:
    view = fold_proposal(read(), proposal(after_s(1.0)))
    assert trust_in(view.sections[0], after_s(100.0), SILENCE_S) is Trust.GOOD


def test_without_anything_to_say_a_guard_is_believed_for_a_while_only() -> None:
    late = after_s(SILENCE_S + 1.0)
    assert trust_in(read().sections[0], late, SILENCE_S) is Trust.OLD
    heard = fold_event(read(), event("command_refused", "guard", after_s(30.0)))
    assert trust_in(heard.sections[0], late, SILENCE_S) is Trust.GOOD
    others = fold_event(read(), event("samples_missing", "loop-1", after_s(30.0)))
    assert trust_in(others.sections[0], late, SILENCE_S) is Trust.OLD


@pytest.mark.contract(12)
def test_the_clock_of_scada_is_as_the_guard_told_it_last() -> None:
    assert math.isnan(read().clock_offset_ms)
    view = fold_event(read(), event("scada_clock_measured", "guard", after_s(1.0), offset_ms=-4))
    assert (view.clock_offset_ms, view.clock_told_ns) == (-4.0, after_s(1.0))
    view = fold_event(view, event("scada_clock_apart", "guard", after_s(2.0), offset_ms=-3000))
    assert (view.clock_offset_ms, view.clock_told_ns) == (-3000.0, after_s(2.0))
    for other in (
        event("scada_lost", "guard", after_s(3.0), offset_ms=9),
        event("scada_clock_drift", "guard", after_s(3.0), offset_ms="much"),
        event("scada_clock_drift", "guard", after_s(3.0)),
    ):
        assert fold_event(view, other).clock_offset_ms == -3000.0


def test_a_state_of_another_version_or_section_changes_nothing_else() -> None:
    view = read()
    broken = fold_state(view, 0, b"\x00", after_s(1.0))
    assert broken.unreadable == 1
    assert broken.sections == view.sections
    assert fold_state(view, 9, encode_state(state()), NOW_NS) == view


@pytest.mark.parametrize("is_event_first", [True, False])
def test_the_time_of_a_trip_is_known_until_it_is_reset(is_event_first: bool) -> None:
    told = event("mode_changed", "guard", after_s(2.0), mode="TRIPPED")
    view = read()
    if is_event_first:
        view = fold_state(fold_event(view, told), 0, encode_state(tripped(1)), after_s(2.0))
    else:
        view = fold_event(fold_state(view, 0, encode_state(tripped(1)), after_s(1.9)), told)
    assert view.sections[0].tripped_ns == {1: after_s(2.0)}
    assert fold_state(view, 0, encode_state(state()), after_s(9.0)).sections[0].tripped_ns == {}
