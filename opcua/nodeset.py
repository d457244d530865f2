"""A namespace of ours as a NodeSet2 file (OPC 10000-6, annex F), made from its node table alone.

It holds the object types and a line of some cells, and neither a time nor a value that a plant
would change: the same table and plant file give the same bytes, so that two can be compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree as Xml

from asyncua import ua

from control.limits import SetpointLimits
from opcua.node_items import line_items
from opcua.nodes import NAMESPACE_URI
from opcua.object_types import rule_references, type_items
from stream.signals import SignalLimits

NAMESPACE: Final = 1  # its index in the file
_NODES: Final = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
_TYPES: Final = "http://opcfoundation.org/UA/2008/02/Types.xsd"
_CORE: Final = {  # the oldest that has the analogue types in use
    "ModelUri": "http://opcfoundation.org/UA/",
    "Version": "1.04",
    "PublicationDate": "2018-05-15T00:00:00Z",
}
_ELEMENTS: Final[Mapping[ua.NodeClass, str]] = {
    ua.NodeClass.ObjectType: "UAObjectType",
    ua.NodeClass.Object: "UAObject",
    ua.NodeClass.Variable: "UAVariable",
    ua.NodeClass.Method: "UAMethod",
}
_ENCODINGS: Final[Mapping[type, int]] = {
    ua.Range: ua.ObjectIds.Range_Encoding_DefaultXml,
    ua.EUInformation: ua.ObjectIds.EUInformation_Encoding_DefaultXml,
    ua.Argument: ua.ObjectIds.Argument_Encoding_DefaultXml,
}
_READ_ONLY: Final = ua.AccessLevel.CurrentRead.mask  # what a file need not say


def nodeset_xml(
    cells: int, signals: Sequence[SignalLimits], setpoints: Sequence[SetpointLimits]
) -> str:
    """Return the namespace of the plant as NodeSet2 XML.

    Args:
        cells: of the line.
        signals, setpoints: of the plant file; they give ranges and limits.
    """
    line = line_items(cells, signals, setpoints, NAMESPACE)
    return make_nodeset(NAMESPACE_URI, type_items(NAMESPACE), line, rule_references(NAMESPACE))


def make_nodeset(
    uri: str,
    types: Iterable[ua.AddNodesItem],
    line: Iterable[ua.AddNodesItem],
    rules: Iterable[ua.AddReferencesItem],
) -> str:
    """Return a namespace as NodeSet2 XML: types first, then a line, each sorted by node id.

    Args:
        uri: of the namespace.
        types, line: what would add their nodes to a server at which it has the index `NAMESPACE`.
        rules: what would give nodes of the types their modelling rules.
    """
    rule_of = {one.SourceNodeId: one.TargetNodeId for one in rules}
    root = Xml.Element("UANodeSet", xmlns=_NODES)
    Xml.SubElement(Xml.SubElement(root, "NamespaceUris"), "Uri").text = uri
    model = Xml.SubElement(Xml.SubElement(root, "Models"), "Model", ModelUri=uri)
    Xml.SubElement(model, "RequiredModel", _CORE)
    aliases = Xml.SubElement(root, "Aliases")
    used: dict[str, str] = {}
    for item in [*sorted(types, key=_identifier), *sorted(line, key=_identifier)]:
        _add_node(root, item, rule_of.get(item.RequestedNewNodeId), used)
    for name in sorted(used):
        Xml.SubElement(aliases, "Alias", Alias=name).text = used[name]
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _identifier(item: ua.AddNodesItem) -> str:
    return str(item.RequestedNewNodeId.Identifier)


def _add_node(
    root: Xml.Element, item: ua.AddNodesItem, rule: ua.NodeId | None, aliases: dict[str, str]
) -> None:
    attributes = item.NodeAttributes
    element = Xml.SubElement(
        root,
        _ELEMENTS[item.NodeClass],
        NodeId=item.RequestedNewNodeId.to_string(),
        BrowseName=item.BrowseName.to_string(),
    )
    if item.NodeClass is not ua.NodeClass.ObjectType:
        element.set("ParentNodeId", item.ParentNodeId.to_string())
    if item.NodeClass is ua.NodeClass.Variable:
        _set_variable(element, attributes, aliases)
    Xml.SubElement(element, "DisplayName").text = attributes.DisplayName.Text
    if attributes.Description.Text:
        Xml.SubElement(element, "Description").text = attributes.Description.Text
    references = Xml.SubElement(element, "References")
    if not item.TypeDefinition.is_null():
        kind = ua.NodeId(ua.ObjectIds.HasTypeDefinition)
        _add_reference(references, kind, item.TypeDefinition, aliases)
    if rule is not None:
        _add_reference(references, ua.NodeId(ua.ObjectIds.HasModellingRule), rule, aliases)
    to_parent = _add_reference(references, item.ReferenceTypeId, item.ParentNodeId, aliases)
    to_parent.set("IsForward", "false")
    if item.ReferenceTypeId == ua.NodeId(ua.ObjectIds.HasProperty):
        _add_value(Xml.SubElement(element, "Value"), attributes.Value.Value)


def _set_variable(
    element: Xml.Element, attributes: ua.VariableAttributes, aliases: dict[str, str]
) -> None:
    element.set("DataType", _alias(attributes.DataType, aliases))
    if attributes.ValueRank != ua.ValueRank.Scalar:
        element.set("ValueRank", str(int(attributes.ValueRank)))
        element.set("ArrayDimensions", ",".join(str(size) for size in attributes.ArrayDimensions))
    if attributes.AccessLevel != _READ_ONLY:
        element.set("AccessLevel", str(attributes.AccessLevel))
        element.set("UserAccessLevel", str(attributes.UserAccessLevel))
    if attributes.Historizing:
        element.set("Historizing", "true")


def _add_reference(
    references: Xml.Element, kind: ua.NodeId, target: ua.NodeId, aliases: dict[str, str]
) -> Xml.Element:
    reference = Xml.SubElement(references, "Reference", ReferenceType=_alias(kind, aliases))
    reference.text = target.to_string()
    return reference


def _alias(node_id: ua.NodeId, aliases: dict[str, str]) -> str:
    """Return the name of a node of namespace 0, and have it explained at the head of the file."""
    name = str(ua.ObjectIdNames[node_id.Identifier])
    aliases[name] = node_id.to_string()
    return name


def _add_value(parent: Xml.Element, value: Any) -> None:
    """Add what a property holds: a structure, or a list of them."""
    if isinstance(value, list):
        parent = Xml.SubElement(parent, "ListOfExtensionObject", xmlns=_TYPES)
        for one in value:
            _add_structure(Xml.SubElement(parent, "ExtensionObject"), one)
    else:
        _add_structure(Xml.SubElement(parent, "ExtensionObject", xmlns=_TYPES), value)


def _add_structure(own: Xml.Element, value: Any) -> None:
    identifier = ua.NodeId(_ENCODINGS[type(value)]).to_string()
    Xml.SubElement(Xml.SubElement(own, "TypeId"), "Identifier").text = identifier
    body = Xml.SubElement(Xml.SubElement(own, "Body"), type(value).__name__)
    for name, field in _fields(value):
        element = Xml.SubElement(body, name)
        if isinstance(field, ua.LocalizedText):
            Xml.SubElement(element, "Text").text = field.Text
        elif isinstance(field, ua.NodeId):
            Xml.SubElement(element, "Identifier").text = field.to_string()
        elif isinstance(field, list):
            for size in field:
                Xml.SubElement(element, "UInt32").text = str(size)
        else:
            element.text = str(field)


def _fields(value: Any) -> list[tuple[str, Any]]:
    """Return the fields of a structure in the order in which the standard has them."""
    if isinstance(value, ua.Range):
        return [("Low", value.Low), ("High", value.High)]
    if isinstance(value, ua.Argument):
        return [
            ("Name", value.Name),
            ("DataType", value.DataType),
            ("ValueRank", int(value.ValueRank)),
            ("ArrayDimensions", value.ArrayDimensions),
            ("Description", value.Description),
        ]
    names = ("NamespaceUri", "UnitId", "DisplayName", "Description")
    return [(name, getattr(value, name)) for name in names]
