"""The front's namespace as a NodeSet2 file: its types, a line of some cells, and its methods."""

from collections.abc import Sequence

from control.limits import SetpointLimits
from opcua.front.method_items import method_items, method_rules
from opcua.front.nodes import FRONT_TABLE, LINE, LINE_TYPE
from opcua.node_items import line_items
from opcua.nodeset import NAMESPACE, make_nodeset
from opcua.object_types import rule_references, type_items
from stream.signals import SignalLimits


def front_nodeset_xml(
    cells: int, signals: Sequence[SignalLimits], setpoints: Sequence[SetpointLimits]
) -> str:
    """Return the front's namespace as NodeSet2 XML.

    Args:
        cells: of the line.
        signals, setpoints: of the plant file; a setpoint that it has not has no nodes.
    """
    line = line_items(cells, signals, setpoints, NAMESPACE, FRONT_TABLE)
    return make_nodeset(
        FRONT_TABLE.uri,
        [*type_items(NAMESPACE, FRONT_TABLE), *method_items(LINE_TYPE, NAMESPACE)],
        [*line, *method_items(LINE, NAMESPACE)],
        [*rule_references(NAMESPACE, FRONT_TABLE), *method_rules(LINE_TYPE, NAMESPACE)],
    )
