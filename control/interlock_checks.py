"""The checks of the interlock, each a small function, in the order in which they are made.

A check holds the case, narrows the interval in which its value must lie, or lets it through. The
order matters: a value is known to be a finite number before anything is computed from it, and who
asks is known before the request leaves a trace.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Final

from control.interlock_case import Case, Held, Ruling
from control.interlock_state import travelled
from control.limits import OutOfLimit
from control.modes import Mode

FUTURE_TOLERANCE_NS: Final = 2_000_000_000  # a source time further ahead than this is a wrong clock

Check = Callable[[Case], Case | Held]


def check_finite(case: Case) -> Case | Held:
    """Hold NaN, infinity and numbers too large to be one."""
    value = case.request.value
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            return Held(Ruling.NOT_FINITE, f"{number} is not a finite number")
    return case


def check_type(case: Case) -> Case | Held:
    """Hold what is not a number; from here on the value is a float."""
    value = case.request.value
    if isinstance(value, bool) or not isinstance(value, Real):
        return Held(Ruling.WRONG_TYPE, f"a {type(value).__name__} is not a number")
    return replace(case, value=float(value))


def check_unit(case: Case) -> Case | Held:
    """Hold a value in another unit than the tag's."""
    limit = case.limits.setpoints.get(case.request.setpoint)
    unit = case.request.unit
    if limit is not None and unit is not None and unit != limit.unit:
        return Held(Ruling.WRONG_UNIT, f"asked in {unit}, the setpoint is in {limit.unit}")
    return case


def check_tag(case: Case) -> Case | Held:
    """Hold an unknown cell or setpoint."""
    if case.request.cell not in case.situation.cells:
        return Held(Ruling.UNKNOWN_TAG, f"cell {case.request.cell} is not of this section")
    if case.request.setpoint not in case.limits.setpoints:
        return Held(Ruling.UNKNOWN_TAG, f"there is no setpoint {case.request.setpoint!r}")
    return case


def check_role(case: Case) -> Case | Held:
    """Hold callers that may not request setpoints."""
    if case.request.role not in case.limits.roles:
        return Held(Ruling.WRONG_ROLE, f"{case.request.role!r} may not request setpoints")
    return case


def check_expiry(case: Case) -> Case | Held:
    """Hold a request past its expiry."""
    late_ns = case.situation.now_ns - case.request.expires_ns
    if late_ns >= 0:
        return Held(Ruling.EXPIRED, f"expired {late_ns / 1e9:.1f} s ago")
    return case


def check_order(case: Case) -> Case | Held:
    """Hold a request that is not newer than the newest one judged before of the same source."""
    newest = case.remembered.order_of(is_outside=case.request.is_outside)
    if newest is not None and case.request.order <= newest:
        return Held(Ruling.NOT_NEWER, f"decision {case.request.order} is not newer than {newest}")
    return replace(case, is_order_new=True)


def check_freshness(case: Case) -> Case | Held:
    """Hold when the decision or the newest sample of the cell is old, or from the future."""
    limit_s = case.limits.guard.max_input_age_s
    for source_ns, what in (
        (case.request.t_source_ns, "the sample behind this decision"),
        (case.situation.newest_source_ns, "the newest sample of the cell"),
    ):
        age_ns = case.situation.now_ns - source_ns
        if age_ns < -FUTURE_TOLERANCE_NS:
            return Held(Ruling.FUTURE_INPUT, f"{what} is {-age_ns / 1e9:.1f} s in the future")
        if age_ns > limit_s * 1e9:
            return Held(
                Ruling.STALE_INPUT, f"{what} is {age_ns / 1e9:.1f} s old, limit {limit_s:g} s"
            )
    return case


def check_mode(case: Case) -> Case | Held:
    """Hold unless the cell is in AUTO."""
    if case.situation.mode is not Mode.AUTO:
        return Held(Ruling.NOT_IN_AUTO, f"the cell is in {case.situation.mode.value}")
    return case


def check_override(case: Case) -> Case | Held:
    """Hold while a person holds the setpoint: people come before the optimiser."""
    if case.situation.override:
        return Held(Ruling.OVERRIDDEN, case.situation.override)
    return case


def check_following(case: Case) -> Case | Held:
    """Hold until the plant follows: a value written before that may be thrown away by the plant."""
    if not case.situation.is_followed:
        return Held(Ruling.NOT_FOLLOWED, "the plant does not follow our setpoints yet")
    return case


def check_heartbeat(case: Case) -> Case | Held:
    """Hold while the plant's heartbeat stands still."""
    if not case.situation.has_plant_heartbeat:
        return Held(Ruling.PLANT_SILENT, "the heartbeat of the plant stands still")
    return case


def check_readback(case: Case) -> Case | Held:
    """Hold while the plant does not say where the setpoint stands."""
    readback = case.situation.readback
    if readback is None or not math.isfinite(readback):
        return Held(Ruling.READBACK_UNKNOWN, "the read-back of the setpoint is unknown")
    return case


def check_anode_effect(case: Case) -> Case | Held:
    """Hold during an anode effect, which local control treats."""
    if case.situation.is_in_anode_effect:
        return Held(Ruling.ANODE_EFFECT, "an anode effect is in progress; local control treats it")
    return case


def check_bounds(case: Case) -> Case | Held:
    """Keep the value between the hard bounds."""
    limit = case.limit
    return _narrow(case, limit.low, limit.high, Ruling.OUT_OF_BOUNDS, "the hard bounds")


def check_first_write(case: Case) -> Case | Held:
    """Put the first write after the cell entered AUTO to the read-back, whatever the policy of the
    setpoint: so the entry has no bump, however long it took to come to this write. A read-back
    beyond the bounds cannot be written."""
    at = case.readback
    if not case.is_first or not case.low <= at <= case.high:
        return case
    reasons = case.reasons
    if case.value != at:
        reasons += (f"{case.value:.6g} put back to {at:.6g}: the first write is the read-back",)
    return replace(case, low=at, high=at, value=at, reasons=reasons)


def check_step(case: Case) -> Case | Held:
    """Keep the value near the plant's read-back."""
    step = case.limit.max_step
    low, high = case.readback - step, case.readback + step
    return _narrow(case, low, high, Ruling.STEP_TOO_LARGE, f"one step of {step:g}")


def check_rate(case: Case) -> Case | Held:
    """Keep the change within what the plant time since the last change allows; in the first write
    of a stay, that since the entry."""
    since_s = case.situation.auto_since_plant_s
    if not case.is_first and case.remembered.moved_plant_s is not None:
        since_s = case.remembered.moved_plant_s
    elapsed_s = case.situation.now_plant_s - since_s
    if not 0.0 <= elapsed_s < math.inf:
        return Held(Ruling.RATE_TOO_HIGH, f"{elapsed_s:.1f} s of plant time is no time to move")
    if case.low == case.high == case.readback:  # to stay where it is takes no time
        return case
    room = case.limit.max_rate_per_h * elapsed_s / 3600.0
    what = f"the rate of {case.limit.max_rate_per_h:g}/h over {elapsed_s:.0f} s"
    low, high = case.origin - room, case.origin + room
    return _narrow(case, low, high, Ruling.RATE_TOO_HIGH, what)


def check_travel(case: Case) -> Case | Held:
    """Keep the sum of changes in the window within its limit; to stay needs none of it."""
    if case.low == case.high == case.readback:
        return case
    limit = case.limit
    window_s = limit.travel_window_h * 3600.0
    spent = travelled(case.remembered.travels, case.situation.now_plant_s, window_s)
    room = max(limit.max_travel - spent, 0.0)
    what = f"a travel of {limit.max_travel:g} in {limit.travel_window_h:g} h ({spent:.1f} spent)"
    return _narrow(case, case.origin - room, case.origin + room, Ruling.TRAVEL_SPENT, what)


def check_line_budget(case: Case) -> Case | Held:
    """Hold when as many cells as may be have been moved in this scan."""
    moved = case.section.moved_in(case.situation.scan)
    if case.request.cell in moved or not case.is_move:
        return case
    count = len(moved) + case.situation.cells_moved_elsewhere
    limit = case.limits.guard.max_cells_per_scan
    if count >= limit:
        return Held(Ruling.LINE_BUDGET_SPENT, f"{count} cells moved in this scan, limit {limit}")
    return case


def _narrow(case: Case, low: float, high: float, ruling: Ruling, what: str) -> Case | Held:
    """Shrink the interval, and clamp into it or hold, as the setpoint's policy says."""
    low, high = max(case.low, low), min(case.high, high)
    if not low <= high:
        return Held(ruling, f"no value satisfies {what} and the limits before it")
    value = min(max(case.value, low), high)
    if value == case.value:
        return replace(case, low=low, high=high)
    if case.limit.out_of_limit is OutOfLimit.REJECT:
        return Held(ruling, f"{case.value:.6g} is beyond {what}, {low:.6g} to {high:.6g}")
    reason = f"{case.value:.6g} limited to {value:.6g} by {what}"
    return replace(case, low=low, high=high, value=value, reasons=(*case.reasons, reason))


CHECKS: Final[tuple[Check, ...]] = (
    check_finite,
    check_type,
    check_unit,
    check_tag,
    check_role,
    check_expiry,
    check_order,
    check_freshness,
    check_mode,
    check_override,
    check_following,
    check_heartbeat,
    check_readback,
    check_anode_effect,
    check_bounds,
    check_first_write,
    check_step,
    check_rate,
    check_travel,
    check_line_budget,
)
