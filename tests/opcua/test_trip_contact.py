"""The plant's trip contact: heard at once, between looks too, and over connections."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from asyncua import Client, ua

from opcua.link import LinkError, LinkState
from opcua.mapping import Mapping
from opcua.nodes import NAMESPACE_URI, CellMode
from opcua.scada import open_scada
from opcua.trip_contact import TripContact
from opcua.writer import Writer
from ops.plantfile import PlantFile
from stream.edge import TripSigns
from tests.opcua.lines import PATIENCE_S, scada_settings, until
from tests.opcua.proxy import wire_to
from tests.opcua.small_plant import LIMITS, MAPPING, small_plant

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


def test_a_plant_without_a_contact_has_not_tripped() -> None:
    contact = TripContact(Clock())
    assert contact.signs == TripSigns(stands=False)
    contact.begin(has_contact=False)
    assert contact.signs == TripSigns(stands=False)
    contact.begin(has_contact=True)
    assert contact.signs == TripSigns(stands=None)


@pytest.mark.parametrize("value", [1, True, 1.0, -1, 255])
def test_what_is_not_0_is_a_trip_and_counts_once_for_as_long_as_it_stands(value: object) -> None:
    contact = TripContact(Clock())
    contact.begin(has_contact=True)
    for _ in range(3):
        contact.look("plant", value, 101.0)
    assert contact.signs == TripSigns(stands=True, times_set=1)
    contact.look("plant", 0, 102.0)
    contact.look("plant", value, 103.0)
    assert contact.signs == TripSigns(stands=True, times_set=2)


@pytest.mark.parametrize("value", [None, math.nan, "tripped", [1]])
@pytest.mark.contract(13)
def test_a_contact_that_says_nothing_is_a_plant_that_is_lost(value: object) -> None:
    contact = TripContact(Clock())
    contact.begin(has_contact=True)
    contact.datachange_notification(None, value, None)
    assert contact.signs == TripSigns(stands=None), "what is bad is found by the next look"
    with pytest.raises(LinkError, match=r"plant: the trip contact, opcua\.trip, cannot be read"):
        contact.look("plant", value, 101.0)


def test_a_look_that_was_under_way_when_it_tripped_does_not_end_the_trip() -> None:
    clock = Clock()
    contact = TripContact(clock)
    contact.begin(has_contact=True)
    contact.look("plant", 0, 100.0)
    clock.now_s = 101.0
    contact.datachange_notification(None, 1, None)
    contact.look("plant", 0, 100.9)
    assert contact.signs == TripSigns(stands=True, times_set=1)
    contact.look("plant", 0, 101.1)
    assert contact.signs == TripSigns(stands=False, times_set=1)


def test_the_end_of_the_subscription_ends_the_connection() -> None:
    contact = TripContact(Clock())
    contact.begin(has_contact=True)
    ended = ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    contact.status_change_notification(ended)
    with pytest.raises(LinkError, match="ended the subscription to the trip contact: BadTimeout"):
        contact.look("plant", 0, 101.0)
    contact.begin(has_contact=True)
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
async def test_a_contact_that_becomes_bad_ends_the_connection_with_a_sentence(
    endpoint: str,
) -> None:
    async with (
        small_plant(endpoint) as plant,
        writer_at(endpoint, SMALL, (1, 2), (LIMITS,)) as writer,
    ):
        bad = ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure))
        await plant.server.write_attribute_value(CONTACT, bad)
        await until(lambda: writer.status.state is LinkState.LOST)
        assert "the trip contact, opcua.trip, cannot be read" in writer.last_error
        good = ua.DataValue(ua.Variant(0, ua.VariantType.Int32))
        await plant.server.write_attribute_value(CONTACT, good)
        assert await writer.wait_connected(PATIENCE_S)


async def test_the_plant_takes_its_cells_back_and_gives_none_while_it_is_tripped(
    plant: PlantFile, endpoint: str
) -> None:
    async with (
        open_scada(scada_settings(plant, endpoint)) as scada,
        writer_at(endpoint, plant.opcua, CELLS, plant.setpoints) as writer,
        Client(endpoint) as client,
    ):
        writer.allow_heartbeat(600.0)
        await writer.set_remote(CELLS, True)
        await until(lambda: all(writer.is_remote(cell) for cell in CELLS))
        await scada.trip(is_set=True)
        await until(lambda: writer.trip_signs.stands is True)
        await writer.set_remote(CELLS, True)
        await until(lambda: not any(writer.is_remote(cell) for cell in CELLS))
        assert set(scada.control.modes.tolist()) == {int(CellMode.AUTO)}
        index = await client.get_namespace_index(NAMESPACE_URI)
        contact = client.get_node(ua.NodeId("L1.Interlock.Trip", index))
        assert await contact.read_value() == 1
        await scada.trip(is_set=False)
        await writer.set_remote(CELLS, True)
        await until(lambda: all(writer.is_remote(cell) for cell in CELLS))
