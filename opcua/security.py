"""Signed and encrypted connections, on both sides: policies, trust, identity.

Both sides ask for everything: the peer's certificate is in its time, names the peer's application,
is meant for its use, was signed by an authority that is trusted here, and is not revoked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from asyncua import Client, Server, ua
from asyncua.crypto import security_policies
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.uacrypto import CertProperties
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from opcua.accounts import Accounts
from opcua.certificates import (
    ACCOUNTS_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    PASSWORD_FILE,
    SERVER,
    TRUSTED_FOLDER,
    CertificateError,
    read_certificate,
)
from stream.accounts import read_accounts

REVOKED_FOLDER: Final = "revoked"  # lists of revoked certificates, where there are any


class Policy(StrEnum):
    """How messages are signed and encrypted; older policies are not offered."""

    AES256 = "Aes256Sha256RsaPss"
    BASIC256 = "Basic256Sha256"


_CLIENT_POLICY: Final = {
    Policy.AES256: security_policies.SecurityPolicyAes256Sha256RsaPss,
    Policy.BASIC256: security_policies.SecurityPolicyBasic256Sha256,
}
_SERVER_POLICY: Final = {
    Policy.AES256: ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    Policy.BASIC256: ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
}


@dataclass(frozen=True, slots=True)
class ClientSecurity:
    """How one process connects.

    Attributes:
        policy: asked for.
        home: folder with its certificate, its key and its password.
        trusted: folder of the authorities that it trusts.
        server_certificate: the one server that is taken; None takes any that an authority vouches
            for. Without it the server's certificate is asked for in plain text, and then checked.
        user: at the server.
    """

    policy: Policy
    home: Path
    trusted: Path
    user: str
    server_certificate: Path | None = None


def client_security(folder: Path, name: str, policy: Policy) -> ClientSecurity:
    """Return how a process connects that has its certificate in a folder of `potline certs`."""
    pinned = folder / SERVER / CERTIFICATE_FILE
    return ClientSecurity(
        policy, folder / name, folder / TRUSTED_FOLDER, name, pinned if pinned.exists() else None
    )


async def secure_client(client: Client, security: ClientSecurity) -> None:
    """Let a client connect signed, encrypted and with its name; call it before `connect`.

    Raises:
        CertificateError: a file is missing or cannot be read.
        OSError, ua.UaError: the server could not be asked for its certificate.
    """
    own = security.home / CERTIFICATE_FILE
    client.application_uri = _uri_of(read_certificate(own), own)
    try:
        password = (security.home / PASSWORD_FILE).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise CertificateError(
            f"{security.home / PASSWORD_FILE} cannot be read: {exc.strerror}. Remedy: run `potline "
            "certs`, or put the password of this process there"
        ) from exc
    pinned = security.server_certificate
    await client.set_security(
        _CLIENT_POLICY[security.policy],
        certificate=CertProperties(own),
        private_key=CertProperties(security.home / KEY_FILE),
        server_certificate=None if pinned is None else CertProperties(pinned),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    client.set_user(security.user)
    client.set_password(password)
    client.certificate_validator = await _validator(
        security.trusted, CertificateValidatorOptions.PEER_SERVER
    )


async def secure_server(
    server: Server,
    folder: Path,
    name: str = SERVER,
    accounts_file: str = ACCOUNTS_FILE,
    remedy: str = "run `potline certs`",
) -> Accounts:
    """Let a server take only who is trusted and has an account; call it before it starts.

    Args:
        folder: as `potline certs` made it.
        name: of the server, which is its folder among the certificates.
        accounts_file: in that folder, of who may come.
        remedy: where that file cannot be used.

    Returns:
        The accounts, which the server asks.

    Raises:
        CertificateError, AccountError: a file is missing or cannot be read.
    """
    own = folder / name / CERTIFICATE_FILE
    await server.set_application_uri(_uri_of(read_certificate(own), own))
    await server.load_certificate(own)
    await server.load_private_key(folder / name / KEY_FILE)
    server.set_security_policy(list(_SERVER_POLICY.values()))
    server.set_identity_tokens([ua.UserNameIdentityToken])
    store = _trust_store(folder / TRUSTED_FOLDER)
    await store.load()
    options = CertificateValidatorOptions.TRUSTED_VALIDATION
    server.set_certificate_validator(
        CertificateValidator(options | CertificateValidatorOptions.PEER_CLIENT, store)
    )

    def vouch(certificate: Any, application: str) -> bool:
        return is_client_trusted(certificate, application, store, datetime.now(UTC))

    accounts = Accounts(read_accounts(folder / accounts_file, remedy), vouch)
    server.iserver.user_manager = accounts
    return accounts


def is_client_trusted(
    certificate: bytes | x509.Certificate | None,
    application: str,
    store: TrustStore,
    now: datetime,
) -> bool:
    """Whether the certificate that a connection was made with is a trusted client's.

    Args:
        certificate: of the connection, DER or read; None where it is plain.
        application: URI that it must name; "" for any.
        store: of trusted authorities, loaded.
        now: wall time, UTC.
    """
    if certificate is None:
        return False
    try:
        if isinstance(certificate, bytes):
            certificate = x509.load_der_x509_certificate(certificate)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return False
        extensions = certificate.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return (
        (not application or application in uris)
        and ExtendedKeyUsageOID.CLIENT_AUTH in usage
        and bool(store.is_trusted(certificate))
        and not store.is_revoked(certificate)
    )


async def _validator(trusted: Path, peer: CertificateValidatorOptions) -> CertificateValidator:
    """Return what checks the other side's certificate, by everything there is to check."""
    store = _trust_store(trusted)
    await store.load()
    return CertificateValidator(CertificateValidatorOptions.TRUSTED_VALIDATION | peer, store)


def _trust_store(trusted: Path) -> TrustStore:
    if not trusted.is_dir():
        raise CertificateError(f"{trusted} is no folder. Remedy: make it with `potline certs`")
    revoked = trusted.parent / REVOKED_FOLDER
    return TrustStore([trusted], [revoked] if revoked.is_dir() else [])


def _uri_of(certificate: x509.Certificate, path: Path) -> str:
    """Return the application URI that a certificate names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as exc:
        raise CertificateError(f"{path} names no application. Remedy: run `potline certs`") from exc
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if not uris:
        raise CertificateError(f"{path} names no application. Remedy: run `potline certs`")
    return str(uris[0])
