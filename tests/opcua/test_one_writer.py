"""Two writers at one line, on a real server: who waits, who is refused, and who follows whom."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from asyncua import ua

from opcua.connector import LinkState
from opcua.scada import Scada, open_scada
from opcua.writer import Writer
from ops.plantfile import PlantFile
from stream.edge import Claim, SetpointWrite, WriteResult
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, follow, scada_settings, until
from tests.opcua.proxy import wire_to
from tests.opcua.rival import rival_at
from tests.opcua.small_plant import LIMITS, MAPPING, small_plant

FEED = "alumina_feed_rate_kg_per_h"
CELLS = (1, 2, 3)
WATCHDOG_S = 1.5
QUICK_S = 1.0  # less than the watchdog waits


class Book:
    """Keeps claims in memory; the guard before is gone, or is not."""

    def __init__(self, *, is_alone: bool = True) -> None:
        self.claims: list[Claim] = []
        self.is_alone = is_alone

    async def recall(self) -> Claim | None:
        """The newest, if its maker is gone."""
        return self.claims[-1] if self.claims and self.is_alone else None

    async def note(self, claim: Claim, _: str) -> None:
        """Keep one."""
        self.claims.append(claim)


@asynccontextmanager
async def line(plant: PlantFile, endpoint: str) -> AsyncIterator[Scada]:
    """A simulated line whose watchdog is quick."""
    async with open_scada(scada_settings(plant, endpoint, watchdog_timeout_s=WATCHDOG_S)) as scada:
        yield scada


@asynccontextmanager
async def writer_at(plant: PlantFile, endpoint: str, **changes: Any) -> AsyncIterator[Writer]:
    """A writer that is connected, and whose heartbeat may run."""
    writer = Writer(
        endpoint,
        plant.opcua,
        CELLS,
        plant.setpoints,
        readback_deadline_s=2.0,
        watchdog_timeout_s=WATCHDOG_S,
        **changes,
    )
    writer.allow_heartbeat(600.0)
    async with writer:
        assert await writer.wait_connected(PATIENCE_S)
        yield writer


async def feed(writer: Writer, value: float) -> WriteResult:
    """Write a feed rate to cell 1."""
    expires_ns = time.time_ns() + 60_000_000_000
    return (await writer.write([SetpointWrite(f"{value}", 1, FEED, value, expires_ns)]))[0]


def token(scada: Scada) -> int:
    """The newest token."""
    return scada.writes.fence.token


@pytest.mark.contract(14)
async def test_a_second_writer_waits_and_takes_the_line_when_the_first_is_silent(
    plant: PlantFile, endpoint: str
) -> None:
    async with line(plant, endpoint) as scada, writer_at(plant, endpoint) as first:
        assert (first.other_writer, token(scada)) == ("", 1)
        await follow(first, CELLS)
        async with writer_at(plant, endpoint) as second:
            assert "another writer has token 1" in second.other_writer
            began = scada.control.watchdog.counter or 0
            await until(lambda: (scada.control.watchdog.counter or 0) > began + 2)
            assert second.other_writer != ""
            await second.set_remote(CELLS, False)
            refused = await feed(second, 130.0)
            assert (refused.state, refused.attempts) == (MoveState.FAILED, 0)
            assert "another writer" in refused.reason
            assert (await feed(first, 150.0)).state is MoveState.VERIFIED
            assert all(first.is_remote(cell) for cell in CELLS)
            assert scada.writes.fenced_off == 0, "it does not even try"
            first.allow_heartbeat(0.0)
            await until(lambda: second.other_writer == "")
            assert token(scada) == 2
            await until(lambda: first.other_writer != "")
            await follow(second, CELLS)
            assert (await feed(second, 155.0)).state is MoveState.VERIFIED
            assert (await feed(first, 130.0)).state is MoveState.FAILED


@pytest.mark.contract(14)
async def test_a_writer_that_was_stopped_and_replaced_writes_nothing_when_it_goes_on(
    plant: PlantFile, endpoint: str
) -> None:
    """It is stopped by a wire on which nothing passes: what it had under way arrives late."""
    async with (
        line(plant, endpoint) as scada,
        wire_to(endpoint) as wire,
        writer_at(plant, wire.endpoint) as first,
    ):
        await follow(first, CELLS)
        assert (await feed(first, 150.0)).state is MoveState.VERIFIED
        wire.freeze()
        late = await feed(first, 130.0)  # on its way, and not arrived
        assert late.state is MoveState.FAILED
        async with writer_at(plant, endpoint) as second:
            await until(lambda: second.other_writer == "")
            await follow(second, CELLS)
            assert (await feed(second, 155.0)).state is MoveState.VERIFIED
            wire.thaw()
            await until(lambda: scada.writes.fenced_off > 0)  # it arrived, and was refused
            await until(lambda: first.other_writer != "")
            assert (await feed(first, 130.0)).state is MoveState.FAILED
            assert scada.control.accepted[FEED][0] == pytest.approx(155.0)
            assert all(second.is_remote(cell) for cell in CELLS)
            assert (token(scada), second.other_writer) == (2, "")


@pytest.mark.contract(14)
async def test_a_line_that_was_snatched_is_left_and_taken_back_only_from_the_silent(
    plant: PlantFile, endpoint: str
) -> None:
    async with line(plant, endpoint) as scada, writer_at(plant, endpoint) as first:
        await follow(first, CELLS)
        async with rival_at(scada) as rival:
            await until(lambda: "token 2" in first.other_writer)
            assert (await feed(first, 130.0)).state is MoveState.FAILED
            await until(lambda: rival.beats > 3.0 * WATCHDOG_S / 0.2)
            assert (token(scada), first.other_writer != "") == (2, True)
        silent_s = time.monotonic()
        await until(lambda: first.other_writer == "")
        assert time.monotonic() - silent_s > WATCHDOG_S - 0.5
        assert token(scada) == 3
        await follow(first, CELLS)


@pytest.mark.contract(14)
async def test_a_guard_that_does_not_beat_takes_no_line_from_another(
    plant: PlantFile, endpoint: str
) -> None:
    async with line(plant, endpoint) as scada:
        async with writer_at(plant, endpoint):
            assert token(scada) == 1
        async with writer_at(plant, endpoint) as second:
            second.allow_heartbeat(0.0)
            looked_ns = second.picture.t_read_ns
            enough_ns = int((WATCHDOG_S + 1.0) * 1e9)
            await until(lambda: second.picture.t_read_ns > looked_ns + enough_ns)
            assert (second.other_writer != "", token(scada)) == (True, 1)
            second.allow_heartbeat(600.0)
            await until(lambda: second.other_writer == "")


@pytest.mark.contract(14)
async def test_a_successor_on_the_same_machine_does_not_wait(
    plant: PlantFile, endpoint: str
) -> None:
    book = Book()
    async with line(plant, endpoint) as scada, wire_to(endpoint) as wire:
        async with writer_at(plant, wire.endpoint, claims=book) as first:
            await follow(first, CELLS)
            assert [claim.token for claim in book.claims] == [1]
            await wire.cut()  # killed: nobody says farewell
        begin_s = time.monotonic()
        async with writer_at(plant, endpoint, claims=book) as second:
            assert second.other_writer == ""
            assert time.monotonic() - begin_s < QUICK_S
            assert [claim.token for claim in book.claims] == [1, 2]
            assert scada.control.modes.tolist() == [6] * 3, "the cells never noticed"
        book.is_alone = False
        async with writer_at(plant, endpoint, claims=book) as third:
            assert third.other_writer != "", "its maker may live"


@pytest.mark.contract(14)
async def test_a_writer_that_lost_its_connection_comes_back_to_its_line_at_once(
    plant: PlantFile, endpoint: str
) -> None:
    async with (
        line(plant, endpoint) as scada,
        wire_to(endpoint) as wire,
        writer_at(plant, wire.endpoint) as writer,
    ):
        await follow(writer, CELLS)
        await wire.cut()
        await until(lambda: writer.status.state is LinkState.LOST)
        await wire.join()
        assert await writer.wait_connected(PATIENCE_S)
        assert (writer.other_writer, token(scada)) == ("", 2)
        await follow(writer, CELLS)
        assert (await feed(writer, 150.0)).state is MoveState.VERIFIED


@pytest.mark.contract(14)
async def test_a_server_that_begins_anew_gives_the_line_to_the_first_that_comes(
    plant: PlantFile, endpoint: str
) -> None:
    """The token is 1 again, and the old holder's was 1: it is another's all the same."""
    async with wire_to(endpoint) as wire:
        async with line(plant, endpoint) as scada:
            keeping = writer_at(plant, wire.endpoint)
            old = await keeping.__aenter__()
            assert token(scada) == 1
            await wire.cut()
        try:
            async with line(plant, endpoint) as scada, writer_at(plant, endpoint) as new:
                assert (new.other_writer, token(scada)) == ("", 1)
                await wire.join()
                assert await old.wait_connected(PATIENCE_S)
                assert "another writer has token 1" in old.other_writer
                assert (await feed(old, 130.0)).state is MoveState.FAILED
                await follow(new, CELLS)
        finally:
            await keeping.__aexit__(None, None, None)


async def test_a_plant_without_a_token_is_written_to_and_that_is_said_once(
    endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with small_plant(endpoint) as plant, wire_to(endpoint) as wire:
        writer = Writer(wire.endpoint, MAPPING, (1, 2), [LIMITS], readback_deadline_s=2.0)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            writer.allow_heartbeat(600.0)
            await until(lambda: len(plant.beats) > 2)
            await wire.cut()
            await until(lambda: writer.status.state is LinkState.LOST)
            await wire.join()
            assert await writer.wait_connected(PATIENCE_S)
            assert writer.other_writer == ""
    said = [record for record in caplog.records if "no token of the writer" in record.message]
    assert len(said) == 1


async def test_a_plant_whose_token_cannot_rise_any_more_gets_no_write(endpoint: str) -> None:
    mapping = replace(MAPPING, modes=None, writer_token="ns=1;s=M1")
    full = ua.DataValue(ua.Variant(255, ua.VariantType.Byte))
    async with small_plant(endpoint, mode=ua.VariantType.Byte) as plant:
        await plant.show("M1", full)
        writer = Writer(
            endpoint, mapping, (1, 2), [LIMITS], readback_deadline_s=2.0, watchdog_timeout_s=0.5
        )
        writer.allow_heartbeat(600.0)
        async with writer:
            await until(lambda: "no token is left" in writer.other_writer)
            assert "set the node of the token back" in writer.other_writer
            assert (await feed(writer, 150.0)).state is MoveState.FAILED
        assert plant.beats in ([], [0])


async def test_a_plant_that_does_not_let_us_take_a_token_gets_no_write(endpoint: str) -> None:
    """The node of the token is there to be read only."""
    mapping = replace(MAPPING, modes=None, writer_token="ns=1;s=A1")
    async with small_plant(endpoint) as plant:
        writer = Writer(endpoint, mapping, (1, 2), [LIMITS], readback_deadline_s=2.0)
        writer.allow_heartbeat(600.0)
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            assert "the plant refused token 1: BadUserAccessDenied" in writer.other_writer
            assert (await feed(writer, 150.0)).state is MoveState.FAILED
        assert plant.beats in ([], [0])
