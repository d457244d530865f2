"""The node table as requests that add its nodes: pure, parents first.

What all cells share (names, descriptions, units, ranges) is made once a row: a line of 240 cells
has twenty thousand nodes, and both its start and its memory go by what each of them brings along.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asyncua import ua

from control.limits import SetpointLimits
from opcua.node_rows import DataType, NodeRow, NodeTable, WrittenBy
from opcua.nodes import PLANT
from opcua.units import UNIT_NAMESPACE, Unit
from stream.laboratory import make_ranges
from stream.signals import SignalLimits

NO_TIME: Final = datetime(1601, 1, 1, tzinfo=UTC)  # what OPC UA shows where there is no time
_ZERO: Final[dict[DataType, float | int | str | datetime]] = {
    DataType.DOUBLE: 0.0,
    DataType.INT32: 0,
    DataType.UINT32: 0,
    DataType.STRING: "",
    DataType.DATE_TIME: NO_TIME,
}
_MASK: Final = ua.NodeAttributesMask
_VARIABLE_MASK: Final = (
    _MASK.DisplayName
    | _MASK.Value
    | _MASK.DataType
    | _MASK.ValueRank
    | _MASK.AccessLevel
    | _MASK.UserAccessLevel
    | _MASK.Historizing
)
"""What every variable must have. Write masks and sampling intervals may be left out, and are."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Normal range and instrument range of a node, where it has them."""

    normal: tuple[float, float] | None = None
    instrument: tuple[float, float] | None = None


def ranges_of(
    row: NodeRow, signals: Sequence[SignalLimits], setpoints: Sequence[SetpointLimits]
) -> Ranges:
    """Return the ranges of a row from the plant file's signals and setpoints.

    A setpoint that a signal of the same name measures has the instrument range of that.
    """
    instruments = {row.name: (row.physical_low, row.physical_high) for row in signals}
    for limits in signals:
        if limits.name == row.signal:
            return Ranges((limits.normal_low, limits.normal_high), instruments[limits.name])
    for bounds in setpoints:
        if bounds.name == row.setpoint:
            return Ranges((bounds.low, bounds.high), instruments.get(bounds.name))
    if row.analysed is not None:
        return Ranges(instrument=make_ranges(signals)[row.analysed])
    return Ranges()


@dataclass(frozen=True, slots=True)
class _Property:
    label: str
    name: ua.QualifiedName
    attributes: ua.VariableAttributes


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the nodes of one row have in common."""

    name: ua.QualifiedName
    kind: ua.NodeId
    attributes: ua.VariableAttributes
    properties: tuple[_Property, ...]


def line_items(
    cells: int,
    signals: Sequence[SignalLimits],
    setpoints: Sequence[SetpointLimits],
    namespace: int,
    table: NodeTable = PLANT,
) -> Iterator[ua.AddNodesItem]:
    """Yield every node of a line, parents first.

    Args:
        cells: number of cells.
        signals, setpoints: of the plant file; they give ranges and limits.
        namespace: index of our namespace at the server.
        table: of the server.
    """
    limits = {bounds.name: bounds for bounds in setpoints}
    folders: set[str] = set()
    for row in table.rows:
        if row.belongs_to is not None and row.belongs_to not in limits:
            continue
        value = None
        if row.limit is not None and row.belongs_to is not None:
            value = float(getattr(limits[row.belongs_to], row.limit))
        shared = _share(row, ranges_of(row, signals, setpoints), cells, value, namespace)
        for cell in range(1, cells + 1) if row.is_per_cell else (0,):
            yield from _folders_above(row, cell, namespace, folders, table)
            yield from _variable_items(row, cell, shared, namespace)


def _folders_above(
    row: NodeRow, cell: int, namespace: int, known: set[str], table: NodeTable
) -> Iterator[ua.AddNodesItem]:
    pattern = row.path.rpartition("/")[0]
    path = pattern.format(cell=cell)
    if path in known:
        return
    patterns, names = pattern.split("/"), path.split("/")
    for depth in range(1, len(names) + 1):
        here = "/".join(names[:depth])
        if here in known:
            continue
        known.add(here)
        above = ua.NodeId("/".join(names[: depth - 1]), namespace)
        parent = above if depth > 1 else ua.NodeId(ua.ObjectIds.ObjectsFolder)
        reference = ua.ObjectIds.HasComponent if depth > 1 else ua.ObjectIds.Organizes
        kind = object_type_of("/".join(patterns[:depth]), namespace, table)
        name = ua.QualifiedName(names[depth - 1], namespace)
        yield object_item(ua.NodeId(here, namespace), name, parent, reference, kind)


def object_type_of(pattern: str, namespace: int, table: NodeTable = PLANT) -> ua.NodeId:
    """Return the type of the object at a path of the table: one of ours, or a folder."""
    for row in table.object_types:
        if row.is_at(pattern):
            return ua.NodeId(row.name, namespace)
    return ua.NodeId(ua.ObjectIds.FolderType)


def variable_type(row: NodeRow) -> ua.NodeId:
    """Return the variable type: an analogue one must have unit and range, or a unit at least."""
    if row.unit is None:
        return ua.NodeId(ua.ObjectIds.BaseDataVariableType)
    if row.signal is None and row.setpoint is None:
        return ua.NodeId(ua.ObjectIds.AnalogUnitType)
    return ua.NodeId(ua.ObjectIds.AnalogUnitRangeType)


def object_item(
    node_id: ua.NodeId, name: ua.QualifiedName, parent: ua.NodeId, reference: int, kind: ua.NodeId
) -> ua.AddNodesItem:
    """Return the request for an object."""
    attributes = ua.ObjectAttributes(DisplayName=ua.LocalizedText(name.Name))
    attributes.SpecifiedAttributes = _MASK.DisplayName | _MASK.EventNotifier
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(reference),
        RequestedNewNodeId=node_id,
        BrowseName=name,
        NodeClass=ua.NodeClass.Object,
        NodeAttributes=attributes,
        TypeDefinition=kind,
    )


def variable_attributes(row: NodeRow, cells: int, value: float | None) -> ua.VariableAttributes:
    """Return the attributes of a row's variables; without a value, with a zero of the type.

    Args:
        cells: length of an array; 0 where it is not known.
    """
    access = ua.AccessLevel.CurrentRead.mask
    if row.written_by is not WrittenBy.SCADA:
        access |= ua.AccessLevel.CurrentWrite.mask
    if row.is_historized:
        access |= ua.AccessLevel.HistoryRead.mask
    first = _ZERO[row.data_type] if value is None else value
    has_many = row.is_array or row.is_list
    length = cells if row.is_array else 0
    kind = ua.VariantType[row.data_type]
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(row.path.rpartition("/")[2]),
        Description=ua.LocalizedText(row.holds),
        Value=ua.Variant([first] * length if has_many else first, kind, is_array=has_many),
        DataType=ua.NodeId(kind.value),
        ValueRank=ua.ValueRank.OneDimension if has_many else ua.ValueRank.Scalar,
        AccessLevel=access,
        UserAccessLevel=access,
        Historizing=row.is_historized,
    )
    attributes.SpecifiedAttributes = _VARIABLE_MASK | _MASK.Description
    if has_many:
        attributes.ArrayDimensions = [length]
        attributes.SpecifiedAttributes |= _MASK.ArrayDimensions
    return attributes


def _share(
    row: NodeRow, ranges: Ranges, cells: int, value: float | None, namespace: int
) -> _Shared:
    properties: list[tuple[str, int, Any]] = []
    if ranges.normal is not None:
        properties.append(("EURange", ua.ObjectIds.Range, ua.Range(*ranges.normal)))
    if ranges.instrument is not None:
        properties.append(("InstrumentRange", ua.ObjectIds.Range, ua.Range(*ranges.instrument)))
    if row.unit is not None:
        properties.append(("EngineeringUnits", ua.ObjectIds.EUInformation, _unit(row.unit)))
    return _Shared(
        ua.QualifiedName(row.path.rpartition("/")[2].format(cell=0), namespace),
        variable_type(row),
        variable_attributes(row, cells, value),
        tuple(
            _Property(label, ua.QualifiedName(label, 0), _property_attributes(label, kind, held))
            for label, kind, held in properties
        ),
    )


def _property_attributes(label: str, kind: int, value: Any) -> ua.VariableAttributes:
    access = ua.AccessLevel.CurrentRead.mask
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(label),
        Value=ua.Variant(value, ua.VariantType.ExtensionObject),
        DataType=ua.NodeId(kind),
        ValueRank=ua.ValueRank.Scalar,
        AccessLevel=access,
        UserAccessLevel=access,
    )
    attributes.SpecifiedAttributes = _VARIABLE_MASK
    return attributes


def _variable_items(
    row: NodeRow, cell: int, shared: _Shared, namespace: int
) -> Iterator[ua.AddNodesItem]:
    identifier = row.node_id.format(cell=cell)
    parent = ua.NodeId(row.path.rpartition("/")[0].format(cell=cell), namespace)
    node_id = ua.NodeId(identifier, namespace)
    yield variable_item(
        node_id, shared.name, parent, _HAS_COMPONENT, shared.kind, shared.attributes
    )
    for one in shared.properties:
        own_id = ua.NodeId(f"{identifier}.{one.label}", namespace)
        yield variable_item(
            own_id, one.name, node_id, _HAS_PROPERTY, _PROPERTY_TYPE, one.attributes
        )


_HAS_COMPONENT: Final = ua.NodeId(ua.ObjectIds.HasComponent)
_HAS_PROPERTY: Final = ua.NodeId(ua.ObjectIds.HasProperty)
_PROPERTY_TYPE: Final = ua.NodeId(ua.ObjectIds.PropertyType)


def variable_item(
    node_id: ua.NodeId,
    name: ua.QualifiedName,
    parent: ua.NodeId,
    reference: ua.NodeId,
    kind: ua.NodeId,
    attributes: ua.VariableAttributes,
) -> ua.AddNodesItem:
    """Return the request for a variable or a property."""
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=reference,
        RequestedNewNodeId=node_id,
        BrowseName=name,
        NodeClass=ua.NodeClass.Variable,
        NodeAttributes=attributes,
        TypeDefinition=kind,
    )


def _unit(unit: Unit) -> ua.EUInformation:
    return ua.EUInformation(
        NamespaceUri=UNIT_NAMESPACE,
        UnitId=unit.unit_id,
        DisplayName=ua.LocalizedText(unit.symbol),
        Description=ua.LocalizedText(unit.name),
    )
