"""The file of people's accounts as it is now: what is changed in it counts at once.

`potline people` writes it beside a running control room. While it cannot be read, nobody has an
account: all may look, nobody may ask.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stream.accounts import (
    GUARD_ROLES,
    PEOPLE_REMEDY,
    Account,
    AccountError,
    Role,
    read_accounts,
)
from ui.roles import Role as UiRole

_log: Final = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]


class People:
    """Who has an account."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            AccountError: it cannot be used.
        """
        self._path = path
        self._stamp = self._look()
        self._accounts: Mapping[str, Account] = _people_in(path)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by name, as the file has them now."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._accounts = _people_in(self._path)
            except AccountError as exc:
                self._accounts = {}
                _log.error("Nobody can log in: %s", exc)
            else:
                _log.info("%s names %d people now.", self._path, len(self._accounts))
        return self._accounts

    def _look(self) -> _Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _people_in(path: Path) -> dict[str, Account]:
    """Return the accounts of people. One of a program, or bound to a program with a certificate, is
    for the front alone: a browser cannot show that it is that program."""
    return {
        name: account
        for name, account in read_accounts(path, PEOPLE_REMEDY).items()
        if account.role is not Role.OPTIMISER and not account.application
    }


def role_of(account: Account) -> UiRole:
    """Return what an account is to the line: who may ask nothing is a viewer."""
    return UiRole(GUARD_ROLES.get(account.role, UiRole.VIEWER))
