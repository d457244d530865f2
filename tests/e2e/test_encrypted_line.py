"""The whole line with OPC UA encrypted, and its audit afterwards."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from opcua.certificates import make_certificates
from stream.audit.entries import INTENT, RESULT
from stream.audit.files import audit_files, read_lines
from stream.audit.verify import read_records
from stream.records import MoveState
from tests.e2e.running_line import running_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
CELLS = 2


@pytest.mark.contract(5, 13)
async def test_a_line_runs_encrypted_and_every_write_stands_in_its_audit(tmp_path: Path) -> None:
    certificates, audit = tmp_path / "certs", tmp_path / "audit"
    make_certificates(certificates, ["localhost", "127.0.0.1"], key_bits=2048)
    async with running_line(
        tmp_path,
        "--cells",
        str(CELLS),
        POTLINE_OPCUA__SECURITY="Aes256Sha256RsaPss",
        POTLINE_OPCUA__CERTIFICATES=str(certificates),
        POTLINE_AUDIT__FOLDER=str(audit),
    ) as line:

        def verified() -> list[str]:
            return [move.move_id for move in line.moves if move.state is MoveState.VERIFIED]

        await line.until(lambda: len(verified()) >= 8, 180)
        found = json.loads(await _verify(audit, "--kafka", line.kafka.address, "--json"))
        report = await line.end()
    assert found["is_sound"], found
    assert found["checkpoints_compared"] == found["checkpoints"] >= 1
    assert json.loads(await _verify(audit, "--json"))["is_sound"], "and after the end"
    records = list(read_records(read_lines(audit_files(audit))))
    results = {row.request_id: row.result for row in records if row.action == RESULT}
    announced = {row.request_id for row in records if row.action == INTENT}
    assert set(verified()) <= announced
    assert {move_id for move_id in verified() if results.get(move_id) != "verified"} == set()
    assert report["moves"]["failed"] == 0


async def _verify(audit: Path, *flags: str) -> str:
    """What `potline audit verify` prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.cli",
        "audit",
        "verify",
        str(audit),
        *flags,
        env=os.environ | {"POTLINE_SETTINGS": ""},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return out.decode()
