"""The tables of units and nodes."""

import pytest

from opcua import units
from opcua.mapping import expand
from opcua.nodes import NAMESPACE_URI, NODES, WrittenBy
from ops.plantfile import PlantFile
from physics.signals import CELL_SIGNALS, SETPOINTS


@pytest.mark.parametrize(
    ("unit", "unit_id"),
    [
        (units.VOLT, 5655636),
        (units.DEGREE_CELSIUS, 4408652),
        (units.MILLIMETRE, 5066068),
        (units.MEGAWATT, 5062999),
    ],
)
def test_unit_id_is_the_common_code_as_a_number(unit: units.Unit, unit_id: int) -> None:
    assert unit.unit_id == unit_id


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
    written.append(str(mapping.heartbeats.optimiser))
    assert {pattern.removeprefix("ns=plant;s=") for pattern in written} == writers
