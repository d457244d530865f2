"""What people order beside modes, as pure steps on the state of a section.

An override or a bypass stands until it is given back, replaced or run out; an override also ends
when its cell is not ours to move any more, a bypass when its cell trips or is switched off. Limits
stay until others are approved. All of it is kept with the section: a restart forgets nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import msgspec

from control.bypasses import Bypass, check_bypass
from control.interlock import InterlockLimits
from control.limit_changes import (
    APPROVAL_WITHIN_S,
    LimitRequest,
    add_change,
    apply_changes,
    check_approval,
    check_request,
)
from control.modes import Mode, Refusal
from control.overrides import RANK, Override, check_override, check_release
from stream.guarding import GuardState
from stream.order_news import (
    Told,
    limit_details,
    tell_bypass,
    tell_limit,
    tell_override,
    tell_request,
)
from stream.records import Command, CommandKind

_MOST_REQUESTS: Final = 20  # of a section
_Order = TypeVar("_Order", Override, Bypass, LimitRequest)


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What came of an order.

    Attributes:
        state: of the section after it.
        told: in this order.
        override: that is to be written to the plant now.
    """

    state: GuardState
    told: tuple[Told, ...]
    override: Override | None = None


def limits_in_force(state: GuardState, plant: InterlockLimits) -> InterlockLimits:
    """Return the interlock's limits of a section: the plant file's, with approved changes."""
    if not state.limits:
        return plant
    return replace(plant, setpoints=apply_changes(plant.setpoints, state.limits))


def override_sentence(state: GuardState, cell: int, setpoint: str, now_ns: int) -> str:
    """Return who holds a setpoint against the optimiser, as a sentence; "" where nobody does."""
    standing = state.overrides.get(_key(cell, setpoint))
    if standing is None or not standing.stands(now_ns):
        return ""
    return f"{standing.owner} holds it at {standing.value:g}: {standing.reason}"


def bypassed_checks(state: GuardState, cell: int, now_ns: int) -> tuple[str, ...]:
    """Return the checks that are left out for a cell."""
    return tuple(
        one.check for one in state.bypasses.values() if one.cell == cell and one.stands(now_ns)
    )


def obey_order(
    state: GuardState, command: Command, plant: InterlockLimits, now_ns: int
) -> Obeyed | Refusal:
    """Return what an order leads to, or why it is refused.

    Args:
        state: of the section.
        command: of one of the kinds that are no mode.
        plant: limits of the plant file.
        now_ns: wall time.
    """
    return _OBEY[command.kind](state, command, plant, now_ns)


def lapse_orders(state: GuardState, now_ns: int) -> tuple[GuardState, tuple[Told, ...]]:
    """Return the state without what has run out, and what is to be told of that."""
    if not (state.overrides or state.bypasses or state.requests):
        return state, ()
    ended = [
        one
        for one in state.overrides.values()
        if not one.stands(now_ns) or not state.mode_of(one.cell).is_remote
    ]
    lapsed = [
        one
        for one in state.bypasses.values()
        if not one.stands(now_ns) or state.mode_of(one.cell).mode in (Mode.TRIPPED, Mode.OFF)
    ]
    late = [one for one in state.requests.values() if now_ns >= one.until_ns]
    if not (ended or lapsed or late):
        return state, ()
    told = (
        *(tell_override(one, active=False) for one in ended),
        *(tell_bypass(one, active=False) for one in lapsed),
        *(tell_request(one, active=False) for one in late),
    )
    return (
        _with(
            state,
            overrides=_less(state.overrides, {_key(one.cell, one.setpoint) for one in ended}),
            bypasses=_less(state.bypasses, {_key(one.cell, one.check) for one in lapsed}),
            requests=_less(state.requests, {one.request_id for one in late}),
        ),
        told,
    )


def confirm_override(state: GuardState, override_id: str) -> GuardState:
    """Return the state that knows that the plant has taken an override."""
    overrides = {
        key: msgspec.structs.replace(one, is_written=True)
        if one.override_id == override_id
        else one
        for key, one in state.overrides.items()
    }
    return state if overrides == state.overrides else _with(state, overrides=overrides)


def drop_overrides(
    state: GuardState, is_meant: Callable[[Override], bool]
) -> tuple[GuardState, tuple[Told, ...]]:
    """Return the state without some overrides, and what is to be told: what the plant has not
    taken must not keep the optimiser away."""
    dropped = {key: one for key, one in state.overrides.items() if is_meant(one)}
    if not dropped:
        return state, ()
    told = tuple(tell_override(one, active=False) for one in dropped.values())
    return _with(state, overrides=_less(state.overrides, set(dropped))), told


def _apply_override(
    state: GuardState, command: Command, plant: InterlockLimits, now_ns: int
) -> Obeyed | Refusal:
    if command.setpoint not in plant.setpoints:
        return Refusal((f"there is no setpoint {command.setpoint!r}",))
    asked = Override(
        override_id=command.command_id,
        cell=command.cell,
        setpoint=command.setpoint,
        value=command.value if command.value is not None else float("nan"),
        owner=command.issued_by,
        role=command.role,
        reason=command.reason,
        since_ns=now_ns,
        until_ns=now_ns + _duration_ns(command),
    )
    key = _key(command.cell, command.setpoint)
    before = state.overrides.get(key)
    refusal = check_override(asked, before, now_ns)
    if refusal is not None:
        return refusal
    told = [tell_override(asked, active=True)]
    if before is not None:  # both are told
        told.insert(0, tell_override(before, active=False))
    overrides = {**state.overrides, key: asked}
    return Obeyed(_with(state, overrides=overrides), tuple(told), asked)


def _release_override(
    state: GuardState, command: Command, _plant: InterlockLimits, _now_ns: int
) -> Obeyed | Refusal:
    key = _key(command.cell, command.setpoint)
    standing = state.overrides.get(key)
    if standing is None:
        return Refusal(("there is no such override",))
    refusal = check_release(command.role, standing)
    if refusal is not None:
        return refusal
    after = _with(state, overrides=_less(state.overrides, {key}))
    return Obeyed(after, (tell_override(standing, active=False),))


def _request_bypass(
    state: GuardState, command: Command, _plant: InterlockLimits, now_ns: int
) -> Obeyed | Refusal:
    asked = Bypass(
        bypass_id=command.command_id,
        cell=command.cell,
        check=command.check,
        owner=command.issued_by,
        role=command.role,
        reason=command.reason,
        since_ns=now_ns,
        until_ns=now_ns + _duration_ns(command),
    )
    refusal = check_bypass(asked, tuple(state.bypasses.values()), now_ns)
    if refusal is not None:
        return refusal
    bypasses = {**state.bypasses, _key(asked.cell, asked.check): asked}
    return Obeyed(_with(state, bypasses=bypasses), (tell_bypass(asked, active=True),))


def _release_bypass(
    state: GuardState, command: Command, _plant: InterlockLimits, _now_ns: int
) -> Obeyed | Refusal:
    """Any of our people may make the interlock whole again."""
    if command.role not in RANK:
        return Refusal((f"the role {command.role!r} may not release a bypass",))
    key = _key(command.cell, command.check)
    standing = state.bypasses.get(key)
    if standing is None:
        return Refusal(("there is no such bypass",))
    after = _with(state, bypasses=_less(state.bypasses, {key}))
    return Obeyed(after, (tell_bypass(standing, active=False),))


def _request_limit(
    state: GuardState, command: Command, plant: InterlockLimits, now_ns: int
) -> Obeyed | Refusal:
    asked = LimitRequest(
        request_id=command.command_id,
        setpoint=command.setpoint,
        limit=command.limit,
        value=command.value if command.value is not None else float("nan"),
        requester=command.issued_by,
        role=command.role,
        reason=command.reason,
        until_ns=now_ns + int(APPROVAL_WITHIN_S * 1e9),
    )
    refusal = check_request(asked, plant.setpoints) or _check_bounds(state, asked, plant)
    if refusal is not None:
        return refusal
    if len(state.requests) >= _MOST_REQUESTS:
        return Refusal((f"{len(state.requests)} requests wait for an answer, and no more may",))
    requests = {**state.requests, asked.request_id: asked}
    return Obeyed(_with(state, requests=requests), (tell_request(asked, active=True),))


def _check_bounds(state: GuardState, asked: LimitRequest, plant: InterlockLimits) -> Refusal | None:
    """Return a refusal where the lower bound would come above the upper one."""
    changes = add_change(state.limits, asked, plant.setpoints)
    row = apply_changes(plant.setpoints, changes)[asked.setpoint]
    if row.low > row.high:
        return Refusal((f"from {row.low:g} to {row.high:g} nothing would be permitted",))
    return None


def _approve_limit(
    state: GuardState, command: Command, plant: InterlockLimits, now_ns: int
) -> Obeyed | Refusal:
    request = state.requests.get(command.subject)
    if request is None:
        return Refusal(("there is no such request",))
    refusal = check_approval(request, command.digest, command.issued_by, command.role, now_ns)
    refusal = refusal or _check_bounds(state, request, plant)  # another may have come in between
    if refusal is not None:
        return refusal
    limits = add_change(state.limits, request, plant.setpoints)
    key = f"{request.setpoint}/{request.limit}"
    changed = Told(
        "limits_changed",
        False,
        None,
        {**limit_details(request), "approver": command.issued_by},
    )
    told = [tell_request(request, active=False), changed]
    if key in limits or key in state.limits:
        told.append(tell_limit(key, request.value, active=key in limits))
    bounds = apply_changes(plant.setpoints, limits)[request.setpoint]
    requests = _less(state.requests, {request.request_id})
    after, ended = drop_overrides(
        _with(state, limits=limits, requests=requests),
        lambda one: one.setpoint == bounds.name and not bounds.low <= one.value <= bounds.high,
    )
    return Obeyed(after, (*told, *ended))


def _reject_limit(
    state: GuardState, command: Command, _plant: InterlockLimits, _now_ns: int
) -> Obeyed | Refusal:
    """Any of our people may say no, the one who asked too."""
    if command.role not in RANK:
        return Refusal((f"the role {command.role!r} may not reject a request",))
    request = state.requests.get(command.subject)
    if request is None:
        return Refusal(("there is no such request",))
    after = _with(state, requests=_less(state.requests, {request.request_id}))
    return Obeyed(after, (tell_request(request, active=False),))


_OBEY: Final[
    Mapping[CommandKind, Callable[[GuardState, Command, InterlockLimits, int], Obeyed | Refusal]]
] = {
    CommandKind.APPLY_OVERRIDE: _apply_override,
    CommandKind.RELEASE_OVERRIDE: _release_override,
    CommandKind.REQUEST_BYPASS: _request_bypass,
    CommandKind.RELEASE_BYPASS: _release_bypass,
    CommandKind.REQUEST_LIMIT: _request_limit,
    CommandKind.APPROVE_LIMIT: _approve_limit,
    CommandKind.REJECT_LIMIT: _reject_limit,
}


def _duration_ns(command: Command) -> int:
    """Return how long an order is to stand; 0 where nobody said or it is no number."""
    seconds = command.duration_s
    if seconds is None or not 0.0 < seconds < 1e9:
        return 0
    return int(seconds * 1e9)


def _with(state: GuardState, **changes: object) -> GuardState:
    return msgspec.structs.replace(state, **changes)


def _key(cell: int, what: str) -> str:
    return f"{cell}/{what}"


def _less(kept: Mapping[str, _Order], keys: set[str]) -> dict[str, _Order]:
    return {key: value for key, value in kept.items() if key not in keys}
