"""The clocks of real servers, measured: three stacks, right and wrong."""

from pathlib import Path

import pytest

from opcua.certificates import make_certificates
from opcua.mapping import Mapping
from opcua.scada import open_scada
from opcua.security import Policy
from opcua.writer import Writer
from ops.plantfile import PlantFile, load_plant
from ops.ports import free_port
from stream.edge import ClockOffset, PlantEdge
from tests.opcua.lines import PATIENCE_S, scada_settings, until
from tests.opcua.node_peer import ACME_PLANT, foreign_plant, require_node
from tests.opcua.o6_peer import o6_plant, require_o6
from tests.opcua.peer_security import opener, server_security
from tests.opcua.proxy import wire_to
from tests.stream.guard_cases import Clock

CELLS = (1, 2)
_S = 1_000_000_000


def _is_near(edge: PlantEdge, offset_s: float) -> bool:
    """Whether an offset is known that may be this one, and not another 100 ms from it."""
    offset = edge.clock_offset()
    if offset is None:
        return False
    return abs(offset.offset_s - offset_s) <= offset.error_s and offset.error_s < 0.1


def _acme() -> tuple[Mapping, PlantFile]:
    plant = load_plant(ACME_PLANT)
    return plant.opcua, plant


@pytest.mark.contract(12)
async def test_a_server_whose_clock_is_ahead_or_behind_is_found_and_one_put_right_too(
    plant: PlantFile, endpoint: str
) -> None:
    async with open_scada(scada_settings(plant, endpoint)), wire_to(endpoint) as wire:
        writer = Writer(
            wire.endpoint, plant.opcua, (1, 2, 3), plant.setpoints, readback_deadline_s=2.0
        )
        assert writer.clock_offset() is None, "nobody was asked"
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            await until(lambda: _is_near(writer, 0.0))
            wire.server_ahead_ns = lambda: -4 * _S
            await until(lambda: _is_near(writer, -4.0))
            wire.server_ahead_ns = lambda: 90 * _S
            await until(lambda: _is_near(writer, 90.0))
            wire.server_ahead_ns = lambda: 0
            await until(lambda: _is_near(writer, 0.0))
            await wire.cut()
            await until(lambda: not writer.is_connected)
            assert writer.clock_offset() is None, "nobody answers"
            wire.server_ahead_ns = lambda: 2 * _S
            await wire.join()
            assert await writer.wait_connected(PATIENCE_S)
            await until(lambda: writer.clock_offset() is not None)
            assert _is_near(writer, 2.0), "of another session nothing is known any more"


@pytest.mark.contract(12)
async def test_our_own_clock_that_is_set_is_found_by_the_same_measure(
    plant: PlantFile, endpoint: str
) -> None:
    clock = Clock()
    async with open_scada(scada_settings(plant, endpoint)):
        writer = Writer(
            endpoint,
            plant.opcua,
            (1, 2, 3),
            plant.setpoints,
            readback_deadline_s=2.0,
            clock_ns=clock,
        )
        async with writer:
            await until(lambda: _is_near(writer, 0.0))
            clock.forward(-30.0)
            await until(lambda: _is_near(writer, 30.0))
            clock.forward(36.0)
            await until(lambda: _is_near(writer, -6.0))


@pytest.mark.contract(12)
@pytest.mark.parametrize("ahead_s", [0.0, -3.0, 0.7])
async def test_the_clock_of_a_server_on_node_opcua_is_measured(
    tmp_path: Path, ahead_s: float
) -> None:
    mapping, acme = _acme()
    port = free_port()
    async with (
        foreign_plant(require_node(), port, tmp_path, clock_ahead_s=ahead_s) as endpoint,
        Writer(endpoint, mapping, CELLS, acme.setpoints, readback_deadline_s=4.0) as writer,
    ):
        await until(lambda: _is_near(writer, ahead_s))


@pytest.mark.contract(12)
async def test_the_clock_of_a_server_on_open62541_is_measured(tmp_path: Path) -> None:
    require_o6()
    mapping, acme = _acme()
    make_certificates(tmp_path, ["localhost", "127.0.0.1"], key_bits=2048)
    clock = Clock(5 * _S)
    async with (
        o6_plant(free_port()) as endpoint,
        Writer(
            endpoint, mapping, CELLS, acme.setpoints, readback_deadline_s=4.0, clock_ns=clock
        ) as writer,
    ):
        await until(lambda: _is_near(writer, -5.0))
    policy = Policy("Basic256Sha256")
    async with (
        o6_plant(free_port(), server_security(tmp_path)) as endpoint,
        Writer(
            endpoint,
            mapping,
            CELLS,
            acme.setpoints,
            readback_deadline_s=4.0,
            opener=opener(tmp_path, "guard", policy),
        ) as writer,
    ):
        await until(lambda: _is_near(writer, 0.0))


def test_an_offset_is_beyond_or_within_a_limit_only_where_its_error_allows() -> None:
    offset = ClockOffset(-0.5, 0.1)
    assert offset.is_surely_beyond(0.39)
    assert not offset.is_surely_beyond(0.41)
    assert offset.is_surely_within(0.61)
    assert not offset.is_surely_within(0.59)
