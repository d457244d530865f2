"""What the interlock judges: a request, the situation as measured, the limits, and the answer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from control.interlock_state import Order, SectionState, SetpointState
from control.limits import GuardLimits, SetpointLimits
from control.modes import Mode

OPTIMISER_ROLE: Final = "optimiser"


class Ruling(StrEnum):
    """What became of a request: the first two are written, any other holds."""

    PERMITTED = "permitted"
    LIMITED = "limited"  # written, at the nearest permitted value
    NOT_FINITE = "not_finite"
    WRONG_TYPE = "wrong_type"
    WRONG_UNIT = "wrong_unit"
    UNKNOWN_TAG = "unknown_tag"
    WRONG_ROLE = "wrong_role"
    EXPIRED = "expired"
    NOT_NEWER = "not_newer"
    STALE_INPUT = "stale_input"
    FUTURE_INPUT = "future_input"
    NOT_IN_AUTO = "not_in_auto"
    OVERRIDDEN = "overridden"
    NOT_FOLLOWED = "not_followed"
    PLANT_SILENT = "plant_silent"
    READBACK_UNKNOWN = "readback_unknown"
    ANODE_EFFECT = "anode_effect"
    OUT_OF_BOUNDS = "out_of_bounds"
    STEP_TOO_LARGE = "step_too_large"
    RATE_TOO_HIGH = "rate_too_high"
    TRAVEL_SPENT = "travel_spent"
    LINE_BUDGET_SPENT = "line_budget_spent"
    CHECK_FAILED = "check_failed"

    @property
    def is_written(self) -> bool:
        """Whether a request with this ruling goes to the plant."""
        return self in (Ruling.PERMITTED, Ruling.LIMITED)


@dataclass(frozen=True, slots=True)
class Request:
    """One setpoint of one cell, as asked.

    Attributes:
        value: anything that came over the wire; only a finite number passes.
        unit: unit of the value where the caller names one; None means the unit in the tag's name.
        order: (session, sequence) of the decision.
        t_source_ns: source time of the newest sample that the decision rests on.
        is_outside: it comes from an optimiser that is not ours; its orders are counted apart.
    """

    cell: int
    setpoint: str
    value: object
    role: str
    order: Order
    expires_ns: int
    t_source_ns: int
    unit: str | None = None
    is_outside: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """What is measured at the moment of judgement.

    Attributes:
        now_ns: wall time; `now_plant_s`: plant time.
        cells: the cells of this section.
        mode: of the cell; `auto_since_plant_s`: plant time at which it entered AUTO; `stay`: number
            of this stay there.
        newest_source_ns: source time of the newest accepted sample of the cell.
        readback: the plant's own value of the setpoint; None when unknown.
        has_plant_heartbeat: whether the plant's counter moves.
        is_followed: whether the plant shows that it follows our setpoints for the cell; also True
            at a plant that shows no modes.
        is_in_anode_effect: by the raw measured voltage.
        scan: number of the present scan, for the line-wide budget.
        cells_moved_elsewhere: cells of other sections moved in the present scan.
        override: who holds the setpoint against the optimiser, as a sentence; "": nobody.
    """

    now_ns: int
    now_plant_s: float
    cells: frozenset[int]
    mode: Mode
    auto_since_plant_s: float
    newest_source_ns: int
    readback: float | None
    has_plant_heartbeat: bool
    is_in_anode_effect: bool
    scan: int
    cells_moved_elsewhere: int = 0
    is_followed: bool = True
    stay: int = 0
    override: str = ""


@dataclass(frozen=True, slots=True)
class InterlockLimits:
    """The limits of the plant file that the interlock holds."""

    setpoints: Mapping[str, SetpointLimits]
    guard: GuardLimits
    roles: frozenset[str] = frozenset({OPTIMISER_ROLE})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: what may be written, what was asked, and why, in operator's sentences."""

    ruling: Ruling
    applied: float | None
    asked: object
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A request on its way through the checks: the interval its value must lie in shrinks."""

    request: Request
    situation: Situation
    limits: InterlockLimits
    section: SectionState
    value: float = math.nan
    low: float = -math.inf
    high: float = math.inf
    is_order_new: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def limit(self) -> SetpointLimits:
        """Limits of the setpoint; asked for only after the tag is known."""
        return self.limits.setpoints[self.request.setpoint]

    @property
    def remembered(self) -> SetpointState:
        """What is remembered of this setpoint of this cell."""
        return self.section.of(self.request.cell, self.request.setpoint)

    @property
    def readback(self) -> float:
        """The plant's own value; asked for only after it is known."""
        if self.situation.readback is None:
            raise ValueError("the read-back is unknown")
        return self.situation.readback

    @property
    def origin(self) -> float:
        """Where the move starts: the last applied value while the plant still stands there."""
        applied = self.remembered.applied
        if applied is None or abs(applied - self.readback) > self.limit.readback_tolerance:
            return self.readback
        return applied

    @property
    def is_first(self) -> bool:
        """Whether nothing has come to the plant since the cell entered AUTO."""
        return self.remembered.written_stay != self.situation.stay

    @property
    def is_move(self) -> bool:
        """Whether the actuator would move."""
        return abs(self.value - self.readback) >= self.limit.resolution


@dataclass(frozen=True, slots=True)
class Held:
    """A check's no."""

    ruling: Ruling
    reason: str
