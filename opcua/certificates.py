"""Certificates of the edge: an authority of its own, and one certificate for each process.

FOLDER/authority/{certificate.pem, key.pem}     signs; keep its key away from the machines
FOLDER/trusted/authority.pem                    what every process trusts
FOLDER/<name>/{certificate.pem, key.pem}        of one process
FOLDER/<name>/password                          with which it says who it is
FOLDER/accounts.toml                            what the server knows of them: hashes only
FOLDER/people.toml                              who may come to the front, likewise
"""

import ipaddress
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stream.accounts import Account, Role, hash_password, write_accounts
from stream.secret_files import write_secret

CERTIFICATE_FILE: Final = "certificate.pem"
KEY_FILE: Final = "key.pem"
PASSWORD_FILE: Final = "password"  # noqa: S105 - the name of a file
ACCOUNTS_FILE: Final = "accounts.toml"
TRUSTED_FOLDER: Final = "trusted"
AUTHORITY_FOLDER: Final = "authority"
SERVER: Final = "scada"
FRONT: Final = "front"
# The processes that connect, and who they are at the server: the gateway cannot write.
CLIENTS: Final[Mapping[str, Role]] = {
    "gateway": Role.OBSERVER,
    "guard": Role.OPTIMISER,
    "doctor": Role.OBSERVER,
}
_SERVERS: Final = (SERVER, FRONT)
DAYS: Final = 365
RENEW_AT: Final = 0.75  # of a certificate's life
_KEY_BITS: Final = 3072
_APPLICATION: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_AUTHORITY_DAYS: Final = 3650


class CertificateError(ValueError):
    """A certificate cannot be made or used; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long a certificate is good for."""

    name: str
    not_after: datetime
    is_due: bool  # it is time to renew it


def application_uri(name: str) -> str:
    """Return the application URI of a process, as its certificate names it."""
    return f"urn:potline:{name}"


def make_certificates(
    folder: Path,
    hosts: Sequence[str],
    days: int = DAYS,
    key_bits: int = _KEY_BITS,
    applications: Sequence[str] = (),
) -> list[Path]:
    """Make an authority where there is none, and anew what the processes need.

    Args:
        folder: for all of it.
        hosts: names and addresses of the machines, for the certificates.
        days: that certificates of processes are good for.
        key_bits: of the RSA keys, at least 2048.
        applications: with which people come to the front; each gets a certificate.

    Returns:
        The certificates.

    Raises:
        CertificateError: the authority that is there cannot be read, keys are too short, or an
            application has a name that cannot be.
        OSError: the folder cannot be written.
    """
    if key_bits < 2048:
        raise CertificateError(f"{key_bits} bits are too few for RSA. Remedy: 2048 or more")
    taken = {*_SERVERS, *CLIENTS, AUTHORITY_FOLDER, TRUSTED_FOLDER, "revoked"}
    for name in applications:
        if _APPLICATION.fullmatch(name) is None or name in taken:
            raise CertificateError(
                f"{name!r} cannot name an application. Remedy: small letters, digits and -, begun "
                f"with a letter, and none of {', '.join(sorted(taken))}"
            )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority, authority_key = _authority(folder / AUTHORITY_FOLDER, key_bits)
    trusted = folder / TRUSTED_FOLDER
    trusted.mkdir(exist_ok=True)
    (trusted / "authority.pem").write_bytes(_pem(authority))
    made = []
    for name in (*_SERVERS, *CLIENTS, *applications):
        home = folder / name
        home.mkdir(exist_ok=True, mode=0o700)
        key = rsa.generate_private_key(65537, key_bits)
        certificate = _certificate(name, key, hosts, days, authority, authority_key)
        write_secret(home / KEY_FILE, _key_pem(key))
        (home / CERTIFICATE_FILE).write_bytes(_pem(certificate))
        made.append(home / CERTIFICATE_FILE)
    accounts = []
    for name, role in CLIENTS.items():
        password = secrets.token_urlsafe(24)
        write_secret(folder / name / PASSWORD_FILE, password.encode())
        accounts.append(Account(name, role, hash_password(password), application_uri(name)))
    write_accounts(folder / ACCOUNTS_FILE, accounts)
    return made


def read_certificate(path: Path) -> x509.Certificate:
    """Return a certificate in PEM form.

    Raises:
        CertificateError: it cannot be read.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise CertificateError(
            f"{path} cannot be read: {exc}. Remedy: make certificates with `potline certs`"
        ) from exc


def expiries(folder: Path, now: datetime) -> list[Expiry]:
    """Return how long each certificate in a folder is good for, the first to end first.

    Raises:
        CertificateError: there are none, or one cannot be read.
    """
    paths = sorted(folder.glob(f"*/{CERTIFICATE_FILE}"))
    if not paths:
        raise CertificateError(
            f"there are no certificates in {folder}. Remedy: make them with `potline certs`"
        )
    return sorted(_expiries(paths, now), key=lambda expiry: expiry.not_after)


def _expiries(paths: Iterable[Path], now: datetime) -> Iterable[Expiry]:
    for path in paths:
        certificate = read_certificate(path)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        yield Expiry(path.parent.name, end, now >= begin + RENEW_AT * (end - begin))


def _authority(home: Path, key_bits: int) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Return the authority in a folder, made there where there is none."""
    if (home / CERTIFICATE_FILE).exists():
        certificate = read_certificate(home / CERTIFICATE_FILE)
        try:
            kept = serialization.load_pem_private_key((home / KEY_FILE).read_bytes(), None)
        except (OSError, ValueError, TypeError) as exc:
            raise CertificateError(
                f"{home / KEY_FILE} cannot be read: {exc}. Remedy: bring the authority's key, or "
                "begin in another folder"
            ) from exc
        if not isinstance(kept, rsa.RSAPrivateKey):
            raise CertificateError(f"{home / KEY_FILE} is no RSA key. Remedy: begin elsewhere")
        return certificate, kept
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = rsa.generate_private_key(65537, key_bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "potline authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_secret(home / KEY_FILE, _key_pem(key))
    (home / CERTIFICATE_FILE).write_bytes(_pem(certificate))
    return certificate, key


def _certificate(
    name: str,
    key: rsa.RSAPrivateKey,
    hosts: Sequence[str],
    days: int,
    authority: x509.Certificate,
    authority_key: rsa.RSAPrivateKey,
) -> x509.Certificate:
    """Return the certificate of one process, as OPC 10000-6 wants it."""
    now = datetime.now(UTC)
    is_server = name in _SERVERS
    usage = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application_uri(name))]
    names += [_host(host) for host in hosts]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"potline {name}")])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not is_authority,
        key_encipherment=not is_authority,
        data_encipherment=not is_authority,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
