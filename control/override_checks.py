"""The checks of what a person sets by hand: those of the interlock that people too must pass.

Steps, rates and travel are the optimiser's manners; a person answers for their own.
"""

from typing import Final

from control.interlock_case import Case, Held, Ruling
from control.interlock_checks import (
    Check,
    check_anode_effect,
    check_expiry,
    check_finite,
    check_following,
    check_heartbeat,
    check_readback,
    check_tag,
    check_type,
    check_unit,
)
from control.modes import Mode
from control.overrides import RANK


def check_person(case: Case) -> Case | Held:
    """Hold an override of who may not override."""
    if case.request.role not in RANK:
        return Held(Ruling.WRONG_ROLE, f"{case.request.role!r} may not override setpoints")
    return case


def check_remote(case: Case) -> Case | Held:
    """Hold an override of a cell that is not ours to move: there the plant's own panel moves it."""
    if case.situation.mode not in (Mode.AUTO, Mode.HOLD):
        mode = case.situation.mode.value
        return Held(Ruling.NOT_IN_AUTO, f"the cell is in {mode}: set it at the plant's own panel")
    return case


def check_hard_bounds(case: Case) -> Case | Held:
    """Hold an override beyond the hard bounds: what a person asks for is not made into something
    else."""
    low, high = case.limit.low, case.limit.high
    if not low <= case.value <= high:
        return Held(
            Ruling.OUT_OF_BOUNDS, f"{case.value:.6g} is beyond the hard bounds, {low:g} to {high:g}"
        )
    return case


def check_seen(case: Case) -> Case | Held:
    """Hold an override of a cell that has not been seen lately: nobody knows then whether it has an
    anode effect, in which its own control must not be disturbed."""
    age_s = (case.situation.now_ns - case.situation.newest_source_ns) / 1e9
    limit_s = case.limits.guard.max_input_age_s
    if age_s > limit_s:
        return Held(
            Ruling.STALE_INPUT,
            f"the newest sample of the cell is {age_s:.1f} s old, limit {limit_s:g} s",
        )
    return case


OVERRIDE_CHECKS: Final[tuple[Check, ...]] = (
    check_finite,
    check_type,
    check_unit,
    check_tag,
    check_person,
    check_expiry,
    check_remote,
    check_following,
    check_heartbeat,
    check_readback,
    check_seen,
    check_anode_effect,
    check_hard_bounds,
)
