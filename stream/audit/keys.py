"""Keys of an audit: secrets that seal its records, and the pair that signs its checkpoints.

Both stand in files that only their owner can read. A sealing key that is replaced stays in its
file, for what it sealed has to be checked for as long as it is kept.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from stream.secret_files import write_secret

SEALING_FILE: Final = "sealing-keys.txt"
SIGNING_FILE: Final = "signing-key.pem"
PUBLIC_FILE: Final = "signing-key.pub.pem"
_KEY_BYTES: Final = 32
_ID_CHARACTERS: Final = 8


class AuditKeyError(ValueError):
    """A key cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True, repr=False)
class SealingKeys:
    """All keys that ever sealed, by their id; the newest seals what comes now."""

    by_id: Mapping[str, bytes]
    newest: str

    @property
    def key(self) -> bytes:
        """The key that seals what comes now."""
        return self.by_id[self.newest]


def make_keys(folder: Path) -> None:
    """Make the sealing key and the signing pair in a folder.

    Raises:
        AuditKeyError: there are keys already; they are never overwritten.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sealing = folder / SEALING_FILE
    if sealing.exists():
        raise AuditKeyError(
            f"{sealing} is there already; without it what it sealed cannot be checked. "
            "Remedy: name another folder, or add a key with `potline audit keys --rotate`"
        )
    pair = Ed25519PrivateKey.generate()
    write_secret(
        folder / SIGNING_FILE,
        pair.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    (folder / PUBLIC_FILE).write_bytes(
        pair.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    # The last, for it is what says that there are keys: a crash before it leaves a folder to begin
    # again in.
    write_secret(folder / SEALING_FILE, _new_line())


def rotate_sealing_key(folder: Path) -> str:
    """Add a new sealing key, which seals from the next start on; return its id.

    Raises:
        AuditKeyError: there is no usable file of keys.
    """
    path = folder / SEALING_FILE
    read_sealing_keys(path)
    write_secret(path, path.read_bytes().rstrip(b"\n") + b"\n" + _new_line())
    return read_sealing_keys(path).newest


def read_sealing_keys(path: Path) -> SealingKeys:
    """Return the keys in a file, one a line as `<id> <64 hex>`, the newest last.

    Raises:
        AuditKeyError: it cannot be read, others can read it, or a line is no key.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(_read_secret(path).splitlines(), start=1):
        name, _, digits = line.partition(b" ")
        try:
            key = bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES or name != _id_of(key):
            raise AuditKeyError(
                f"{path}, line {number} is no sealing key. Remedy: put the file back from a backup"
            )
        keys[name.decode("ascii")] = key
    if not keys:
        raise AuditKeyError(f"{path} has no key in it. Remedy: put the file back from a backup")
    return SealingKeys(keys, list(keys)[-1])


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key that signs checkpoints.

    Raises:
        AuditKeyError: it cannot be read, others can read it, or it is no Ed25519 key.
    """
    try:
        key = serialization.load_pem_private_key(_read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise AuditKeyError(f"{path} is no private key: {exc}. Remedy: name the PEM file") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditKeyError(f"{path} is no Ed25519 key. Remedy: make one with `potline audit keys`")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Return the key that checks signatures.

    Raises:
        AuditKeyError: it cannot be read or is no Ed25519 public key.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as exc:
        raise AuditKeyError(
            f"{path} cannot be read: {exc.strerror}. Remedy: correct the path"
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise AuditKeyError(f"{path} is no public key: {exc}. Remedy: name the PEM file") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise AuditKeyError(f"{path} is no Ed25519 public key. Remedy: name {PUBLIC_FILE}")
    return key


def is_signature_good(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    """Whether the signature over these bytes was made by the owner of the pair."""
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(key).hexdigest()[:_ID_CHARACTERS].encode("ascii")


def _new_line() -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    return _id_of(key) + b" " + key.hex().encode("ascii") + b"\n"


def _read_secret(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as exc:
        raise AuditKeyError(
            f"{path} cannot be read: {exc.strerror}. Remedy: make keys with `potline audit keys`, "
            "or correct the path"
        ) from exc
    if mode & 0o077:
        raise AuditKeyError(f"{path} can be read by others. Remedy: chmod 600 {path}")
    return content
