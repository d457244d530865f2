"""Builds the nodes of the node table in an asyncua server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import Server, ua

from control.limits import SetpointLimits
from opcua.nodes import NAMESPACE_URI, NODES, DataType, NodeRow, WrittenBy
from opcua.units import UNIT_NAMESPACE, Unit
from stream.signals import SignalLimits

_NODES_PER_TURN: Final = (
    2000  # so that a large line does not block the event loop while it is built
)
_ZERO: Final[dict[DataType, float | int]] = {
    DataType.DOUBLE: 0.0,
    DataType.INT32: 0,
    DataType.UINT32: 0,
}
_EXTENSION_OBJECT: Final = ua.VariantType.ExtensionObject


@dataclass(frozen=True, slots=True)
class Ranges:
    """Normal range and instrument range of a node, where it has them."""

    normal: tuple[float, float] | None = None
    instrument: tuple[float, float] | None = None


def ranges_of(
    row: NodeRow, signals: Sequence[SignalLimits], setpoints: Sequence[SetpointLimits]
) -> Ranges:
    """Return the ranges of a row from the plant file's signals and setpoints."""
    for limits in signals:
        if limits.name == row.signal:
            return Ranges(
                (limits.normal_low, limits.normal_high),
                (limits.physical_low, limits.physical_high),
            )
    for bounds in setpoints:
        if bounds.name == row.setpoint:
            return Ranges((bounds.low, bounds.high))
    return Ranges()


class AddressSpace:
    """Knows the node ids and how a value of each node is written."""

    def __init__(self, server: Server, namespace: int, cells: int) -> None:
        self._server = server
        self.namespace = namespace
        self.cells = cells
        self._types = {row.node_id: ua.VariantType[row.data_type] for row in NODES}

    def node_id(self, pattern: str, cell: int = 0) -> ua.NodeId:
        """Return the node id of a row, for one cell where it has one node per cell."""
        return ua.NodeId(pattern.format(cell=cell), self.namespace)

    def data_value(self, pattern: str, value: Any, source_time: Any) -> ua.DataValue:
        """Return a value ready to write: good, typed, with its source time."""
        return ua.DataValue(
            Value=ua.Variant(value, self._types[pattern]),
            SourceTimestamp=source_time,
            ServerTimestamp=source_time,
        )

    async def write(self, pattern: str, value: Any, source_time: Any, cell: int = 0) -> None:
        """Write a value as the SCADA itself: no access rules."""
        node_id = self.node_id(pattern, cell)
        await self._server.write_attribute_value(
            node_id, self.data_value(pattern, value, source_time)
        )


async def build_address_space(
    server: Server,
    cells: int,
    signals: Sequence[SignalLimits],
    setpoints: Sequence[SetpointLimits],
) -> AddressSpace:
    """Add every node of the table to a server that has been initialised but not started.

    Args:
        server: asyncua server.
        cells: number of cells.
        signals, setpoints: of the plant file; they give the ranges.

    Raises:
        RuntimeError: the server refuses a node: the table names one twice.
    """
    namespace = await server.register_namespace(NAMESPACE_URI)
    items: dict[str, ua.AddNodesItem] = {}
    has = {None, *(bounds.name for bounds in setpoints)}
    for row in (row for row in NODES if row.belongs_to in has):
        ranges = ranges_of(row, signals, setpoints)
        for cell in range(1, cells + 1) if row.is_per_cell else (0,):
            for item in _items_of(row, cell, cells, ranges, namespace):
                items.setdefault(item.RequestedNewNodeId.Identifier, item)
    listed = list(items.values())
    for begin in range(0, len(listed), _NODES_PER_TURN):
        results = server.iserver.node_mgt_service.add_nodes(listed[begin : begin + _NODES_PER_TURN])
        for item, result in zip(listed[begin:], results, strict=False):
            if not result.StatusCode.is_good():
                raise RuntimeError(
                    f"node {item.RequestedNewNodeId.Identifier} refused: {result.StatusCode.name}; "
                    f"correct opcua/nodes.py"
                )
        await asyncio.sleep(0)
    return AddressSpace(server, namespace, cells)


def _items_of(
    row: NodeRow, cell: int, cells: int, ranges: Ranges, namespace: int
) -> list[ua.AddNodesItem]:
    """Return the folders above a node, the node, and its properties, parents first."""
    *folders, name = row.path.format(cell=cell).split("/")
    items: list[ua.AddNodesItem] = []
    parent = ua.NodeId(ua.ObjectIds.ObjectsFolder)
    for depth, folder in enumerate(folders, start=1):
        node_id = ua.NodeId("/".join(folders[:depth]), namespace)
        reference = ua.ObjectIds.Organizes if depth == 1 else ua.ObjectIds.HasComponent
        item = _item(node_id, folder, parent, reference, ua.ObjectIds.FolderType, namespace)
        item.NodeClass = ua.NodeClass.Object
        item.NodeAttributes = ua.ObjectAttributes(DisplayName=ua.LocalizedText(folder))
        items.append(item)
        parent = node_id
    node_id = ua.NodeId(row.node_id.format(cell=cell), namespace)
    kind = _type_definition(row, ranges)
    item = _item(node_id, name, parent, ua.ObjectIds.HasComponent, kind, namespace)
    item.NodeAttributes = _variable(row, cells)
    items.append(item)
    properties: list[tuple[str, Any]] = []
    if ranges.normal is not None:
        properties.append(("EURange", ua.Range(*ranges.normal)))
    if ranges.instrument is not None:
        properties.append(("InstrumentRange", ua.Range(*ranges.instrument)))
    if row.unit is not None:
        properties.append(("EngineeringUnits", _unit(row.unit)))
    return items + [_property(node_id, label, value, namespace) for label, value in properties]


def _item(
    node_id: ua.NodeId, name: str, parent: ua.NodeId, reference: int, kind: int, namespace: int
) -> ua.AddNodesItem:
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(reference),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(name, namespace),
        NodeClass=ua.NodeClass.Variable,
        TypeDefinition=ua.NodeId(kind),
    )


def _type_definition(row: NodeRow, ranges: Ranges) -> int:
    """Analog types need their properties: both for the first, a range for the second."""
    if ranges.normal is not None and row.unit is not None:
        return int(ua.ObjectIds.AnalogUnitRangeType)
    if row.unit is not None:
        return int(ua.ObjectIds.AnalogUnitType)
    return int(ua.ObjectIds.BaseDataVariableType)


def _variable(row: NodeRow, cells: int) -> ua.VariableAttributes:
    access = ua.AccessLevel.CurrentRead.mask
    if row.written_by is WrittenBy.OPTIMISER:
        access |= ua.AccessLevel.CurrentWrite.mask
    if row.is_historized:
        access |= ua.AccessLevel.HistoryRead.mask
    zero = _ZERO[row.data_type]
    kind = ua.VariantType[row.data_type]
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(row.path.rsplit("/", 1)[-1]),
        Description=ua.LocalizedText(row.holds),
        Value=ua.Variant([zero] * cells if row.is_array else zero, kind),
        DataType=ua.NodeId(kind.value),
        ValueRank=ua.ValueRank.OneDimension if row.is_array else ua.ValueRank.Scalar,
        AccessLevel=access,
        UserAccessLevel=access,
        Historizing=row.is_historized,
    )
    attributes.ArrayDimensions = [cells] if row.is_array else None
    return attributes


def _property(node_id: ua.NodeId, label: str, value: Any, namespace: int) -> ua.AddNodesItem:
    own_id = ua.NodeId(f"{node_id.Identifier}.{label}", namespace)
    item = _item(own_id, label, node_id, ua.ObjectIds.HasProperty, ua.ObjectIds.PropertyType, 0)
    access = ua.AccessLevel.CurrentRead.mask
    item.NodeAttributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(label),
        Value=ua.Variant(value, _EXTENSION_OBJECT),
        DataType=ua.NodeId(ua.ObjectIds.Range if label != "EngineeringUnits" else _EU_INFORMATION),
        ValueRank=ua.ValueRank.Scalar,
        AccessLevel=access,
        UserAccessLevel=access,
    )
    return item


_EU_INFORMATION: Final = int(ua.ObjectIds.EUInformation)


def _unit(unit: Unit) -> ua.EUInformation:
    return ua.EUInformation(
        NamespaceUri=UNIT_NAMESPACE,
        UnitId=unit.unit_id,
        DisplayName=ua.LocalizedText(unit.symbol),
        Description=ua.LocalizedText(unit.name),
    )
