"""How modes change: `transition`, a state machine that knows nothing of I/O.

The way to AUTO has stages: READY until every permissive holds, then WARM, in which decisions are
made and judged and none is written, until one that would have been permitted comes after the whole
time of warming up. AUTO begins with the plant's own read-back, so without a bump.
"""

from typing import Final

import msgspec

from control.modes import (
    MAY_CALM,
    MAY_ENGAGE,
    WAITING,
    WANTED_MODES,
    Mode,
    ModePolicy,
    ModeState,
    Rearm,
    Refusal,
    Stage,
    Trigger,
    TriggerKind,
)
from control.permissives import Permissives

_OUTDATED: Final = (
    "it was given before somebody last asked for the safe side; give it again where it is meant"
)
_LATER_TRIPS_KEPT: Final = 16  # the first cause is what is looked for; a flood of others is not


def transition(
    state: ModeState,
    trigger: Trigger,
    permissives: Permissives,
    policy: ModePolicy,
    t_plant_s: float,
) -> ModeState | Refusal:
    """Return the state after a trigger, or why it is refused; a refusal changes nothing.

    Args:
        state: before.
        trigger: what happened.
        permissives: what holds at this moment.
        policy: how cells come back.
        t_plant_s: plant time of the trigger.
    """
    if trigger.is_engaging and trigger.t_given_ns < state.t_calmed_ns:
        return Refusal((_OUTDATED,))
    match trigger.kind:
        case TriggerKind.SET_MODE:
            asked = _set_mode(state, trigger, permissives)
        case TriggerKind.RESET_TRIP:
            asked = _reset_trip(state, trigger)
        case TriggerKind.SCAN:
            asked = _look_again(state, permissives, policy)
        case TriggerKind.WARMED:
            asked = _note_decision(state, permissives, policy, t_plant_s)
        case TriggerKind.SWITCH_OFF | TriggerKind.SWITCH_ON:
            asked = _switch(state, trigger)
        case _:
            asked = _stand_against(state, trigger, permissives)
    if isinstance(asked, Refusal):
        return asked
    if trigger.is_calming and trigger.t_given_ns > state.t_calmed_ns:
        asked = msgspec.structs.replace(asked, t_calmed_ns=trigger.t_given_ns)
    if asked.mode is state.mode:
        return asked
    return msgspec.structs.replace(
        asked, since_plant_s=t_plant_s, who=trigger.who, stay=state.stay + 1
    )


def _stand_against(state: ModeState, trigger: Trigger, permissives: Permissives) -> ModeState:
    """A condition began or ended; nobody can refuse it. Without permissives a hold goes on."""
    cause = trigger.cause
    match trigger.kind:
        case TriggerKind.HOLD if cause not in state.holds:
            stage = Stage.ON if state.stage is Stage.ON else Stage.READY
            return _changed(state, cause, holds=(*state.holds, cause), stage=stage)
        case TriggerKind.HOLD_CLEARED:
            left = _without(state.holds, cause)
            is_on = state.stage is Stage.ON
            if is_on and state.holds and not left and permissives.missing():
                left = (WAITING,)
            return _changed(state, f"{cause} ended", holds=left)
        case TriggerKind.SHED:
            sheds = (*_without(state.sheds, cause), cause)
            is_shed = state.is_shed or state.wanted is Mode.AUTO
            return _changed(state, cause, sheds=sheds, is_shed=is_shed, stage=Stage.READY)
        case TriggerKind.SHED_CLEARED:
            return _changed(state, state.reason, sheds=_without(state.sheds, cause))
        case TriggerKind.TAKE_OVER:
            return _calmed(state, cause, Mode.MANUAL)
        case TriggerKind.TRIP if state.trip is None:
            return _changed(state, cause, trip=cause, stage=Stage.READY)
        case TriggerKind.TRIP if cause not in (state.trip, *state.later_trips):
            later = (*state.later_trips, cause)[:_LATER_TRIPS_KEPT]
            return msgspec.structs.replace(state, later_trips=later)
        case _:
            return state


def _set_mode(state: ModeState, trigger: Trigger, permissives: Permissives) -> ModeState | Refusal:
    """A person asks: the way to the safe side is free, AUTO needs everything."""
    mode = trigger.mode
    if mode is None or mode not in WANTED_MODES:
        return Refusal((f"{mode} cannot be asked for; MANUAL, ADVISORY and AUTO can",))
    if state.trip is not None:
        return Refusal((f"tripped by {state.trip}; a person has to reset it first",))
    allowed = MAY_ENGAGE if mode is Mode.AUTO else MAY_CALM
    if trigger.role not in allowed:
        return Refusal((f"the role {trigger.role!r} may not ask for {mode.value}",))
    if mode is Mode.AUTO:
        against = (*permissives.missing(), *(f"not over yet: {cause}" for cause in state.sheds))
        if state.is_off:
            against = ("it is switched off; a person has to switch it on first", *against)
        if against:
            return Refusal(against)
    reason = trigger.cause or f"asked for by {trigger.who}"
    if mode is Mode.AUTO and state.wanted is Mode.AUTO and not state.is_shed:
        return _changed(state, reason, holds=_without(state.holds, WAITING))
    asked = _calmed(state, reason, mode)
    if mode is Mode.AUTO and not asked.holds:
        return _changed(asked, reason, stage=Stage.WARM)
    return asked


def _reset_trip(state: ModeState, trigger: Trigger) -> ModeState | Refusal:
    """A person with the right role and a reason ends a trip; the cell waits in MANUAL."""
    if state.trip is None:
        return Refusal(("the cell is not tripped",))
    if trigger.role not in MAY_ENGAGE:
        return Refusal((f"the role {trigger.role!r} may not reset a trip",))
    if not trigger.cause:
        return Refusal(("a reset needs a reason",))
    if state.sheds:
        return Refusal(tuple(f"not over yet: {cause}" for cause in state.sheds))
    return _changed(
        state, trigger.cause, trip=None, later_trips=(), wanted=Mode.MANUAL, is_shed=False
    )


def _switch(state: ModeState, trigger: Trigger) -> ModeState | Refusal:
    """A person switches off, or on again; what was wanted stays wanted, and starts anew."""
    is_off = trigger.kind is TriggerKind.SWITCH_OFF
    if trigger.role not in (MAY_CALM if is_off else MAY_ENGAGE):
        return Refusal((f"the role {trigger.role!r} may not switch {'off' if is_off else 'on'}",))
    if not is_off and not trigger.cause:
        return Refusal(("to switch on needs a reason",))
    if is_off is state.is_off:
        return state
    reason = trigger.cause or f"switched off by {trigger.who}"
    return _changed(state, reason, is_off=is_off, stage=Stage.READY)


def _look_again(state: ModeState, permissives: Permissives, policy: ModePolicy) -> ModeState:
    """With every permissive, a wait ends, and a shed cell is re-armed where the policy says so;
    without, a cell that warms up begins again."""
    missing = permissives.missing()
    if missing:
        if state.stage is Stage.WARM:
            return _changed(state, "; ".join(missing), stage=Stage.READY)
        return state
    reason = "every permissive holds"
    holds = _without(state.holds, WAITING)
    if holds != state.holds:
        state = _changed(state, reason, holds=holds)
    if state.is_shed and not state.sheds and policy.rearm is Rearm.AUTOMATIC:
        state = _changed(state, f"re-armed: {reason}", is_shed=False)
    if state.mode is Mode.READY and not state.holds:
        return _changed(state, reason, stage=Stage.WARM)
    return state


def _note_decision(
    state: ModeState, permissives: Permissives, policy: ModePolicy, t_plant_s: float
) -> ModeState:
    """A decision that would have been permitted ends WARM, once that has lasted long enough."""
    if state.mode is not Mode.WARM or permissives.missing():
        return state
    if t_plant_s < state.since_plant_s:  # the plant's clock was put back: it counts anew
        state = msgspec.structs.replace(state, since_plant_s=t_plant_s)
    if t_plant_s - state.since_plant_s < 3600.0 * policy.warm_up_h:
        return state
    return _changed(state, "warmed up: decisions come and are permitted", stage=Stage.ON)


def _calmed(state: ModeState, reason: str, wanted: Mode) -> ModeState:
    """Return the state with another wish, for which what was latched or waited for is over."""
    holds = _without(state.holds, WAITING)
    return _changed(state, reason, wanted=wanted, is_shed=False, holds=holds, stage=Stage.READY)


def _without(causes: tuple[str, ...], cause: str) -> tuple[str, ...]:
    return tuple(kept for kept in causes if kept != cause)


def _changed(state: ModeState, reason: str, **values: object) -> ModeState:
    """Return the state with those values, and with the reason where the mode changes with them."""
    after = msgspec.structs.replace(state, **values)
    return after if after.mode is state.mode else msgspec.structs.replace(after, reason=reason)
