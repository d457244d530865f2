"""The plant's trip contact: heard at once, between looks too, and over connections."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import Client, ua

from opcua.link import LinkError
from opcua.mapping import Mapping
from opcua.nodes import NAMESPACE_URI, CellMode
from opcua.scada import open_scada
from opcua.trip_contact import TripContact
from opcua.writer import Writer
from ops.plantfile import PlantFile
from stream.edge import SetpointWrite, TripSigns
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, follow, scada_settings, until
from tests.opcua.proxy import wire_to
from tests.opcua.small_plant import FEED, LIMITS, MAPPING, small_plant

CELLS = (1, 2, 3)
SMALL: Mapping = replace(MAPPING, modes=None, trip="ns=1;s=A1")
CONTACT = ua.NodeId("A1", 1)


class Clock:
    """Monotonic time that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def writer_at(
    endpoint: str, mapping: Mapping, cells: tuple[int, ...], limits: Any
) -> AsyncIterator[Writer]:
    """A writer that is connected."""
    async with Writer(endpoint, mapping, cells, limits, readback_deadline_s=2.0) as writer:
        assert await writer.wait_connected(PATIENCE_S)
        yield writer


def notice(value: object, status: int = ua.StatusCodes.Good) -> SimpleNamespace:
    """What the library gives beside a value that a subscription told."""
    data = ua.DataValue(ua.Variant(value), StatusCode=ua.StatusCode(status))
    return SimpleNamespace(monitored_item=SimpleNamespace(Value=data))


def tell(contact: TripContact, value: object, status: int = ua.StatusCodes.Good) -> None:
    contact.datachange_notification(None, value, notice(value, status))


def test_a_plant_without_a_contact_has_not_tripped_and_one_with_is_not_known_to_have() -> None:
    without = TripContact(Clock(), has_contact=False)
    without.begin()
    assert (without.signs, without.bars_writing) == (TripSigns(stands=False), False)
    contact = TripContact(Clock(), has_contact=True)
    assert (contact.signs, contact.bars_writing) == (TripSigns(stands=None), True)
    contact.look("plant", 0, 101.0)
    assert (contact.signs, contact.bars_writing) == (TripSigns(stands=False), False)
    contact.begin()
    assert contact.signs == TripSigns(stands=None)


@pytest.mark.contract(9)
def test_nothing_is_written_from_a_trip_on_until_the_guard_has_acted_on_it() -> None:
    contact = TripContact(Clock(), has_contact=True)
    tell(contact, 1)
    contact.know(1)
    assert contact.bars_writing, "it stands"
    tell(contact, 0)
    assert not contact.bars_writing
    for value in (1, 0):
        tell(contact, value)
    assert contact.bars_writing, "a pulse that the guard has not seen"
    contact.know(1)
    assert contact.bars_writing
    contact.know(2)
    assert not contact.bars_writing


@pytest.mark.parametrize("value", [1, True, 1.0, -1, 255])
def test_what_is_not_0_is_a_trip_and_counts_once_for_as_long_as_it_stands(value: object) -> None:
    contact = TripContact(Clock(), has_contact=True)
    contact.begin()
    for _ in range(3):
        contact.look("plant", value, 101.0)
    assert contact.signs == TripSigns(stands=True, times_set=1)
    contact.look("plant", 0, 102.0)
    contact.look("plant", value, 103.0)
    assert contact.signs == TripSigns(stands=True, times_set=2)


@pytest.mark.parametrize("value", [None, math.nan, "tripped", [1]])
@pytest.mark.contract(13)
def test_a_contact_that_says_nothing_is_not_known_and_nothing_is_written(value: object) -> None:
    contact = TripContact(Clock(), has_contact=True)
    contact.look("plant", 0, 100.0)
    tell(contact, value)
    assert contact.signs == TripSigns(stands=False), "what is bad is found by the next look"
    contact.look("plant", value, 101.0)
    assert (contact.signs, contact.bars_writing) == (TripSigns(stands=None), True)


@pytest.mark.parametrize("value", [0, 1])
def test_a_value_with_a_bad_status_says_nothing(value: int) -> None:
    contact = TripContact(Clock(), has_contact=True)
    tell(contact, 1 - value)
    before = contact.signs
    tell(contact, value, ua.StatusCodes.BadSensorFailure)
    assert contact.signs == before


def test_a_look_that_was_under_way_when_it_tripped_does_not_end_the_trip() -> None:
    clock = Clock()
    contact = TripContact(clock, has_contact=True)
    contact.begin()
    contact.look("plant", 0, 100.0)
    clock.now_s = 101.0
    tell(contact, 1)
    contact.look("plant", 0, 100.9)
    assert contact.signs == TripSigns(stands=True, times_set=1)
    contact.look("plant", 0, 101.1)
    assert contact.signs == TripSigns(stands=False, times_set=1)


def test_the_end_of_the_subscription_ends_the_connection() -> None:
    contact = TripContact(Clock(), has_contact=True)
    contact.begin()
    ended = ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    contact.status_change_notification(ended)
    with pytest.raises(LinkError, match="ended the subscription to the trip contact: BadTimeout"):
        contact.look("plant", 0, 101.0)
    contact.begin()
    contact.look("plant", 0, 102.0)
    assert contact.signs.stands is False


@pytest.mark.contract(9)
async def test_a_pulse_shorter_than_the_time_between_two_looks_is_heard(endpoint: str) -> None:
    async with (
        small_plant(endpoint) as plant,
        writer_at(endpoint, SMALL, (1, 2), (LIMITS,)) as writer,
    ):
        assert writer.trip_signs == TripSigns(stands=False)
        for value in (1, 0):  # nothing can look in between
            await plant.server.write_attribute_value(
                CONTACT, ua.DataValue(ua.Variant(value, ua.VariantType.Int32))
            )
        await until(lambda: writer.trip_signs == TripSigns(stands=False, times_set=1))


async def test_a_trip_in_an_outage_is_known_on_the_next_connection(
    plant: PlantFile, endpoint: str
) -> None:
    async with (
        open_scada(scada_settings(plant, endpoint)) as scada,
        wire_to(endpoint) as wire,
        writer_at(wire.endpoint, plant.opcua, CELLS, plant.setpoints) as writer,
    ):
        before = writer.status.connections
        await wire.cut()
        await scada.trip(is_set=True)
        await wire.join()
        await until(lambda: writer.status.connections > before)
        await until(lambda: writer.trip_signs.stands is True)
        assert writer.trip_signs.times_set == 1
        await scada.trip(is_set=False)
        await until(lambda: writer.trip_signs.stands is False)
        assert writer.trip_signs.times_set == 1


@pytest.mark.contract(13)
async def test_a_contact_that_becomes_bad_bars_writing_and_leaves_the_connection(
    endpoint: str,
) -> None:
    async with (
        small_plant(endpoint) as plant,
        writer_at(endpoint, SMALL, (1, 2), (LIMITS,)) as writer,
    ):
        writer.allow_heartbeat(600.0)
        expires_ns = time.time_ns() + 60_000_000_000
        wanted = SetpointWrite("a", 1, FEED, 150.0, expires_ns)
        bad = ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure))
        await plant.server.write_attribute_value(CONTACT, bad)
        await until(lambda: writer.trip_signs.stands is None)
        assert writer.is_connected, "cells can be handed back"
        (held,) = await writer.write([wanted])
        assert (held.state, held.attempts) == (MoveState.EXPIRED, 0)
        good = ua.DataValue(ua.Variant(0, ua.VariantType.Int32))
        await plant.server.write_attribute_value(CONTACT, good)
        await until(lambda: writer.trip_signs.stands is False)
        (written,) = await writer.write([wanted])
        assert written.state is MoveState.VERIFIED


async def test_the_plant_takes_its_cells_back_and_gives_none_while_it_is_tripped(
    plant: PlantFile, endpoint: str
) -> None:
    async with (
        open_scada(scada_settings(plant, endpoint)) as scada,
        writer_at(endpoint, plant.opcua, CELLS, plant.setpoints) as writer,
        Client(endpoint) as client,
    ):
        writer.allow_heartbeat(600.0)
        await follow(writer, CELLS)
        await scada.trip(is_set=True)
        await until(lambda: writer.trip_signs.stands is True)
        await writer.set_remote(CELLS, True)
        await until(lambda: not any(writer.is_remote(cell) for cell in CELLS))
        assert set(scada.control.modes.tolist()) == {int(CellMode.AUTO)}
        index = await client.get_namespace_index(NAMESPACE_URI)
        contact = client.get_node(ua.NodeId("L1.Interlock.Trip", index))
        assert await contact.read_value() == 1
        await scada.trip(is_set=False)
        await follow(writer, CELLS)
