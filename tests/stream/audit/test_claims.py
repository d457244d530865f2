"""A claim outlives its guard, and is believed only by who has the audit to himself."""

from pathlib import Path

import msgspec
import pytest

from stream.audit.chain import AuditEntry
from stream.audit.claims import CLAIM_FILE, AuditedClaims, ClaimFile
from stream.audit.entries import CLAIM
from stream.audit.files import AuditError
from stream.edge import Claim

FIRST, SECOND = Claim(1, "monday"), Claim(2, "monday")


class Trail:
    """An audit that is written, or is another's."""

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.entries: list[AuditEntry] = []

    async def append(self, entries: list[AuditEntry]) -> None:
        """Take entries, or raise."""
        if self.error:
            raise AuditError(self.error)
        self.entries += entries

    def put(self, entries: list[AuditEntry]) -> None:
        """Take entries."""
        self.entries += entries


async def test_a_claim_is_on_record_and_is_found_by_the_next_guard(tmp_path: Path) -> None:
    trail = Trail()
    claims = AuditedClaims(trail, ClaimFile(tmp_path))
    assert await claims.recall() is None
    await claims.note(FIRST, "opc.tcp://plant")
    await claims.note(SECOND, "opc.tcp://plant")
    assert await AuditedClaims(Trail(), ClaimFile(tmp_path)).recall() == SECOND
    told = [(entry.action, entry.target, entry.applied) for entry in trail.entries]
    assert told == [(CLAIM, "opc.tcp://plant", 1), (CLAIM, "opc.tcp://plant", 2)]


@pytest.mark.contract(14)
async def test_a_guard_that_has_not_the_audit_to_itself_neither_believes_nor_keeps_a_claim(
    tmp_path: Path,
) -> None:
    store = ClaimFile(tmp_path)
    await AuditedClaims(Trail(), store).note(FIRST, "opc.tcp://plant")
    other = AuditedClaims(Trail("another process writes there"), store)
    assert await other.recall() is None
    await other.note(SECOND, "opc.tcp://plant")
    assert await store.read() == FIRST


async def test_what_is_no_claim_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / CLAIM_FILE).write_bytes(b'{"token": "one"')
    assert await AuditedClaims(Trail(), ClaimFile(tmp_path)).recall() is None
    (tmp_path / CLAIM_FILE).write_bytes(msgspec.json.encode({"token": "one"}))
    assert await AuditedClaims(Trail(), ClaimFile(tmp_path)).recall() is None
    (tmp_path / CLAIM_FILE).unlink()
    (tmp_path / CLAIM_FILE).mkdir()
    assert await AuditedClaims(Trail(), ClaimFile(tmp_path)).recall() is None
