"""Whether a name and a password belong together, asked a limited number of times."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final

from stream.accounts import Account, hash_password, is_password_good

_TRIES_AT_ONCE: Final = 5  # wrong passwords; each takes a while
_ANOTHER_TRY_AFTER_S: Final = 2.0
_NOBODY: Final = ""  # in the place of a name that has no account


class Doorkeeper:
    """Lets those in who have an account and its password.

    A password that was good once is known by a quick hash from then on, so that those who come
    again and again cost nothing; wrong ones are tried a few at once and then one in two seconds,
    for each name, and for all names together that nobody has.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Make one.

        Args:
            monotonic_s: a clock that nobody sets.
        """
        self._monotonic_s = monotonic_s
        self._known: dict[str, bytes] = {}  # by what is kept of the password: another one is new
        self._pepper = secrets.token_bytes(32)
        self._tries: dict[str, tuple[float, float]] = {}  # as many as there are accounts, and one
        self._nobodys = hash_password(secrets.token_hex())

    def admit(self, accounts: Mapping[str, Account], name: str, password: str) -> Account | None:
        """Return the account of that name if the password is its, else None.

        A name that has no account takes as long as one that has: nobody learns names by the clock.

        Args:
            accounts: by name, as they are now.
            name, password: as they came.
        """
        account = accounts.get(name)
        kept = self._nobodys if account is None else account.password_hash
        is_good = self._is_good(_NOBODY if account is None else name, password, kept)
        return account if is_good else None

    def _is_good(self, name: str, password: str, kept: str) -> bool:
        quick = hmac.new(self._pepper, password.encode(), hashlib.sha256).digest()
        known = self._known.get(kept)
        if known is not None and hmac.compare_digest(known, quick):
            return True
        now_s = self._monotonic_s()
        tries, tried_s = self._tries.get(name, (float(_TRIES_AT_ONCE), now_s))
        tries = min(float(_TRIES_AT_ONCE), tries + (now_s - tried_s) / _ANOTHER_TRY_AFTER_S)
        is_good = tries >= 1.0 and is_password_good(password, kept)
        if is_good:
            self._known[kept] = quick
        elif tries >= 1.0:
            tries -= 1.0
        self._tries[name] = (tries, now_s)
        return is_good
