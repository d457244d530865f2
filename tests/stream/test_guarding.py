"""The guard's steps: what is measured, who moves a cell, what may be written."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from control.interlock import InterlockLimits
from control.limits import GuardLimits, SetpointLimits
from control.modes import Mode, ModePolicy, Rearm, Trigger, TriggerKind
from control.problem import SolverStatus
from stream.frames import EstimateFrame, Quality
from stream.guarding import (
    GuardState,
    PlantView,
    change_modes,
    decode_state,
    encode_state,
    init_guard_state,
    permissives_of,
)
from stream.judging import judge_proposal, note_written, rehearse_proposal
from stream.records import MoveState, Proposal
from stream.section_picture import SectionPicture, see_decision, see_estimates, see_samples
from tests.stream.frame_cases import CELLS, NOW_NS, SECOND_NS, make_estimate_frame, make_frame

FEED, BEAM = "alumina_feed_rate_kg_per_h", "beam_position_mm"
LIMITS = InterlockLimits(
    setpoints={
        FEED: SetpointLimits(FEED, "kg/h", 90.0, 300.0, 110.0, 6000.0, 1500.0, 6.0, 0.1, 0.5),
        BEAM: SetpointLimits(BEAM, "mm", 20.0, 380.0, 1.0, 12.0, 30.0, 24.0, 0.1, 0.2),
    },
    guard=GuardLimits(5.0, 60, 3.0, 4.0, 5.0),
)
POLICY = ModePolicy(initial_mode=Mode.AUTO, rearm=Rearm.AUTOMATIC)
PLANT = PlantView(
    is_connected=True,
    has_heartbeat=True,
    readbacks={(cell, name): v for cell in CELLS for name, v in ((FEED, 180.0), (BEAM, 200.0))},
)


def seen_picture() -> SectionPicture:
    return see_estimates(see_samples(SectionPicture(), make_frame()), make_estimates())


def make_estimates(
    acd_cm: tuple[float, ...] = (4.1, 4.1, 4.1), sequence: int = 0, t_source_ns: int = NOW_NS
) -> EstimateFrame:
    return make_estimate_frame(
        {"alumina_wt_pct": np.full(3, 2.6), "acd_cm": np.array(acd_cm)},
        sequence=sequence,
        t_source_ns=t_source_ns,
    )


def later_picture() -> SectionPicture:
    """Ten minutes of plant time on: rates have room again."""
    return replace(seen_picture(), t_plant_s=701.0)


def warm() -> GuardState:
    """A section whose cells wait for a good decision."""
    state, changes, refusals = scan(init_guard_state(CELLS, POLICY), seen_picture())
    assert [change.after.mode for change in changes] == [Mode.WARM] * 3
    assert not refusals
    return state


def in_auto() -> GuardState:
    """A section whose cells have started."""
    state, changes, _ = scan(warm(), seen_picture(), Trigger(TriggerKind.WARMED))
    assert [change.after.mode for change in changes] == [Mode.AUTO] * 3
    return state


def moving() -> GuardState:
    """A section whose cells have been in AUTO for ten minutes and have had their first write."""
    state, moves = judge(in_auto(), proposal(session=0), seen_picture())
    for move in moves:
        state = note_written(state, move, state.mode_of(move.cell).stay)
    return state


def scan(state: GuardState, picture: SectionPicture, trigger: Trigger | None = None):
    triggers = dict.fromkeys(CELLS, trigger or Trigger(TriggerKind.SCAN))
    permissives = {cell: permissives_of(cell, picture, PLANT, LIMITS, NOW_NS) for cell in CELLS}
    return change_modes(state, triggers, permissives, POLICY, picture.t_plant_s)


def proposal(cell: int = 2, sequence: int = 0, **change: object) -> Proposal:
    record = Proposal(
        proposal_id=f"0-1-{sequence}-{cell}",
        section=0,
        cell=cell,
        session=1,
        sequence=sequence,
        setpoints={FEED: 190.0, BEAM: 200.5},
        proposed_by="mpc",
        solver_status="solved",
        fallback=None,
        solve_ms=1.0,
        reason="",
        figures={},
        t_plant_s=101.0,
        t_source_ns=NOW_NS,
        t_received_ns=NOW_NS,
        t_estimated_ns=NOW_NS,
        t_decided_ns=NOW_NS,
        expires_ns=NOW_NS + 5 * SECOND_NS,
    )
    for name, value in change.items():
        record = type(record)(
            **{f: getattr(record, f) for f in record.__struct_fields__} | {name: value}
        )
    return record


def judge(state: GuardState, asked: Proposal, picture: SectionPicture | None = None, **change):
    arguments = {"scan": 1, "cells_moved_elsewhere": 0} | change
    return judge_proposal(
        state, asked, picture or later_picture(), PLANT, LIMITS, NOW_NS, **arguments
    )


def test_a_sample_is_never_newer_than_it_came() -> None:
    """A clock that is ahead would make old samples look fresh when their time has come."""
    ahead = make_frame(now_ns=NOW_NS + 20 * SECOND_NS)
    picture = see_samples(SectionPicture(), ahead, NOW_NS)
    assert picture.ahead_s == 20.0
    assert picture.age_s(NOW_NS + 20 * SECOND_NS) == 20.0
    assert picture.source_ns(2) == NOW_NS
    late = see_samples(picture, make_frame(1, now_ns=NOW_NS + SECOND_NS), NOW_NS + 2 * SECOND_NS)
    assert (late.ahead_s, late.age_s(NOW_NS + 2 * SECOND_NS)) == (0.0, 1.0)


def test_a_sample_that_is_read_again_is_as_old_as_its_coming_to_the_gateway() -> None:
    """Found by `potline simulate-faults`: dated ahead by a wrong clock, and read once more when
    that time had come, by a guard that had just begun."""
    ahead = replace(make_frame(now_ns=NOW_NS + 20 * SECOND_NS), t_received_ns=NOW_NS)
    again = see_samples(SectionPicture(), ahead, NOW_NS + 20 * SECOND_NS)
    assert (again.ahead_s, again.age_s(NOW_NS + 20 * SECOND_NS)) == (0.0, 20.0)
    assert again.source_ns(2) == NOW_NS


def test_one_wrong_sample_of_the_current_is_no_line_without_current() -> None:
    signals = ("cell_voltage_v", "line_current_ka")

    def frame(number: int, current_ka: float):
        made = make_frame(number, signals=signals, now_ns=NOW_NS + number * SECOND_NS)
        value = made.value.copy()
        value[:, :, 1] = current_ka
        return replace(made, value=value)

    picture = see_samples(SectionPicture(), frame(0, 300.0))
    assert picture.line_current_ka is None, "one frame says nothing"
    for number, (current_ka, shown_ka) in enumerate(
        [(12.0, 300.0), (300.0, 300.0), (11.0, 300.0), (10.0, 11.0)], start=1
    ):
        picture = see_samples(picture, frame(number, current_ka))
        assert picture.line_current_ka == pytest.approx(shown_ka)
        assert picture.current_source_ns == NOW_NS + number * SECOND_NS


def test_the_picture_keeps_the_newest_usable_sample_of_each_cell() -> None:
    frame = make_frame()
    quality, value = frame.quality.copy(), frame.value.copy()
    quality[:, 1, :] = Quality.REJECTED
    quality[1, 2, :] = Quality.REJECTED
    value[0, 2, 0] = 9.1
    picture = see_samples(SectionPicture(), replace(frame, quality=quality, value=value))
    assert picture.source_ns(1) == NOW_NS
    assert picture.source_ns(2) == 0
    assert picture.source_ns(3) == NOW_NS - SECOND_NS
    assert picture.is_in_anode_effect(3)
    assert replace(picture, t_plant_s=100.0 + 900.0).is_in_anode_effect(3), "still being treated"
    assert not replace(picture, t_plant_s=100.0 + 901.0).is_in_anode_effect(3)
    assert not picture.is_in_anode_effect(2), "nothing is known of it"
    assert picture.age_s(NOW_NS + 2 * SECOND_NS) == 2.0
    assert SectionPicture().age_s(NOW_NS) == float("inf")


def test_every_permissive_is_a_fact_of_its_own() -> None:
    picture = seen_picture()
    assert permissives_of(1, picture, PLANT, LIMITS, NOW_NS).missing() == ()
    late_ns = NOW_NS + 6 * SECOND_NS
    missing = permissives_of(1, picture, PLANT, LIMITS, late_ns).missing()
    assert missing == ("no fresh samples of the cell",)
    for change in ({"is_connected": False}, {"has_heartbeat": False}, {"readbacks": {}}):
        plant = replace(PLANT, **change)
        assert len(permissives_of(1, picture, plant, LIMITS, NOW_NS).missing()) == 1
    unseen = see_samples(SectionPicture(), make_frame())
    assert permissives_of(1, unseen, PLANT, LIMITS, NOW_NS).missing() == (
        "no estimate of the cell yet",
    )


def test_a_cell_whose_estimate_is_not_finite_counts_as_not_estimated() -> None:
    picture = see_estimates(seen_picture(), make_estimates((4.1, np.nan, 4.1), 1))
    assert picture.estimated == {1, 3}
    infinite = see_estimates(picture, make_estimates((4.1, np.inf, 4.1), 2))
    assert infinite.estimated == {1, 3}
    assert see_estimates(infinite, make_estimates(sequence=1)) == infinite, "an older frame"


def test_one_scan_without_a_usable_sample_makes_no_estimate_old() -> None:
    picture = see_estimates(seen_picture(), make_estimates(sequence=1, t_source_ns=0))
    assert picture.estimate_age_s(NOW_NS + 2 * SECOND_NS) == 2.0


def test_a_decision_of_before_is_no_news() -> None:
    picture = see_decision(seen_picture(), proposal(t_plant_s=101.0))
    old = proposal(t_plant_s=20.0, t_decided_ns=NOW_NS - 80 * SECOND_NS)
    assert see_decision(picture, old) == picture
    behind = replace(make_estimates(), t_plant_s=50.0, t_estimated_ns=NOW_NS - 50 * SECOND_NS)
    for sequence in (1, 2):
        read = see_estimates(picture, replace(behind, sequence=sequence))
        assert read.decided_plant_s == 101.0, "estimates are read later than decisions"
    anew = see_estimates(picture, replace(behind, sequence=3, t_estimated_ns=NOW_NS))
    assert anew.decided_plant_s == 50.0, "the plant began anew"


def test_a_cell_is_without_a_plan_until_a_decision_has_one_and_settling_is_no_lack_of_one() -> None:
    bad = SolverStatus.BAD_INPUT.name.lower()
    picture = see_decision(seen_picture(), proposal(setpoints={}, solver_status=bad))
    assert picture.unplanned == {2: bad}
    assert see_decision(picture, proposal(cell=3)).unplanned == {2: bad}
    settling = proposal(setpoints={}, solver_status=SolverStatus.UNSETTLED.name.lower())
    for other in (proposal(), settling):
        assert see_decision(picture, other).unplanned == {}


def test_frames_that_are_not_newer_change_nothing() -> None:
    picture = see_samples(SectionPicture(), make_frame(5))
    for frame in (make_frame(5), make_frame(4), make_frame(9, session=0)):
        assert see_samples(picture, frame) == picture
    assert see_samples(picture, make_frame(0, session=2)).t_plant_s == 101.0, "a newer session"


def beam_travel(state: GuardState) -> float:
    return sum(travel.distance for travel in state.interlock.of(2, BEAM).travels)


def test_a_restart_of_the_guard_forgets_neither_the_rate_nor_the_travel() -> None:
    """Before its first frame, and while it reads old frames again, plant time seems to go back."""
    state, _ = judge(moving(), proposal())
    travelled = beam_travel(state)
    assert travelled > 0.0
    old = see_samples(SectionPicture(), make_frame(now_ns=NOW_NS - SECOND_NS))
    for picture in (SectionPicture(), old):
        state, moves = judge(state, proposal(sequence=1), picture)
        assert {move.state for move in moves} <= {MoveState.HELD}
        assert state.interlock.of(2, BEAM).moved_plant_s == 701.0
        assert beam_travel(state) == travelled


def test_a_plant_whose_clock_was_put_back_begins_at_its_readback_and_keeps_its_travel() -> None:
    state, _ = judge(moving(), proposal())
    travelled = beam_travel(state)
    anew = see_samples(
        SectionPicture(), make_frame(session=2, t_plant_s=9.0, now_ns=NOW_NS + SECOND_NS)
    )
    state, moves = judge(state, proposal(session=2), anew)
    assert [move.applied for move in moves] == [180.0, 200.0]
    assert state.interlock.of(2, BEAM).moved_plant_s == 10.0
    assert beam_travel(state) == pytest.approx(travelled)


def test_a_permitted_proposal_becomes_one_intent_per_setpoint() -> None:
    state, moves = judge(moving(), proposal())
    assert [(move.setpoint, move.state, move.applied) for move in moves] == [
        (FEED, MoveState.INTENT, 190.0),
        (BEAM, MoveState.INTENT, pytest.approx(200.0, abs=0.6)),
    ]
    assert moves[0].move_id == f"0-1-0-2/{FEED}"
    assert moves[0].previous == 180.0
    assert moves[0].mode is Mode.AUTO
    assert state.interlock.of(2, FEED).applied == 190.0


@pytest.mark.contract(4)
def test_the_first_move_after_entering_auto_has_no_bump() -> None:
    for picture in (seen_picture(), later_picture()):
        _, moves = judge(in_auto(), proposal(), picture)
        assert [move.applied for move in moves] == [180.0, 200.0]
        assert {move.state for move in moves} == {MoveState.INTENT}


def test_the_same_proposal_again_gives_no_move() -> None:
    state, _ = judge(moving(), proposal())
    again, moves = judge(state, proposal())
    assert moves == []
    assert again == state


def test_an_older_proposal_is_held() -> None:
    state, _ = judge(moving(), proposal(sequence=5))
    _, moves = judge(state, proposal(sequence=4))
    assert {move.state for move in moves} == {MoveState.HELD}
    assert "not newer" in moves[0].reasons[0]


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.ADVISORY])
def test_nothing_is_written_for_a_cell_that_people_took_out_of_auto(mode: Mode) -> None:
    trigger = Trigger(TriggerKind.SET_MODE, "anode change", mode, "anna", "operator")
    state, changes, _ = scan(in_auto(), seen_picture(), trigger)
    assert [change.after.mode for change in changes] == [mode] * 3
    _, moves = judge(state, proposal())
    assert {move.state for move in moves} == {MoveState.HELD}
    assert all(move.applied is None for move in moves)
    assert {move.mode for move in moves} == {mode}


def test_a_cell_of_another_section_is_held() -> None:
    _, moves = judge(in_auto(), proposal(cell=99))
    assert {move.state for move in moves} == {MoveState.HELD}


def test_a_refused_trigger_changes_nothing() -> None:
    state = in_auto()
    trigger = Trigger(TriggerKind.SET_MODE, "", Mode.MANUAL, "x", "observer")
    after, changes, refusals = scan(state, seen_picture(), trigger)
    assert after is state
    assert changes == []
    assert set(refusals) == set(CELLS)


def test_the_state_survives_its_bytes_and_takes_new_cells() -> None:
    state, _ = judge(in_auto().remember_command("c-1"), proposal())
    back = decode_state(encode_state(state), (*CELLS, 4), POLICY)
    assert back.has_seen("c-1")
    assert back.interlock == state.interlock
    assert back.mode_of(2) == state.mode_of(2)
    assert back.mode_of(4).mode is Mode.READY, "a new cell waits for its permissives"


def test_a_state_of_another_version_is_refused() -> None:
    state = in_auto()
    interlock = msgspec.structs.replace(state.interlock, version=99)
    for other in (
        msgspec.structs.replace(state, version=99),
        msgspec.structs.replace(state, interlock=interlock),
    ):
        with pytest.raises(ValueError, match="version 99"):
            decode_state(encode_state(other), CELLS, POLICY)


def test_only_the_newest_commands_are_remembered() -> None:
    state = GuardState()
    for number in range(100):
        state = state.remember_command(f"c-{number}")
    assert state.has_seen("c-99")
    assert not state.has_seen("c-0")
    assert len(state.commands) == 64


def test_every_asked_value_that_leaves_the_guard_is_finite_and_in_bounds() -> None:
    state = moving()
    rng = np.random.default_rng(3)
    for sequence in range(200):
        wild = float(rng.normal(0, 1) * 10.0 ** rng.integers(-3, 9))
        asked = proposal(sequence=sequence, setpoints={FEED: wild, BEAM: wild / 7})
        state, moves = judge(state, asked, scan=sequence)
        for move in moves:
            if move.applied is not None:
                limit = LIMITS.setpoints[move.setpoint]
                assert limit.low <= move.applied <= limit.high
                assert (
                    abs(move.applied - PLANT.readbacks[2, move.setpoint]) <= limit.max_step + 1e-9
                )


@pytest.mark.contract(3)
def test_a_decision_is_rehearsed_while_a_cell_warms_up_and_nothing_is_to_be_written() -> None:
    before, asked = warm(), proposal()
    state, moves, would_write = rehearse(before, asked)
    assert would_write
    assert [(move.state, move.applied, move.mode) for move in moves] == [
        (MoveState.HELD, None, Mode.WARM)
    ] * 2
    # The first write of a stay is the read-back, so that is what would be written.
    assert "180 would be written" in moves[0].reasons[-1]
    noted = state.interlock.of(2, FEED)
    assert (noted.order, noted.applied, noted.travels) == ((1, 0), None, ())
    assert rehearse(state, asked)[1:] == ([], False), "the same decision again"
    assert judge(state, asked)[1] == [], "nor is it written when the cell is in AUTO by then"


@pytest.mark.contract(3)
@pytest.mark.parametrize(
    ("asked", "picture"),
    [
        (proposal(setpoints={FEED: float("nan"), BEAM: 200.5}), None),
        (proposal(setpoints={FEED: 190.0, "no_such_setpoint": 1.0}), None),
        (proposal(setpoints={}), None),
        (proposal(expires_ns=NOW_NS), None),
        (proposal(), SectionPicture(t_plant_s=701.0)),
    ],
)
def test_a_decision_that_would_be_held_does_not_end_warming_up(
    asked: Proposal, picture: SectionPicture | None
) -> None:
    _, moves, would_write = rehearse(warm(), asked, picture)
    assert not would_write
    assert all(move.applied is None for move in moves)


def rehearse(state: GuardState, asked: Proposal, picture: SectionPicture | None = None):
    return rehearse_proposal(
        state, asked, picture or later_picture(), PLANT, LIMITS, NOW_NS, scan=1
    )
