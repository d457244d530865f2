"""Builds the nodes of a node table in an asyncua server."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from asyncua import Server, ua
from asyncua.server.address_space import NodeManagementService

from control.limits import SetpointLimits
from opcua.node_items import line_items
from opcua.node_rows import NodeTable
from opcua.nodes import PLANT
from opcua.object_types import rule_references, type_items
from opcua.uncollected import uncollected
from stream.signals import SignalLimits

_NODES_PER_TURN: Final = 500  # so that a large line does not block the event loop while it is built


class AddressSpace:
    """Knows the node ids and how a value of each node is written."""

    def __init__(
        self, server: Server, namespace: int, cells: int, table: NodeTable = PLANT
    ) -> None:
        self._server = server
        self.namespace = namespace
        self.cells = cells
        self._types = {row.node_id: ua.VariantType[row.data_type] for row in table.rows}

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
    table: NodeTable = PLANT,
) -> AddressSpace:
    """Add every node of a table to a server that has been initialised but not started.

    Args:
        server: asyncua server.
        cells: number of cells.
        signals, setpoints: of the plant file; they give the ranges.
        table: what there is.

    Raises:
        RuntimeError: the server refuses a node: the table names one twice.
    """
    namespace = await server.register_namespace(table.uri)
    items = line_items(cells, signals, setpoints, namespace, table)
    with uncollected():
        _add_types(server.iserver.node_mgt_service, namespace, table)
        while turn := list(islice(items, _NODES_PER_TURN)):
            results = server.iserver.node_mgt_service.add_nodes(turn)
            _require_good(
                (one.RequestedNewNodeId, result.StatusCode)
                for one, result in zip(turn, results, strict=True)
            )
            await asyncio.sleep(0)
    return AddressSpace(server, namespace, cells, table)


def _add_types(service: NodeManagementService, namespace: int, table: NodeTable) -> None:
    _require_good(
        (one.RequestedNewNodeId, result.StatusCode)
        for one in type_items(namespace, table)
        for result in service.add_nodes([one])
    )
    _require_good(
        (one.SourceNodeId, status)
        for one in rule_references(namespace, table)
        for status in service.add_references([one])
    )


def _require_good(answers: Iterable[tuple[ua.NodeId, ua.StatusCode]]) -> None:
    for node_id, status in answers:
        if not status.is_good():
            raise RuntimeError(
                f"node {node_id.Identifier} refused: {status.name}; correct its row in the table"
            )
