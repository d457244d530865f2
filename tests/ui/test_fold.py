"""The fold: record by record to the live picture."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from control.modes import Mode
from stream.frames import Origin, Quality
from stream.records import Command, CommandKind, Event, MoveState
from stream.screening import reject_message
from tests.ui.line_story import (
    BEAM,
    FEED,
    SECOND_NS,
    LineStory,
    make_event,
    make_mode_event,
    make_rejects,
)
from ui.fold import (
    count_unreadable,
    fold_accepted,
    fold_command,
    fold_estimates,
    fold_event,
    fold_move,
    fold_proposal,
    fold_rejects,
)
from ui.picture import (
    EXAMPLES_LENGTH,
    JOURNAL_LENGTH,
    Picture,
    column_of,
    init_picture,
)
from ui.quantities import trend_columns
from ui.trend import COARSE, FINE, extend_trend, joined

CELLS = (1, 2, 3, 4)
STORY = LineStory(0, CELLS)
NOW_NS = 1_790_000_000 * SECOND_NS


def blank() -> Picture:
    return init_picture((CELLS, (5, 6)), trend_columns())


def told(steps: int, picture: Picture | None = None, start: int = 0) -> Picture:
    picture = blank() if picture is None else picture
    for step in range(start, start + steps):
        now_ns = NOW_NS + step * SECOND_NS
        picture = fold_accepted(picture, STORY.accepted(step, now_ns))
        picture = fold_estimates(picture, STORY.estimate(step, now_ns))
    return picture


def test_accepted_samples_become_the_newest_values_and_their_times() -> None:
    frame = STORY.accepted(0, NOW_NS)
    section = fold_accepted(blank(), frame).sections[0]
    np.testing.assert_array_equal(section.values["measured.cell_voltage_v"], frame.value[-1, :, 0])
    times = section.times_ns["measured.cell_voltage_v"]
    np.testing.assert_array_equal(times, frame.source_time_ns[-1, :, 0])
    assert section.t_plant_s == frame.t_plant_s[-1]


def test_a_rejected_sample_leaves_the_last_good_value_and_its_age() -> None:
    picture = fold_accepted(blank(), STORY.accepted(0, NOW_NS))
    before = picture.sections[0]
    dead = replace(STORY, dead=frozenset({2}))
    after = fold_accepted(picture, dead.accepted(1, NOW_NS + SECOND_NS)).sections[0]
    column = "measured.cell_voltage_v"
    assert after.values[column][1] == before.values[column][1]
    assert after.times_ns[column][1] == before.times_ns[column][1]
    assert after.times_ns[column][0] > before.times_ns[column][0]
    current = "measured.line_current_ka"
    assert after.times_ns[current][1] > before.times_ns[current][1]


def test_the_last_usable_scan_counts_where_the_newest_was_rejected() -> None:
    frame = STORY.accepted(0, NOW_NS)
    quality = frame.quality.copy()
    quality[-1, 0, 0] = Quality.REJECTED
    value = frame.value.copy()
    value[-1, 0, 0] = np.nan
    section = fold_accepted(blank(), replace(frame, quality=quality, value=value)).sections[0]
    assert section.values["measured.cell_voltage_v"][0] == frame.value[-2, 0, 0]


def test_points_are_counted_once_however_often_a_frame_comes() -> None:
    frame = STORY.accepted(0, NOW_NS)
    once = fold_accepted(blank(), frame)
    twice = fold_accepted(once, frame)
    assert twice.line.points_accepted == once.line.points_accepted == frame.usable_points
    assert twice.line.repeated == 1
    assert twice.sections is once.sections


def test_frames_of_an_unknown_section_or_other_cells_are_strange() -> None:
    picture = fold_accepted(blank(), LineStory(7, CELLS).accepted(0, NOW_NS))
    picture = fold_accepted(picture, LineStory(0, (1, 2)).accepted(0, NOW_NS))
    picture = fold_estimates(picture, LineStory(-1, CELLS).estimate(0, NOW_NS))
    assert picture.line.strange == 3
    assert picture.sections[0].accepted_order == (-1, -1)


def test_latency_is_taken_from_source_to_stage() -> None:
    picture = told(1)
    assert picture.line.latency_ms["accepted"] == pytest.approx((100.0,))
    assert picture.line.latency_ms["estimated"] == pytest.approx((150.0,))


def test_a_section_that_changed_is_another_object_and_the_rest_is_the_same() -> None:
    before = blank()
    after = fold_accepted(before, STORY.accepted(0, NOW_NS))
    assert after.sections[0] is not before.sections[0]
    assert after.sections[1] is before.sections[1]
    assert before.sections[0].values == {}


def test_trend_has_a_row_for_each_second_and_half_a_day_of_history() -> None:
    picture = told(800)  # a minute of the plant each
    rows, past = picture.trends[0], picture.history[0]
    assert [row.number for row in rows] == list(range(784, 800))
    assert past[-1].t_plant_s - past[0].t_plant_s == 12 * 3600
    at = picture.columns.index("estimate.alumina_wt_pct")
    expected = STORY.estimate(799, NOW_NS).values["alumina_wt_pct"]
    for row in (rows[-1], past[-1]):
        np.testing.assert_allclose(row.values[:, at], expected, rtol=1e-6)


@pytest.mark.parametrize("speed", [1.0, 10.0, 60.0, 600.0])
def test_trends_cover_half_a_day_at_any_speed_of_the_plant_and_stay_bounded(speed: float) -> None:
    picture = init_picture(((1,),), ("measured.cell_voltage_v",))
    for second in range(int(13 * 3600 / speed)):
        section = changed(picture.sections[0], t_plant_s=1.0e9 + second * speed)
        picture = extend_trend(picture, section, NOW_NS + second * SECOND_NS, session=1)
    rows, past = picture.trends[0], picture.history[0]
    assert len(rows) <= FINE.length
    assert len(past) <= COARSE.length
    shown = joined(past, rows)
    times = np.array([row.t_plant_s for row in shown])
    assert times[-1] - times[0] >= 12 * 3600 - 2 * max(COARSE.period_s, speed)
    assert (np.diff(times) > 0).all()
    assert np.diff(times).max() <= max(60.0, speed)
    last = times > times[-1] - 890
    assert np.diff(times[last]).max(initial=0.0) <= max(2.0, speed)


def test_history_that_was_taken_over_goes_on_where_it_ended() -> None:
    past = told(100).history
    picture = told(30, changed(blank(), history=past), start=85)
    numbers = [row.number for row in picture.history[0]]
    assert numbers == list(range(115))
    reborn = replace(STORY, session=2)
    now_ns = NOW_NS + 900 * SECOND_NS
    picture = fold_estimates(picture, reborn.estimate(0, now_ns))
    assert [row.number for row in picture.history[0]] == [116]
    late = fold_estimates(changed(blank(), history=picture.history), STORY.estimate(200, now_ns))
    assert late.history is not None
    assert late.history[0] is picture.history[0]


def test_trend_goes_on_with_measurements_when_estimates_stop() -> None:
    picture = told(3)
    for step in range(3, 10):
        picture = fold_accepted(picture, STORY.accepted(step, NOW_NS + step * SECOND_NS))
    assert len(picture.trends[0]) > 6


def test_a_trend_has_a_gap_where_nothing_was_measured_or_estimated() -> None:
    picture = told(3)
    dead = replace(STORY, dead=frozenset({2}))
    for step in range(3, 20):
        now_ns = NOW_NS + step * SECOND_NS
        picture = fold_accepted(picture, dead.accepted(step, now_ns))
        if step < 6:
            picture = fold_estimates(picture, dead.estimate(step, now_ns))
    voltage = picture.columns.index("measured.cell_voltage_v")
    alumina = picture.columns.index("estimate.alumina_wt_pct")
    for rows in (picture.trends[0], picture.history[0]):
        assert np.isfinite(rows[1].values).T[[voltage, alumina]].all()
        assert np.isnan(rows[-1].values[1, voltage])
        assert np.isfinite(rows[-1].values[0, voltage])
        assert np.isnan(rows[-1].values[:, alumina]).all()


def test_a_new_life_of_the_plant_with_an_earlier_clock_starts_the_trend_afresh() -> None:
    picture = told(5, start=100)
    newest = picture.trends[0][-1].number
    reborn = replace(STORY, session=2)
    now_ns = NOW_NS + 200 * SECOND_NS
    picture = fold_accepted(picture, reborn.accepted(0, now_ns))
    picture = fold_estimates(picture, reborn.estimate(0, now_ns))
    assert len(picture.trends[0]) <= 2
    assert picture.trends[0][0].number > newest + 1


def test_proposal_shows_what_is_asked_and_why() -> None:
    proposal = STORY.proposal(0, 2, NOW_NS)
    picture = fold_proposal(blank(), changed(proposal, fallback="hold"))
    section = picture.sections[0]
    assert section.values[f"asked.{FEED}"][1] == proposal.setpoints[FEED]
    assert np.isnan(section.values[f"asked.{FEED}"][0])
    assert section.reasons[1] == proposal.reason
    assert section.solver[1] == "hold"
    assert (picture.line.proposals, picture.line.fallbacks) == (1, 1)
    assert fold_proposal(picture, changed(proposal, cell=99)).line.strange == 1


def test_verified_move_shows_applied_and_mode() -> None:
    proposal = STORY.proposal(0, 2, NOW_NS)
    picture = blank()
    for move in STORY.moves(proposal, Mode.AUTO, NOW_NS):
        picture = fold_move(picture, move)
    section = picture.sections[0]
    assert section.values[f"applied.{BEAM}"][1] == round(proposal.setpoints[BEAM], 1)
    assert section.modes == (None, Mode.AUTO, None, None)
    assert picture.line.moves == {"intent": 2, "verified": 2}
    assert picture.line.latency_ms["verified"] == pytest.approx((325.0, 325.0))


def test_held_move_shows_what_the_plant_holds_and_not_what_was_asked() -> None:
    proposal = STORY.proposal(0, 1, NOW_NS)
    picture = blank()
    for move in STORY.moves(proposal, Mode.MANUAL, NOW_NS):
        picture = fold_move(picture, move)
    section = picture.sections[0]
    assert section.values[f"applied.{FEED}"][0] == round(proposal.setpoints[FEED] - 0.2, 1)
    assert section.modes[0] is Mode.MANUAL


def test_an_older_move_changes_nothing() -> None:
    new, old = (STORY.moves(STORY.proposal(s, 1, NOW_NS + s * SECOND_NS), Mode.AUTO, NOW_NS)
                for s in (5, 4))  # fmt: skip
    picture = fold_move(blank(), new[-1])
    after = fold_move(fold_move(picture, old[-1]), new[-1])
    assert after.sections is picture.sections
    assert after.line.repeated == 2
    assert fold_move(after, changed(new[0], section=9)).line.strange == 1


def test_a_proposal_without_a_move_is_unanswered_until_the_guard_speaks_of_a_later_one() -> None:
    first, second = (STORY.proposal(s, 1, NOW_NS + s * SECOND_NS) for s in (0, 1))
    picture = fold_proposal(fold_proposal(blank(), first), second)
    assert picture.sections[0].t_unanswered_ns == first.t_decided_ns
    assert "guard" not in picture.line.newest_ns
    for move in STORY.moves(second, Mode.MANUAL, NOW_NS + 2 * SECOND_NS):
        picture = fold_move(picture, move)
    assert picture.sections[0].t_unanswered_ns == 0
    assert picture.line.newest_ns["guard"] == NOW_NS + 2 * SECOND_NS
    again = fold_proposal(picture, changed(second, t_decided_ns=NOW_NS + 9 * SECOND_NS))
    assert again.sections[0].t_unanswered_ns == 0  # it was judged before: it gives no move


def test_what_others_ask_is_shown_and_answers_no_decision_of_the_loop() -> None:
    ours = STORY.proposal(0, 1, NOW_NS)
    picture = fold_proposal(blank(), ours)
    asked = [
        changed(
            move, asked_by="hal", t_decided_ns=NOW_NS + SECOND_NS, applied=191.0, readback=191.0
        )
        for move in STORY.moves(ours, Mode.AUTO, NOW_NS + SECOND_NS)
        if move.setpoint == FEED
    ]
    for move in asked:
        picture = fold_move(picture, move)
    assert picture.sections[0].t_unanswered_ns == ours.t_decided_ns
    assert column_of(picture.sections[0], f"applied.{FEED}")[0] == 191.0
    assert "verified" not in picture.line.latency_ms, "how soon others are is not our latency"
    # Decided before, judged after: what is judged last is what stands.
    for move in STORY.moves(ours, Mode.AUTO, NOW_NS + 2 * SECOND_NS):
        picture = fold_move(picture, move)
    assert picture.sections[0].t_unanswered_ns == 0
    assert column_of(picture.sections[0], f"applied.{FEED}")[0] != 191.0


def test_what_is_wrong_with_two_setpoints_of_a_cell_ends_together() -> None:
    picture = blank()
    for number, (setpoint, active) in enumerate(((FEED, True), (BEAM, True), (BEAM, False)), 2):
        event = make_event(
            "move_held", NOW_NS + number, number=number, active=active, cell=2,
            setpoint=setpoint, reason="it is over",
        )  # fmt: skip
        picture = fold_event(picture, event)
    assert picture.line.active == {}


def test_an_event_of_the_guard_is_a_word_of_it_and_one_of_the_gateway_is_not() -> None:
    event = make_mode_event(3, Mode.MANUAL, NOW_NS)
    assert fold_event(blank(), event).line.newest_ns["guard"] == NOW_NS
    other = fold_event(blank(), changed(event, origin="gateway"))
    assert "guard" not in other.line.newest_ns


def test_events_begin_end_and_are_kept_in_order_of_time() -> None:
    began = make_event("samples_stale", NOW_NS, active=True, age_s=6.0)
    ended = make_event("samples_stale", NOW_NS + SECOND_NS, age_s=0.0)
    picture = fold_event(blank(), began)
    assert list(picture.line.active.values()) == [began]
    picture = fold_event(fold_event(picture, ended), began)
    assert picture.line.active == {}
    assert picture.line.journal == (began, ended)
    assert picture.line.repeated == 1


def test_an_end_that_is_older_than_the_beginning_ends_nothing() -> None:
    began = make_event("samples_stale", NOW_NS, active=True, age_s=6.0)
    earlier = make_event("samples_stale", NOW_NS - SECOND_NS, age_s=0.0)
    picture = fold_event(fold_event(blank(), began), earlier)
    assert list(picture.line.active.values()) == [began]
    assert picture.line.journal == (earlier, began)


def test_two_processes_or_topics_with_the_same_complaint_do_not_end_each_other_s() -> None:
    def lost(origin: str, active: bool, number: int) -> Event:
        event = make_event(
            "scada_lost", NOW_NS + number, number=number, active=active, section=None,
            address="opc.tcp://x", error="gone",
        )  # fmt: skip
        return changed(event, origin=origin)

    picture = blank()
    for number, (origin, active) in enumerate(
        (("gateway", True), ("guard", True), ("gateway", False)), 2
    ):
        picture = fold_event(picture, lost(origin, active, number))
    assert [event.origin for event in picture.line.active.values()] == ["guard"]

    picture = blank()
    for number, (topic, active) in enumerate(
        (("samples", True), ("commands", True), ("samples", False)), 2
    ):
        event = make_event(
            "message_unreadable", NOW_NS + number, number=number, active=active, section=None,
            topic=topic, reason="not JSON",
        )  # fmt: skip
        picture = fold_event(picture, event)
    assert [event.details["topic"] for event in picture.line.active.values()] == ["commands"]


def test_two_channels_or_faults_of_one_section_do_not_end_each_other_s() -> None:
    picture = blank()
    for number, (channel, fault, active) in enumerate(
        (
            (1, "no value", True),
            (2, "no value", True),
            (2, "too old", True),
            (2, "no value", False),
        ),
        2,
    ):
        event = make_event(
            "channel_lost", NOW_NS + number, number=number, active=active,
            signal="cell_voltage_v", channel=channel, node="i=1", cells="cell 7", fault=fault,
        )  # fmt: skip
        picture = fold_event(picture, event)
    active_now = [(e.details["channel"], e.details["fault"]) for e in picture.line.active.values()]
    assert active_now == [(1, "no value"), (2, "too old")]


def _begun(origin: str, number: int, at_s: int = 0) -> Event:
    event = make_event(
        "sample_rejected", NOW_NS + at_s * SECOND_NS, number=number, active=True,
        section=number, reason="range",
    )  # fmt: skip
    return changed(event, origin=origin, event_id=f"{origin}-{number}-{number}")


def test_the_first_word_of_a_new_life_ends_what_the_life_before_left_standing() -> None:
    picture = blank()
    for event in (_begun("loop-71", 3), _begun("guard", 4), _begun("loop-92", 1, at_s=5)):
        picture = fold_event(picture, event)
    assert [e.origin for e in picture.line.active.values()] == ["guard", "loop-92"]
    picture = fold_event(picture, _begun("loop-92", 2, at_s=6))
    assert len(picture.line.active) == 3


def test_a_restart_ends_the_alarms_of_that_process_and_a_new_line_those_of_all() -> None:
    picture = blank()
    for event in (_begun("loop-71", 3), _begun("guard", 4)):
        picture = fold_event(picture, event)
    restarted = make_event(
        "process_restarted",
        NOW_NS + SECOND_NS,
        number=7,
        section=None,
        process="guard",
        why="it died",
    )
    after = fold_event(picture, changed(restarted, origin="supervisor"))
    assert [e.origin for e in after.line.active.values()] == ["loop-71"]
    started = make_event(
        "process_started", NOW_NS + SECOND_NS, number=1, section=None, process="broker"
    )
    after = fold_event(picture, changed(started, origin="supervisor"))
    assert after.line.active == {}


def test_an_end_is_told_from_a_fact_that_never_began() -> None:
    began = make_event("samples_stale", NOW_NS, number=2, active=True, age_s=6.0)
    ended = make_event("samples_stale", NOW_NS + SECOND_NS, number=3, age_s=0.0)
    fact = make_mode_event(3, Mode.MANUAL, NOW_NS, number=4)
    picture = blank()
    for event in (began, ended, fact):
        picture = fold_event(picture, event)
    assert picture.line.ended == {ended.event_id: NOW_NS}
    for number in range(5, 2 * JOURNAL_LENGTH, 2):
        for event in (
            changed(began, event_id=f"b-{number}"),
            changed(ended, event_id=f"e-{number}"),
        ):
            picture = fold_event(picture, event)
    assert len(picture.line.ended) <= JOURNAL_LENGTH


def test_journal_is_bounded() -> None:
    picture = blank()
    for number in range(JOURNAL_LENGTH + 5):
        event = make_event("process_started", NOW_NS, number=number, section=None, process="loop")
        picture = fold_event(picture, event)
    assert len(picture.line.journal) == JOURNAL_LENGTH


def test_mode_event_sets_the_mode_and_an_older_one_does_not() -> None:
    picture = fold_event(blank(), make_mode_event(3, Mode.MANUAL, NOW_NS))
    picture = fold_event(picture, make_mode_event(3, Mode.AUTO, NOW_NS - SECOND_NS))
    assert picture.sections[0].modes[2] is Mode.MANUAL


@pytest.mark.parametrize(
    "event",
    [
        make_mode_event(99, Mode.MANUAL, NOW_NS),
        changed(make_mode_event(3, Mode.MANUAL, NOW_NS), details={"mode": "SIDEWAYS"}),
        changed(make_mode_event(3, Mode.MANUAL, NOW_NS), section=None),
    ],
)
def test_mode_event_of_no_cell_or_no_mode_is_journal_only(event: object) -> None:
    picture = fold_event(blank(), event)  # type: ignore[arg-type]
    assert set(picture.sections[0].modes) == {None}
    assert len(picture.line.journal) == 1


def test_newest_command_of_a_cell_is_kept() -> None:
    command = Command(
        command_id="a", kind=CommandKind.SET_MODE, section=0, cell=2, mode=Mode.MANUAL,
        issued_by="ann", role="operator", reason="tapping", t_issued_ns=NOW_NS,
        expires_ns=NOW_NS + SECOND_NS,
    )  # fmt: skip
    older = changed(command, command_id="b", t_issued_ns=NOW_NS - 1)
    picture = fold_command(fold_command(blank(), command), older)
    assert picture.line.commands == {2: command}
    assert picture.line.repeated == 1


def test_rejects_are_counted_by_reason_with_readable_examples() -> None:
    frame = make_rejects(10, NOW_NS, cells=(1, 2))
    picture = fold_rejects(fold_rejects(blank(), frame), frame)
    assert picture.line.rejected == {"not finite": 2}
    assert picture.line.refused == {"malformed": 1}
    assert picture.line.repeated == 1
    last = picture.line.examples[-1]
    assert last.where == "samples/0/10"
    assert last.original.startswith('{"cell": 17')
    assert last.original.endswith("··")


def test_dead_letters_are_counted_apart() -> None:
    picture = fold_rejects(blank(), make_rejects(10, NOW_NS), dead=True)
    picture = fold_rejects(picture, make_rejects(10, NOW_NS))
    assert picture.line.dead_letters == 1
    assert picture.line.rejected == {"not finite": 1}


def test_a_message_refused_whole_counts_the_samples_that_it_carried() -> None:
    unknown = reject_message(
        b"frame", Origin("samples", 0, 4), "unknown section", "", NOW_NS, section=9, points=240
    )
    picture = fold_rejects(blank(), unknown)
    assert picture.line.rejected == {"unknown section": 240}
    assert picture.line.refused == {"unknown section": 1}


def test_two_agents_that_fail_on_one_message_are_two_dead_letters() -> None:
    picture = blank()
    for agent in ("estimate", "guard-samples", "estimate"):
        letter = reject_message(
            b"frame", Origin("accepted", 0, 4), "agent failed", f"{agent}: KeyError: 7", NOW_NS
        )
        picture = fold_rejects(picture, letter, dead=True)
    assert picture.line.dead_letters == 2
    assert picture.line.repeated == 1


def test_examples_are_bounded_and_long_messages_cut() -> None:
    frame = make_rejects(1, NOW_NS, cells=tuple(range(1, EXAMPLES_LENGTH + 20)))
    picture = fold_rejects(blank(), frame)
    assert len(picture.line.examples) == EXAMPLES_LENGTH
    long = replace(make_rejects(2, NOW_NS), original=(None, b"x" * 500))
    assert fold_rejects(picture, long).line.examples[-1].original.endswith("x…")


def test_unreadable_messages_are_counted() -> None:
    assert count_unreadable(blank()).line.unreadable == 1


def test_a_frame_without_any_usable_sample_has_no_latency() -> None:
    frame = STORY.accepted(0, NOW_NS)
    gone = replace(frame, quality=np.full_like(frame.quality, Quality.REJECTED))
    picture = fold_accepted(blank(), gone)
    assert picture.line.latency_ms == {}
    assert all((times == 0).all() for times in picture.sections[0].times_ns.values())


@given(
    order=st.lists(st.integers(0, 11), max_size=30),
    tail=st.permutations(list(range(12))),
)
def test_repeats_of_what_was_folded_never_change_what_is_shown(
    order: list[int], tail: list[int]
) -> None:
    """At-least-once delivery: any replay of old records leaves values, counts and modes alone."""
    picture = blank()
    acts = []
    for step in range(4):
        now_ns = NOW_NS + step * SECOND_NS
        move = STORY.moves(STORY.proposal(step, 1, now_ns), Mode.AUTO, now_ns)[1]
        acts += [
            (fold_accepted, STORY.accepted(step, now_ns)),
            (fold_estimates, STORY.estimate(step, now_ns)),
            (fold_move, move),
        ]
    for act, record in acts:
        picture = act(picture, record)
    replayed = picture
    for index in (*order, *tail):
        act, record = acts[index]
        replayed = act(replayed, record)
    assert replayed.sections is picture.sections or all(
        a is b for a, b in zip(replayed.sections, picture.sections, strict=True)
    )
    assert replayed.trends is picture.trends
    assert replayed.line.points_accepted == picture.line.points_accepted
    assert replayed.line.moves == picture.line.moves
    assert replayed.line.repeated == len(order) + len(tail)
    assert picture.sections[0].moves[f"0/{FEED}"].state is MoveState.VERIFIED
