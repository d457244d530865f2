"""What the simulated SCADA lets others write: node by node, and only what is sound.

A write that breaks a rule gets its own bad status; the other items of the same request stand.
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

from opcua.accounts import PlantUser, Role

_ITSELF: Final = User(role=UserRole.Admin)  # the server's own set-up


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

    def fault(self, value: ua.DataValue) -> int | None:
        """Return the status code that refuses the value, or None if it may stand."""
        if value.StatusCode is not None and not value.StatusCode.is_good():
            return int(ua.StatusCodes.BadWriteNotSupported)
        variant = value.Value
        if variant is None or variant.VariantType != self.variant_type:
            return int(ua.StatusCodes.BadTypeMismatch)
        number = variant.Value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return int(ua.StatusCodes.BadTypeMismatch)
        is_sound = math.isfinite(number) and self.low <= number <= self.high
        if not is_sound or (self.allowed and number not in self.allowed):
            return int(ua.StatusCodes.BadOutOfRange)
        return None


OnWrite = Callable[[WriteRule, float], None]
"""Told of every write that stands."""


class RuledWrites(AttributeService):
    """The server's Write service with a rule per node; what has no rule cannot be written."""

    def __init__(
        self, address_space: Any, rules: Mapping[ua.NodeId, WriteRule], on_write: OnWrite
    ) -> None:
        super().__init__(address_space)
        self._rules = rules
        self._on_write = on_write

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
            if isinstance(user, PlantUser) and user.plant_role not in rule.roles:
                statuses.append(ua.StatusCode(ua.StatusCodes.BadUserAccessDenied))
                continue
            fault = rule.fault(item.Value)
            if fault is not None:
                statuses.append(ua.StatusCode(fault))
                continue
            # A client's clock is not the plant's: the source time of a target is its arrival here.
            stamped = dataclasses.replace(item.Value, SourceTimestamp=datetime.now(UTC))
            one = ua.WriteParameters(NodesToWrite=[dataclasses.replace(item, Value=stamped)])
            status = (await super().write(one, user))[0]
            if status.is_good():
                self._on_write(rule, item.Value.Value.Value)
            statuses.append(status)
        return statuses


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
