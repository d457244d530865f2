"""Who may come to a server of ours, and in which role: a file of names, roles, password hashes.

The servers over OPC UA and the control room read the same file; `stream.doorkeeper` says whether a
password is good.

Errors::

    AccountError  the file cannot be used, or a name or password cannot be kept
"""

import hashlib
import hmac
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from stream.secret_files import write_secret

_COST: Final = 2**14  # scrypt: some 50 ms a try
_BLOCK: Final = 8
_SALT_BYTES: Final = 16
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
_HASH: Final = re.compile(r"scrypt\$[0-9a-f]{32}\$[0-9a-f]{128}")
_SHORTEST_PASSWORD: Final = 12


class Role(StrEnum):
    """What somebody may do, by the names of OPC 10000-18 and one of ours."""

    OBSERVER = "Observer"  # reads
    OPERATOR = "Operator"  # puts cells under the optimiser, and takes them back; overrides
    ENGINEER = "Engineer"  # besides: bypasses and limits
    SUPERVISOR = "Supervisor"  # the manager: bypasses and limits, but puts no cell under anything
    # At the plant: writes setpoints, modes and its heartbeat. At the front: asks for setpoints.
    OPTIMISER = "Optimiser"


GUARD_ROLES: Final[
    Mapping[Role, str]
] = {  # what a role is to the guard; who is not here asks nothing
    Role.OPERATOR: "operator",
    Role.ENGINEER: "engineer",
    Role.SUPERVISOR: "manager",
}
PEOPLE_FILE: Final = "people.toml"  # in a folder as `potline certs` makes it
# Of the front's accounts; the last is no person, but a program that has a name of its own.
PEOPLE_ROLES: Final = (Role.OBSERVER, Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR, Role.OPTIMISER)
NOT_PEOPLE: Final = frozenset({"optimiser", "guard", "gateway", "loop", "doctor", "anonymous"})
PEOPLE_REMEDY: Final = "name them with `potline people FOLDER NAME --role ROLE`"


class AccountError(ValueError):
    """The file of accounts cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """One who may come, with `scrypt$<salt>$<hash>` of the password."""

    name: str
    role: Role
    password_hash: str
    application: str = ""  # URI of the one application that it comes from; "": of any


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
    lines = ["# Who may come to the server: made by potline.\n"]
    for account in accounts:
        lines += [
            "\n[[account]]\n",
            f'name = "{account.name}"\n',
            f'role = "{account.role.value}"\n',
            f'password_hash = "{account.password_hash}"\n',
            f'application = "{account.application}"\n',
        ]
    write_secret(path, "".join(lines).encode())


def keep_person(path: Path, name: str, role: Role, password: str, application: str = "") -> None:
    """Put a person, or an optimiser from outside, into a file of accounts, which may not be there
    yet; one of that name is replaced.

    Args:
        application: URI of the one application that it comes from; "": of any that is trusted.

    Raises:
        AccountError: the name or the password cannot be used, or the file cannot be read.
    """
    if _NAME.fullmatch(name) is None or name.lower() in NOT_PEOPLE:
        raise AccountError(
            f"{name!r} cannot be a person's name here. Remedy: letters, digits, . _ and -, at most "
            f"40, begun with a letter, and none of {', '.join(sorted(NOT_PEOPLE))}"
        )
    if len(password) < _SHORTEST_PASSWORD:
        raise AccountError(
            f"a password of {len(password)} characters is too short. Remedy: {_SHORTEST_PASSWORD} "
            "or more"
        )
    known = read_accounts(path, PEOPLE_REMEDY) if path.exists() else {}
    kept = known | {name: Account(name, role, hash_password(password), application)}
    write_accounts(path, kept.values())


def remove_person(path: Path, name: str) -> int:
    """Take a person's account away, and return how many are left; with the last one the file goes.

    Raises:
        AccountError: nobody has that name, or the file cannot be read.
        OSError: the file cannot be changed.
    """
    known = read_accounts(path, PEOPLE_REMEDY)
    if name not in known:
        raise AccountError(f"{path} names no {name!r}. Remedy: one of {', '.join(sorted(known))}")
    left = [account for account in known.values() if account.name != name]
    if left:
        write_accounts(path, left)
    else:
        path.unlink()
    return len(left)


def read_accounts(path: Path, remedy: str = "run `potline certs`") -> dict[str, Account]:
    """Return the accounts in a file, by name.

    Raises:
        AccountError: it cannot be read, or an account is incomplete or named twice.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("account", [])
        accounts = [_account_in(row) for row in rows]
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as exc:
        raise AccountError(f"{path} cannot be used: {exc}. Remedy: {remedy}") from exc
    by_name = {account.name: account for account in accounts}
    if len(by_name) < len(accounts) or not accounts:
        raise AccountError(f"{path} names nobody, or somebody twice. Remedy: {remedy}")
    return by_name


def _account_in(row: Mapping[str, object]) -> Account:
    """Return the account in a row of the file; whatever stands there, it raises an error that
    `read_accounts` knows."""
    words = {"application": "", **row}
    for key in ("name", "role", "password_hash", "application"):
        if not isinstance(words[key], str):
            raise TypeError(f"the {key} of an account is no text")
    name, role, password_hash, application = (
        str(words[key]) for key in ("name", "role", "password_hash", "application")
    )
    if _HASH.fullmatch(password_hash) is None:
        raise ValueError(f"the password_hash of {name} is none of ours")
    return Account(name, Role(role), password_hash, application)


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=1)
