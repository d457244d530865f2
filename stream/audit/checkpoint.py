"""Checkpoints: how far a chain had come at a moment, signed, and kept somewhere else. Pure.

A chain alone does not show that its end was cut off. A checkpoint that was shipped to another place
does; its signature is checked with a public key, which gives nobody the means to make one.
"""

from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from stream.audit.keys import is_signature_good
from stream.records import AuditCheckpoint

EVERY_RECORDS: Final = 1000
EVERY_S: Final = 60.0


def sign_checkpoint(checkpoint: AuditCheckpoint, key: Ed25519PrivateKey) -> AuditCheckpoint:
    """Return the checkpoint with its signature."""
    signature = key.sign(_signed_bytes(checkpoint)).hex()
    return msgspec.structs.replace(checkpoint, signature=signature)


def is_signed(checkpoint: AuditCheckpoint, key: Ed25519PublicKey) -> bool:
    """Whether the owner of the pair signed exactly this."""
    try:
        signature = bytes.fromhex(checkpoint.signature)
    except ValueError:
        return False
    return is_signature_good(key, signature, _signed_bytes(checkpoint))


def is_due(seq: int, now_s: float, last_seq: int, last_s: float) -> bool:
    """Whether a checkpoint is to be made: there are new records, and enough of them or of time.

    Args:
        seq: of the newest record; `now_s`: monotonic.
        last_seq, last_s: of the checkpoint before.
    """
    return seq - last_seq >= EVERY_RECORDS or (seq > last_seq and now_s - last_s >= EVERY_S)


def _signed_bytes(checkpoint: AuditCheckpoint) -> bytes:
    unsigned = msgspec.structs.replace(checkpoint, signature="")
    return b"potline audit checkpoint\n" + msgspec.json.encode(unsigned, order="sorted")
