"""Modes: the safe side always wins, AUTO needs everything, a trip needs a person."""

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.mode_machine import transition
from control.modes import (
    WAITING,
    Mode,
    ModePolicy,
    ModeState,
    Rearm,
    Refusal,
    Trigger,
    TriggerKind,
    init_mode,
)
from control.permissives import Permissives

ALL = Permissives(True, True, True, True, True, True)
NONE = Permissives(False, False, False, False, False, False)
DEMO = ModePolicy(Mode.AUTO, Rearm.AUTOMATIC)
PLANT = ModePolicy(Mode.ADVISORY, Rearm.OPERATOR)
SLOW = ModePolicy(Mode.AUTO, Rearm.AUTOMATIC, warm_up_h=2.0)
SCAN = Trigger(TriggerKind.SCAN)
WARMED = Trigger(TriggerKind.WARMED)


def ask(mode: Mode, role: str = "operator") -> Trigger:
    return Trigger(TriggerKind.SET_MODE, "shift change", mode, "anna", role)


def happen(
    state: ModeState,
    *triggers: Trigger,
    permissives: Permissives = ALL,
    policy: ModePolicy = PLANT,
    t_plant_s: float = 100.0,
) -> ModeState:
    for trigger in triggers:
        after = transition(state, trigger, permissives, policy, t_plant_s)
        assert not isinstance(after, Refusal), after
        state = after
    return state


def in_auto(policy: ModePolicy = PLANT) -> ModeState:
    return happen(init_mode(policy, 0.0), ask(Mode.AUTO), SCAN, WARMED, policy=policy)


@pytest.mark.contract(3, 10)
@pytest.mark.parametrize(
    "late",
    [
        Trigger(TriggerKind.SWITCH_ON, "over", None, "anna", "operator"),
        ask(Mode.AUTO),
        Trigger(TriggerKind.RESET_TRIP, "over", None, "emil", "engineer"),
    ],
    ids=lambda trigger: trigger.kind.value,
)
def test_what_was_said_before_does_not_undo_the_safe_side_that_was_asked_for_since(
    late: Trigger,
) -> None:
    """Two commands of an outage may come in another order than they were given in."""
    off = Trigger(TriggerKind.SWITCH_OFF, "busbar", None, "olga", "operator", t_given_ns=200)
    is_reset = late.kind is TriggerKind.RESET_TRIP
    before = (Trigger(TriggerKind.TRIP, "plant_trip"),) if is_reset else ()
    state = happen(in_auto(), *before, off)
    refused = transition(state, dataclasses.replace(late, t_given_ns=199), ALL, PLANT, 200.0)
    assert isinstance(refused, Refusal)
    assert "before somebody last asked for the safe side" in refused.reasons[0]
    # Said after it, it counts; what leads to the safe side does whenever it was said.
    older = dataclasses.replace(off, t_given_ns=100)
    assert happen(state, older) == state
    if late.kind is not TriggerKind.SET_MODE:  # AUTO needs more than that
        assert happen(state, dataclasses.replace(late, t_given_ns=201)) != state


def test_a_plant_starts_advisory_and_a_demo_waits_for_its_permissives() -> None:
    assert init_mode(PLANT, 0.0).mode is Mode.ADVISORY
    started = init_mode(DEMO, 0.0)
    assert started.mode is Mode.READY
    assert happen(started, SCAN, permissives=NONE, policy=DEMO) == started
    warm = happen(started, SCAN, policy=DEMO, t_plant_s=7.0)
    assert (warm.mode, warm.since_plant_s) == (Mode.WARM, 7.0)
    assert happen(warm, SCAN, SCAN, policy=DEMO) == warm, "no decision has come yet"
    running = happen(warm, WARMED, policy=DEMO, t_plant_s=9.0)
    assert (running.mode, running.since_plant_s) == (Mode.AUTO, 9.0)


@pytest.mark.contract(3)
def test_auto_comes_only_after_the_time_to_warm_up_and_a_good_decision() -> None:
    warm = happen(init_mode(SLOW, 0.0), SCAN, policy=SLOW, t_plant_s=100.0)
    early = happen(warm, WARMED, SCAN, policy=SLOW, t_plant_s=7299.0)
    assert early.mode is Mode.WARM
    assert happen(early, SCAN, policy=SLOW, t_plant_s=9000.0).mode is Mode.WARM
    assert happen(early, WARMED, policy=SLOW, t_plant_s=7300.0).mode is Mode.AUTO


@pytest.mark.contract(3)
def test_a_cell_that_warms_up_begins_again_when_something_fails_it() -> None:
    warm = happen(init_mode(SLOW, 0.0), SCAN, policy=SLOW, t_plant_s=100.0)
    stale = Trigger(TriggerKind.HOLD, "samples_stale")
    fresh = Trigger(TriggerKind.HOLD_CLEARED, "samples_stale")
    for failed in (
        happen(warm, SCAN, permissives=NONE, policy=SLOW),
        happen(warm, stale, fresh, policy=SLOW),
    ):
        assert (failed.mode, failed.is_remote) == (Mode.READY, False)
        again = happen(failed, SCAN, policy=SLOW, t_plant_s=5000.0)
        assert (again.mode, again.since_plant_s) == (Mode.WARM, 5000.0)
        assert happen(again, WARMED, policy=SLOW, t_plant_s=7300.0).mode is Mode.WARM
    assert happen(warm, WARMED, permissives=NONE, policy=SLOW, t_plant_s=9000.0) == warm


@pytest.mark.contract(3)
def test_the_switch_is_above_every_wish_and_what_was_wanted_starts_anew() -> None:
    off = Trigger(TriggerKind.SWITCH_OFF, "work at the busbar", who="anna", role="manager")
    on = Trigger(TriggerKind.SWITCH_ON, "work is over", who="anna", role="operator")
    for wanted in (Mode.AUTO, Mode.ADVISORY, Mode.MANUAL):
        state = in_auto() if wanted is Mode.AUTO else happen(in_auto(), ask(wanted))
        switched = happen(state, off)
        assert (switched.mode, switched.is_remote, switched.who) == (Mode.OFF, False, "anna")
        assert happen(switched, SCAN, WARMED, off).mode is Mode.OFF
        assert isinstance(transition(switched, ask(Mode.AUTO), ALL, PLANT, 1.0), Refusal)
        back = happen(switched, on)
        assert back.mode is (Mode.READY if wanted is Mode.AUTO else wanted)
    assert happen(happen(in_auto(), off), on, SCAN, WARMED).mode is Mode.AUTO
    tripped = happen(in_auto(), off, Trigger(TriggerKind.TRIP, "busbar"))
    assert tripped.mode is Mode.TRIPPED


@pytest.mark.parametrize(
    ("kind", "role", "reason"),
    [
        (TriggerKind.SWITCH_OFF, "optimiser", "x"),
        (TriggerKind.SWITCH_ON, "manager", "x"),
        (TriggerKind.SWITCH_ON, "operator", ""),
    ],
)
def test_who_may_switch(kind: TriggerKind, role: str, reason: str) -> None:
    off = Trigger(TriggerKind.SWITCH_OFF, "", who="anna", role="operator")
    state = in_auto() if kind is TriggerKind.SWITCH_OFF else happen(in_auto(), off)
    trigger = Trigger(kind, reason, who="anna", role=role)
    assert isinstance(transition(state, trigger, ALL, PLANT, 1.0), Refusal)


def test_a_clock_that_is_put_back_does_not_keep_a_cell_warming_up_for_ever() -> None:
    warm = happen(init_mode(SLOW, 0.0), SCAN, policy=SLOW, t_plant_s=1e6)
    back = happen(warm, WARMED, policy=SLOW, t_plant_s=50.0)
    assert back.mode is Mode.WARM
    assert happen(back, WARMED, policy=SLOW, t_plant_s=7250.0).mode is Mode.AUTO


def test_a_time_to_warm_up_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="Remedy: set 0 or more hours"):
        ModePolicy(warm_up_h=-1.0)


def test_a_mode_that_nobody_can_ask_for_is_no_initial_mode() -> None:
    with pytest.raises(ValueError, match="Remedy: set MANUAL, ADVISORY or AUTO"):
        ModePolicy(initial_mode=Mode.SHED)


def test_a_person_moves_a_cell_between_the_three_modes() -> None:
    state = in_auto()
    for mode, shown in (
        (Mode.ADVISORY, Mode.ADVISORY),
        (Mode.MANUAL, Mode.MANUAL),
        (Mode.AUTO, Mode.WARM),
    ):
        state = happen(state, ask(mode), t_plant_s=200.0)
        assert state.mode is shown
        assert (state.since_plant_s, state.who, state.reason) == (200.0, "anna", "shift change")
    assert happen(state, ask(Mode.AUTO)) == state, "asked for twice"


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Permissives)])
@pytest.mark.contract(3)
def test_auto_needs_every_permissive(name: str) -> None:
    permissives = dataclasses.replace(ALL, **{name: False})
    refusal = transition(init_mode(PLANT, 0.0), ask(Mode.AUTO), permissives, PLANT, 1.0)
    assert isinstance(refusal, Refusal)
    assert refusal.reasons == permissives.missing()
    assert len(refusal.reasons) == 1


def test_manual_needs_none() -> None:
    assert happen(in_auto(), ask(Mode.MANUAL, "manager"), permissives=NONE).mode is Mode.MANUAL


@pytest.mark.parametrize(
    ("mode", "role"),
    [(Mode.AUTO, "manager"), (Mode.AUTO, "optimiser"), (Mode.MANUAL, "optimiser")],
)
def test_roles_are_checked(mode: Mode, role: str) -> None:
    refusal = transition(in_auto(), ask(mode, role), ALL, PLANT, 1.0)
    assert isinstance(refusal, Refusal)
    assert role in refusal.reasons[0]


@pytest.mark.parametrize("mode", [None, Mode.HOLD, Mode.SHED, Mode.TRIPPED])
def test_only_three_modes_can_be_asked_for(mode: Mode | None) -> None:
    trigger = Trigger(TriggerKind.SET_MODE, "", mode, "anna", "operator")
    assert isinstance(transition(in_auto(), trigger, ALL, PLANT, 1.0), Refusal)


def test_hold_stands_until_every_cause_has_cleared() -> None:
    stale = Trigger(TriggerKind.HOLD, "samples_stale")
    late = Trigger(TriggerKind.HOLD, "decision_late")
    held = happen(in_auto(), stale, late, stale, t_plant_s=300.0)
    assert held.mode is Mode.HOLD
    assert held.holds == ("samples_stale", "decision_late")
    assert held.reason == "samples_stale"
    still = happen(held, Trigger(TriggerKind.HOLD_CLEARED, "samples_stale"))
    assert still.mode is Mode.HOLD
    back = happen(still, Trigger(TriggerKind.HOLD_CLEARED, "decision_late"), t_plant_s=400.0)
    assert back.mode is Mode.AUTO
    assert back.since_plant_s == 400.0
    assert back.reason == "decision_late ended"


def test_a_hold_that_clears_without_permissives_waits_for_them() -> None:
    held = happen(in_auto(), Trigger(TriggerKind.HOLD, "samples_stale"))
    cleared = Trigger(TriggerKind.HOLD_CLEARED, "samples_stale")
    waiting = happen(held, cleared, permissives=NONE)
    assert (waiting.mode, waiting.holds) == (Mode.HOLD, (WAITING,))
    assert happen(waiting, SCAN).mode is Mode.AUTO


def test_the_plant_follows_in_auto_and_in_a_hold_after_it_but_not_before_the_first_auto() -> None:
    started = init_mode(DEMO, 0.0)
    stale = happen(started, Trigger(TriggerKind.HOLD, "samples_stale"), policy=DEMO)
    still = happen(stale, SCAN, policy=DEMO)
    fresh = happen(stale, Trigger(TriggerKind.HOLD_CLEARED, "samples_stale"), permissives=NONE)
    assert [one.mode for one in (started, stale, still, fresh)] == [Mode.READY] * 4
    warm = happen(fresh, SCAN, policy=DEMO)
    assert not any(one.is_remote for one in (started, stale, still, fresh, warm))
    running = happen(warm, WARMED, policy=DEMO)
    held = happen(running, Trigger(TriggerKind.HOLD, "samples_stale"))
    waiting = happen(
        held, Trigger(TriggerKind.HOLD_CLEARED, "samples_stale"), permissives=NONE, policy=DEMO
    )
    assert [state.is_remote for state in (running, held, waiting)] == [True] * 3
    for other in (
        happen(running, ask(Mode.MANUAL)),
        happen(running, ask(Mode.ADVISORY)),
        happen(running, Trigger(TriggerKind.SHED, "scada_lost")),
        happen(running, Trigger(TriggerKind.TRIP, "busbar")),
    ):
        assert not other.is_remote


def test_a_person_at_the_plant_takes_a_cell_until_a_person_gives_it_back() -> None:
    taken = Trigger(TriggerKind.TAKE_OVER, "taken at the plant", who="scada")
    for state in (
        in_auto(DEMO),
        happen(in_auto(DEMO), Trigger(TriggerKind.HOLD, "samples_stale")),
        happen(in_auto(DEMO), Trigger(TriggerKind.SHED, "cell_silent")),
    ):
        manual = happen(state, taken, policy=DEMO, t_plant_s=300.0)
        assert (manual.mode, manual.who, manual.since_plant_s) == (Mode.MANUAL, "scada", 300.0)
        assert happen(manual, SCAN, policy=DEMO).mode is Mode.MANUAL
    assert happen(happen(in_auto(), taken), ask(Mode.AUTO), WARMED).mode is Mode.AUTO
    tripped = happen(in_auto(), Trigger(TriggerKind.TRIP, "busbar"))
    assert happen(tripped, taken).mode is Mode.TRIPPED


def test_a_hold_does_not_take_a_cell_out_of_manual() -> None:
    manual = happen(in_auto(), ask(Mode.MANUAL), Trigger(TriggerKind.HOLD, "samples_stale"))
    assert manual.mode is Mode.MANUAL


@pytest.mark.contract(2)
def test_shed_is_latched_until_an_operator_rearms() -> None:
    lost = Trigger(TriggerKind.SHED, "scada_lost")
    found = Trigger(TriggerKind.SHED_CLEARED, "scada_lost")
    shed = happen(in_auto(), lost)
    assert shed.mode is Mode.SHED
    refusal = transition(shed, ask(Mode.AUTO), ALL, PLANT, 1.0)
    assert isinstance(refusal, Refusal)
    assert refusal.reasons == ("not over yet: scada_lost",)
    waiting = happen(shed, found, SCAN)
    assert waiting.mode is Mode.SHED
    assert happen(waiting, ask(Mode.AUTO)).mode is Mode.WARM
    assert happen(waiting, ask(Mode.AUTO), WARMED).mode is Mode.AUTO


def test_shed_rearms_itself_where_the_policy_says_so() -> None:
    lost = Trigger(TriggerKind.SHED, "scada_lost")
    shed = happen(in_auto(DEMO), lost, SCAN, policy=DEMO)
    assert shed.mode is Mode.SHED
    found = happen(shed, Trigger(TriggerKind.SHED_CLEARED, "scada_lost"), policy=DEMO)
    assert happen(found, SCAN, permissives=NONE, policy=DEMO).mode is Mode.SHED
    rearmed = happen(found, SCAN, policy=DEMO, t_plant_s=900.0)
    assert (rearmed.mode, rearmed.since_plant_s) == (Mode.WARM, 900.0)
    assert happen(rearmed, WARMED, policy=DEMO).mode is Mode.AUTO


def test_a_shed_cause_is_kept_while_advisory_and_bars_auto() -> None:
    advisory = happen(init_mode(PLANT, 0.0), Trigger(TriggerKind.SHED, "scada_lost"))
    assert advisory.mode is Mode.ADVISORY
    assert not advisory.is_shed
    assert isinstance(transition(advisory, ask(Mode.AUTO), ALL, PLANT, 1.0), Refusal)


@pytest.mark.contract(9)
def test_a_trip_keeps_its_first_cause_until_a_person_resets_it() -> None:
    tripped = happen(
        in_auto(),
        Trigger(TriggerKind.TRIP, "busbar"),
        Trigger(TriggerKind.TRIP, "second"),
        Trigger(TriggerKind.TRIP, "busbar"),
        Trigger(TriggerKind.TRIP, "third"),
    )
    assert (tripped.mode, tripped.trip) == (Mode.TRIPPED, "busbar")
    assert tripped.later_trips == ("second", "third")
    for mode in (Mode.AUTO, Mode.MANUAL):
        assert isinstance(transition(tripped, ask(mode), ALL, PLANT, 1.0), Refusal)
    assert happen(tripped, SCAN).mode is Mode.TRIPPED
    reset = Trigger(TriggerKind.RESET_TRIP, "inspected", who="anna", role="operator")
    after = happen(tripped, reset)
    assert (after.mode, after.trip, after.reason) == (Mode.MANUAL, None, "inspected")
    assert after.later_trips == ()


@pytest.mark.parametrize(
    ("trigger", "word"),
    [
        (Trigger(TriggerKind.RESET_TRIP, "inspected", role="viewer"), "viewer"),
        (Trigger(TriggerKind.RESET_TRIP, "", role="operator"), "reason"),
    ],
)
def test_a_reset_needs_a_role_and_a_reason(trigger: Trigger, word: str) -> None:
    tripped = happen(in_auto(), Trigger(TriggerKind.TRIP, "busbar"))
    refusal = transition(tripped, trigger, ALL, PLANT, 1.0)
    assert isinstance(refusal, Refusal)
    assert word in refusal.reasons[0]


def test_a_reset_waits_for_the_causes_and_for_a_trip() -> None:
    reset = Trigger(TriggerKind.RESET_TRIP, "inspected", role="operator")
    assert isinstance(transition(in_auto(), reset, ALL, PLANT, 1.0), Refusal)
    tripped = happen(
        in_auto(), Trigger(TriggerKind.SHED, "scada_lost"), Trigger(TriggerKind.TRIP, "busbar")
    )
    assert isinstance(transition(tripped, reset, ALL, PLANT, 1.0), Refusal)


CAUSES = st.sampled_from(["samples_stale", "scada_lost", "readback_mismatch"])
TRIGGERS = st.one_of(
    st.builds(
        Trigger,
        kind=st.sampled_from(TriggerKind),
        cause=CAUSES,
        mode=st.sampled_from([None, *Mode]),
        who=st.just("anna"),
        role=st.sampled_from(["operator", "manager", "optimiser", ""]),
    )
)
FACTS = st.builds(Permissives, *[st.booleans()] * 6)


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(TRIGGERS, FACTS), max_size=30),
    policy=st.sampled_from([DEMO, PLANT, SLOW]),
)
def test_no_story_reaches_auto_unsafely(
    steps: list[tuple[Trigger, Permissives]], policy: ModePolicy
) -> None:
    state = init_mode(policy, 0.0)
    for number, (trigger, permissives) in enumerate(steps, start=1):
        after = transition(state, trigger, permissives, policy, float(number))
        if isinstance(after, Refusal):
            assert after.reasons
            continue
        if after.mode is Mode.AUTO:
            assert after.trip is None
            assert not after.holds
            assert not after.is_shed
            assert not after.is_off
            if state.mode is not Mode.AUTO:
                assert not permissives.missing()
                assert state.mode in (Mode.WARM, Mode.HOLD), "no other way leads there"
                assert after.since_plant_s == number
        if trigger.kind is TriggerKind.TRIP:
            assert after.mode is Mode.TRIPPED
        if trigger.kind in (TriggerKind.SHED, TriggerKind.SWITCH_OFF):
            assert after.mode is not Mode.AUTO
        if after.is_remote and not state.is_remote:
            assert trigger.kind is TriggerKind.WARMED
        if trigger.kind is TriggerKind.HOLD:
            assert after.mode is not Mode.AUTO
        if state.mode is Mode.TRIPPED and after.mode is not Mode.TRIPPED:
            assert trigger.kind is TriggerKind.RESET_TRIP
        assert msgspec.json.decode(msgspec.json.encode(after), type=ModeState) == after
        state = after
