"""The last gate before the plant: `permit` is the only thing that leads to a write.

A request passes an ordered table of small checks. Each sees the request, the situation as measured
(not as modelled), the limits and what is remembered. Whatever goes wrong in a check holds the
request: the safe answer is that nothing is written. This is supervisory software of the basic
process control layer, not a safety instrumented function.
"""

from collections.abc import Collection

from control.bypasses import BYPASSABLE
from control.interlock_case import (
    OPTIMISER_ROLE,
    Case,
    Held,
    InterlockLimits,
    Request,
    Ruling,
    Situation,
    Verdict,
)
from control.interlock_checks import CHECKS, Check
from control.interlock_state import SectionState, SetpointState, add_travel
from control.override_checks import OVERRIDE_CHECKS

__all__ = [
    "OPTIMISER_ROLE",
    "InterlockLimits",
    "Request",
    "Ruling",
    "SectionState",
    "Situation",
    "Verdict",
    "judge",
    "permit",
    "permit_override",
]


def permit(
    request: Request,
    situation: Situation,
    limits: InterlockLimits,
    state: SectionState,
    bypassed: Collection[str] = (),
) -> tuple[Verdict, SectionState]:
    """Judge one request and return what may be written, with the state that follows.

    Args:
        request: what is asked.
        situation: what is measured now.
        limits: of the plant file.
        state: of the cell's section.
        bypassed: checks that a person left out for this cell, by their names in
            `control.bypasses`; any other name leaves out nothing.

    Returns:
        A verdict, whose `applied` is None unless the ruling is written, and the next state. A
        request that was judged at all makes later repeats of itself "not newer".
    """
    left_out = {f"check_{name}" for name in bypassed if name in BYPASSABLE}
    checks = tuple(check for check in CHECKS if check.__name__ not in left_out)
    return judge(checks, request, situation, limits, state)


def permit_override(
    request: Request, situation: Situation, limits: InterlockLimits, state: SectionState
) -> tuple[Verdict, SectionState]:
    """Judge what a person sets by hand, within the hard limits, and return as `permit` does."""
    return judge(OVERRIDE_CHECKS, request, situation, limits, state)


def judge(
    checks: tuple[Check, ...],
    request: Request,
    situation: Situation,
    limits: InterlockLimits,
    state: SectionState,
) -> tuple[Verdict, SectionState]:
    """Judge by the given checks; `permit` and `permit_override` are what programs call."""
    case = Case(request, situation, limits, state)
    for check in checks:
        try:
            outcome = check(case)
        except Exception as exc:  # noqa: BLE001 - whatever fails in a check, nothing is written
            outcome = Held(
                Ruling.CHECK_FAILED, f"{check.__name__} failed: {type(exc).__name__}: {exc}"
            )
        if isinstance(outcome, Held):
            verdict = Verdict(outcome.ruling, None, request.value, (*case.reasons, outcome.reason))
            return verdict, _note_order(case)
        case = outcome
    ruling = Ruling.LIMITED if case.reasons else Ruling.PERMITTED
    return Verdict(ruling, case.value, request.value, case.reasons), _note_move(case)


def _note_order(case: Case) -> SectionState:
    """Remember that a request of a known caller was judged, whatever came of it."""
    if not case.is_order_new:
        return case.section
    request = case.request
    noted = case.remembered.note_order(request.order, is_outside=request.is_outside)
    return case.section.remember(case.request.cell, case.request.setpoint, noted)


def _note_move(case: Case) -> SectionState:
    """Remember a permitted move: its value, its time, its travel, and its cell in this scan."""
    remembered, limit = case.remembered, case.limit
    distance = abs(case.value - case.origin)
    now_s = case.situation.now_plant_s
    window_s = limit.travel_window_h * 3600.0
    moved = distance > 0.0 or case.is_first
    ordered = remembered.note_order(case.request.order, is_outside=case.request.is_outside)
    noted = SetpointState(
        order=ordered.order,
        outside_order=ordered.outside_order,
        applied=case.value,
        moved_plant_s=now_s if moved else remembered.moved_plant_s,
        written_stay=remembered.written_stay,
        moved_source_ns=case.situation.newest_source_ns if moved else remembered.moved_source_ns,
        travels=add_travel(remembered.travels, now_s, window_s, distance)
        if moved
        else remembered.travels,
    )
    section = case.section.remember(case.request.cell, case.request.setpoint, noted)
    return section.count_move(case.request.cell, case.situation.scan) if case.is_move else section
