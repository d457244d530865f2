"""The audit of a running guard: durable before it returns, in order, and it says when it is not."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from control.modes import Mode
from stream.audit.chain import OPENED, AuditEntry, AuditRecord
from stream.audit.checkpoint import is_signed
from stream.audit.entries import INTENT, MODE, RESULT, UNKNOWN
from stream.audit.files import AuditError, audit_files, read_lines
from stream.audit.keeper import AuditKeeper
from stream.audit.keys import PUBLIC_FILE, SIGNING_FILE, read_public_key, read_signing_key
from stream.audit.log import AuditLog
from stream.audit.trip_file import TRIP_FILE, TripFile
from stream.audit.verify import read_records
from stream.kafka import KafkaConnection
from stream.outbox import Outbox
from stream.records import AuditCheckpoint, decode
from stream.topics import CHECKPOINTS
from tests.stream.audit.cases import HandClock, entry, keys_in, verify
from tests.stream.loop_cases import found

PATIENCE_S = 10.0


@asynccontextmanager
async def keeper_in(folder: Path, connection: KafkaConnection | None) -> AsyncIterator[AuditKeeper]:
    """A keeper at work; without a connection, one whose Kafka never answers."""
    keys = keys_in(folder / "keys")
    outbox = Outbox(connection or KafkaConnection("kafka://127.0.0.1:1"), "audit-test", HandClock())
    if connection is not None:
        await outbox.start()
    keeper = AuditKeeper(
        lambda: AuditLog(folder / "audit", keys, "abc123", HandClock()),
        outbox,
        read_signing_key(folder / "keys" / SIGNING_FILE),
        retention_days=731,
    )
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
        assert not task.done(), "ended by itself"
    finally:
        task.cancel()
        await asyncio.wait([task])
        if connection is not None:
            await outbox.stop()


def records_in(folder: Path) -> list[AuditRecord]:
    return list(read_records(read_lines(audit_files(folder / "audit"))))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.01)


async def test_what_is_appended_is_durable_and_what_was_put_before_stands_before_it(
    tmp_path: Path,
) -> None:
    async with keeper_in(tmp_path, None) as keeper:
        keeper.put([entry(2)])
        keeper.put([entry(3)])
        await keeper.append([entry(4), entry(5)])
        asked = [record.asked for record in records_in(tmp_path)]
        assert asked == [None, 152.0, 153.0, 154.0, 155.0]
        keeper.put([entry(6)])
        await until(lambda: len(records_in(tmp_path)) == 6)
        keeper.put([entry(7)])
    assert records_in(tmp_path)[-1].asked == 157.0, "the end loses nothing"
    assert verify(tmp_path / "audit", keys_in(tmp_path / "keys")).is_sound


async def test_nothing_can_be_appended_after_the_end(tmp_path: Path) -> None:
    async with keeper_in(tmp_path, None) as keeper:
        await keeper.append([entry(2)])
    with pytest.raises(AuditError, match="the guard ends"):
        await keeper.append([entry(3)])
    AuditLog(tmp_path / "audit", keys_in(tmp_path / "keys"), "abc123", HandClock()).close()


async def test_an_audit_that_cannot_be_written_says_so_and_comes_back_with_what_waited(
    tmp_path: Path,
) -> None:
    keys = keys_in(tmp_path / "keys")
    other = AuditLog(tmp_path / "audit", keys, "abc123", HandClock())
    async with keeper_in(tmp_path, None) as keeper:
        with pytest.raises(AuditError, match="two guards must not write"):
            await keeper.append([entry(2)])
        assert "two guards" in keeper.error
        keeper.put([entry(3)])
        other.close()
        await until(lambda: keeper.error == "")
        await keeper.append([entry(4)])
        actions = [record.action for record in records_in(tmp_path)]
        assert actions == [OPENED, OPENED, "audit_recovered", INTENT, INTENT]
        assert [record.asked for record in records_in(tmp_path)][-2:] == [153.0, 154.0]
    assert verify(tmp_path / "audit", keys).is_sound


async def test_an_entry_that_can_never_be_written_stops_no_other(tmp_path: Path) -> None:
    async with keeper_in(tmp_path, None) as keeper:
        with pytest.raises(AuditError, match="shorten its texts"):
            await keeper.append([AuditEntry(action="x" * 70_000, actor="nobody")])
        assert keeper.error == "", "the audit itself is well"
        keeper.put([AuditEntry(action="y" * 70_000, actor="nobody"), entry(2)])
        await until(lambda: any(row.action == "entries_lost" for row in records_in(tmp_path)))
        await keeper.append([entry(3)])
    assert records_in(tmp_path)[-1].asked == 153.0


async def test_an_intent_whose_guard_ended_gets_a_result_at_the_next_start(tmp_path: Path) -> None:
    async with keeper_in(tmp_path, None) as keeper:
        await keeper.append([entry(2), entry(3)])
        done = AuditEntry(action=RESULT, actor="x", request_id=entry(2).request_id, result="ok")
        await keeper.append([done])
    async with keeper_in(tmp_path, None) as keeper:
        await keeper.append([entry(4)])
    closed = [record for record in records_in(tmp_path) if record.result == UNKNOWN]
    assert [record.request_id for record in closed] == [entry(3).request_id]


def _mode(cell: int, before: Mode, after: Mode, reason: str) -> AuditEntry:
    return AuditEntry(
        action=MODE,
        actor="guard",
        target=f"C{cell:03d}",
        old=before.value,
        applied=after.value,
        reason=reason,
    )


@pytest.mark.contract(9)
async def test_what_was_left_tripped_is_known_at_the_next_start(tmp_path: Path) -> None:
    async with keeper_in(tmp_path, None) as first:
        await first.append([])
        assert first.left_tripped == {}
        await first.append(
            [
                _mode(7, Mode.AUTO, Mode.TRIPPED, "plant_trip"),
                _mode(8, Mode.AUTO, Mode.TRIPPED, "plant_trip"),
                _mode(8, Mode.TRIPPED, Mode.MANUAL, "looked at"),
                _mode(9, Mode.AUTO, Mode.SHED, "scada_lost"),
            ]
        )
        assert first.left_tripped == {}, "what this life does it knows by itself"
    async with keeper_in(tmp_path, None) as second:
        await second.append([])
        assert second.left_tripped == {7: "plant_trip"}


@pytest.mark.contract(9)
async def test_what_was_left_tripped_long_ago_is_known_too(tmp_path: Path) -> None:
    """The end of the audit, of which a start takes account, is some thousands of records."""
    trips = TripFile(tmp_path)
    assert trips.recall([]) == {}
    trips.see([_mode(7, Mode.AUTO, Mode.TRIPPED, "plant_trip")])
    trips.see([_mode(8, Mode.AUTO, Mode.TRIPPED, "plant_trip")])
    trips.see([_mode(8, Mode.TRIPPED, Mode.MANUAL, "looked at"), entry(3)])
    assert TripFile(tmp_path).recall([]) == {7: "plant_trip"}
    assert stat.S_IMODE((tmp_path / TRIP_FILE).stat().st_mode) == 0o600


@pytest.mark.contract(9)
async def test_the_audit_s_end_is_newer_than_the_file_of_trips(tmp_path: Path) -> None:
    async with keeper_in(tmp_path, None) as first:
        await first.append([_mode(7, Mode.AUTO, Mode.TRIPPED, "plant_trip")])
        kept = (tmp_path / "audit" / TRIP_FILE).read_bytes()
        await first.append([_mode(7, Mode.TRIPPED, Mode.MANUAL, "looked at")])
    (tmp_path / "audit" / TRIP_FILE).write_bytes(kept)  # as if it had ended between the two
    async with keeper_in(tmp_path, None) as second:
        await second.append([])
        assert second.left_tripped == {}
    (tmp_path / "audit" / TRIP_FILE).write_bytes(b"no JSON")
    async with keeper_in(tmp_path, None) as third:
        await third.append([])
        assert third.left_tripped == {}


async def test_checkpoints_are_shipped_signed(tmp_path: Path, connection: KafkaConnection) -> None:
    async with keeper_in(tmp_path, connection) as keeper:
        await keeper.append([entry(2)])
        (checkpoint,) = await found(
            connection, CHECKPOINTS, lambda payload: decode(payload, AuditCheckpoint)
        )
    public = read_public_key(tmp_path / "keys" / PUBLIC_FILE)
    assert is_signed(checkpoint, public)
    options = {"checkpoints": [checkpoint], "public_key": public}
    verification = verify(tmp_path / "audit", keys_in(tmp_path / "keys"), **options)
    assert verification.is_sound
    assert verification.checkpoints == 1
