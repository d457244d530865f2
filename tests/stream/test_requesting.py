"""What an optimiser from outside asks for passes the interlock, beside our own loop's decisions."""

from dataclasses import replace

import msgspec
import pytest

from control.modes import Mode
from stream.guarding import GuardState, decode_state, encode_state
from stream.judging import judge_proposal, note_written
from stream.line_view import fold_move, fold_proposal, init_view
from stream.records import Move, MoveState, RecordError, SetpointRequest, decode, encode
from stream.requesting import judge_request
from stream.section_picture import SectionPicture
from tests.stream.frame_cases import CELLS, NOW_NS, SECOND_NS
from tests.stream.test_guarding import (
    FEED,
    LIMITS,
    PLANT,
    POLICY,
    judge,
    later_picture,
    moving,
    proposal,
    warm,
)


def request(number: int = 1, **changes: object) -> SetpointRequest:
    """A sound request for cell 2, one of several a microsecond apart."""
    sound = SetpointRequest(
        request_id=f"r-{number}",
        section=0,
        setpoint=FEED,
        values={2: 182.0},
        issued_by="hal",
        role="optimiser",
        reason="trial",
        t_issued_ns=NOW_NS + 1000 * number,
        expires_ns=NOW_NS + 5 * SECOND_NS,
    )
    return msgspec.structs.replace(sound, **changes)


def ask(
    state: GuardState, asked: SetpointRequest, now_ns: int = NOW_NS, **changes: object
) -> tuple[GuardState, list[Move]]:
    arguments = {"picture": later_picture(), "scan": 1, "cells_moved_elsewhere": 0} | changes
    picture = arguments.pop("picture")
    assert isinstance(picture, SectionPicture)
    return judge_request(state, asked, picture, PLANT, LIMITS, now_ns, **arguments)  # type: ignore[arg-type]


@pytest.fixture(name="state")
def _state() -> GuardState:
    """Cell 2 has been in AUTO for ten minutes and has had its first write."""
    return moving()


@pytest.mark.contract(5)
def test_a_request_is_an_intent_in_the_name_of_who_asks(state: GuardState) -> None:
    after, (move,) = ask(state, request())
    assert (move.state, move.applied) == (MoveState.INTENT, 182.0)
    assert (move.asked_by, move.role, move.is_from_outside) == ("hal", "optimiser", True)
    assert move.move_id == f"hal:r-1/2/{FEED}"
    assert move.reasons == ["trial"]
    assert after.interlock.of(2, FEED).applied == 182.0
    assert after.interlock.of(2, FEED).order == state.interlock.of(2, FEED).order


@pytest.mark.contract(5)
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"role": "operator"}, "'operator' may not request setpoints"),
        ({"setpoint": "beam_mm"}, "there is no setpoint 'beam_mm'"),
        ({"expires_ns": NOW_NS}, "expired 0.0 s ago"),
        ({"t_issued_ns": NOW_NS + 3 * SECOND_NS}, "dated 3.0 s ahead of the guard's clock"),
        ({"expires_ns": NOW_NS + 63 * SECOND_NS}, "good for 63 s, of 60 s at most"),
    ],
)
def test_an_unsound_request_is_held(
    state: GuardState, changes: dict[str, object], why: str
) -> None:
    _, (move,) = ask(state, request(**changes))
    assert (move.state, move.applied) == (MoveState.HELD, None)
    assert why in move.reasons[0]


def test_a_clock_that_was_ahead_for_a_moment_makes_no_later_request_old(state: GuardState) -> None:
    after, _ = ask(state, request(t_issued_ns=NOW_NS + 3600 * SECOND_NS))
    assert after == state
    _, (move,) = ask(after, request())
    assert move.state is MoveState.INTENT


def test_what_is_known_of_the_cell_decides_as_for_our_own_loop(state: GuardState) -> None:
    old = later_picture()
    old = replace(old, newest_source_ns=dict.fromkeys(CELLS, NOW_NS - 6 * SECOND_NS))
    _, (stale,) = ask(state, request(), picture=old)
    assert "is 6.0 s old, limit 5 s" in stale.reasons[0]
    _, (limited,) = ask(state, request(values={2: 9999.0}))
    assert limited.applied is not None
    assert limited.applied <= LIMITS.setpoints[FEED].high
    assert "limited to" in limited.reasons[0]
    by_hand = msgspec.structs.replace(state.mode_of(2), wanted=Mode.MANUAL)
    manual = msgspec.structs.replace(state, modes=state.modes | {"2": by_hand})
    _, (held,) = ask(manual, request())
    assert held.reasons[0] == "the cell is in MANUAL"


@pytest.mark.contract(3)
def test_a_cell_that_warms_up_is_only_rehearsed(state: GuardState) -> None:
    waiting = warm()
    after, (move,) = ask(waiting, request())
    assert (move.state, move.mode, move.applied) == (MoveState.HELD, Mode.WARM, None)
    assert "would be written" in move.reasons[-2]
    assert after.modes == waiting.modes, "it is for our own loop to end the warming"


@pytest.mark.contract(5)
def test_neither_source_makes_the_other_old(state: GuardState) -> None:
    """The loop counts decisions, requests are dated: as one order, one would be old for ever."""
    state, _ = ask(state, request())
    state, moves = judge(state, proposal(sequence=1, setpoints={FEED: 184.0}))
    assert [move.state for move in moves] == [MoveState.INTENT]
    assert moves[0].asked_by == "optimiser"
    state, (again,) = ask(state, request(2, values={2: 186.0}))
    assert again.state is MoveState.INTENT
    _, (older,) = ask(state, request(1, request_id="other"))
    assert older.state is MoveState.HELD
    assert "is not newer than" in older.reasons[0]


def test_a_request_that_comes_again_gives_no_move(state: GuardState) -> None:
    state, moves = ask(state, request())
    assert len(moves) == 1
    assert ask(state, request()) == (state, [])
    known = state.remember_request("hal:r-1")
    assert known.has_judged("hal:r-1")
    assert not known.has_judged("hal:r-2")
    for number in range(1000):
        known = known.remember_request(f"hal:{number}")
    assert len(encode_state(known)) < len(encode_state(state)) + 3000


@pytest.mark.contract(5)
def test_both_sources_share_the_travel_and_the_line_budget(state: GuardState) -> None:
    spent = msgspec.structs.replace(
        state, interlock=msgspec.structs.replace(state.interlock, scan=7, cells_moved=(1,))
    )
    few = replace(LIMITS, guard=replace(LIMITS.guard, max_cells_per_scan=1))
    _, (held,) = judge_request(
        spent,
        request(),
        later_picture(),
        PLANT,
        few,
        NOW_NS,
        scan=7,
        cells_moved_elsewhere=0,
    )
    assert "1 cells moved in this scan" in held.reasons[0]
    after, (move,) = ask(state, request())
    # Written, and the plant stands there: at the same plant time there is no room for another.
    after = note_written(after, move, after.mode_of(2).stay)
    plant = replace(PLANT, readbacks={**PLANT.readbacks, (2, FEED): 182.0})
    _, moves = judge_proposal(
        after,
        proposal(sequence=5, setpoints={FEED: 190.0}),
        later_picture(),
        plant,
        LIMITS,
        NOW_NS,
        scan=9,
        cells_moved_elsewhere=0,
    )
    assert moves[0].applied == pytest.approx(182.0)
    assert "the rate of" in moves[0].reasons[0]


def test_our_own_loop_has_its_name_for_itself(state: GuardState) -> None:
    with pytest.raises(ValueError, match="our own loop"):
        ask(state, request(issued_by="optimiser"))


def test_a_state_of_before_there_were_requests_is_read(state: GuardState) -> None:
    raw = msgspec.msgpack.decode(encode_state(state))
    del raw["asked"]
    for one in raw["interlock"]["setpoints"].values():
        del one["outside_order"]
    assert decode_state(msgspec.msgpack.encode(raw), CELLS, POLICY) == state


def test_a_request_survives_its_bytes_and_no_number_is_no_request() -> None:
    asked = request(values={1: 180.0, 2: 182.5})
    assert decode(encode(asked), SetpointRequest) == asked
    with pytest.raises(RecordError):
        decode(encode(request(values={2: float("nan")})), SetpointRequest)


@pytest.mark.contract(15)
def test_what_was_kept_over_an_outage_is_not_written(state: GuardState) -> None:
    asked = request(expires_ns=NOW_NS + 60 * SECOND_NS)
    _, (fresh,) = ask(state, asked, now_ns=asked.t_issued_ns + 4 * SECOND_NS)
    assert "on its way" not in fresh.reasons[0]
    after, (held,) = ask(state, asked, now_ns=asked.t_issued_ns + 20 * SECOND_NS)
    assert held.state is MoveState.HELD
    assert held.reasons[0] == "it was 20.0 s on its way, of 5 s at most"
    assert after.interlock == state.interlock, "nothing of it is remembered"


def test_a_request_answers_no_decision_of_our_loop(state: GuardState) -> None:
    """A guard that has stopped to judge proposals must not look alive by what others ask."""
    view = fold_proposal(init_view({0: CELLS}, POLICY), proposal(sequence=1))
    _, (move,) = ask(state, request())
    later = msgspec.structs.replace(move, t_decided_ns=NOW_NS + SECOND_NS)
    after = fold_move(view, later, NOW_NS + SECOND_NS)
    assert after.sections[0].waiting_ns == NOW_NS
    ours = msgspec.structs.replace(later, asked_by="optimiser")
    assert fold_move(after, ours, NOW_NS + SECOND_NS).sections[0].waiting_ns == 0
