"""Finds what was done to a chain: altered, missing, moved, repeated and cut-off records. Pure.

It reads lines one by one and never holds them, so years of them can be verified.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from stream.audit.chain import (
    FIRST_PREVIOUS,
    RETIRED,
    AuditLineError,
    AuditRecord,
    SealedRecord,
    from_line,
    is_seal_good,
)
from stream.audit.checkpoint import is_signed
from stream.records import AuditCheckpoint

_MOST_FINDINGS: Final = 1000  # beyond, they are only counted


class Finding(StrEnum):
    """What was found wrong."""

    UNREADABLE = "unreadable"  # a line is no line of an audit
    ALTERED = "altered"  # its seal is not that of its bytes
    UNKNOWN_KEY = "unknown_key"  # it cannot be checked
    MISSING = "missing"  # numbers are left out
    REORDERED = "reordered"  # it stands after one with a higher number
    REPEATED = "repeated"  # its number was there before
    FOREIGN = "foreign"  # it is well sealed, but follows another record than the one before it
    TRUNCATED = "truncated"  # a checkpoint has seen more records than there are
    REWRITTEN = "rewritten"  # a checkpoint has seen another record under this number
    REPLACED = "replaced"  # a checkpoint has seen another chain, which is not here


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: what, where, and in words."""

    finding: Finding
    place: str  # file and line, or the checkpoint
    sentence: str


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line and where it stands."""

    place: str
    content: bytes


@dataclass(slots=True)
class Verification:
    """What came of it.

    Attributes:
        records: lines that could be read.
        first_seq, last_seq: lowest and highest number; 0 where there is none.
        faults: what was found, at most the first thousand; `fault_count`: all.
        checkpoints: that were compared with a record; `unsigned`: those that nobody with the key
            signed, which prove nothing.
    """

    records: int = 0
    first_seq: int = 0
    last_seq: int = 0
    first_utc_ns: int = 0
    last_utc_ns: int = 0
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    checkpoints: int = 0
    unsigned: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return self.fault_count == 0

    def note(self, finding: Finding, place: str, sentence: str) -> None:
        """Add a fault."""
        self.fault_count += 1
        if len(self.faults) < _MOST_FINDINGS:
            self.faults.append(Fault(finding, place, sentence))


def verify_chain(
    lines: Iterable[PlacedLine],
    keys: Mapping[str, bytes],
    checkpoints: Iterable[AuditCheckpoint] = (),
    public_key: Ed25519PublicKey | None = None,
    *,
    known_chains: Iterable[str] = (),
    is_part: bool = False,
) -> Verification:
    """Read a chain from its oldest kept record to its end, and find what was done to it.

    What retention has removed from its beginning is not missing where the chain itself says so.

    Args:
        lines: of all files, oldest first.
        keys: all that ever sealed, by their id.
        checkpoints: that were kept elsewhere. Of records that are no longer kept they say nothing.
        public_key: checks their signatures; needed where there are any.
        known_chains: other chains that were begun with the same keys, and are kept elsewhere.
        is_part: the lines are a part of a chain: nothing is missing before the first of them.

    Raises:
        ValueError: there are checkpoints and no public key.
    """
    found = Verification()
    signed = _signed(checkpoints, public_key, found)
    walk = _Walk(found, keys, signed, frozenset(known_chains), is_part)
    for line in lines:
        walk.step(line)
    walk.end()
    return found


def read_records(lines: Iterable[PlacedLine]) -> Iterator[AuditRecord]:
    """Give the records that can be read, without a check of their seals."""
    for line in lines:
        try:
            yield from_line(line.content).record
        except AuditLineError:
            continue


def _signed(
    checkpoints: Iterable[AuditCheckpoint], key: Ed25519PublicKey | None, found: Verification
) -> dict[int, list[AuditCheckpoint]]:
    """Return those with a good signature by the number of their record."""
    by_seq: dict[int, list[AuditCheckpoint]] = {}
    for checkpoint in checkpoints:
        if key is None:
            raise ValueError("checkpoints need the public key that checks their signatures")
        if is_signed(checkpoint, key):
            by_seq.setdefault(checkpoint.seq, []).append(checkpoint)
        else:
            found.unsigned += 1
    return by_seq


class _Walk:
    """One pass over a chain."""

    def __init__(
        self,
        found: Verification,
        keys: Mapping[str, bytes],
        checkpoints: dict[int, list[AuditCheckpoint]],
        known_chains: frozenset[str],
        is_part: bool,
    ) -> None:
        self._found = found
        self._keys = keys
        self._checkpoints = checkpoints
        self._retired_through = 0
        self._known_chains = known_chains
        self._is_part = is_part
        self._chain: str | None = None
        self._before: SealedRecord | None = None  # the one with the highest number so far
        self._missing: list[tuple[int, int]] = []  # first, last

    def step(self, line: PlacedLine) -> None:
        """See the next line."""
        try:
            sealed = from_line(line.content)
        except AuditLineError as exc:
            self._found.note(Finding.UNREADABLE, line.place, str(exc))
            return
        self._found.records += 1
        if self._is_sealed(sealed, line.place):
            self._see_retirement(sealed.record)
        self._check_place(sealed, line.place)
        self._check_checkpoints(sealed, line.place)

    def end(self) -> None:
        """See what the checkpoints say that nobody has."""
        found = self._found
        for first, last in self._missing:
            first = max(first, self._retired_through + 1)
            if first > last:
                continue
            numbers = f"record {first}" if first == last else f"records {first} to {last}"
            found.note(Finding.MISSING, numbers, "they are not there")
        beyond = [
            seq
            for seq, some in self._checkpoints.items()
            if seq > found.last_seq and any(self._chain in (None, one.chain) for one in some)
        ]
        if beyond:
            found.note(
                Finding.TRUNCATED,
                f"after record {found.last_seq}",
                f"a checkpoint has seen record {max(beyond)}: at least "
                f"{max(beyond) - found.last_seq} records are missing at the end",
            )
        self._find_replaced()

    def _find_replaced(self) -> None:
        """See chains that were begun with these keys, and are not here."""
        newest: dict[str, int] = {}
        for seq, some in self._checkpoints.items():
            for one in some:
                newest[one.chain] = max(newest.get(one.chain, 0), seq)
        for chain, seq in newest.items():
            if self._chain is not None and chain not in (self._chain, *self._known_chains):
                self._found.note(
                    Finding.REPLACED,
                    f"chain {chain}",
                    f"a checkpoint has seen {seq} records of it, and this is another chain; where "
                    "it was moved away, say so with --known-chain",
                )

    def _is_sealed(self, sealed: SealedRecord, place: str) -> bool:
        key = self._keys.get(sealed.record.key_id)
        if key is None:
            self._found.note(
                Finding.UNKNOWN_KEY, place, f"there is no key {sealed.record.key_id!r} to check it"
            )
        elif not is_seal_good(sealed, key):
            self._found.note(
                Finding.ALTERED, place, f"record {sealed.record.seq} is not what was sealed"
            )
        else:
            return True
        return False

    def _see_retirement(self, record: AuditRecord) -> None:
        if record.action == RETIRED and isinstance(record.applied, int | float):
            self._retired_through = max(self._retired_through, int(record.applied))

    def _check_place(self, sealed: SealedRecord, place: str) -> None:
        found, before, seq = self._found, self._before, sealed.record.seq
        if self._chain is None:
            self._chain = sealed.record.chain
        elif sealed.record.chain != self._chain:
            found.note(Finding.FOREIGN, place, f"record {seq} is of another chain")
            return
        if before is None:
            self._check_first(sealed, place)
        elif seq <= before.record.seq:
            if self._take_missing(seq):
                found.note(
                    Finding.REORDERED, place, f"record {seq} stands after {before.record.seq}"
                )
            else:
                found.note(Finding.REPEATED, place, f"record {seq} was there before")
            return
        elif seq > before.record.seq + 1:
            self._missing.append((before.record.seq + 1, seq - 1))
        elif sealed.record.previous != before.seal:
            found.note(
                Finding.FOREIGN,
                place,
                f"record {seq} follows another record than the {before.record.seq} that is here",
            )
        self._before = sealed
        found.first_seq = found.first_seq or seq
        found.last_seq = seq
        found.first_utc_ns = found.first_utc_ns or sealed.record.t_utc_ns
        found.last_utc_ns = sealed.record.t_utc_ns

    def _check_first(self, sealed: SealedRecord, place: str) -> None:
        seq = sealed.record.seq
        if self._is_part:
            return
        if seq > 1:
            self._missing.append((1, seq - 1))
        elif sealed.record.previous != FIRST_PREVIOUS:
            self._found.note(Finding.FOREIGN, place, "record 1 follows another one")

    def _check_checkpoints(self, sealed: SealedRecord, place: str) -> None:
        for checkpoint in self._checkpoints.get(sealed.record.seq, ()):
            if checkpoint.chain != sealed.record.chain:
                continue
            self._found.checkpoints += 1
            if checkpoint.seal != sealed.seal:
                self._found.note(
                    Finding.REWRITTEN,
                    place,
                    f"a checkpoint has seen another record {sealed.record.seq}",
                )

    def _take_missing(self, seq: int) -> bool:
        """Strike a number off those that are missing; whether it was among them."""
        for index, (first, last) in enumerate(self._missing):
            if first <= seq <= last:
                left = [(first, seq - 1), (seq + 1, last)]
                self._missing[index : index + 1] = [part for part in left if part[0] <= part[1]]
                return True
        return False
