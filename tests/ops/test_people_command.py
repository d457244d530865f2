"""`potline people`: who is given an account, who is shown, whose is taken away."""

from pathlib import Path

from typer.testing import CliRunner, Result

from ops.cli import app
from ops.mistakes import OperationError
from stream.accounts import PEOPLE_FILE, read_accounts

GOOD = "a long enough word"


def people(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["people", str(folder), *words], input=f"{GOOD}\n{GOOD}\n")


def test_an_account_is_given_shown_and_taken_away(tmp_path: Path) -> None:
    for name in ("anna", "bert"):
        assert people(tmp_path, name, "--role", "Operator").exit_code == 0
    assert people(tmp_path).output.split() == ["anna", "Operator", "bert", "Operator"]
    gone = people(tmp_path, "anna", "--remove")
    assert "anna has no account any more" in gone.output
    assert "Nobody has one now" not in gone.output
    assert set(read_accounts(tmp_path / PEOPLE_FILE)) == {"bert"}
    assert "Nobody has one now." in people(tmp_path, "bert", "--remove").output
    assert not (tmp_path / PEOPLE_FILE).exists()


def test_whose_account_cannot_be_taken_away_is_said(tmp_path: Path) -> None:
    people(tmp_path, "anna")
    for words, sentence in (
        (("carla", "--remove"), "names no 'carla'. Remedy: one of anna"),
        (("--remove",), "nobody is named. Remedy"),
    ):
        error = people(tmp_path, *words).exception
        assert isinstance(error, OperationError)
        assert sentence in str(error)
    assert set(read_accounts(tmp_path / PEOPLE_FILE)) == {"anna"}
