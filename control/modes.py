"""Who moves a cell, and how that changes. A state machine that knows nothing of I/O.

A cell has a mode that people asked for (`wanted`) and conditions that stand against it: causes of
hold, causes of shed, a latched trip. The mode in force is the safest of them, so a transition to
the safe side can never lose against one to the other side. AUTO is entered only with every
permissive, and from the plant's own read-back, so without a bump.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec


class Mode(StrEnum):
    """Who moves a cell."""

    MANUAL = "MANUAL"  # operator or local control
    ADVISORY = "ADVISORY"  # moves proposed and shown, not written
    AUTO = "AUTO"  # moves written
    HOLD = "HOLD"  # last setpoints kept, reason shown
    SHED = "SHED"  # handed back to local control
    TRIPPED = "TRIPPED"  # latched; a person resets it


WANTED_MODES: Final = frozenset({Mode.MANUAL, Mode.ADVISORY, Mode.AUTO})
MAY_CALM: Final = frozenset({"operator", "engineer", "manager"})  # to MANUAL or ADVISORY
MAY_ENGAGE: Final = frozenset({"operator", "engineer"})  # to AUTO, or reset a trip
WAITING: Final = "waiting for the permissives of AUTO"
STARTING: Final = "waiting for the permissives of the first AUTO"


class Rearm(StrEnum):
    """Who puts a shed cell back in AUTO once the cause is gone."""

    OPERATOR = "operator"  # a person
    AUTOMATIC = "automatic"  # the guard, with every permissive


@dataclass(frozen=True, slots=True)
class ModePolicy:
    """How cells start and come back.

    Attributes:
        initial_mode: what is wanted of a cell that the guard has never seen.
        rearm: who ends SHED.
    """

    initial_mode: Mode = Mode.ADVISORY
    rearm: Rearm = Rearm.OPERATOR

    def __post_init__(self) -> None:
        if self.initial_mode not in WANTED_MODES:
            raise ValueError(
                f"initial_mode {self.initial_mode} cannot be asked for. "
                "Remedy: set MANUAL, ADVISORY or AUTO"
            )


@dataclass(frozen=True, slots=True)
class Permissives:
    """What must hold for AUTO, each as a fact of this moment."""

    has_fresh_samples: bool
    has_plant_link: bool
    has_plant_heartbeat: bool
    has_readback: bool
    has_estimate: bool
    is_free_of_anode_effect: bool

    def missing(self) -> tuple[str, ...]:
        """Return an operator's sentence for each one that does not hold."""
        return tuple(
            sentence for name, sentence in _PERMISSIVE_SENTENCES.items() if not getattr(self, name)
        )


_PERMISSIVE_SENTENCES: Final = {
    "has_fresh_samples": "no fresh samples of the cell",
    "has_plant_link": "no connection to SCADA",
    "has_plant_heartbeat": "the heartbeat of the plant stands still",
    "has_readback": "the plant does not show its setpoints",
    "has_estimate": "no estimate of the cell yet",
    "is_free_of_anode_effect": "an anode effect is in progress",
}


class TriggerKind(StrEnum):
    """What can change a mode."""

    SET_MODE = "set_mode"  # a person asks for MANUAL, ADVISORY or AUTO
    RESET_TRIP = "reset_trip"  # a person ends TRIPPED; the cell goes to MANUAL
    HOLD = "hold"  # a cause of hold began
    HOLD_CLEARED = "hold_cleared"
    SHED = "shed"  # a cause of shed began
    SHED_CLEARED = "shed_cleared"
    TAKE_OVER = "take_over"  # a person at the plant took the cell
    TRIP = "trip"
    SCAN = "scan"  # nothing happened but time: permissives are looked at again


@dataclass(frozen=True, slots=True)
class Trigger:
    """One thing that happened.

    Attributes:
        kind: what.
        cause: event name, or the sentence of the person.
        mode: for SET_MODE.
        who, role: the person; empty when a program saw it.
    """

    kind: TriggerKind
    cause: str = ""
    mode: Mode | None = None
    who: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A trigger that changed nothing, and why, each reason an operator's sentence."""

    reasons: tuple[str, ...]


class ModeState(msgspec.Struct, frozen=True):
    """The mode of one cell and what it follows from; a table can keep it as JSON.

    Attributes:
        wanted: MANUAL, ADVISORY or AUTO, as last asked for.
        holds, sheds: causes that stand now, oldest first.
        is_shed: SHED is latched until it is re-armed.
        trip: first cause of a trip, kept until a person resets it.
        since_plant_s: plant time since which `mode` is in force; rates count from it.
        stay: number of this stay in that mode, one more with every change; two may begin at one
            plant time, which is as old as the newest scan.
        reason: why, for the operator; `who`: the person behind it, if any.
    """

    wanted: Mode
    holds: tuple[str, ...]
    sheds: tuple[str, ...]
    is_shed: bool
    trip: str | None
    since_plant_s: float
    reason: str
    who: str = ""
    stay: int = 0

    @property
    def mode(self) -> Mode:
        """The mode in force: the safest of what is wanted and what stands against it."""
        if self.trip is not None:
            return Mode.TRIPPED
        if self.wanted is not Mode.AUTO:
            return self.wanted
        if self.is_shed:
            return Mode.SHED
        return Mode.HOLD if self.holds else Mode.AUTO

    @property
    def is_remote(self) -> bool:
        """Whether the plant is to follow our setpoints: in AUTO, and in a HOLD that came after it.
        A cell that has not started yet has nobody's setpoints but the plant's own."""
        return self.mode in (Mode.AUTO, Mode.HOLD) and STARTING not in self.holds


def init_mode(policy: ModePolicy, t_plant_s: float) -> ModeState:
    """Return the mode of a cell seen for the first time: AUTO waits for its permissives."""
    return ModeState(
        wanted=policy.initial_mode,
        holds=(STARTING,) if policy.initial_mode is Mode.AUTO else (),
        sheds=(),
        is_shed=False,
        trip=None,
        since_plant_s=t_plant_s,
        reason="started",
    )


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
    match trigger.kind:
        case TriggerKind.SET_MODE:
            asked = _set_mode(state, trigger, permissives)
        case TriggerKind.RESET_TRIP:
            asked = _reset_trip(state, trigger)
        case TriggerKind.SCAN:
            asked = _look_again(state, permissives, policy)
        case _:
            asked = _stand_against(state, trigger, permissives)
    if isinstance(asked, Refusal) or asked.mode is state.mode:
        return asked
    return msgspec.structs.replace(
        asked, since_plant_s=t_plant_s, who=trigger.who, stay=state.stay + 1
    )


def _stand_against(state: ModeState, trigger: Trigger, permissives: Permissives) -> ModeState:
    """A condition began or ended; nobody can refuse it. Without permissives a hold goes on."""
    cause = trigger.cause
    match trigger.kind:
        case TriggerKind.HOLD if cause not in state.holds:
            return _changed(state, cause, holds=(*state.holds, cause))
        case TriggerKind.HOLD_CLEARED:
            left = _without(state.holds, cause)
            if state.holds and not left and permissives.missing():
                left = (WAITING,)
            return _changed(state, f"{cause} ended", holds=left)
        case TriggerKind.SHED:
            sheds = (*_without(state.sheds, cause), cause)
            is_shed = state.is_shed or state.wanted is Mode.AUTO
            return _changed(state, cause, sheds=sheds, is_shed=is_shed)
        case TriggerKind.SHED_CLEARED:
            return _changed(state, state.reason, sheds=_without(state.sheds, cause))
        case TriggerKind.TAKE_OVER:
            holds = _without(_without(state.holds, WAITING), STARTING)
            return _changed(state, cause, wanted=Mode.MANUAL, is_shed=False, holds=holds)
        case TriggerKind.TRIP if state.trip is None:
            return _changed(state, cause, trip=cause)
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
        if against:
            return Refusal(against)
    holds = _without(_without(state.holds, WAITING), STARTING)
    reason = trigger.cause or f"asked for by {trigger.who}"
    return _changed(state, reason, wanted=mode, is_shed=False, holds=holds)


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
    return _changed(state, trigger.cause, trip=None, wanted=Mode.MANUAL, is_shed=False)


def _look_again(state: ModeState, permissives: Permissives, policy: ModePolicy) -> ModeState:
    """With every permissive, a start ends, and a shed cell is re-armed where the policy says so."""
    missing = permissives.missing()
    if missing:
        return state
    holds = _without(state.holds, WAITING)
    if holds == (STARTING,):  # a start ends in AUTO, not in another hold
        holds = ()
    if holds != state.holds:
        state = _changed(state, "every permissive holds", holds=holds)
    if state.is_shed and not state.sheds and policy.rearm is Rearm.AUTOMATIC:
        return _changed(state, "re-armed: every permissive holds", is_shed=False)
    return state


def _without(causes: tuple[str, ...], cause: str) -> tuple[str, ...]:
    return tuple(kept for kept in causes if kept != cause)


def _changed(state: ModeState, reason: str, **values: object) -> ModeState:
    """Return the state with those values, and with the reason where the mode changes with them."""
    after = msgspec.structs.replace(state, **values)
    return after if after.mode is state.mode else msgspec.structs.replace(after, reason=reason)
