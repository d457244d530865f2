"""What people are told of orders: what began, what ended, with whose name and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from control.bypasses import Bypass
from control.limit_changes import LimitRequest
from control.overrides import Override
from stream.guarding import GuardState

Details = dict[str, str | float | int | None]


@dataclass(frozen=True, slots=True)
class Told:
    """An event to be told: it began, or it ended or was a fact of one moment."""

    name: str
    active: bool
    cell: int | None
    details: Details


def standing_orders(state: GuardState) -> tuple[Told, ...]:
    """Return all that stands, to be told anew at the start of a life."""
    return (
        *(tell_limit(key, value, active=True) for key, value in state.limits.items()),
        *(tell_override(one, active=True) for one in state.overrides.values()),
        *(tell_bypass(one, active=True) for one in state.bypasses.values()),
        *(tell_request(one, active=True) for one in state.requests.values()),
    )


def tell_override(override: Override, *, active: bool) -> Told:
    """Return what is told of an override that began or ended."""
    details: Details = {
        "subject": override.setpoint,
        "order_id": override.override_id,
        "setpoint": override.setpoint,
        "value": override.value,
        "who": override.owner,
        "until": _until(override.until_ns),
        "until_ns": override.until_ns,
        "reason": override.reason,
    }
    return Told("override_active", active, override.cell, details)


def tell_bypass(bypass: Bypass, *, active: bool) -> Told:
    """Return what is told of a bypass that began or ended."""
    details: Details = {
        "subject": bypass.check,
        "order_id": bypass.bypass_id,
        "check": bypass.check,
        "who": bypass.owner,
        "until": _until(bypass.until_ns),
        "until_ns": bypass.until_ns,
        "reason": bypass.reason,
    }
    return Told("bypass_active", active, bypass.cell, details)


def tell_request(request: LimitRequest, *, active: bool) -> Told:
    """Return what is told of a request for another limit that waits, or has been answered."""
    return Told("approval_wanted", active, None, limit_details(request))


def tell_limit(key: str, value: float, *, active: bool) -> Told:
    """Return what is told of a limit that is not the plant file's, or is so again."""
    setpoint, _, limit = key.partition("/")
    details: Details = {"subject": key, "setpoint": setpoint, "limit": limit, "value": value}
    return Told("limit_narrowed", active, None, details)


def limit_details(request: LimitRequest) -> Details:
    """Return what an event about a request says of it."""
    return {
        "subject": request.request_id,
        "order_id": request.request_id,
        "setpoint": request.setpoint,
        "limit": request.limit,
        "value": request.value,
        "who": request.requester,
        "until": _until(request.until_ns),
        "until_ns": request.until_ns,
        "reason": request.reason,
        "digest": request.digest,
    }


def _until(until_ns: int) -> str:
    """Return a time of the day as people say it."""
    return datetime.fromtimestamp(until_ns / 1e9, UTC).strftime("%H:%M UTC")
