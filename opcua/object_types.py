"""The object types of the node table, and what each declares: derived from the rows of the table.

A declaration is a node below a type. It says which nodes an instance has, of which variable type,
and whether it always has them; what an instance measures, its unit and its ranges, stand at the
instance.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from asyncua import ua

from opcua.node_items import (
    object_item,
    object_type_of,
    variable_attributes,
    variable_item,
    variable_type,
)
from opcua.node_rows import NodeRow, NodeTable
from opcua.nodes import PLANT
from physics.signals import OPTIONAL_SETPOINTS

_MANDATORY: Final = int(ua.ObjectIds.ModellingRule_Mandatory)
_OPTIONAL: Final = int(ua.ObjectIds.ModellingRule_Optional)
_PLACEHOLDER: Final = int(ua.ObjectIds.ModellingRule_OptionalPlaceholder)
_CELL: Final = "<Cell>"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A node below an object type.

    Attributes:
        path: name of the type and browse names below it; divided by "/" they are the node id.
        stands_for: path of its instances in the table.
        row: of a variable; None for an object.
        modelling_rule: id of the rule in namespace 0.
    """

    path: tuple[str, ...]
    stands_for: str
    row: NodeRow | None
    modelling_rule: int


def declarations(table: NodeTable = PLANT) -> list[Declaration]:
    """Return what the types of a table declare, parents first.

    Several rows share a declaration, as all setpoints do what is below them; the first makes it.
    """
    found: dict[tuple[str, ...], Declaration] = {}
    for row in table.rows:
        for one in _along(row, table):
            found.setdefault(one.path, one)
    return list(found.values())


def _along(row: NodeRow, table: NodeTable) -> Iterator[Declaration]:
    """Yield what the types declare on the way to a row, each below the nearest type above it."""
    parts = row.path.split("/")
    below: tuple[str, ...] = ()
    for depth, part in enumerate(parts, start=1):
        here = "/".join(parts[:depth])
        is_cell = "{cell" in part
        rule = _OPTIONAL if row.belongs_to in OPTIONAL_SETPOINTS else _MANDATORY
        if below:
            below = (*below, _CELL if is_cell else part)
            own = row if depth == len(parts) else None
            yield Declaration(below, here, own, _PLACEHOLDER if is_cell else rule)
        for kind in table.object_types:
            if kind.is_at(here):
                below = (kind.name,)


def type_items(namespace: int, table: NodeTable = PLANT) -> list[ua.AddNodesItem]:
    """Return the requests that add the types and what they declare, parents first."""
    items = [_type_item(row.name, row.holds, namespace) for row in table.object_types]
    return items + [_declaration_item(one, namespace, table) for one in declarations(table)]


def rule_references(namespace: int, table: NodeTable = PLANT) -> list[ua.AddReferencesItem]:
    """Return the requests that give every declaration its modelling rule."""
    return [
        ua.AddReferencesItem(
            SourceNodeId=_id_of(one.path, namespace),
            ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasModellingRule),
            IsForward=True,
            TargetNodeId=ua.NodeId(one.modelling_rule),
            TargetNodeClass=ua.NodeClass.Object,
        )
        for one in declarations(table)
    ]


def _id_of(path: tuple[str, ...], namespace: int) -> ua.NodeId:
    return ua.NodeId("/".join(path), namespace)


def _type_item(name: str, holds: str, namespace: int) -> ua.AddNodesItem:
    mask = ua.NodeAttributesMask
    attributes = ua.ObjectTypeAttributes(
        DisplayName=ua.LocalizedText(name), Description=ua.LocalizedText(holds), IsAbstract=False
    )
    attributes.SpecifiedAttributes = mask.DisplayName | mask.Description | mask.IsAbstract
    return ua.AddNodesItem(
        ParentNodeId=ua.NodeId(ua.ObjectIds.BaseObjectType),
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasSubtype),
        RequestedNewNodeId=ua.NodeId(name, namespace),
        BrowseName=ua.QualifiedName(name, namespace),
        NodeClass=ua.NodeClass.ObjectType,
        NodeAttributes=attributes,
    )


def _declaration_item(one: Declaration, namespace: int, table: NodeTable) -> ua.AddNodesItem:
    node_id, parent = _id_of(one.path, namespace), _id_of(one.path[:-1], namespace)
    name = ua.QualifiedName(one.path[-1], namespace)
    if one.row is None:
        kind = object_type_of(one.stands_for, namespace, table)
        return object_item(node_id, name, parent, ua.ObjectIds.HasComponent, kind)
    row = replace(one.row, holds=one.row.declared_as or one.row.holds)
    attributes = variable_attributes(row, cells=0, value=None)
    reference = ua.NodeId(ua.ObjectIds.HasComponent)
    return variable_item(node_id, name, parent, reference, variable_type(row), attributes)
