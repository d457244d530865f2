"""What a row of the node table says of a node, and what stands behind several rows."""

from dataclasses import dataclass
from enum import StrEnum

from opcua.units import Unit


class DataType(StrEnum):
    """Built-in OPC UA types in use."""

    DOUBLE = "Double"
    INT32 = "Int32"
    UINT32 = "UInt32"
    STRING = "String"
    DATE_TIME = "DateTime"


class WrittenBy(StrEnum):
    """Who may write a node; all others read it."""

    SCADA = "scada"
    OPTIMISER = "optimiser"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One row of the table.

    Attributes:
        path: browse names below Objects, parts divided by "/".
        node_id: the string identifier.
        holds: what the node holds, in words.
        declared_as: what the node of the object type holds that stands for several rows; "": as
            `holds`.
        signal, setpoint: the name in the plant file that gives the node its ranges.
        analysed: what a laboratory finds; what it can be is the node's range.
        belongs_to: a setpoint; a server of a plant file without it has no such node.
        limit: field of that setpoint's limits in the plant file; the node holds it and never
            changes.
        is_array: one value per cell in one node.
        is_list: any number of values in one node.
        is_historized: the server keeps a history that HistoryRead gives back.
    """

    path: str
    node_id: str
    data_type: DataType
    holds: str
    unit: Unit | None = None
    declared_as: str = ""
    signal: str | None = None
    setpoint: str | None = None
    analysed: str | None = None
    belongs_to: str | None = None
    limit: str | None = None
    is_array: bool = False
    is_list: bool = False
    is_historized: bool = False
    written_by: WrittenBy = WrittenBy.SCADA

    @property
    def is_per_cell(self) -> bool:
        """Whether the row stands for one node per cell."""
        return "{cell" in self.node_id


@dataclass(frozen=True, slots=True)
class Quantity:
    """A signal, setpoint or analysis: its name in the plant file, its browse name and unit here."""

    name: str
    browse_name: str
    unit: Unit | None
    holds: str


@dataclass(frozen=True, slots=True)
class SetpointPart:
    """A node that every setpoint of every cell has.

    Attributes:
        holds: with `{what}` for the setpoint.
        has_unit, has_range: those of the setpoint.
        limit: as in `NodeRow`.
    """

    name: str
    holds: str
    data_type: DataType = DataType.DOUBLE
    has_unit: bool = False
    has_range: bool = False
    limit: str | None = None
    written_by: WrittenBy = WrittenBy.SCADA

    def row(self, quantity: Quantity, path: str, node_id: str) -> NodeRow:
        """Return the row of this part of a setpoint, which stands at a path and has a node id."""
        return NodeRow(
            f"{path}/{self.name}",
            f"{node_id}.{self.name}",
            self.data_type,
            self.holds.format(what=quantity.holds),
            quantity.unit if self.has_unit else None,
            declared_as=self.holds.format(what="setpoint"),
            setpoint=quantity.name if self.has_range else None,
            belongs_to=quantity.name,
            limit=self.limit,
            written_by=self.written_by,
        )


@dataclass(frozen=True, slots=True)
class ObjectTypeRow:
    """A type of object, and the path at which its instances stand.

    Attributes:
        name: browse name and string identifier.
        path: as in `NodeRow`, with "*" for a name of any setpoint.
        holds: what an instance is, in words.
    """

    name: str
    path: str
    holds: str

    def is_at(self, path: str) -> bool:
        """Whether an object with this path, with its patterns, is of this type."""
        own, other = self.path.split("/"), path.split("/")
        return len(own) == len(other) and all(
            mine in ("*", part) for mine, part in zip(own, other, strict=True)
        )


@dataclass(frozen=True, slots=True)
class NodeTable:
    """Every node of a server of ours.

    Attributes:
        uri: of its namespace.
        rows: variables; folders and objects follow from their paths.
        object_types: of the objects that are no mere folders.
    """

    uri: str
    rows: tuple[NodeRow, ...]
    object_types: tuple[ObjectTypeRow, ...]
