"""Who is let in by name and password, and how often somebody may try."""

from stream.accounts import Account, Role, hash_password, is_password_good
from stream.doorkeeper import MOST_KEPT, Doorkeeper

GOOD = "a long enough word"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def accounts_of(*names: str, password: str = GOOD) -> dict[str, Account]:
    return {name: Account(name, Role.OPERATOR, hash_password(password)) for name in names}


def test_who_has_an_account_and_its_password_is_let_in_and_nobody_else() -> None:
    accounts = accounts_of("anna")
    keeper = Doorkeeper(Clock())
    assert keeper.admit(accounts, "anna", GOOD) is accounts["anna"]
    assert keeper.admit(accounts, "anna", GOOD + " ") is None
    assert keeper.admit(accounts, "bert", GOOD) is None
    assert keeper.admit(accounts, "", "") is None
    assert keeper.admit({}, "anna", GOOD) is None


def test_wrong_passwords_are_tried_a_few_at_once_and_then_one_in_two_seconds() -> None:
    clock = Clock()
    accounts = accounts_of("anna", "bert")
    keeper = Doorkeeper(clock)
    for number in range(5):
        assert keeper.admit(accounts, "anna", f"wrong {number}") is None
    assert keeper.admit(accounts, "anna", GOOD) is None, "it is not even looked at"
    assert keeper.admit(accounts, "bert", GOOD) is not None, "each name has tries of its own"
    clock.now_s += 2.1
    assert keeper.admit(accounts, "anna", GOOD) is not None
    for number in range(10):
        assert keeper.admit(accounts, "anna", f"wrong {number}") is None
    assert keeper.admit(accounts, "anna", GOOD) is not None, "who was in once is not locked out"


def test_names_that_nobody_has_share_their_tries() -> None:
    keeper = Doorkeeper(Clock())
    for number in range(50):
        assert keeper.admit({}, f"name{number}", GOOD) is None
    assert keeper.kept == 1


def test_who_uses_up_the_tries_of_a_name_uses_up_their_own() -> None:
    accounts = accounts_of("anna")
    keeper = Doorkeeper(Clock())
    for number in range(10):
        assert keeper.admit(accounts, "anna", f"wrong {number}", "10.0.0.66") is None
    assert keeper.admit(accounts, "anna", GOOD, "10.0.0.66") is None, "it is not even looked at"
    assert keeper.admit(accounts, "anna", GOOD, "10.0.0.7") is accounts["anna"]


def test_the_tries_of_so_many_addresses_are_kept_and_no_more() -> None:
    keeper = Doorkeeper(Clock(), check=lambda _password, _kept: False)
    for number in range(MOST_KEPT + 100):
        assert keeper.admit({}, "anna", GOOD, f"address {number}") is None
    assert keeper.kept == MOST_KEPT


def test_where_the_work_is_limited_it_is_done_whatever_the_answer() -> None:
    derived: list[str] = []

    def check(password: str, kept: str) -> bool:
        derived.append(password)
        return is_password_good(password, kept)

    accounts = accounts_of("anna")
    even = Doorkeeper(Clock(), is_even=True, check=check)
    for name in ("anna", "nobody"):
        derived.clear()
        for number in range(8):  # five tries, and three beyond
            assert even.admit(accounts, name, f"wrong {number}", "here") is None
        assert len(derived) == 8, name
        assert even.admit(accounts, name, GOOD, "here") is None, "what comes of it is thrown away"
        assert len(derived) == 9, name
    derived.clear()
    spare = Doorkeeper(Clock(), check=check)
    for number in range(8):
        spare.admit(accounts, "anna", f"wrong {number}")
    assert len(derived) == 5, "who cannot limit the work does none where no tries are left"


def test_another_password_is_in_force_at_once() -> None:
    keeper = Doorkeeper(Clock())
    assert keeper.admit(accounts_of("anna"), "anna", GOOD) is not None
    changed = accounts_of("anna", password="another long word")
    assert keeper.admit(changed, "anna", GOOD) is None
    assert keeper.admit(changed, "anna", "another long word") is not None
