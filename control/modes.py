"""Who moves a cell, and what can change that; `control.mode_machine` is how.

A cell has a mode that people asked for (`wanted`) and conditions that stand against it: causes of
hold, causes of shed, a latched trip, a switch that is off. The mode in force is the safest of them,
so a transition to the safe side can never lose against one to the other side.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec


class Mode(StrEnum):
    """Who moves a cell."""

    OFF = "OFF"  # switched off, the whole line or this cell, whatever is wanted
    MANUAL = "MANUAL"  # operator or local control
    ADVISORY = "ADVISORY"  # moves proposed and shown, not written
    READY = "READY"  # on the way to AUTO: waits for its permissives
    WARM = "WARM"  # on the way to AUTO: decisions are judged, not written
    AUTO = "AUTO"  # moves written
    HOLD = "HOLD"  # last setpoints kept, reason shown
    SHED = "SHED"  # handed back to local control
    TRIPPED = "TRIPPED"  # latched; a person resets it


WANTED_MODES: Final = frozenset({Mode.MANUAL, Mode.ADVISORY, Mode.AUTO})
MAY_CALM: Final = frozenset({"operator", "engineer", "manager"})  # to MANUAL, ADVISORY or OFF
MAY_ENGAGE: Final = frozenset({"operator", "engineer"})  # to AUTO, on, or reset a trip
WAITING: Final = "waiting for the permissives of AUTO"


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
        warm_up_h: plant time that a cell spends in WARM at least, besides one good decision.
    """

    initial_mode: Mode = Mode.ADVISORY
    rearm: Rearm = Rearm.OPERATOR
    warm_up_h: float = 0.0

    def __post_init__(self) -> None:
        if self.initial_mode not in WANTED_MODES:
            raise ValueError(
                f"initial_mode {self.initial_mode} cannot be asked for. "
                "Remedy: set MANUAL, ADVISORY or AUTO"
            )
        if not 0.0 <= self.warm_up_h < float("inf"):
            raise ValueError(
                f"warm_up_h {self.warm_up_h} is no time to warm up. Remedy: set 0 or more hours"
            )


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
    WARMED = "warmed"  # a decision came that would have been permitted in AUTO
    SWITCH_OFF = "switch_off"  # a person switches a cell or the line off
    SWITCH_ON = "switch_on"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One thing that happened.

    Attributes:
        kind: what.
        cause: event name, or the sentence of the person.
        mode: for SET_MODE.
        who, role: the person; empty when a program saw it.
        t_given_ns: wall time at which that person asked for it.
    """

    kind: TriggerKind
    cause: str = ""
    mode: Mode | None = None
    who: str = ""
    role: str = ""
    t_given_ns: int = 0

    @property
    def is_calming(self) -> bool:
        """Whether a person asks for the safe side."""
        is_set = self.kind is TriggerKind.SET_MODE and self.mode is not Mode.AUTO
        return is_set or self.kind is TriggerKind.SWITCH_OFF

    @property
    def is_engaging(self) -> bool:
        """Whether a person asks for what leads towards AUTO. Of two commands on their way, as over
        an outage, the older may come last: it must not undo what was said after it."""
        is_auto = self.kind is TriggerKind.SET_MODE and self.mode is Mode.AUTO
        return is_auto or self.kind in (TriggerKind.SWITCH_ON, TriggerKind.RESET_TRIP)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A trigger that changed nothing, and why, each reason an operator's sentence."""

    reasons: tuple[str, ...]


class Stage(StrEnum):
    """How far a cell has come on the way to AUTO."""

    READY = "ready"
    WARM = "warm"
    ON = "on"


class ModeState(msgspec.Struct, frozen=True):
    """The mode of one cell and what it follows from; a table can keep it as JSON.

    Attributes:
        wanted: MANUAL, ADVISORY or AUTO, as last asked for.
        holds, sheds: causes that stand now, oldest first.
        is_shed: SHED is latched until it is re-armed.
        trip: first cause of a trip, kept until a person resets it; `later_trips`: what came after.
        since_plant_s: plant time since which `mode` is in force; rates count from it.
        stay: number of this stay in that mode, one more with every change; two may begin at one
            plant time, which is as old as the newest scan.
        reason: why, for the operator; `who`: the person behind it, if any.
        stage: how far on the way to AUTO, where that is wanted.
        is_off: switched off by a person.
        t_calmed_ns: wall time at which a person last asked for the safe side, and was obeyed.
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
    stage: Stage = Stage.READY
    is_off: bool = False
    later_trips: tuple[str, ...] = ()
    t_calmed_ns: int = 0

    @property
    def mode(self) -> Mode:
        """The mode in force: the safest of what is wanted and what stands against it."""
        if self.trip is not None:
            return Mode.TRIPPED
        if self.is_off:
            return Mode.OFF
        if self.wanted is not Mode.AUTO:
            return self.wanted
        if self.is_shed:
            return Mode.SHED
        if self.stage is not Stage.ON:
            return Mode.WARM if self.stage is Stage.WARM else Mode.READY
        return Mode.HOLD if self.holds else Mode.AUTO

    @property
    def is_remote(self) -> bool:
        """Whether the plant is to follow our setpoints."""
        return self.mode in (Mode.AUTO, Mode.HOLD)


def init_mode(policy: ModePolicy, t_plant_s: float) -> ModeState:
    """Return the mode of a cell seen for the first time: AUTO waits for its permissives."""
    return ModeState(
        wanted=policy.initial_mode,
        holds=(),
        sheds=(),
        is_shed=False,
        trip=None,
        since_plant_s=t_plant_s,
        reason="started",
    )
