"""What a hostile client brings: certificates that are wrong in one way each, and bytes."""

import random
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from opcua.certificates import application_uri, read_certificate

_BITS = 2048


def authority_key(folder: Path) -> rsa.RSAPrivateKey:
    """The key of the authority of a folder of certificates."""
    key = serialization.load_pem_private_key((folder / "authority" / "key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def write_identity(
    home: Path,
    folder: Path,
    *,
    uri: str = application_uri("guard"),
    begins_days: float = -1.0,
    ends_days: float = 1.0,
    usage: bool = True,
    extended: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CLIENT_AUTH,
    is_self_signed: bool = False,
    signed_by: Path | None = None,
    other_key: bool = False,
) -> None:
    """Write certificate, key and the guard's password into a folder, wrong as it is told to be."""
    home.mkdir(exist_ok=True)
    key = rsa.generate_private_key(65537, _BITS)
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "potline guard")])
    authority = read_certificate((signed_by or folder) / "authority" / "certificate.pem")
    signing = key if is_self_signed else authority_key(signed_by or folder)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if is_self_signed else authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins_days))
        .not_valid_after(now + timedelta(days=ends_days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(
        x509.KeyUsage(
            digital_signature=True,
            content_commitment=usage,
            key_encipherment=usage,
            data_encipherment=usage,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    if extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([extended]), critical=False)
    certificate = builder.sign(signing, hashes.SHA256())
    (home / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    shown = rsa.generate_private_key(65537, _BITS) if other_key else key
    (home / "key.pem").write_bytes(
        shown.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (home / "password").write_bytes((folder / "guard" / "password").read_bytes())


BAD_IDENTITIES: dict[str, Callable[[Path, Path, Path], None]] = {
    "expired": lambda home, ours, _: write_identity(home, ours, begins_days=-9, ends_days=-1),
    "not valid yet": lambda home, ours, _: write_identity(home, ours, begins_days=1, ends_days=9),
    "of another authority": lambda home, ours, other: write_identity(home, ours, signed_by=other),
    "self-signed": lambda home, ours, _: write_identity(home, ours, is_self_signed=True),
    "no key usage": lambda home, ours, _: write_identity(home, ours, usage=False),
    "for a server": lambda home, ours, _: write_identity(
        home, ours, extended=ExtendedKeyUsageOID.SERVER_AUTH
    ),
    "for nothing": lambda home, ours, _: write_identity(home, ours, extended=None),
    "of another application": lambda home, ours, _: write_identity(home, ours, uri="urn:thief"),
    "not its own key": lambda home, ours, _: write_identity(home, ours, other_key=True),
    "of another authority, self-signed": lambda home, ours, other: write_identity(
        home, ours, signed_by=other, is_self_signed=True
    ),
}


def bad_messages(count: int, seed: int) -> list[bytes]:
    """Messages that no client would send: noise, wrong lengths, headers alone, far too much."""
    draw = random.Random(seed)
    kinds: list[Callable[[], bytes]] = [
        lambda: draw.randbytes(draw.randrange(1, 400)),
        lambda: b"HELF" + struct.pack("<I", draw.choice((0, 7, 8, 2**31, 2**32 - 1))),
        lambda: b"HELF" + struct.pack("<IIIIIII", 32, 0, 1, 1, 0, 0, 2**31),
        lambda: b"OPNF" + struct.pack("<I", 200) + draw.randbytes(192),
        lambda: b"MSGF" + struct.pack("<I", 64) + draw.randbytes(56),
        lambda: b"CLOF" + struct.pack("<I", 24) + draw.randbytes(16),
        lambda: b"MSGC" + struct.pack("<I", 2**24) + draw.randbytes(4096),
        lambda: b"GET / HTTP/1.1\r\nHost: plant\r\n\r\n",
        lambda: _hello() + b"OPNF" + struct.pack("<I", 132) + draw.randbytes(124),
        lambda: _hello() + b"MSGF" + struct.pack("<I", 2**31 - 1) + draw.randbytes(64),
    ]
    return [kinds[number % len(kinds)]() for number in range(count)]


def _hello() -> bytes:
    """A hello as a client sends it."""
    url = b"opc.tcp://127.0.0.1:4840"
    body = struct.pack("<IIIII", 0, 65_535, 65_535, 0, 0) + struct.pack("<i", len(url)) + url
    return b"HELF" + struct.pack("<I", len(body) + 8) + body
