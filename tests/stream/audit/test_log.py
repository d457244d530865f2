"""The files of an audit: durable, one writer, a file a day, no repair of what was touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.audit.files import AuditError, audit_files, pack_finished, read_lines
from stream.audit.keys import (
    SEALING_FILE,
    SIGNING_FILE,
    AuditKeyError,
    SealingKeys,
    make_keys,
    read_sealing_keys,
    read_signing_key,
    rotate_sealing_key,
)
from stream.audit.log import AuditLog
from stream.audit.verify import Finding, read_records
from tests.stream.audit.cases import HandClock, entry, keys_in, verify, write_audit


@pytest.fixture(name="keys", scope="module")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> SealingKeys:
    return keys_in(tmp_path_factory.mktemp("keys"))


def test_a_restart_goes_on_with_the_chain(keys: SealingKeys, tmp_path: Path) -> None:
    write_audit(tmp_path, keys, 3)
    write_audit(tmp_path, keys, 3)
    verification = verify(tmp_path, keys)
    assert verification.is_sound
    assert (verification.first_seq, verification.last_seq) == (1, 6)
    actions = [record.action for record in read_records(read_lines(audit_files(tmp_path)))]
    assert actions.count("audit_opened") == 2


def test_each_day_has_a_file_and_a_clock_that_is_set_keeps_their_order(
    keys: SealingKeys, tmp_path: Path
) -> None:
    clock = HandClock()
    with AuditLog(tmp_path, keys, "abc123", clock) as log:
        clock.forward(3.0)
        log.append([entry(2)])
        clock.forward(-2.0)
        log.append([entry(3)])
    write_audit(tmp_path, keys, 2, clock)
    names = [path.name for path in audit_files(tmp_path)]
    assert names == [
        "audit-000000000001-2026-11-28.jsonl",
        "audit-000000000002-2026-12-01.jsonl",
        "audit-000000000003-2026-11-29.jsonl",
    ]
    assert verify(tmp_path, keys).is_sound


def test_days_that_are_over_are_packed_and_stay_part_of_the_chain(
    keys: SealingKeys, tmp_path: Path
) -> None:
    clock = HandClock()
    with AuditLog(tmp_path, keys, "abc123", clock) as log:
        for number in range(2, 40):
            log.append([entry(number)])
        (plain,) = audit_files(tmp_path)
        size = plain.stat().st_size
        assert pack_finished(tmp_path) == [], "today is not over"
        clock.forward(1.0)
        log.append([entry(40)])
        (packed,) = pack_finished(tmp_path)
        assert pack_finished(tmp_path) == []
    assert packed.name == "audit-000000000001-2026-11-28.jsonl.gz"
    assert packed.stat().st_size < size / 3
    assert packed.stat().st_mode & 0o077 == 0
    assert audit_files(tmp_path) == [packed, tmp_path / "audit-000000000040-2026-11-29.jsonl"]
    assert verify(tmp_path, keys).last_seq == 40
    assert verify(tmp_path, keys).is_sound
    plain.write_bytes(b"a packing that was cut short")
    assert audit_files(tmp_path)[0] == plain


def test_a_packed_file_that_is_damaged_is_told(keys: SealingKeys, tmp_path: Path) -> None:
    clock = HandClock()
    with AuditLog(tmp_path, keys, "abc123", clock) as log:
        clock.forward(1.0)
        log.append([entry(2)])
        (packed,) = pack_finished(tmp_path)
    packed.write_bytes(packed.read_bytes()[:40])
    with pytest.raises(AuditError, match="cannot be read"):
        verify(tmp_path, keys)


def test_half_a_line_that_is_being_written_is_not_a_fault(
    keys: SealingKeys, tmp_path: Path
) -> None:
    write_audit(tmp_path, keys, 3)
    (path,) = audit_files(tmp_path)
    path.write_bytes(path.read_bytes() + b'{"seal":"0123')
    assert verify(tmp_path, keys).is_sound


def test_what_is_older_than_the_retention_goes_by_whole_days_and_that_is_on_record(
    keys: SealingKeys, tmp_path: Path
) -> None:
    clock = HandClock()
    with AuditLog(tmp_path, keys, "abc123", clock) as log:
        log.append([entry(2)])
        for number in (3, 4):
            clock.forward(5.0)
            log.append([entry(number)])
        pack_finished(tmp_path)
        assert log.retire(days=10) == []
        clock.forward(5.0)
        log.append([entry(5)])
        (removed,) = log.retire(days=10)
    assert removed.name == "audit-000000000001-2026-11-28.jsonl.gz"
    assert verify(tmp_path, keys).is_sound
    audit_files(tmp_path)[0].unlink()
    (fault,) = verify(tmp_path, keys).faults
    assert fault.finding is Finding.MISSING, "nobody says that this one was retired"
    assert fault.place == "record 3"


def test_a_clock_that_jumps_ahead_costs_no_audit(keys: SealingKeys, tmp_path: Path) -> None:
    clock = HandClock()
    with AuditLog(tmp_path, keys, "abc123", clock) as log:
        clock.forward(1.0)
        log.append([entry(2)])
        clock.forward(20_000.0)
        log.append([entry(3)])
        assert log.retire(days=731) == []
        clock.forward(-20_000.0)
        log.append([entry(4)])
        assert log.retire(days=731) == []
    assert len(audit_files(tmp_path)) == 4
    assert verify(tmp_path, keys).is_sound


def test_a_file_that_cannot_be_opened_is_told_and_the_next_try_may_work(
    keys: SealingKeys, tmp_path: Path
) -> None:
    clock = HandClock()
    with AuditLog(tmp_path, keys, "abc123", clock) as log:
        clock.forward(1.0)
        in_the_way = tmp_path / "audit-000000000002-2026-11-29.jsonl"
        in_the_way.mkdir()
        with pytest.raises(AuditError, match="Remedy: free the disk"):
            log.append([entry(2)])
        in_the_way.rmdir()
        log.append([entry(3)])
    assert verify(tmp_path, keys).last_seq == 2
    assert verify(tmp_path, keys).is_sound


@pytest.mark.contract(14)
def test_two_writers_are_not_let_in(keys: SealingKeys, tmp_path: Path) -> None:
    refusal = pytest.raises(AuditError, match=f"process {os.getpid()}.*two guards")
    with AuditLog(tmp_path, keys, "abc123"), refusal:
        AuditLog(tmp_path, keys, "abc123")
    write_audit(tmp_path, keys, 2)
    assert verify(tmp_path, keys).is_sound


def test_a_killed_writer_leaves_all_that_it_had_appended_and_the_lock_free(
    keys: SealingKeys, tmp_path: Path
) -> None:
    folder, key = tmp_path / "audit", tmp_path / "keys"
    make_keys(key)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from stream.audit.keys import read_sealing_keys\n"
        "from stream.audit.log import AuditLog\n"
        "from tests.stream.audit.cases import entry\n"
        f"keys = read_sealing_keys(Path({str(key / SEALING_FILE)!r}))\n"
        f"log = AuditLog(Path({str(folder)!r}), keys, 'abc123')\n"
        "log.append([entry(number) for number in range(2, 42)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -9
    keys = read_sealing_keys(key / SEALING_FILE)
    assert verify(folder, keys).last_seq == 41
    write_audit(folder, keys, 2)
    assert verify(folder, keys).is_sound


def test_half_a_line_of_a_crash_is_set_aside_and_told(keys: SealingKeys, tmp_path: Path) -> None:
    write_audit(tmp_path, keys, 3)
    (path,) = audit_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines(True)[-1][:50])
    write_audit(tmp_path, keys, 2)
    assert verify(tmp_path, keys).is_sound
    (aside,) = tmp_path.glob("*.torn-*")
    assert len(aside.read_bytes()) == 50
    records = list(read_records(read_lines(audit_files(tmp_path))))
    assert aside.name in records[3].reason


@pytest.mark.parametrize("damage", [b'{"seal":"nobody"}\n', b"garbage\n"])
def test_an_end_that_was_touched_is_not_gone_on_with(
    damage: bytes, keys: SealingKeys, tmp_path: Path
) -> None:
    write_audit(tmp_path, keys, 3)
    (path,) = audit_files(tmp_path)
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(AuditError, match="Remedy: find out who touched it"):
        AuditLog(tmp_path, keys, "abc123")
    assert path.read_bytes().endswith(damage), "it is evidence"


@pytest.mark.contract(13)
def test_an_altered_last_record_is_not_gone_on_with(keys: SealingKeys, tmp_path: Path) -> None:
    write_audit(tmp_path, keys, 3)
    (path,) = audit_files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"asked":153.0', b'"asked":154.0'))
    with pytest.raises(AuditError, match="not what was sealed"):
        AuditLog(tmp_path, keys, "abc123")


def test_a_disk_that_is_full_is_told_and_leaves_no_half_line(
    keys: SealingKeys, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the full disk: the same failed write."""
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from stream.audit.keys import read_sealing_keys\n"
        "from stream.audit.files import AuditError, audit_files\n"
        "from stream.audit.log import AuditLog\n"
        "from tests.stream.audit.cases import entry\n"
        f"folder = Path({str(tmp_path / 'audit')!r})\n"
        f"keys = read_sealing_keys(Path({str(tmp_path / 'keys' / SEALING_FILE)!r}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "log = AuditLog(folder, keys, 'abc123')\n"
        "size = audit_files(folder)[0].stat().st_size\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 700, resource.RLIM_INFINITY))\n"
        "log.append([entry(2)])\n"
        "try:\n"
        "    log.append([entry(3), entry(4)])\n"
        "except AuditError as exc:\n"
        "    print(exc)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, resource.RLIM_INFINITY))\n"
        "log.append([entry(5)])\n"
        "print(log.seq)\n"
    )
    make_keys(tmp_path / "keys")
    ended = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    told, seq = ended.stdout.splitlines()
    assert "cannot be written" in told
    assert "Remedy: free the disk" in told
    assert seq == "3"
    assert verify(tmp_path / "audit", read_sealing_keys(tmp_path / "keys" / SEALING_FILE)).is_sound


def test_a_number_that_is_none_is_refused_as_a_number(keys: SealingKeys, tmp_path: Path) -> None:
    from msgspec.structs import replace

    with AuditLog(tmp_path, keys, "abc123") as log:
        with pytest.raises(ValueError, match="asked is nan"):
            log.append([replace(entry(2), asked=float("nan"))])
        log.append([replace(entry(2), asked="nan")])
        with pytest.raises(ValueError, match="shorten"):
            log.append([replace(entry(3), reason="x" * 70_000)])
    assert verify(tmp_path, keys).last_seq == 2


def test_keys_are_for_their_owner_and_never_overwritten(tmp_path: Path) -> None:
    make_keys(tmp_path)
    with pytest.raises(AuditKeyError, match="is there already"):
        make_keys(tmp_path)
    for name in (SEALING_FILE, SIGNING_FILE):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    (tmp_path / SEALING_FILE).chmod(0o644)
    with pytest.raises(AuditKeyError, match="chmod 600"):
        read_sealing_keys(tmp_path / SEALING_FILE)
    (tmp_path / SIGNING_FILE).write_text("nothing")
    with pytest.raises(AuditKeyError, match="no private key"):
        read_signing_key(tmp_path / SIGNING_FILE)


def test_a_new_key_seals_what_comes_and_the_old_one_still_checks(tmp_path: Path) -> None:
    old = keys_in(tmp_path / "keys")
    write_audit(tmp_path / "audit", old, 3)
    newest = rotate_sealing_key(tmp_path / "keys")
    keys = keys_in(tmp_path / "keys")
    assert keys.newest == newest != old.newest
    write_audit(tmp_path / "audit", keys, 3)
    verification = verify(tmp_path / "audit", keys)
    assert verification.is_sound
    assert verification.last_seq == 6
