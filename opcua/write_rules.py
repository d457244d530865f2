"""What the simulated SCADA lets others write: node by node, and only what is sound.

A write that breaks a rule gets its own bad status; the other items of the same request stand. Once
there was a token, only the session that wrote the newest one writes what is the optimiser's.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeService
from asyncua.server.user_managers import UserManager

from opcua.accounts import PlantUser
from opcua.fence import LEASE, Fence
from stream.accounts import Role

_ITSELF: Final = User(role=UserRole.Admin)  # the server's own set-up
_NOBODY: Final = "anonymous"  # the user of a session without a name


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value is refused: the status code that says so, and a sentence."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class WriteRule:
    """What one node takes.

    Attributes:
        meaning: what the node is, for whoever handles the write.
        cell: 1-based; 0 where it belongs to the line.
        low, high: bounds, both included.
        allowed: where it is not empty, the only values.
        roles: who may write it, at a server that knows who comes.
    """

    meaning: str
    variant_type: ua.VariantType
    cell: int = 0
    low: float = -math.inf
    high: float = math.inf
    allowed: tuple[int, ...] = ()
    roles: frozenset[Role] = frozenset({Role.OPTIMISER})

    def fault(self, value: ua.DataValue) -> Fault | None:
        """Return what refuses the value, or None if it may stand."""
        if value.StatusCode is not None and not value.StatusCode.is_good():
            return Fault(
                ua.StatusCodes.BadWriteNotSupported,
                f"it came with the status {value.StatusCode.name}; only good values are taken",
            )
        variant = value.Value
        if variant is None or variant.VariantType != self.variant_type:
            came = "nothing" if variant is None else variant.VariantType.name
            return self._mismatch(came)
        number = variant.Value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return self._mismatch("no single number")
        if self.allowed and number not in self.allowed:
            choice = ", ".join(str(one) for one in self.allowed)
            return Fault(ua.StatusCodes.BadOutOfRange, f"{number} is none of {choice}")
        if not math.isfinite(number) or not self.low <= number <= self.high:
            bounds = f"{self.low:g} to {self.high:g}"
            return Fault(ua.StatusCodes.BadOutOfRange, f"{number} is outside {bounds}")
        return None

    def _mismatch(self, came: str) -> Fault:
        wanted = self.variant_type.name
        return Fault(ua.StatusCodes.BadTypeMismatch, f"{came} came, and a {wanted} is taken")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write to a node that has a rule, and what became of it.

    Attributes:
        value: what was written; None where it was refused.
        who: the user of the session.
        refusal: status and reason; "" where the write stands.
    """

    rule: WriteRule
    value: float | None
    who: str
    at: datetime
    refusal: str = ""


OnAttempt = Callable[[Attempt], None]
"""Told of every write to a node that has a rule."""


class RuledWrites(AttributeService):
    """The server's Write service with a rule per node; what has no rule cannot be written."""

    def __init__(
        self, address_space: Any, rules: Mapping[ua.NodeId, WriteRule], on_attempt: OnAttempt
    ) -> None:
        super().__init__(address_space)
        self._rules = rules
        self._on_attempt = on_attempt
        self.fence = Fence()
        self.fenced_off = 0  # writes refused because a newer token is another session's

    async def write(self, params: ua.WriteParameters, user: User = _ITSELF) -> list[ua.StatusCode]:
        """Write the items that their rules allow and return a status for each."""
        if user.role == UserRole.Admin:  # nobody outside is
            statuses: list[ua.StatusCode] = await super().write(params, user)
            return statuses
        statuses = []
        for item in params.NodesToWrite:
            rule = self._rules.get(item.NodeId)
            if rule is None or item.AttributeId != ua.AttributeIds.Value or item.IndexRange:
                statuses.append(ua.StatusCode(ua.StatusCodes.BadNotWritable))
                continue
            # A client's clock is not the plant's: the source time of a target is its arrival here.
            now = datetime.now(UTC)
            who = user.name or _NOBODY
            fault = _denial(rule, user) or rule.fault(item.Value)
            fault = fault or self._pass_fence(rule, item.Value, user)
            if fault is None:
                stamped = dataclasses.replace(item.Value, SourceTimestamp=now)
                one = ua.WriteParameters(NodesToWrite=[dataclasses.replace(item, Value=stamped)])
                status = (await super().write(one, user))[0]
                reason = "the server could not write it"
            else:
                status, reason = ua.StatusCode(fault.code), fault.reason
            if status.is_good():
                self._on_attempt(Attempt(rule, item.Value.Value.Value, who, now))
            else:
                self._on_attempt(Attempt(rule, None, who, now, f"{status.name}: {reason}"))
            statuses.append(status)
        return statuses

    def _pass_fence(self, rule: WriteRule, value: ua.DataValue, user: User) -> Fault | None:
        """Return what refuses a sound value for whose it is, or None; a token that
        is taken counts from here on, before anything can come between.

        The library tells a service the user of a write, not its session. Our user managers make a
        user at every activation of a session, so which object it is says which session.
        """
        if rule.meaning == LEASE:
            token = int(value.Value.Value)
            if not self.fence.may_take(token):
                return Fault(
                    ua.StatusCodes.BadOutOfRange, f"{token} is not above {self.fence.token}"
                )
            self.fence = Fence(token, user)
            return None
        # A person with an account of his own is no guard: an operator takes cells at any time.
        is_person = isinstance(user, PlantUser) and user.plant_role is not Role.OPTIMISER
        if is_person or self.fence.admits(user):
            return None
        self.fenced_off += 1
        other = f"another session writes, by token {self.fence.token}"
        return Fault(ua.StatusCodes.BadUserAccessDenied, other)


def _denial(rule: WriteRule, user: User) -> Fault | None:
    """Return why somebody may not write the node at all; None where they may."""
    if not isinstance(user, PlantUser) or user.plant_role in rule.roles:
        return None
    who = f"{user.name} is {user.plant_role.value}"
    return Fault(ua.StatusCodes.BadUserAccessDenied, f"{who}, who does not write this node")


class Anonymous(UserManager):
    """Everyone is an ordinary user; nobody is an administrator, whatever name and password say."""

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,  # noqa: ARG002
    ) -> User | None:
        """Return a plain user for a session without a name, nobody for one with."""
        if username is not None or password is not None:
            return None
        return User(role=UserRole.User)
