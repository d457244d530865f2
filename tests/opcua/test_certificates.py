"""Certificates and accounts: made, renewed, kept as hashes, refused where they cannot be used."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import BasicConstraints

from opcua.accounts import Accounts, PlantUser
from opcua.certificates import (
    ACCOUNTS_FILE,
    CertificateError,
    application_uri,
    expiries,
    make_certificates,
    read_certificate,
)
from stream.accounts import (
    Account,
    AccountError,
    Role,
    hash_password,
    is_password_good,
    keep_person,
    read_accounts,
)

HOSTS = ["localhost", "127.0.0.1"]


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    make_certificates(folder, HOSTS, key_bits=2048)
    return folder


def test_certificates_are_for_their_process_and_renewed_in_time(folder: Path) -> None:
    now = datetime.now(UTC)
    found = {expiry.name: expiry for expiry in expiries(folder, now)}
    assert set(found) == {"authority", "scada", "front", "gateway", "guard", "doctor"}
    assert not any(expiry.is_due for expiry in found.values())
    later = {expiry.name: expiry for expiry in expiries(folder, now + timedelta(days=280))}
    assert later["guard"].is_due
    assert not later["authority"].is_due
    for name in ("authority", "guard"):
        assert (folder / name / "key.pem").stat().st_mode & 0o077 == 0
    authority = read_certificate(folder / "authority" / "certificate.pem")
    assert authority.extensions.get_extension_for_class(BasicConstraints).value.ca


def test_made_again_the_authority_stays_and_the_rest_is_new(tmp_path: Path) -> None:
    make_certificates(tmp_path, HOSTS, key_bits=2048)
    authority = read_certificate(tmp_path / "authority" / "certificate.pem")
    guard = read_certificate(tmp_path / "guard" / "certificate.pem")
    password = (tmp_path / "guard" / "password").read_text()
    make_certificates(tmp_path, HOSTS, key_bits=2048)
    assert read_certificate(tmp_path / "authority" / "certificate.pem") == authority
    assert read_certificate(tmp_path / "guard" / "certificate.pem") != guard
    assert (tmp_path / "guard" / "password").read_text() != password
    assert password not in (tmp_path / ACCOUNTS_FILE).read_text()
    with pytest.raises(CertificateError, match="too few"):
        make_certificates(tmp_path, HOSTS, key_bits=1024)


def test_passwords_are_kept_as_hashes_and_guessing_is_slow() -> None:
    now_s = 0.0
    accounts = Accounts(
        {"anna": Account("anna", Role.OPERATOR, hash_password("secret"))},
        monotonic_s=lambda: now_s,
    )
    user = accounts.get_user(None, "anna", "secret")
    assert isinstance(user, PlantUser)
    assert user.plant_role is Role.OPERATOR
    assert all(accounts.get_user(None, "anna", f"guess {n}") is None for n in range(20))
    assert accounts.get_user(None, "anna", "secret") is not None, "who is known comes in at once"
    assert accounts.refused == 20
    for name, password in (("nobody", "secret"), ("anna", None), (None, None)):
        assert accounts.get_user(None, name, password) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[account]]\nname = 'a'",
        "no toml",
        "[[account]]\nname='a'\nrole='King'",
        "[[account]]\nname='a'\nrole='Operator'\npassword_hash='secret'",
    ],
)
def test_a_file_of_accounts_that_cannot_be_used_says_so(text: str, tmp_path: Path) -> None:
    (tmp_path / ACCOUNTS_FILE).write_text(text)
    with pytest.raises(AccountError, match="Remedy: run `potline certs`"):
        read_accounts(tmp_path / ACCOUNTS_FILE)


@pytest.mark.parametrize(
    ("name", "password", "remedy"),
    [
        ("optimiser", "a long enough word", "cannot be a person's name"),
        ('anna"', "a long enough word", "cannot be a person's name"),
        ("anna", "short", "12 or more"),
    ],
)
def test_a_person_has_a_name_and_a_password_that_can_be_used(
    tmp_path: Path, name: str, password: str, remedy: str
) -> None:
    with pytest.raises(AccountError, match=remedy):
        keep_person(tmp_path / "people.toml", name, Role.OPERATOR, password)
    assert not (tmp_path / "people.toml").exists()


def test_an_optimiser_from_outside_may_be_bound_to_its_program(tmp_path: Path) -> None:
    path = tmp_path / "people.toml"
    keep_person(path, "hal", Role.OPTIMISER, "a long enough word", application_uri("hal"))
    kept = read_accounts(path)["hal"]
    assert (kept.role, kept.application) == (Role.OPTIMISER, "urn:potline:hal")


def test_people_stay_when_another_comes_or_certificates_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "people.toml"
    keep_person(path, "anna", Role.OPERATOR, "a long enough word")
    keep_person(path, "bert", Role.ENGINEER, "a long enough word")
    keep_person(path, "anna", Role.SUPERVISOR, "another long word")
    make_certificates(tmp_path, ["localhost"], key_bits=2048, applications=["hmi"])
    people = read_accounts(path)
    assert {name: one.role for name, one in people.items()} == {
        "anna": Role.SUPERVISOR,
        "bert": Role.ENGINEER,
    }
    assert is_password_good("another long word", people["anna"].password_hash)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["guard", "trusted", "../x", "HMI"])
def test_an_application_has_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(CertificateError, match="cannot name an application"):
        make_certificates(tmp_path / "certs", ["localhost"], key_bits=2048, applications=[name])
    assert not (tmp_path / "certs").exists()
