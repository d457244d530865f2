"""Which node of a plant is which signal or setpoint: the `[opcua]` table of a plant file.

This is all that a SCADA which we did not write needs. Patterns may hold `{cell}` (1, 2, ..., or
from `first_number` on) and `{index}` (0, 1, ...), with a format such as `{cell:03d}`;
`opcua.addresses` says what a node looks like. Our value is `raw * scale + offset`. A signal that
several sensors measure has `nodes` in place of `node`, and the `tolerance` within which they agree.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from opcua.addresses import Address, parse_address
from opcua.redundancy import check_channels, check_distinct
from physics.signals import ANALYSED


class Layout(StrEnum):
    """How the values of all cells lie in the plant's nodes."""

    SCALAR = "scalar"  # one node per cell
    ARRAY = "array"  # one node, one element per cell
    LINE = "line"  # one node, one value for the whole line


def expand(pattern: str, cell: int, first_number: int = 1) -> str:
    """Return the pattern for one cell.

    Args:
        pattern: a node, with or without placeholders.
        cell: 1, 2, ...
        first_number: what the plant calls cell 1.

    Raises:
        ValueError: a placeholder other than `cell` and `index`, or a format that does not fit.
    """
    try:
        return pattern.format(cell=cell - 1 + first_number, index=cell - 1)
    except (KeyError, IndexError, ValueError) as exc:
        raise ValueError(
            f"{pattern!r}: only {{cell}} and {{index}} may stand in braces, "
            f"with a number format such as {{cell:03d}} ({exc})"
        ) from exc


def _check_pattern(pattern: str, layout: Layout, where: str) -> None:
    is_per_cell = expand(pattern, 1) != expand(pattern, 2)
    if layout is Layout.SCALAR and not is_per_cell:
        raise ValueError(
            f"{where}: {pattern!r} is the same node for every cell; put {{cell}} into it, "
            f"or set the layout to 'array' or 'line'"
        )
    if layout is not Layout.SCALAR and is_per_cell:
        raise ValueError(f"{where}: {pattern!r} holds {{cell}}; set the layout to 'scalar'")


def _check_scale(scale: float, where: str) -> None:
    if scale == 0.0 or scale != scale or scale in (float("inf"), float("-inf")):
        raise ValueError(f"{where}: scale {scale} cannot be undone; give a finite number but 0")


def _check_first_index(first_index: int, where: str) -> None:
    if first_index < 0:
        raise ValueError(f"{where}: first_index {first_index} is below 0, where arrays begin")


@dataclass(frozen=True, slots=True)
class SignalNode:
    """Where one signal is read.

    Attributes:
        name: one of `physics.signals.SIGNALS`.
        node: node or pattern; left out where there are `nodes`.
        scale, offset: ours = raw * scale + offset.
        first_index: element of an array that belongs to cell 1.
        nodes: two or more sensors that measure the same and are voted on; layout, scale, offset and
            first_index hold for each.
        tolerance: how far apart honest ones of them may be, in our unit.
    """

    name: str
    node: str = ""
    layout: Layout = Layout.SCALAR
    scale: float = 1.0
    offset: float = 0.0
    first_index: int = 0
    nodes: tuple[str, ...] = ()
    tolerance: float | None = None

    def __post_init__(self) -> None:
        check_channels(self.name, self.node, self.nodes, self.tolerance)
        for node in self.channels:
            _check_pattern(node, self.layout, self.name)
        _check_scale(self.scale, self.name)
        _check_first_index(self.first_index, self.name)

    @property
    def channels(self) -> tuple[str, ...]:
        """Nodes or patterns of all its sensors, one or more."""
        return self.nodes or (self.node,)


@dataclass(frozen=True, slots=True)
class SetpointNode:
    """Where one setpoint is written, and where the plant shows what is in force.

    Attributes:
        name: one of `physics.signals.SETPOINTS` or `OPTIONAL_SETPOINTS`.
        target: pattern of the nodes written, one per cell.
        readback: node or pattern that the plant itself writes; never the target.
        scale, offset: ours = raw * scale + offset, for the target.
        readback_scale, readback_offset: the same for the read-back; left out, those of the target.
    """

    name: str
    target: str
    readback: str
    readback_layout: Layout = Layout.SCALAR
    scale: float = 1.0
    offset: float = 0.0
    readback_scale: float | None = None
    readback_offset: float | None = None
    first_index: int = 0

    def __post_init__(self) -> None:
        _check_pattern(self.target, Layout.SCALAR, f"{self.name}, target")
        _check_pattern(self.readback, self.readback_layout, f"{self.name}, readback")
        _check_scale(self.scale, self.name)
        if self.readback_scale is not None:
            _check_scale(self.readback_scale, self.name)
        _check_first_index(self.first_index, self.name)
        if self.target == self.readback:
            raise ValueError(
                f"{self.name}: target and readback are the same node {self.target!r}; "
                f"name the node in which the plant shows the value in force"
            )

    @property
    def readback_signal(self) -> SignalNode:
        """The read-back as a thing to read."""
        return SignalNode(
            name=self.name,
            node=self.readback,
            layout=self.readback_layout,
            scale=self.scale if self.readback_scale is None else self.readback_scale,
            offset=self.offset if self.readback_offset is None else self.readback_offset,
            first_index=self.first_index,
        )

    def to_raw(self, value: float) -> float:
        """Return our value in the plant's unit."""
        return (value - self.offset) / self.scale


@dataclass(frozen=True, slots=True)
class ClockNodes:
    """The plant's own time and scan number, where it has them; each may be left out.

    Attributes:
        plant_time: seconds (a number) or a DateTime; left out, source timestamps tell the time.
        scan_counter: one more with each scan; left out, the line is polled each scan period.
    """

    plant_time: str | None = None
    scan_counter: str | None = None


@dataclass(frozen=True, slots=True)
class HeartbeatNodes:
    """Counters that say "alive"; each may be left out.

    Attributes:
        optimiser: written by us, one more each second.
        plant: read by us; left out, the server's own current time stands in.
    """

    optimiser: str | None = None
    plant: str | None = None


@dataclass(frozen=True, slots=True)
class ModeNodes:
    """Where a cell is told, and tells, whether it follows our targets.

    Attributes:
        target: pattern of the nodes written.
        actual: node or pattern read.
        remote, local: what is written to put a cell under the optimiser, and back.
        remote_shown: what `actual` shows of a cell under the optimiser; left out, `remote`.
    """

    target: str
    actual: str
    remote: bool | int | str
    local: bool | int | str
    actual_layout: Layout = Layout.SCALAR
    remote_shown: tuple[bool | int | str, ...] = ()
    first_index: int = 0

    def __post_init__(self) -> None:
        _check_pattern(self.target, Layout.SCALAR, "modes, target")
        _check_pattern(self.actual, self.actual_layout, "modes, actual")
        _check_first_index(self.first_index, "modes")
        if self.remote == self.local:
            raise ValueError(f"modes: remote and local are both {self.remote!r}")

    @property
    def shown(self) -> tuple[bool | int | str, ...]:
        """What `actual` shows of a cell under the optimiser."""
        return self.remote_shown or (self.remote,)


@dataclass(frozen=True, slots=True)
class LaboratoryNodes:
    """Where the plant shows, of each cell, the newest sample that its laboratory has reported.

    Attributes:
        drawn: node or pattern of the time of the sample: plant time in seconds, or a DateTime where
            plant time is UTC. 0, NaN or no value: none yet.
        values: rows named as in `physics.signals.ANALYSED`, one or more.
        first_index: element of an array `drawn` that belongs to cell 1.
    """

    drawn: str
    values: tuple[SignalNode, ...]
    drawn_layout: Layout = Layout.SCALAR
    first_index: int = 0

    def __post_init__(self) -> None:
        _check_pattern(self.drawn, self.drawn_layout, "laboratory, drawn")
        _check_first_index(self.first_index, "laboratory, drawn")
        names = [row.name for row in self.values]
        if not names or len(set(names)) < len(names) or not set(names) <= set(ANALYSED):
            raise ValueError(
                f"laboratory: values are {', '.join(names) or 'none'}; give one row or more, each "
                f"once, of {', '.join(ANALYSED)}"
            )
        for row in self.values:
            if row.nodes:
                raise ValueError(f"laboratory: {row.name} has nodes; a sample has one node")
        if Layout.LINE in (self.drawn_layout, *(row.layout for row in self.values)):
            raise ValueError("laboratory: a sample is of one cell; set layouts to scalar or array")

    @property
    def drawn_signal(self) -> SignalNode:
        """The time as a thing to read."""
        return SignalNode("drawn", self.drawn, self.drawn_layout, first_index=self.first_index)


@dataclass(frozen=True, slots=True)
class Mapping:
    """The whole `[opcua]` table.

    Attributes:
        signals, setpoints: every one that the plant file names, each once.
        modes: left out, cells follow targets at all times.
        laboratory: left out, the plant shows no samples; people may report them.
        writer_token: node by which the plant itself lets one session write; left out, the plant
            cannot refuse a second guard on another machine.
        trip: node that is not 0 while the plant's own protection has tripped the line; left out,
            only a line without current is one that has tripped.
        has_history: the server keeps a history of the signals and the clock, so that scans missed
            in an outage can be had later; needs a scan counter.
        namespaces: short names for namespace URIs.
        first_number: what the plant calls cell 1, where its numbers do not begin with 1.
    """

    signals: tuple[SignalNode, ...]
    setpoints: tuple[SetpointNode, ...]
    clock: ClockNodes = ClockNodes()
    heartbeats: HeartbeatNodes = HeartbeatNodes()
    modes: ModeNodes | None = None
    laboratory: LaboratoryNodes | None = None
    writer_token: str | None = None
    trip: str | None = None
    has_history: bool = False
    namespaces: dict[str, str] = field(default_factory=dict)
    first_number: int = 1

    def __post_init__(self) -> None:
        for kind, rows in (("signal", self.signals), ("setpoint", self.setpoints)):
            names = [row.name for row in rows]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{kind} {', '.join(twice)} is mapped more than once")
        if self.has_history and self.clock.scan_counter is None:
            raise ValueError("has_history needs clock.scan_counter: without it no gap is seen")
        if self.writer_token is not None and self.heartbeats.optimiser is None:
            raise ValueError(
                f"writer_token {self.writer_token!r} needs heartbeats.optimiser: by it the "
                "others see whether the writer still lives"
            )
        for name in ("writer_token", "trip"):
            pattern = getattr(self, name)
            if pattern is not None:
                _check_pattern(pattern, Layout.LINE, name)
        for pattern in self.patterns:
            self.address(pattern, 1)
        for row in self.signals:
            check_distinct(row.name, row.channels, [self.address(n, 1) for n in row.channels])

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every node and pattern in the table."""
        patterns: list[str | None] = [node for row in self.signals for node in row.channels]
        for row in self.setpoints:
            patterns += [row.target, row.readback]
        patterns += [self.clock.plant_time, self.clock.scan_counter]
        patterns += [self.heartbeats.optimiser, self.heartbeats.plant]
        patterns += [self.writer_token, self.trip]
        if self.modes is not None:
            patterns += [self.modes.target, self.modes.actual]
        if self.laboratory is not None:
            patterns += [self.laboratory.drawn, *(row.node for row in self.laboratory.values)]
        return tuple(pattern for pattern in patterns if pattern is not None)

    def address(self, pattern: str, cell: int) -> Address:
        """Return the address of a pattern for one cell.

        Raises:
            ValueError: see `expand` and `opcua.addresses.parse_address`.
        """
        return parse_address(self.text(pattern, cell), self.namespaces)

    def text(self, pattern: str, cell: int) -> str:
        """Return a pattern for one cell as the plant numbers it; errors as for `expand`."""
        return expand(pattern, cell, self.first_number)
