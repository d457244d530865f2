"""Who may call the front's methods, and how often: every call costs the guard a look."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from asyncua import ua

from opcua.accounts import PlantUser
from opcua.front.methods import Fault
from stream.accounts import GUARD_ROLES, Role

NOBODY: Final = "anonymous"
_AT_ONCE: Final = 10.0  # calls of one account; a person at a screen has not more
_PER_S: Final = 1.0  # and an optimiser asks once a scan
_MOST_WAITING: Final = 4  # of one account, for the guard's answer
_LOG_EVERY_S: Final = 60.0

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name of the account, and the role as the guard knows it."""

    name: str
    role: str


@dataclass(slots=True)
class _Account:
    tries: float
    tried_s: float
    waiting: int = 0
    refused: int = 0
    logged_s: float | None = None


class Gate:
    """Lets calls through, or says why not; refusals are counted, and logged once a minute."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._accounts: dict[str, _Account] = {}
        self.refused = 0

    def enter(self, user: object, roles: Mapping[Role, str] = GUARD_ROLES) -> Caller | Fault:
        """Return who calls, whom `leave` has to be told of afterwards, or why they may not.

        Args:
            user: of the session.
            roles: that may, and what they are to the guard.
        """
        name = user.name if isinstance(user, PlantUser) and user.name else NOBODY
        role = user.plant_role if isinstance(user, PlantUser) else Role.OBSERVER
        account = self._account(name)
        if role not in roles:
            what = "may ask nothing" if role is Role.OBSERVER else "may not ask for this"
            code = ua.StatusCodes.BadUserAccessDenied
            return self._refuse(name, Fault(code, f"{name} is {role.value}, who {what}."))
        if account.waiting >= _MOST_WAITING or account.tries < 1.0:
            code = ua.StatusCodes.BadTooManyOperations
            sentence = (
                f"{name} asks too often: {_AT_ONCE:g} calls at once, then {_PER_S:g} a second."
            )
            return self._refuse(name, Fault(code, sentence))
        account.tries -= 1.0
        account.waiting += 1
        return Caller(name, roles[role])

    def leave(self, caller: Caller) -> None:
        """Know that a call that was let through is over."""
        self._account(caller.name).waiting -= 1

    def refuse(self, caller: Caller, fault: Fault) -> Fault:
        """Count and log a call that was let through and turned out to be unsound."""
        return self._refuse(caller.name, fault)

    def _account(self, name: str) -> _Account:
        now_s = self._monotonic_s()
        account = self._accounts.get(name)
        if account is None:  # as many as people have accounts, and one for nobody
            account = self._accounts[name] = _Account(_AT_ONCE, now_s)
        account.tries = min(_AT_ONCE, account.tries + (now_s - account.tried_s) * _PER_S)
        account.tried_s = now_s
        return account

    def _refuse(self, name: str, fault: Fault) -> Fault:
        self.refused += 1
        account, now_s = self._account(name), self._monotonic_s()
        account.refused += 1
        if account.logged_s is None or now_s - account.logged_s >= _LOG_EVERY_S:
            account.logged_s = now_s
            _log.warning("Calls of %s refused: %d; now: %s", name, account.refused, fault.sentence)
        return fault
