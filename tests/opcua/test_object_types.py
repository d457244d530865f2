"""The object types, and that every object which says it is of one has what the type declares."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from asyncua import Node, Server, ua

from control.limits import SetpointLimits
from opcua.address_space import build_address_space
from opcua.nodes import NAMESPACE_URI, NODES, OBJECT_TYPES
from opcua.object_types import declarations
from opcua.units import UNIT_NAMESPACE
from ops.plantfile import PlantFile
from physics.signals import ALF3_SETPOINT

IN_SHARED_LOOP = pytest.mark.asyncio(loop_scope="module")
INSTANCES = {
    "LineType": ["Line1"],
    "CellType": ["Line1/Cells/C001", "Line1/Cells/C003"],
    "SetpointType": [
        "Line1/Cells/C001/SP/AluminaFeedRate",
        "Line1/Cells/C002/SP/BeamPosition",
        "Line1/Cells/C003/SP/AlF3Addition",
    ],
}


@dataclass(frozen=True)
class Space:
    """A server with the nodes of a line, which nobody has started."""

    server: Server
    namespace: int

    def node(self, identifier: str) -> Node:
        """A node by its identifier."""
        return self.server.get_node(ua.NodeId(identifier, self.namespace))

    async def below(self, node: Node, path: Sequence[str]) -> Node:
        """The node at browse names below another."""
        found: Node = await node.get_child([f"{self.namespace}:{part}" for part in path])
        return found


async def _space(plant: PlantFile, setpoints: Sequence[SetpointLimits]) -> Space:
    server = Server()
    await server.init()
    space = await build_address_space(server, 3, plant.signals, setpoints)
    return Space(server, space.namespace)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def space(plant: PlantFile) -> AsyncIterator[Space]:
    """All nodes of three cells."""
    yield await _space(plant, plant.setpoints)


async def _type_of(node: Node) -> ua.NodeId:
    kind: ua.NodeId = await node.read_type_definition()
    return kind


@IN_SHARED_LOOP
@pytest.mark.parametrize("name", [row.name for row in OBJECT_TYPES])
async def test_an_instance_has_what_its_type_declares(space: Space, name: str) -> None:
    declared = [one for one in declarations() if one.path[0] == name]
    assert len(declared) > 5
    for path in INSTANCES[name]:
        instance = space.node(path)
        assert await _type_of(instance) == ua.NodeId(name, space.namespace)
        for one in declared:
            own = [part.replace("<Cell>", "C002") for part in one.path[1:]]
            node, declaration = await space.below(instance, own), space.node("/".join(one.path))
            assert await _type_of(node) == await _type_of(declaration), own
            if one.row is not None:
                assert await node.read_data_type() == await declaration.read_data_type(), own
                assert await node.read_value_rank() == await declaration.read_value_rank(), own


@IN_SHARED_LOOP
@pytest.mark.parametrize("name", [row.name for row in OBJECT_TYPES])
async def test_a_type_declares_what_its_instances_have(space: Space, name: str) -> None:
    """But for properties: unit and ranges stand at the instance."""
    known = {one.path for one in declarations()}
    (path, *_) = INSTANCES[name]

    async def look(node: Node, above: tuple[str, ...]) -> None:
        for child in await node.get_children(ua.ObjectIds.HasComponent):
            part = (await child.read_browse_name()).Name
            below = (*above, "<Cell>" if above[-1] == "Cells" else part)
            assert below in known
            kind = await _type_of(child)
            if kind.NamespaceIndex != space.namespace:  # what is typed itself is looked at itself
                await look(child, below)

    await look(space.node(path), (name,))


@IN_SHARED_LOOP
async def test_a_type_is_found_below_the_base_type_and_says_what_is_optional(space: Space) -> None:
    for row in OBJECT_TYPES:
        base = space.server.get_node(ua.ObjectIds.BaseObjectType)
        assert space.node(row.name) in await base.get_children(ua.ObjectIds.HasSubtype)
    rules = {}
    for name in ("CellType/SP/AlF3Addition", "CellType/SP/BeamPosition", "LineType/Cells/<Cell>"):
        (rule,) = await space.node(name).get_referenced_nodes(ua.ObjectIds.HasModellingRule)
        rules[name] = ua.ObjectIdNames[rule.nodeid.Identifier]
    assert list(rules.values()) == [
        "ModellingRule_Optional",
        "ModellingRule_Mandatory",
        "ModellingRule_OptionalPlaceholder",
    ]


async def test_a_plant_without_alf3_has_all_that_is_mandatory(plant: PlantFile) -> None:
    space = await _space(plant, [row for row in plant.setpoints if row.name != ALF3_SETPOINT])
    for one in declarations():
        if one.modelling_rule == ua.ObjectIds.ModellingRule_Mandatory:
            own = [part.replace("<Cell>", "C002") for part in one.path[1:]]
            await space.below(space.node(INSTANCES[one.path[0]][0]), own)
    with pytest.raises(ua.UaStatusCodeError):
        await space.node("Line1/Cells/C001/SP/AlF3Addition").read_browse_name()


@IN_SHARED_LOOP
async def test_a_setpoint_shows_the_limits_of_the_plant_file(plant: PlantFile) -> None:
    odd = [
        replace(row, low=1.0, high=9.0, max_step=2.5, max_rate_per_h=7.5) for row in plant.setpoints
    ]
    space = await _space(plant, odd)
    shown = {
        name: await space.node(f"L1.C002.SP.BeamPosition.{name}").read_value()
        for name in ("LoLim", "HiLim", "DeltaMax", "RateUp", "RateDn")
    }
    assert shown == {"LoLim": 1.0, "HiLim": 9.0, "DeltaMax": 2.5, "RateUp": 7.5, "RateDn": 7.5}


@IN_SHARED_LOOP
async def test_what_can_be_read_has_an_instrument_range(space: Space) -> None:
    ranges = {
        name: await space.node(f"{name}.InstrumentRange").read_value()
        for name in (
            "L1.LineCurrent",
            "L1.C001.PV.BathTemperature",
            "L1.C001.SP.BeamPosition.Readback",
            "L1.Snapshot.Laboratory.Alumina",
        )
    }
    assert list(ranges.values()) == [
        ua.Range(0.0, 500.0),
        ua.Range(800.0, 1100.0),
        ua.Range(0.0, 400.0),
        ua.Range(0.0, 20.0),
    ]


@IN_SHARED_LOOP
async def test_every_unit_that_is_served_says_what_it_is_and_by_whom(space: Space) -> None:
    for row in NODES:
        if row.unit is None:
            continue
        node = space.node(f"{row.node_id.format(cell=2)}.EngineeringUnits")
        unit = await node.read_value()
        assert unit.UnitId == row.unit.unit_id, row.node_id
        assert unit.NamespaceUri == UNIT_NAMESPACE
        assert unit.DisplayName.Text == row.unit.symbol
        assert unit.Description.Text == row.unit.name


@IN_SHARED_LOOP
async def test_a_node_that_is_refused_stops_the_start(space: Space, plant: PlantFile) -> None:
    assert await space.server.get_namespace_index(NAMESPACE_URI) == space.namespace
    with pytest.raises(RuntimeError, match="LineType refused: BadNodeIdExists"):
        await build_address_space(space.server, 3, plant.signals, plant.setpoints)
