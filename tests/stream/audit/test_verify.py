"""What is done to an audit is found, and an audit to which nothing was done is sound."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.audit.chain import AuditLineError, from_line, to_line
from stream.audit.checkpoint import is_due, sign_checkpoint
from stream.audit.files import audit_files
from stream.audit.keys import (
    PUBLIC_FILE,
    SIGNING_FILE,
    SealingKeys,
    make_keys,
    read_public_key,
    read_signing_key,
)
from stream.audit.log import AuditLog
from stream.audit.verify import Finding, PlacedLine, verify_chain
from stream.records import AuditCheckpoint
from tests.stream.audit.cases import HandClock, entry, keys_in, verify, write_audit

COUNT = 9


@pytest.fixture(name="keys", scope="module")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> SealingKeys:
    return keys_in(tmp_path_factory.mktemp("keys"))


@pytest.fixture(name="lines", scope="module")
def _lines(keys: SealingKeys, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("audit")
    write_audit(folder, keys, COUNT)
    (path,) = audit_files(folder)
    return path.read_bytes().splitlines(keepends=True)


def found(lines: list[bytes], keys: SealingKeys) -> list[Finding]:
    placed = [PlacedLine(f"line {at}", line) for at, line in enumerate(lines, start=1)]
    return [fault.finding for fault in verify_chain(placed, keys.by_id).faults]


def altered(line: bytes) -> bytes:
    return line.replace(b'"asked":155.0', b'"asked":156.0')


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


TAMPERINGS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], list[Finding]]] = {
    "nothing": (lambda lines: lines, []),
    "a value changed": (
        lambda lines: [*lines[:4], altered(lines[4]), *lines[5:]],
        [Finding.ALTERED],
    ),
    "a record removed": (lambda lines: lines[:4] + lines[5:], [Finding.MISSING]),
    "the first record removed": (lambda lines: lines[1:], [Finding.MISSING]),
    "two records swapped": (swapped, [Finding.REORDERED]),
    "a record repeated": (lambda lines: [*lines[:5], *lines[4:]], [Finding.REPEATED]),
    "half a line": (
        lambda lines: [*lines[:4], lines[4][:60] + b"\n", *lines[5:]],
        [Finding.UNREADABLE, Finding.MISSING],
    ),
    "a line of another program": (
        lambda lines: [*lines[:4], b"hello\n", *lines[4:]],
        [Finding.UNREADABLE],
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_done_to_an_audit_is_found_and_named(
    name: str, lines: list[bytes], keys: SealingKeys
) -> None:
    tamper, expected = TAMPERINGS[name]
    assert found(tamper(list(lines)), keys) == expected


@given(data=st.data())
def test_no_byte_of_an_audit_can_be_changed_unseen(
    data: st.DataObject, lines: list[bytes], keys: SealingKeys
) -> None:
    whole = b"".join(lines)
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
    assert found(changed.splitlines(keepends=True), keys)


@given(order=st.permutations(range(COUNT)))
def test_no_other_order_is_sound(order: list[int], lines: list[bytes], keys: SealingKeys) -> None:
    assert bool(found([lines[at] for at in order], keys)) is (order != sorted(order))


def test_a_record_sealed_by_another_key_is_not_believed(
    lines: list[bytes], keys: SealingKeys, tmp_path: Path
) -> None:
    other = keys_in(tmp_path)
    assert set(found(lines, other)) == {Finding.UNKNOWN_KEY}
    assert found(lines, SealingKeys({**other.by_id, **keys.by_id}, other.newest)) == []


def test_two_audits_cannot_be_spliced(
    lines: list[bytes], keys: SealingKeys, tmp_path: Path
) -> None:
    write_audit(tmp_path, keys, COUNT)
    (path,) = audit_files(tmp_path)
    others = path.read_bytes().splitlines(keepends=True)
    assert set(found([*lines[:4], *others[4:]], keys)) == {Finding.FOREIGN}


def test_a_branch_of_the_same_audit_is_told_from_the_audit(
    keys: SealingKeys, tmp_path: Path
) -> None:
    """Someone with the key kept a copy and went on with it: their records are well sealed."""
    write_audit(tmp_path, keys, 4)
    (path,) = audit_files(tmp_path)
    common = path.read_bytes()
    write_audit(tmp_path, keys, 3)
    first = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(common)
    with AuditLog(tmp_path, keys, "abc123", HandClock()) as log:
        log.append([entry(99)])
        log.append([entry(98)])
    second = path.read_bytes().splitlines(keepends=True)
    assert found([*first[:5], *second[5:]], keys) == [Finding.FOREIGN]


@pytest.fixture(name="signed", scope="module")
def _signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[AuditCheckpoint]]:
    """Keys, and an audit of six records with checkpoints after its third and its last."""
    keys, folder = tmp_path_factory.mktemp("keys"), tmp_path_factory.mktemp("audit")
    make_keys(keys)
    private = read_signing_key(keys / SIGNING_FILE)
    checkpoints = []
    with AuditLog(folder, keys_in(keys), "abc123", HandClock()) as log:
        for number in range(2, 7):
            log.append([entry(number)])
            if number in (3, 6):
                checkpoints.append(sign_checkpoint(log.checkpoint(), private))
    return keys, folder, checkpoints


def test_checkpoints_of_a_sound_audit_agree(
    signed: tuple[Path, Path, list[AuditCheckpoint]],
) -> None:
    keys, folder, checkpoints = signed
    options = {"checkpoints": checkpoints, "public_key": read_public_key(keys / PUBLIC_FILE)}
    verification = verify(folder, keys_in(keys), **options)
    assert verification.is_sound
    assert (verification.records, verification.checkpoints) == (6, 2)


def test_a_cut_off_end_shows_beside_a_checkpoint_and_only_there(
    signed: tuple[Path, Path, list[AuditCheckpoint]],
) -> None:
    keys, folder, checkpoints = signed
    (path,) = audit_files(folder)
    lines = path.read_bytes().splitlines(keepends=True)[:4]
    placed = [PlacedLine("", line) for line in lines]
    public = read_public_key(keys / PUBLIC_FILE)
    assert verify_chain(placed, keys_in(keys).by_id).is_sound
    (fault,) = verify_chain(placed, keys_in(keys).by_id, checkpoints, public).faults
    assert fault.finding is Finding.TRUNCATED
    assert "at least 2 records" in fault.sentence
    (gone,) = verify_chain([], keys_in(keys).by_id, checkpoints, public).faults
    assert gone.finding is Finding.TRUNCATED, "an audit that is gone as a whole"


def test_a_rewritten_end_shows_beside_a_checkpoint(
    signed: tuple[Path, Path, list[AuditCheckpoint]], tmp_path: Path
) -> None:
    """Someone with the sealing key cut the end off and wrote another one."""
    keys, folder, checkpoints = signed
    (path,) = audit_files(folder)
    (tmp_path / path.name).write_bytes(b"".join(path.read_bytes().splitlines(True)[:2]))
    with AuditLog(tmp_path, keys_in(keys), "abc123", HandClock()) as log:
        for number in range(4, 9):
            log.append([entry(number)])
    options = {"checkpoints": checkpoints, "public_key": read_public_key(keys / PUBLIC_FILE)}
    verification = verify(tmp_path, keys_in(keys), **options)
    assert [fault.finding for fault in verification.faults] == [Finding.REWRITTEN] * 2
    assert verify(tmp_path, keys_in(keys)).is_sound, "without checkpoints nobody can tell"


def test_an_audit_in_the_place_of_another_shows_beside_its_checkpoints(
    signed: tuple[Path, Path, list[AuditCheckpoint]], tmp_path: Path
) -> None:
    """Someone removed the whole audit, and a new one was begun with the same keys."""
    keys, _, checkpoints = signed
    write_audit(tmp_path, keys_in(keys), 9)
    public = read_public_key(keys / PUBLIC_FILE)
    options = {"checkpoints": checkpoints, "public_key": public}
    (fault,) = verify(tmp_path, keys_in(keys), **options).faults
    assert fault.finding is Finding.REPLACED
    known = [checkpoints[0].chain]
    assert verify(tmp_path, keys_in(keys), known_chains=known, **options).is_sound


def test_a_checkpoint_that_nobody_signed_proves_nothing(
    signed: tuple[Path, Path, list[AuditCheckpoint]], tmp_path: Path
) -> None:
    keys, folder, checkpoints = signed
    make_keys(tmp_path)
    thief = read_signing_key(tmp_path / SIGNING_FILE)
    forged = [sign_checkpoint(checkpoints[0], thief), *checkpoints]
    public = read_public_key(keys / PUBLIC_FILE)
    verification = verify(folder, keys_in(keys), checkpoints=forged, public_key=public)
    assert verification.is_sound
    assert (verification.checkpoints, verification.unsigned) == (2, 1)
    with pytest.raises(ValueError, match="public key"):
        verify(folder, keys_in(keys), checkpoints=checkpoints)


def test_a_line_comes_back_from_its_bytes(lines: list[bytes]) -> None:
    for line in lines:
        assert to_line(from_line(line)) == line


@pytest.mark.parametrize("line", [b"", b"{}\n", b'{"seal":"' + b"x" * 200])
def test_what_is_no_line_says_so(line: bytes) -> None:
    with pytest.raises(AuditLineError):
        from_line(line)


def test_a_checkpoint_is_due_after_a_thousand_records_or_a_minute_with_any() -> None:
    assert is_due(1000, 1.0, 0, 0.0)
    assert is_due(1, 60.0, 0, 0.0)
    assert not is_due(999, 59.0, 0, 0.0)
    assert not is_due(5, 600.0, 5, 0.0), "nothing new"
