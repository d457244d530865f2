"""One link of the chain: an entry, numbered, tied to the one before, and sealed. Pure.

A line of an audit file is `{"seal":"<64 hex>","record":{...}}`. The seal is HMAC-SHA-256 over the
bytes of the record, as they stand in the line, so no form of JSON has to be agreed on. The record
names the seal of the record before: whoever changes, removes or moves a line breaks the tie to the
next one, and cannot mend it without the key. What is cut off at the end shows only beside a
checkpoint that was kept elsewhere (`stream.audit.checkpoint`).
"""

import hashlib
import hmac
from typing import Final

import msgspec

AUDIT_VERSION: Final = 1
FIRST_PREVIOUS: Final = "0" * 64  # what the first record of a chain names as the seal before it
OPENED: Final = "audit_opened"  # the action of the first record of every life of a writer
RETIRED: Final = (
    "retired"  # the action of a record that says through which number records were removed
)
LONGEST_LINE: Final = 65_536
_LONGEST_ENTRY: Final = LONGEST_LINE - 2048  # what its place in the chain adds takes less
_OPENING: Final = b'{"seal":"'
_BETWEEN: Final = b'","record":'
_CLOSING: Final = b"}\n"
_SEAL_CHARACTERS: Final = 64
_BODY_AT: Final = len(_OPENING) + _SEAL_CHARACTERS + len(_BETWEEN)


class AuditLineError(ValueError):
    """A line is no line of an audit; the message says why."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, as its witness tells it.

    Attributes:
        action: what was done or is about to be, `setpoint_intent` for instance.
        actor, role: the person or program behind it.
        target: what it was done to, `C017/feed_rate_kg_per_h` for instance.
        old, asked, applied: before, as asked, and after the interlock, in the unit of the target.
        reason: an operator's sentence.
        request_id: what ties an intent to its result, and both to a proposal or a command.
        result: how it ended; "" for what has not ended yet.
    """

    action: str
    actor: str
    role: str = ""
    target: str = ""
    old: float | str | None = None
    asked: float | str | None = None
    applied: float | str | None = None
    reason: str = ""
    request_id: str = ""
    result: str = ""


class AuditRecord(AuditEntry, frozen=True, kw_only=True):
    """An entry in its place in the chain.

    Attributes:
        chain: which chain, made at random when it begins.
        seq: 1 for its first record, then one more each.
        previous: seal of the record before.
        key_id: which key sealed it.
        t_utc_ns: wall time; `t_monotonic_ns`: the machine's clock that nobody sets.
        config_hash: of the plant file in force.
    """

    chain: str
    seq: int
    previous: str
    key_id: str
    t_utc_ns: int
    t_monotonic_ns: int
    config_hash: str
    version: int = AUDIT_VERSION


class SealedRecord(msgspec.Struct, frozen=True):
    """A record with its seal, and the bytes that the seal is over."""

    record: AuditRecord
    seal: str
    body: bytes


def unfit(entry: AuditEntry) -> str:
    """Return why an entry cannot become a record; "" where it can."""
    for name in ("old", "asked", "applied"):
        value = getattr(entry, name)
        if isinstance(value, float) and value - value != 0.0:
            return f"{name} is {value}, which is no number in JSON; give it as text"
    size = len(msgspec.json.encode(entry))
    return "" if size <= _LONGEST_ENTRY else f"it takes {size} bytes; shorten its texts"


def seal_record(record: AuditRecord, key: bytes) -> SealedRecord:
    """Return the record with its seal.

    Raises:
        ValueError: it is of an entry that cannot become one, see `unfit`.
    """
    if reason := unfit(record):
        raise ValueError(reason)
    body = msgspec.json.encode(record)
    return SealedRecord(record, _seal(body, key), body)


def is_seal_good(sealed: SealedRecord, key: bytes) -> bool:
    """Whether the seal is the one that this key makes over these bytes."""
    return hmac.compare_digest(sealed.seal, _seal(sealed.body, key))


def to_line(sealed: SealedRecord) -> bytes:
    """Return the line of a file, its end included."""
    return b"".join((_OPENING, sealed.seal.encode("ascii"), _BETWEEN, sealed.body, _CLOSING))


def from_line(line: bytes) -> SealedRecord:
    """Return what a line holds; its seal is not checked.

    Raises:
        AuditLineError: it is no whole line of an audit of this version.
    """
    seal = line[len(_OPENING) : len(_OPENING) + _SEAL_CHARACTERS]
    is_framed = (
        line.startswith(_OPENING)
        and line.endswith(_CLOSING)
        and line[_BODY_AT - len(_BETWEEN) : _BODY_AT] == _BETWEEN
        and all(character in b"0123456789abcdef" for character in seal)
    )
    if not is_framed:
        raise AuditLineError("it does not have the form of an audit line")
    body = line[_BODY_AT : -len(_CLOSING)]
    try:
        record = msgspec.json.decode(body, type=AuditRecord)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as exc:
        raise AuditLineError(f"its record cannot be read: {exc}") from exc
    if record.version != AUDIT_VERSION:
        raise AuditLineError(
            f"its record is of version {record.version}; this program reads {AUDIT_VERSION}"
        )
    return SealedRecord(record, seal.decode("ascii"), body)


def _seal(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()
