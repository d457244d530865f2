"""Who may come to the simulated SCADA, and what they may do: names, roles, password hashes."""

import hashlib
import hmac
import secrets
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

_COST: Final = 2**14  # scrypt: some 50 ms a try
_BLOCK: Final = 8
_SALT_BYTES: Final = 16
_TRIES_AT_ONCE: Final = 5  # wrong passwords; each takes the server's one thread for a while
_ANOTHER_TRY_AFTER_S: Final = 2.0


class Role(StrEnum):
    """What somebody may do, by the names of OPC 10000-18 and one of ours."""

    OBSERVER = "Observer"  # reads
    OPERATOR = "Operator"  # puts cells under the optimiser, and takes them back
    ENGINEER = "Engineer"
    SUPERVISOR = "Supervisor"
    OPTIMISER = "Optimiser"  # writes setpoints, modes and its heartbeat


class AccountError(ValueError):
    """The file of accounts cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """One who may come, with `scrypt$<salt>$<hash>` of the password."""

    name: str
    role: Role
    password_hash: str


@dataclass
class PlantUser(User):  # type: ignore[misc]
    """A session's user as the server's services see it."""

    plant_role: Role = Role.OBSERVER


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${salt.hex()}${_derive(password, salt).hex()}"


def is_password_good(password: str, kept: str) -> bool:
    """Whether this is the password of which that was kept."""
    _, salt, digest = kept.split("$")
    return hmac.compare_digest(_derive(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def write_accounts(path: Path, accounts: Iterable[Account]) -> None:
    """Write the file of accounts."""
    lines = ["# Who may come to the server: made by `potline certs`.\n"]
    for account in accounts:
        lines += [
            "\n[[account]]\n",
            f'name = "{account.name}"\n',
            f'role = "{account.role.value}"\n',
            f'password_hash = "{account.password_hash}"\n',
        ]
    path.write_text("".join(lines), encoding="utf-8")
    path.chmod(0o600)


def read_accounts(path: Path) -> dict[str, Account]:
    """Return the accounts in a file, by name.

    Raises:
        AccountError: it cannot be read, or an account is incomplete or named twice.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("account", [])
        accounts = [Account(row["name"], Role(row["role"]), row["password_hash"]) for row in rows]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as exc:
        raise AccountError(f"{path} cannot be used: {exc}. Remedy: run `potline certs`") from exc
    by_name = {account.name: account for account in accounts}
    if len(by_name) < len(accounts) or not accounts:
        raise AccountError(f"{path} names nobody, or somebody twice. Remedy: run `potline certs`")
    return by_name


class Accounts(UserManager):  # type: ignore[misc]
    """Lets those in who have an account and its password, and nobody else.

    A password that was good once is known by a quick hash from then on, so that clients that come
    again and again cost nothing; wrong ones are tried a few at once and then one in two seconds.
    """

    def __init__(
        self, accounts: Mapping[str, Account], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts = accounts
        self._monotonic_s = monotonic_s
        self._known: dict[str, bytes] = {}
        self._pepper = secrets.token_bytes(32)
        self._tries = float(_TRIES_AT_ONCE)
        self._tried_s = monotonic_s()
        self.refused = 0

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,  # noqa: ARG002
    ) -> User | None:
        """Return who that is, or None, which refuses the session."""
        account = self._accounts.get(username or "")
        if account is None or password is None or not self._is_good(account, password):
            self.refused += 1
            return None
        return PlantUser(role=UserRole.User, name=account.name, plant_role=account.role)

    def _is_good(self, account: Account, password: str) -> bool:
        quick = hmac.new(self._pepper, password.encode(), hashlib.sha256).digest()
        known = self._known.get(account.name)
        if known is not None and hmac.compare_digest(known, quick):
            return True
        now_s = self._monotonic_s()
        since_s, self._tried_s = now_s - self._tried_s, now_s
        self._tries = min(float(_TRIES_AT_ONCE), self._tries + since_s / _ANOTHER_TRY_AFTER_S)
        if self._tries < 1.0:
            return False
        if is_password_good(password, account.password_hash):
            self._known[account.name] = quick
            return True
        self._tries -= 1.0
        return False


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=1)
