"""Finds the nodes of a mapping on a connected server: all, or an error that lists the missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from asyncua import ua

from opcua.addresses import Address, NodeAddress, PathAddress
from opcua.link import Link, LinkError
from opcua.mapping import Layout, Mapping, ModeNodes, SetpointNode, SignalNode

_BUILT_IN_TYPES: Final = 25
_NAMESPACE_ARRAY: Final = ua.NodeId(ua.ObjectIds.Server_NamespaceArray)
_ROOT: Final = ua.NodeId(ua.ObjectIds.RootFolder)


class ResolveError(LinkError):
    """The server answers, but lacks what the mapping names; the message lists all of it."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A mapped signal, read-back or mode: its row and its nodes (one per cell, or one; of several
    sensors those of the first, then those of the second, ...)."""

    row: SignalNode
    node_ids: tuple[ua.NodeId, ...]

    @property
    def nodes_per_channel(self) -> int:
        """How many nodes each sensor has."""
        return len(self.node_ids) // len(self.row.channels)


@dataclass(frozen=True, slots=True)
class Writable:
    """Nodes to write, one per cell, and their built-in type."""

    node_ids: tuple[ua.NodeId, ...]
    variant_type: ua.VariantType


@dataclass(frozen=True, slots=True)
class ResolvedSetpoint:
    """A setpoint's row, targets and read-back."""

    row: SetpointNode
    target: Writable
    readback: Readable


@dataclass(frozen=True, slots=True)
class ResolvedModes:
    """The modes' row, targets and actuals."""

    row: ModeNodes
    target: Writable
    actual: Readable


@dataclass(frozen=True, slots=True)
class ResolvedLaboratory:
    """The time of each cell's newest sample, and what was found in it."""

    drawn: Readable
    values: tuple[Readable, ...]


@dataclass(frozen=True, slots=True)
class ResolvedNodes:
    """All nodes of a mapping on one server, valid as long as the connection."""

    cells: tuple[int, ...]
    signals: tuple[Readable, ...]
    setpoints: tuple[ResolvedSetpoint, ...]
    plant_time: ua.NodeId | None
    scan_counter: ua.NodeId | None
    heartbeat_out: Writable | None
    heartbeat_in: ua.NodeId | None
    modes: ResolvedModes | None
    laboratory: ResolvedLaboratory | None = None
    writer_token: Writable | None = None
    trip: ua.NodeId | None = None


class _Finder:
    """Collects what has to be found, then asks the server once."""

    def __init__(self, mapping: Mapping, cells: tuple[int, ...]) -> None:
        self._mapping = mapping
        self._cells = cells
        self._wanted: list[tuple[str, str, Address]] = []  # what it is, its text, its address
        self._found: list[ua.NodeId] = []
        self._types: list[ua.VariantType | None] = []

    def want(self, what: str, pattern: str | None, layout: Layout = Layout.LINE) -> range:
        """Note a node (or one per cell) to be found; return where it will be among the found."""
        begin = len(self._wanted)
        if pattern is None:
            return range(begin, begin)
        for cell in self._cells if layout is Layout.SCALAR else self._cells[:1]:
            name = f"{what} of cell {cell}" if layout is Layout.SCALAR else what
            address = self._mapping.address(pattern, cell)
            self._wanted.append((name, self._mapping.text(pattern, cell), address))
        return range(begin, len(self._wanted))

    async def find(self, link: Link) -> None:
        """Find all nodes.

        Raises:
            ResolveError: some are not there; the message lists every one.
            LinkError: the connection broke.
        """
        uris = (await link.read([_NAMESPACE_ARRAY]))[0].Value.Value or []
        missing: list[str] = []
        candidates: list[ua.NodeId | None] = []
        paths: list[tuple[int, PathAddress]] = []
        for index, (what, text, address) in enumerate(self._wanted):
            candidates.append(None)
            unknown = [uri for uri in _uris_of(address) if uri not in uris]
            if unknown:
                missing.append(f"{what}: {text} (the server has no namespace {unknown[0]})")
            elif isinstance(address, NodeAddress):
                candidates[index] = _node_id(address, uris)
            else:
                paths.append((index, address))
        for (index, _), node_id in zip(paths, await _translate(link, paths, uris), strict=True):
            candidates[index] = node_id
            if node_id is None:
                missing.append(f"{self._wanted[index][0]}: {self._wanted[index][1]}")
        known = [node_id for node_id in candidates if node_id is not None]
        classes = iter(await link.read(known, ua.AttributeIds.NodeClass))
        for index, node_id in enumerate(candidates):
            if node_id is None:
                continue
            answer = next(classes)
            what, text, _ = self._wanted[index]
            if not _is_good(answer):
                missing.append(f"{what}: {text}")
            elif answer.Value.Value != ua.NodeClass.Variable:
                missing.append(f"{what}: {text} (is no variable)")
        if missing:
            raise ResolveError(
                f"{link.address} lacks {len(missing)} of {len(self._wanted)} nodes of [opcua] in "
                "the plant file; correct the table or the server: " + "; ".join(missing)
            )
        self._found = known
        self._types = await _types_of(link, known)

    def readable(self, row: SignalNode, where: range) -> Readable:
        """Return the found nodes of a row.

        Raises:
            ResolveError: two of its sensors are one node.
        """
        node_ids = tuple(self._found[index] for index in where)
        (node_id, times), *_ = Counter(node_ids).most_common(1)
        if row.nodes and times > 1:
            names = [self._wanted[at][1] for at in where if self._found[at] == node_id]
            raise ResolveError(
                f"{row.name}: {' and '.join(names)} in nodes are the same node "
                f"{node_id.to_string()}; one sensor has one vote"
            )
        return Readable(row, node_ids)

    def writable(self, where: range) -> Writable:
        """Return the found nodes with their type."""
        types = {self._types[index] for index in where}
        kind = types.pop()
        if types or kind is None:
            what, text, _ = self._wanted[where[0]]
            raise ResolveError(
                f"{what}: {text}: the type of the node is not one built-in type for all cells"
            )
        return Writable(tuple(self._found[index] for index in where), kind)

    def one(self, where: range) -> ua.NodeId | None:
        """Return the found node, or None where none was wanted."""
        return self._found[where[0]] if where else None


async def resolve(link: Link, mapping: Mapping, cells: Sequence[int]) -> ResolvedNodes:
    """Find every node of the mapping.

    Args:
        link: a live connection.
        mapping: the plant file's table.
        cells: cell numbers, from 1.

    Raises:
        ResolveError: nodes are not there, or have no writable type; the message lists every one.
        LinkError: the connection broke.
    """
    finder = _Finder(mapping, tuple(cells))
    signals = [_want_channels(finder, row) for row in mapping.signals]
    targets = [
        finder.want(f"target of {row.name}", row.target, Layout.SCALAR) for row in mapping.setpoints
    ]
    readbacks = [
        finder.want(f"read-back of {row.name}", row.readback, row.readback_layout)
        for row in mapping.setpoints
    ]
    plant_time = finder.want("plant time", mapping.clock.plant_time)
    scan_counter = finder.want("scan counter", mapping.clock.scan_counter)
    heartbeat_out = finder.want("heartbeat of the optimiser", mapping.heartbeats.optimiser)
    heartbeat_in = finder.want("heartbeat of the plant", mapping.heartbeats.plant)
    writer_token = finder.want("token of the writer", mapping.writer_token)
    trip = finder.want("trip contact", mapping.trip)
    modes = mapping.modes
    mode_target = finder.want("mode target", modes.target if modes else None, Layout.SCALAR)
    mode_actual = finder.want(
        "mode shown", modes.actual if modes else None, modes.actual_layout if modes else Layout.LINE
    )
    laboratory = mapping.laboratory
    samples = [
        (row, finder.want(f"laboratory's {row.name}", row.node, row.layout))
        for row in (() if laboratory is None else (laboratory.drawn_signal, *laboratory.values))
    ]
    await finder.find(link)
    shown = [finder.readable(row, where) for row, where in samples]
    return ResolvedNodes(
        cells=tuple(cells),
        signals=tuple(
            finder.readable(row, where) for row, where in zip(mapping.signals, signals, strict=True)
        ),
        setpoints=tuple(
            ResolvedSetpoint(
                row, finder.writable(target), finder.readable(row.readback_signal, readback)
            )
            for row, target, readback in zip(mapping.setpoints, targets, readbacks, strict=True)
        ),
        plant_time=finder.one(plant_time),
        scan_counter=finder.one(scan_counter),
        heartbeat_out=finder.writable(heartbeat_out) if heartbeat_out else None,
        heartbeat_in=finder.one(heartbeat_in),
        modes=None
        if modes is None
        else ResolvedModes(
            modes,
            finder.writable(mode_target),
            finder.readable(
                SignalNode(
                    "mode", modes.actual, modes.actual_layout, first_index=modes.first_index
                ),
                mode_actual,
            ),
        ),
        laboratory=ResolvedLaboratory(shown[0], tuple(shown[1:])) if shown else None,
        writer_token=finder.writable(writer_token) if writer_token else None,
        trip=finder.one(trip),
    )


def _want_channels(finder: _Finder, row: SignalNode) -> range:
    """Note the nodes of all sensors of a signal; return where they will be among the found."""
    if not row.nodes:
        return finder.want(row.name, row.node, row.layout)
    places = [
        finder.want(f"{row.name}, channel {number},", node, row.layout)
        for number, node in enumerate(row.nodes, 1)
    ]
    return range(places[0].start, places[-1].stop)


def _is_good(answer: ua.DataValue) -> bool:
    return answer.StatusCode is None or bool(answer.StatusCode.is_good())


def _uris_of(address: Address) -> list[str]:
    spaces = (
        [address.namespace]
        if isinstance(address, NodeAddress)
        else [space for space, _ in address.parts]
    )
    return [space for space in spaces if isinstance(space, str)]


def _index(namespace: int | str, uris: list[str]) -> int:
    return namespace if isinstance(namespace, int) else uris.index(namespace)


def _node_id(address: NodeAddress, uris: list[str]) -> ua.NodeId:
    index = _index(address.namespace, uris)
    if address.kind == "i":
        return ua.NodeId(int(address.identifier), index)
    if address.kind == "g":
        return ua.NodeId(UUID(address.identifier), index)
    if address.kind == "b":
        return ua.NodeId(bytes.fromhex(address.identifier), index)
    return ua.NodeId(address.identifier, index)


async def _translate(
    link: Link, paths: list[tuple[int, PathAddress]], uris: list[str]
) -> list[ua.NodeId | None]:
    """Return the node at the end of each browse path, or None."""
    if not paths:
        return []
    requests = []
    for _, path in paths:
        elements = [
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IsInverse=False,
                IncludeSubtypes=True,
                TargetName=ua.QualifiedName(name, _index(space, uris)),
            )
            for space, name in path.parts
        ]
        requests.append(ua.BrowsePath(_ROOT, ua.RelativePath(elements)))
    results = await link.translate(requests)
    return [
        result.Targets[0].TargetId if result.StatusCode.is_good() and result.Targets else None
        for result in results
    ]


async def _types_of(link: Link, node_ids: list[ua.NodeId]) -> list[ua.VariantType | None]:
    """Return the built-in type of each node: of its value, or else of its DataType attribute."""
    values = await link.read(node_ids)
    declared = await link.read(node_ids, ua.AttributeIds.DataType)
    types: list[ua.VariantType | None] = []
    for value, data_type in zip(values, declared, strict=True):
        kind: ua.VariantType | None = None
        if value.Value is not None and value.Value.VariantType is not ua.VariantType.Null:
            kind = value.Value.VariantType
        elif data_type.Value is not None and isinstance(data_type.Value.Value, ua.NodeId):
            node_id = data_type.Value.Value
            if node_id.NamespaceIndex == 0 and 0 < node_id.Identifier <= _BUILT_IN_TYPES:
                kind = ua.VariantType(node_id.Identifier)
        types.append(kind)
    return types
