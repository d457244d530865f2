"""Limits of the interlock that two people together change while it runs.

One asks, another one approves exactly that: the approval names a hash of what was asked, and comes
in time. A limit may be made narrower than the plant file has it, or be given back up to that, and
never wider: the plant file is the outer fence, and changing it is another matter.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec

from control.limits import SetpointLimits
from control.modes import Refusal

CHANGEABLE: Final = ("low", "high", "max_step", "max_rate_per_h", "max_travel")
MAY_REQUEST: Final = frozenset({"engineer", "manager"})
MAY_APPROVE: Final = frozenset({"engineer", "manager"})
APPROVAL_WITHIN_S: Final = 900.0  # design value: after that nobody knows what it was about


class LimitRequest(msgspec.Struct, frozen=True):
    """One limit of one setpoint, as somebody would have it.

    Attributes:
        request_id: id of the command that asked.
        limit: one of `CHANGEABLE`; `value` in its unit.
        until_ns: wall time until which it may be approved.
    """

    request_id: str
    setpoint: str
    limit: str
    value: float
    requester: str
    role: str
    reason: str
    until_ns: int

    @property
    def digest(self) -> str:
        """Hash of what is asked: an approval of anything else does not fit."""
        asked = f"{self.request_id}|{self.setpoint}|{self.limit}|{self.value!r}|{self.requester}"
        return hashlib.sha256(asked.encode()).hexdigest()


def check_request(asked: LimitRequest, plant: Mapping[str, SetpointLimits]) -> Refusal | None:
    """Return why a change may not be asked for, or None.

    Args:
        asked: the change.
        plant: limits of the plant file, by setpoint.
    """
    if asked.role not in MAY_REQUEST:
        return Refusal((f"the role {asked.role!r} may not ask for other limits",))
    if not asked.reason.strip():
        return Refusal(("a change of limits needs a reason",))
    row = plant.get(asked.setpoint)
    if row is None:
        return Refusal((f"there is no setpoint {asked.setpoint!r}",))
    if asked.limit not in CHANGEABLE:
        return Refusal((f"{asked.limit!r} cannot be changed; {', '.join(CHANGEABLE)} can",))
    widest = getattr(row, asked.limit)
    low, high = (row.low, row.high) if asked.limit in ("low", "high") else (0.0, widest)
    if not low <= asked.value <= high:  # NaN too
        return Refusal(
            (f"{asked.limit} {asked.value:g} is not within the plant file's {low:g} to {high:g}",)
        )
    return None


def check_approval(
    request: LimitRequest | None, digest: str, approver: str, role: str, now_ns: int
) -> Refusal | None:
    """Return why an approval does not count, or None.

    Args:
        request: what was asked; None where there is no such request.
        digest: of what the approver saw.
        approver, role: who approves.
        now_ns: wall time.
    """
    if request is None:
        return Refusal(("there is no such request",))
    if role not in MAY_APPROVE:
        return Refusal((f"the role {role!r} may not approve other limits",))
    if approver.strip().casefold() == request.requester.strip().casefold():
        return Refusal((f"{approver} asked for it; somebody else has to approve it",))
    if now_ns >= request.until_ns:
        return Refusal(("it was not approved in time; it has to be asked for again",))
    if digest != request.digest:
        return Refusal(("what was approved is not what was asked for",))
    return None


def add_change(
    changes: Mapping[str, float], request: LimitRequest, plant: Mapping[str, SetpointLimits]
) -> dict[str, float]:
    """Return the changes with one more; one that gives back what the plant file has is none."""
    key = f"{request.setpoint}/{request.limit}"
    others = {name: value for name, value in changes.items() if name != key}
    row = plant.get(request.setpoint)
    if row is not None and getattr(row, request.limit) == request.value:
        return others
    return {**others, key: request.value}


def apply_changes(
    plant: Mapping[str, SetpointLimits], changes: Mapping[str, float]
) -> dict[str, SetpointLimits]:
    """Return the limits in force.

    Args:
        plant: of the plant file.
        changes: "setpoint/limit" -> value, as approved. What the plant file, which may have
            become narrower since, does not allow is cut back to it.
    """
    limits = dict(plant)
    for key, value in changes.items():
        setpoint, _, limit = key.partition("/")
        row = plant.get(setpoint)
        if row is None or limit not in CHANGEABLE:
            continue
        fence = getattr(row, limit)
        inside = max(value, fence) if limit == "low" else min(value, fence)
        limits[setpoint] = replace(limits[setpoint], **{limit: inside})
    return limits
