"""`potline audit`: what a person sees of an audit that is sound, of one that is not, of a month."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.audit.month import count_month, percentile
from stream.audit.chain import AuditEntry
from stream.audit.checkpoint import sign_checkpoint
from stream.audit.entries import COMMAND, MODE, RESULT
from stream.audit.files import audit_files, read_lines
from stream.audit.keys import SIGNING_FILE, read_signing_key
from stream.audit.log import AuditLog
from stream.audit.verify import read_records
from stream.records import encode
from tests.stream.audit.cases import HandClock, entry, keys_in

COMMAND_BY_ANNA = AuditEntry(
    action=COMMAND,
    actor="anna",
    role="operator",
    target="C017",
    asked="set_mode AUTO",
    result="refused: no fresh samples of the cell",
)
SHED = AuditEntry(
    action=MODE, actor="guard", target="C017", old="AUTO", applied="SHED", reason="scada_lost"
)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """An audit of November: two writes, a third whose result is missing, a person, a shed."""
    folder = tmp_path / "audit"
    clock = HandClock()
    signing = None
    with AuditLog(folder, keys_in(folder / "keys"), "abc123", clock) as log:
        signing = read_signing_key(folder / "keys" / SIGNING_FILE)
        log.append([entry(2), entry(3), entry(4)])
        clock.forward(1.5 / 86_400)
        verified = replace(entry(2), action=RESULT, result="verified")
        failed = replace(entry(3), action=RESULT, result="failed", reason="reads back nothing")
        log.append([verified, failed, COMMAND_BY_ANNA, SHED])
        checkpoint = sign_checkpoint(log.checkpoint(), signing)
    (tmp_path / "checkpoints.jsonl").write_bytes(encode(checkpoint) + b"\n")
    return folder


def potline(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POTLINE_SETTINGS": ""}
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", "audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_a_sound_audit_is_told_with_what_was_not_compared(folder: Path) -> None:
    ended = potline("verify", folder)
    assert ended.returncode == 0, ended.stderr
    assert "8 records, 1 to 8; 0 of 0 checkpoints compared" in ended.stdout
    assert "Sound" in ended.stdout
    assert "with --kafka or --checkpoints" in ended.stdout
    with_checkpoints = potline(
        "verify", folder, "--checkpoints", folder.parent / "checkpoints.jsonl"
    )
    assert "1 of 1 checkpoints compared" in with_checkpoints.stdout
    assert "with --kafka" not in with_checkpoints.stdout


def test_an_audit_whose_end_was_cut_off_is_not_sound_beside_its_checkpoint(folder: Path) -> None:
    (path,) = audit_files(folder)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    checkpoints = folder.parent / "checkpoints.jsonl"
    ended = potline("verify", folder, "--checkpoints", checkpoints, "--json")
    assert ended.returncode == 1
    result = json.loads(ended.stdout)
    assert not result["is_sound"]
    assert [fault["finding"] for fault in result["faults"]] == ["truncated"]
    in_words = potline("verify", folder, "--checkpoints", checkpoints)
    assert "at least 2 records are missing at the end" in in_words.stdout
    assert "NOT SOUND" in in_words.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", "nowhere"), "there is no audit in nowhere"),
        (("verify",), "set audit.folder or name the folder"),
        (("report", "nowhere"), "name the folder of an audit"),
        (("report", "nowhere", "--month", "November"), "write it like 2026-11"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(arguments: tuple[str, ...], words: str) -> None:
    ended = potline(*arguments)
    assert ended.returncode in (1, 2)
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_month_is_told_in_sentences_and_as_a_page(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "out" / "audit.html"
    ended = potline("report", folder, "--month", "2026-11", "--report", page)
    assert ended.returncode == 0, ended.stderr
    assert "2 writes to the plant, 1 verified by its own read-back (50.00 %)" in ended.stdout
    assert "1 intents have no result in this month" in ended.stdout
    html = page.read_text()
    for words in ("anna", "no fresh samples of the cell", "scada_lost", "reads back nothing"):
        assert words in html
    missing = potline("report", folder, "--month", "2026-10")
    assert "Remedy: name one of 2026-11" in missing.stderr


def test_a_month_counts_what_its_records_say(folder: Path) -> None:
    facts = count_month(read_records(read_lines(audit_files(folder))))
    assert (facts.records, facts.starts, facts.writes) == (8, 1, 2)
    day = facts.days[28]
    assert (day.verified, day.failed, day.other) == (1, 1, 0)
    assert facts.write_s == [pytest.approx(1.5), pytest.approx(1.5)]
    assert facts.without_result == [entry(4).request_id]
    assert facts.without_intent == []
    assert facts.commands == {("anna", "operator", "refused"): 1}
    assert facts.sheds == {"scada_lost": 1}


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 0.99) == 100.0
    assert percentile(values, 0.5) == 51.0
    assert percentile([], 0.5) != percentile([], 0.5)


def test_keys_are_made_once_and_rotated(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert potline("keys", keys).returncode == 0
    again = potline("keys", keys)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert "seals from the next start" in potline("keys", keys, "--rotate").stdout
