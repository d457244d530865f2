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
MOST_KEPT: Final = 4096  # names from an address whose tries are counted; the oldest makes room
_NOBODY: Final = ""  # in the place of a name that has no account


class Doorkeeper:
    """Lets those in who have an account and its password.

    A password that was good once is known by a quick hash from then on, so that those who come
    again and again cost nothing; wrong ones are tried a few at once and then one in two seconds,
    for each name from each address, and for all names together that nobody has. So nobody uses up
    the tries of somebody at another address.
    """

    def __init__(
        self,
        monotonic_s: Callable[[], float] = time.monotonic,
        *,
        is_even: bool = False,
        check: Callable[[str, str], bool] = is_password_good,
    ) -> None:
        """Make one.

        Args:
            monotonic_s: a clock that nobody sets.
            is_even: look at a password also where no tries are left, and throw away what comes of
                it, so that no answer comes sooner than another. For those only who themselves
                limit how many are looked at.
            check: whether a password is the one of which something was kept.
        """
        self._monotonic_s = monotonic_s
        self._is_even = is_even
        self._check = check
        self._known: dict[str, bytes] = {}  # by what is kept of the password: another one is new
        self._pepper = secrets.token_bytes(32)
        self._tries: dict[tuple[str, str], tuple[float, float]] = {}  # that used last comes last
        self._nobodys = hash_password(secrets.token_hex())

    @property
    def kept(self) -> int:
        """For how many names from an address tries are counted."""
        return len(self._tries)

    def admit(
        self, accounts: Mapping[str, Account], name: str, password: str, address: str = ""
    ) -> Account | None:
        """Return the account of that name if the password is its, else None.

        A name that has no account takes as long as one that has: nobody learns names by the clock.

        Args:
            accounts: by name, as they are now.
            name, password: as they came.
            address: from where; "" where that is not known.
        """
        account = accounts.get(name)
        kept = self._nobodys if account is None else account.password_hash
        counted = (_NOBODY if account is None else name, address)
        return account if self._is_good(counted, password, kept) else None

    def _is_good(self, counted: tuple[str, str], password: str, kept: str) -> bool:
        quick = hmac.new(self._pepper, password.encode(), hashlib.sha256).digest()
        known = self._known.get(kept)
        if known is not None and hmac.compare_digest(known, quick):
            return True
        now_s = self._monotonic_s()
        tries, tried_s = self._tries.pop(counted, (float(_TRIES_AT_ONCE), now_s))
        tries = min(float(_TRIES_AT_ONCE), tries + (now_s - tried_s) / _ANOTHER_TRY_AFTER_S)
        may_try = tries >= 1.0
        is_good = (may_try or self._is_even) and self._check(password, kept) and may_try
        if is_good:
            self._known[kept] = quick
        elif may_try:
            tries -= 1.0
        self._tries[counted] = (tries, now_s)
        while len(self._tries) > MOST_KEPT:
            del self._tries[next(iter(self._tries))]
        return is_good
