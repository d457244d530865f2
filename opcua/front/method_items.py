"""The methods of the front as requests that add their nodes: at the line, and at its type."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from asyncua import ua

from opcua.front.methods import METHODS, Argument
from opcua.front.setpoint_call import REQUEST_SETPOINTS
from opcua.node_items import variable_item

_MASK: Final = ua.NodeAttributesMask
_HAS_PROPERTY: Final = ua.NodeId(ua.ObjectIds.HasProperty)


class Shown(Protocol):
    """A method, as far as its nodes show it."""

    @property
    def name(self) -> str:
        """Browse name."""

    @property
    def holds(self) -> str:
        """What it does."""

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What it takes."""

    @property
    def outputs(self) -> tuple[Argument, ...]:
        """What it gives back."""


SHOWN: Final[tuple[Shown, ...]] = (*METHODS, REQUEST_SETPOINTS)


def method_id(place: str, method: Shown, namespace: int) -> ua.NodeId:
    """Return the node id of a method below an object, or a type, with that string id."""
    return ua.NodeId(f"{place}/{method.name}", namespace)


def method_items(place: str, namespace: int) -> Iterator[ua.AddNodesItem]:
    """Yield the requests that add all methods below an object, or a type, with that string id."""
    for method in SHOWN:
        own = method_id(place, method, namespace)
        attributes = ua.MethodAttributes(
            DisplayName=ua.LocalizedText(method.name),
            Description=ua.LocalizedText(method.holds),
            Executable=True,
            UserExecutable=True,
        )
        attributes.SpecifiedAttributes = (
            _MASK.DisplayName | _MASK.Description | _MASK.Executable | _MASK.UserExecutable
        )
        yield ua.AddNodesItem(
            ParentNodeId=ua.NodeId(place, namespace),
            ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasComponent),
            RequestedNewNodeId=own,
            BrowseName=ua.QualifiedName(method.name, namespace),
            NodeClass=ua.NodeClass.Method,
            NodeAttributes=attributes,
        )
        yield _arguments_item(own, "InputArguments", method.arguments)
        yield _arguments_item(own, "OutputArguments", method.outputs)


def method_rules(place: str, namespace: int) -> list[ua.AddReferencesItem]:
    """Return the requests that make the methods of a type mandatory."""
    return [
        ua.AddReferencesItem(
            SourceNodeId=method_id(place, method, namespace),
            ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasModellingRule),
            IsForward=True,
            TargetNodeId=ua.NodeId(ua.ObjectIds.ModellingRule_Mandatory),
            TargetNodeClass=ua.NodeClass.Object,
        )
        for method in SHOWN
    ]


def _arguments_item(
    method: ua.NodeId, label: str, arguments: Sequence[Argument]
) -> ua.AddNodesItem:
    access = ua.AccessLevel.CurrentRead.mask
    values = [
        ua.Argument(
            Name=one.name,
            DataType=ua.NodeId(one.kind.value),
            ValueRank=ua.ValueRank.OneDimension if one.is_list else ua.ValueRank.Scalar,
            ArrayDimensions=[0] if one.is_list else [],
            Description=ua.LocalizedText(one.holds),
        )
        for one in arguments
    ]
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(label),
        Value=ua.Variant(values, ua.VariantType.ExtensionObject, is_array=True),
        DataType=ua.NodeId(ua.ObjectIds.Argument),
        ValueRank=ua.ValueRank.OneDimension,
        ArrayDimensions=[len(values)],
        AccessLevel=access,
        UserAccessLevel=access,
    )
    attributes.SpecifiedAttributes = (
        _MASK.DisplayName
        | _MASK.Value
        | _MASK.DataType
        | _MASK.ValueRank
        | _MASK.ArrayDimensions
        | _MASK.AccessLevel
        | _MASK.UserAccessLevel
        | _MASK.Historizing
    )
    own = ua.NodeId(f"{method.Identifier}/{label}", method.NamespaceIndex)
    name = ua.QualifiedName(label, 0)
    kind = ua.NodeId(ua.ObjectIds.PropertyType)
    return variable_item(own, name, method, _HAS_PROPERTY, kind, attributes)
