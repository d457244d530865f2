"""What a server that is not ours needs to trust our processes, and they to trust it."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from opcua.certificates import application_uri, read_certificate
from opcua.link import Link, open_link
from opcua.security import Policy, client_security
from tests.opcua.hostile import authority_key


def authority(folder: Path) -> dict[str, str]:
    """The authority of a folder and its list of revoked certificates, DER in base64."""
    certificate = read_certificate(folder / "authority" / "certificate.pem")
    now = datetime.now(UTC)
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(now - timedelta(minutes=5))
        .next_update(now + timedelta(days=1))
        .sign(authority_key(folder), hashes.SHA256())
    )
    encoded = (certificate.public_bytes(Encoding.DER), revoked.public_bytes(Encoding.DER))
    return dict(
        zip(("authority", "revoked"), (b64encode(der).decode() for der in encoded), strict=True)
    )


def opener(folder: Path, name: str, policy: Policy) -> Callable[[str], Awaitable[Link]]:
    return partial(open_link, security=client_security(folder, name, policy))


def server_security(folder: Path) -> dict[str, Any]:
    """What such a server is told: its certificate, whom it trusts, and who may come."""
    return {
        "certificate": str(folder / "scada" / "certificate.pem"),
        "key": str(folder / "scada" / "key.pem"),
        "uri": application_uri("scada"),
        **authority(folder),
        "users": {name: (folder / name / "password").read_text() for name in ("guard", "gateway")},
    }
