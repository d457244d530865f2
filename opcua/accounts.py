"""Accounts as the library's server asks for them: who a session's user is."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

from stream.accounts import Account, Role
from stream.doorkeeper import Doorkeeper


@dataclass
class PlantUser(User):
    """A session's user as the server's services see it."""

    plant_role: Role = Role.OBSERVER


class Accounts(UserManager):
    """Lets those in who have an account and its password, and nobody else.

    The certificate of the connection is asked for here too: the library's own check is of a field
    of a request that a client may leave out.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        vouch: Callable[[Any, str], bool] = lambda _certificate, _application: True,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take accounts.

        Args:
            accounts: by name.
            vouch: whether the certificate of a connection is trusted, and of that application.
            monotonic_s: a clock that nobody sets.
        """
        self._accounts = accounts
        self._vouch = vouch
        self._doorkeeper = Doorkeeper(monotonic_s)
        self.refused = 0

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """Return who that is, or None, which refuses the session."""
        account = self._accounts.get(username or "")
        if (
            account is None
            or password is None
            or not self._vouch(certificate, account.application)
            or self._doorkeeper.admit(self._accounts, account.name, password) is None
        ):
            self.refused += 1
            return None
        return PlantUser(role=UserRole.User, name=account.name, plant_role=account.role)
