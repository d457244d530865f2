"""Who comes to the control room: visitors, people who log in, or, on one machine, everybody.

A page knows its visit, and asks at each command anew who that is.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from stream.doorkeeper import Doorkeeper
from ui.logins import Logins
from ui.origins import Origin, is_loopback, is_proxied
from ui.people import People
from ui.roles import Person, Role

EVERYBODY: Final = Person("operator", Role.OPERATOR)
NO_ACCOUNTS: Final = Person(
    "nobody",
    Role.VIEWER,
    "View only: this control room has no accounts of people, and is open to a network.",
)
IDLE_AFTER_MIN: Final = 15.0
_LONGEST_PASSWORD: Final = 1000  # characters; more is no password, and takes its time
_MOST_WAITING: Final = 16  # passwords to be looked at, each some 50 ms
_MOST_WAITING_OF_ONE: Final = 4  # from one address: the rest is for the others
_LOG_EVERY_S: Final = 1.0

_log: Final = logging.getLogger(__name__)


class TooManyError(RuntimeError):
    """So many log in at this moment that one more cannot wait."""


def everybody_at(host: str, names: Sequence[Origin] = ()) -> Person:
    """Return who comes to a control room without accounts: on this machine, its operator; over a
    network, be it through a proxy, somebody who may look.

    Args:
        host: where it listens.
        names: further ones under which browsers reach it.
    """
    return EVERYBODY if is_loopback(host) and not is_proxied(host, names) else NO_ACCOUNTS


def listening_fault(
    host: str, has_accounts: bool, has_tls: bool, names: Sequence[Origin] = ()
) -> str:
    """Return why a control room may not listen there, with the remedy; "" where it may."""
    if not has_accounts:
        return ""
    if not has_tls and not is_loopback(host):
        return (
            f"ui.host {host} is open to a network, and people's passwords would cross it in the "
            "clear. Remedy: set ui.certificate_file and ui.key_file, or set ui.host to 127.0.0.1"
        )
    own = "https" if has_tls else "http"
    bare = [name for name in names if not name.is_here and (name.scheme or own) == "http"]
    if bare:
        return (
            f"by ui.names {bare[0]} people's passwords would cross a network in the clear. "
            f"Remedy: write https://{bare[0].host} where a proxy has TLS, with its port where that "
            "is not 443, or set ui.certificate_file and ui.key_file"
        )
    return ""


class Door:
    """Lets people in.

    Attributes:
        refused: logins so far that were turned away.
    """

    def __init__(self, everybody: Person = EVERYBODY, logins: Logins | None = None) -> None:
        """Make one.

        Args:
            everybody: who comes where there are no accounts.
            logins: None where there are no accounts.
        """
        self._everybody = everybody
        self.logins = logins
        self.refused = 0
        # How many it looks at is limited here: so it may work as long for every answer.
        self._doorkeeper = Doorkeeper(is_even=True) if logins is not None else None
        # One thread: a password takes long to look at, and the screens must not wait for it.
        self._worker = ThreadPoolExecutor(1, "passwords")
        self._waiting: Counter[str] = Counter()  # by address
        self._logged_s = -_LOG_EVERY_S

    @property
    def has_accounts(self) -> bool:
        """Whether people log in here."""
        return self.logins is not None

    def person(self, key: str) -> Person:
        """Return who somebody with that secret is now."""
        return self._everybody if self.logins is None else self.logins.person(key)

    def use(self, key: str) -> Person:
        """Return who that is now, who has just done something."""
        return self._everybody if self.logins is None else self.logins.use(key)

    async def log_in(self, people: People, name: str, password: str, address: str) -> str | None:
        """Return the secret of a new login, or None where name and password do not fit.

        Args:
            people: who has an account.
            name, password: as they came.
            address: from where: for the log, and since tries are counted by it.

        Raises:
            TooManyError: others are being looked at, or others from that address.
        """
        assert self.logins is not None
        assert self._doorkeeper is not None
        waiting = self._waiting
        if waiting.total() >= _MOST_WAITING or waiting[address] >= _MOST_WAITING_OF_ONE:
            raise TooManyError
        accounts = people.accounts
        account = None
        if len(password) <= _LONGEST_PASSWORD:
            waiting[address] += 1
            try:
                account = await asyncio.get_running_loop().run_in_executor(
                    self._worker, self._doorkeeper.admit, accounts, name, password, address
                )
            finally:
                waiting[address] -= 1
                if not waiting[address]:
                    del waiting[address]
        if account is None:
            # What somebody wrote for a name may be their password: only names are logged.
            self._refuse(name if name in accounts else "somebody without an account", address)
            return None
        _log.info("%s (%s) logged in from %s.", account.name, account.role.value, address)
        return self.logins.begin(account)

    def log_out(self, key: str) -> None:
        """End a login; one that is over already stays so."""
        if self.logins is None:
            return
        was_open = self.logins.is_open(key)
        person = self.logins.end(key)
        if was_open:
            _log.info("%s logged out.", person.name)

    def close(self) -> None:
        """Stop looking at passwords."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def figures(self) -> dict[str, int]:
        """Return what is counted."""
        logins = self.logins
        if logins is None:
            return {}
        return {
            "open": logins.open,
            "made": logins.made,
            "ended": logins.ended,
            "idle": logins.idle,
            "refused": self.refused,
        }

    def _refuse(self, who: str, address: str) -> None:
        self.refused += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = now_s
            _log.warning(
                "A login of %s from %s was refused; %d so far.", who, address, self.refused
            )


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's visit to one page.

    Attributes:
        key: secret of the login that the page was opened with; "" without one.
        xsrf: what the page sends back when somebody logs out.
        is_made: somebody made it: no page that loads itself afresh, no channel that comes back.
    """

    door: Door
    key: str = ""
    xsrf: str = ""
    is_made: bool = False

    @property
    def person(self) -> Person:
        """Who that is now."""
        return self.door.person(self.key)

    def use(self) -> Person:
        """Return who that is now, who has just done something."""
        return self.door.use(self.key)

    @property
    def words(self) -> str:
        """Who that is, as the page says it."""
        person = self.person
        if not self.door.has_accounts:
            return "View only" if person.role is Role.VIEWER else "Everybody here is the operator"
        if self.is_logged_in:
            return f"{person.name}, {'observer' if person.role is Role.VIEWER else person.role}"
        return "View only"

    @property
    def is_logged_in(self) -> bool:
        """Whether there is a login to be ended."""
        return self.door.logins is not None and self.door.logins.is_open(self.key)
