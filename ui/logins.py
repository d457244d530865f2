"""Who is logged in: by a secret that their browser keeps, until they go, idle, or are changed.

Looking on is no sign that somebody is there: a login ends after so long without a command and
without a page that somebody opened. What is left then is the view.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stream.accounts import Account
from ui.people import People, role_of
from ui.roles import Person, Role

MOST_LOGINS: Final = 8  # of one account at once; of these the one idle longest makes room
_MOST_ENDED: Final = 1000  # whose screens may still be told why
VIEW_ONLY: Final = "View only: log in to give commands."
VISITOR: Final = Person("nobody", Role.VIEWER, VIEW_ONLY)


@dataclass(frozen=True, slots=True)
class _Login:
    """One login: the account as it was then, and when its person last did something."""

    account: Account
    used_s: float


class Logins:
    """The logins of a control room.

    Attributes:
        made, ended: logins so far, and those that are over.
        idle: of these, that ended by themselves.
    """

    def __init__(
        self,
        people: People,
        idle_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one without logins.

        Args:
            people: who has an account.
            idle_s: after which a login ends.
            monotonic_s: a clock that nobody sets.
        """
        self._people = people
        self._idle_s = idle_s
        self._monotonic_s = monotonic_s
        self._logins: dict[str, _Login] = {}
        self._notes: dict[str, str] = {}  # of ended ones: why
        self.made = 0
        self.ended = 0
        self.idle = 0

    @property
    def open(self) -> int:
        """How many are logged in now."""
        for key in tuple(self._logins):
            self.person(key)
        return len(self._logins)

    def is_open(self, key: str) -> bool:
        """Whether that login stands."""
        self.person(key)
        return key in self._logins

    def begin(self, account: Account) -> str:
        """Log a person in, and return the secret that their browser is to keep.

        Who logs in again and again ends logins of their own, never somebody else's.
        """
        own = [key for key, login in self._logins.items() if login.account.name == account.name]
        own = [key for key in own if self.is_open(key)]
        if len(own) >= MOST_LOGINS:
            idlest = min(own, key=lambda key: self._logins[key].used_s)
            self._end(idlest, f"You logged in {MOST_LOGINS} times since. Log in again.")
        key = secrets.token_urlsafe(32)
        self._logins[key] = _Login(account, self._monotonic_s())
        self.made += 1
        return key

    def person(self, key: str) -> Person:
        """Return who that is now; a visitor, with the reason, where the login is over."""
        login = self._logins.get(key)
        if login is None:
            return Person(VISITOR.name, Role.VIEWER, self._notes.get(key, VIEW_ONLY))
        account = login.account
        if self._monotonic_s() - login.used_s > self._idle_s:
            self.idle += 1
            minutes = f"{self._idle_s / 60:g} min"
            self._end(key, f"Your login ended after {minutes} without a command. Log in again.")
        elif self._people.accounts.get(account.name) != account:
            self._end(key, "Your account was changed since you logged in. Log in again.")
        else:
            return _person_of(account)
        return self.person(key)

    def use(self, key: str) -> Person:
        """Return who that is now, who has just done something."""
        person = self.person(key)
        if key in self._logins:
            self._logins[key] = _Login(self._logins[key].account, self._monotonic_s())
        return person

    def end(self, key: str) -> Person:
        """Log somebody out, and return who it was."""
        person = self.person(key)
        if key in self._logins:
            self._end(key, "You logged out. Log in to give commands.")
        return person

    def _end(self, key: str, note: str) -> None:
        del self._logins[key]
        self.ended += 1
        self._notes[key] = note
        while len(self._notes) > _MOST_ENDED:
            del self._notes[next(iter(self._notes))]


def _person_of(account: Account) -> Person:
    role = role_of(account)
    note = f"{account.name} is {account.role.value}: an observer may look and ask for nothing."
    return Person(account.name, role, note if role is Role.VIEWER else "")
