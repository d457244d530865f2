"""The file of accounts: what in it cannot be used, and who is taken out of it."""

from pathlib import Path

import pytest

from stream.accounts import (
    PEOPLE_FILE,
    AccountError,
    Role,
    keep_person,
    read_accounts,
    remove_person,
)

GOOD = "a long enough word"
HASH = f"scrypt${'0' * 32}${'0' * 128}"


def row(**changes: str) -> str:
    """One account as TOML, with some of its lines as they are given."""
    lines = {"name": '"anna"', "role": '"Operator"', "password_hash": f'"{HASH}"'} | changes
    return "[[account]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())


BROKEN = {
    "a name that is a number": row(name="7"),
    "a role that is a list": row(role='["Operator"]'),
    "a role that there is not": row(role='"King"'),
    "a hash that is a number": row(password_hash="12"),
    "a hash that is none": row(password_hash='"scrypt"'),
    "an application that is a number": row(application="5"),
    "an application that is a list": row(application='["urn:hmi"]'),
    "a line that is missing": '[[account]]\nname = "anna"',
    "accounts that are a number": "account = 5",
    "accounts that are words": 'account = ["anna"]',
    "one account that is no list": row().replace("[[account]]", "[account]"),
    "no TOML": "[[account",
    "deeper than anybody writes": "account = " + "[" * 5000,
    "nobody": "",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_broken_anywhere_lets_nobody_in(tmp_path: Path, content: str) -> None:
    path = tmp_path / PEOPLE_FILE
    path.write_text(content)
    with pytest.raises(AccountError, match="Remedy"):
        read_accounts(path)


def test_a_whole_row_is_an_account(tmp_path: Path) -> None:
    path = tmp_path / PEOPLE_FILE
    path.write_text(row())
    account = read_accounts(path)["anna"]
    assert (account.role, account.application) == (Role.OPERATOR, "")


def test_a_person_is_taken_out_and_with_the_last_one_the_file(tmp_path: Path) -> None:
    path = tmp_path / PEOPLE_FILE
    for name in ("anna", "bert"):
        keep_person(path, name, Role.OPERATOR, GOOD)
    with pytest.raises(AccountError, match=r"names no 'carla'.*anna, bert"):
        remove_person(path, "carla")
    assert remove_person(path, "anna") == 1
    assert set(read_accounts(path)) == {"bert"}
    assert remove_person(path, "bert") == 0
    assert not path.exists()
    keep_person(path, "anna", Role.OPERATOR, GOOD)
    assert set(read_accounts(path)) == {"anna"}
