"""The tables of units and nodes."""

import re

import pytest

from opcua import units
from opcua.front.nodes import NODES as FRONT_NODES
from opcua.mapping import expand
from opcua.node_rows import WrittenBy
from opcua.nodes import NAMESPACE_URI, NODES
from ops.plantfile import PlantFile
from physics.signals import CELL_SIGNALS, SETPOINTS

UNITS = {name: unit for name, unit in vars(units).items() if isinstance(unit, units.Unit)}
PUBLISHED_IDS = {
    "VOLT": 5655636,
    "DEGREE_CELSIUS": 4408652,
    "MILLIMETRE": 5066068,
    "PERCENT": 20529,
}
"""As the tables of OPC 10000-8 print them."""


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_unit_has_the_id_of_its_common_code_and_says_what_it_is(unit: units.Unit) -> None:
    number = 0
    for character in unit.common_code:  # its bytes, the first the most significant
        number = 256 * number + ord(character)
    assert unit.unit_id == number > 0
    assert re.fullmatch("[0-9A-Z]{2,3}", unit.common_code)
    assert unit.symbol
    assert unit.name
    assert units.UNIT_NAMESPACE == "http://www.opcfoundation.org/UA/units/un/cefact"


def test_unit_ids_are_the_published_ones() -> None:
    assert {name: UNITS[name].unit_id for name in PUBLISHED_IDS} == PUBLISHED_IDS


def test_every_unit_is_in_use_and_no_code_stands_twice() -> None:
    used = {row.unit for row in (*NODES, *FRONT_NODES)}
    assert set(UNITS.values()) == used - {None}
    codes = [unit.common_code for unit in UNITS.values()]
    assert len(set(codes)) == len(codes)


def test_no_node_and_no_path_stands_twice() -> None:
    for cell in (1, 2):
        ids = [expand(row.node_id, cell) for row in NODES]
        paths = [expand(row.path, cell) for row in NODES]
        assert len(set(ids)) == len(ids)
        assert len(set(paths)) == len(paths)


def test_every_signal_has_an_array_and_a_scalar() -> None:
    for name in CELL_SIGNALS:
        assert sorted(row.is_array for row in NODES if row.signal == name) == [False, True]


def test_every_setpoint_has_a_target_for_the_optimiser_only() -> None:
    for name in SETPOINTS:
        rows = [row for row in NODES if row.setpoint == name]
        writable = [row for row in rows if row.written_by is WrittenBy.OPTIMISER]
        assert [row.path.rsplit("/", 1)[-1] for row in writable] == ["Target"]
        assert any(row.path.endswith("Readback") and row.is_array for row in rows)


def test_the_plant_file_maps_only_nodes_of_the_table(plant: PlantFile) -> None:
    known = {row.node_id for row in NODES}
    assert plant.opcua.namespaces == {"plant": NAMESPACE_URI}
    for pattern in plant.opcua.patterns:
        assert pattern.removeprefix("ns=plant;s=") in known


def test_what_the_plant_file_lets_us_write_is_what_the_table_lets_us_write(
    plant: PlantFile,
) -> None:
    writers = {row.node_id for row in NODES if row.written_by is WrittenBy.OPTIMISER}
    mapping = plant.opcua
    assert mapping.modes is not None
    written = [row.target for row in mapping.setpoints] + [mapping.modes.target]
    written += [str(mapping.heartbeats.optimiser), str(mapping.writer_token)]
    assert {pattern.removeprefix("ns=plant;s=") for pattern in written} == writers
