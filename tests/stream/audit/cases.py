"""An audit to test with: keys, a hand clock, and its lines as a thief would see them."""

from datetime import UTC, datetime
from pathlib import Path

from stream.audit.chain import AuditEntry
from stream.audit.files import audit_files, read_lines
from stream.audit.keys import SEALING_FILE, SealingKeys, make_keys, read_sealing_keys
from stream.audit.log import AuditLog
from stream.audit.verify import Verification, verify_chain

BEGAN_NS = int(datetime(2026, 11, 28, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
DAY_NS = 86_400 * 1_000_000_000


class HandClock:
    """A wall clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now_ns = BEGAN_NS

    def __call__(self) -> int:
        return self.now_ns

    def forward(self, days: float) -> None:
        self.now_ns += int(days * DAY_NS)


def keys_in(folder: Path) -> SealingKeys:
    """Return the keys in a folder, made there where there are none."""
    if not (folder / SEALING_FILE).exists():
        make_keys(folder)
    return read_sealing_keys(folder / SEALING_FILE)


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        action="setpoint_intent",
        actor="optimiser",
        target="C017/feed_rate_kg_per_h",
        old=150.0,
        asked=150.0 + number,
        applied=150.0 + number,
        request_id=f"0-1-{number}-17/feed_rate_kg_per_h",
    )


def write_audit(
    folder: Path, keys: SealingKeys, count: int, clock: HandClock | None = None
) -> None:
    """Leave an audit of `count` records, its opening one included."""
    with AuditLog(folder, keys, "abc123", clock or HandClock()) as log:
        for number in range(2, count + 1):
            log.append([entry(number)])


def verify(folder: Path, keys: SealingKeys, **options: object) -> Verification:
    return verify_chain(read_lines(audit_files(folder)), keys.by_id, **options)  # type: ignore[arg-type]
