"""The node table of the front: every node that shows what potline does, and what it holds.

All of it is read only; what people ask for, they ask by the methods in `opcua.front.methods`. Node
ids never change between versions of this namespace; what breaks them gets a new namespace URI.
"""

from collections.abc import Iterable
from typing import Final

from control.modes import Mode
from opcua.node_rows import DataType, NodeRow, NodeTable, ObjectTypeRow
from opcua.nodes import SETPOINT_QUANTITIES
from opcua.units import MILLISECOND, SECOND, Unit

FRONT_URI: Final = "urn:potline:front:1"
LINE: Final = "Line"
CELL: Final = f"{LINE}/Cells/C{{cell:03d}}"

_OBJECT_TYPES: Final = (
    ObjectTypeRow("ControlledLineType", LINE, "line as potline controls it"),
    ObjectTypeRow("ControlledCellType", CELL, "cell as potline controls it"),
    ObjectTypeRow("InterlockType", f"{CELL}/Interlock", "who moves a cell, and why"),
    ObjectTypeRow("MoveType", f"{CELL}/Moves/*", "newest move of a setpoint"),
)


def _line_row(
    path: str, data_type: DataType, holds: str, unit: Unit | None = None, *, is_list: bool = False
) -> NodeRow:
    node_id = f"{LINE}.{path.replace('/', '.')}"
    return NodeRow(f"{LINE}/{path}", node_id, data_type, holds, unit, is_list=is_list)


def _interlock_row(name: str, data_type: DataType, holds: str, *, is_list: bool = False) -> NodeRow:
    unit = SECOND if data_type is DataType.DOUBLE else None
    return NodeRow(
        f"{CELL}/Interlock/{name}",
        f"C{{cell:03d}}.Interlock.{name}",
        data_type,
        holds,
        unit,
        is_list=is_list,
    )


def _move_rows() -> Iterable[NodeRow]:
    parts = (
        ("Asked", DataType.DOUBLE, "what was asked for", False),
        ("Applied", DataType.DOUBLE, "what the interlock made of it; NaN where it held it", False),
        ("State", DataType.STRING, "held, intent, verified, failed or expired", False),
        ("Reasons", DataType.STRING, "the interlock's sentences", True),
        ("AskedBy", DataType.STRING, "optimiser, or the person who overrides", False),
    )
    for quantity in SETPOINT_QUANTITIES:
        for name, data_type, holds, is_list in parts:
            place = f"Moves/{quantity.browse_name}/{name}"
            yield NodeRow(
                f"{CELL}/{place}",
                f"C{{cell:03d}}.{place.replace('/', '.')}",
                data_type,
                holds,
                quantity.unit if data_type is DataType.DOUBLE else None,
                declared_as=holds,
                belongs_to=quantity.name,
                is_list=is_list,
            )


NODES: Final[tuple[NodeRow, ...]] = (
    *(
        _line_row(f"Modes/{mode.value}", DataType.INT32, f"number of cells in {mode.value}")
        for mode in Mode
    ),
    _line_row("Overrides", DataType.STRING, "who holds which setpoint of which cell", is_list=True),
    _line_row("Bypasses", DataType.STRING, "which checks are left out where", is_list=True),
    _line_row("Limits", DataType.STRING, "limits that two people changed", is_list=True),
    _line_row("Requests/Id", DataType.STRING, "changes that wait for approval", is_list=True),
    _line_row("Requests/Digest", DataType.STRING, "what an approval has to name", is_list=True),
    _line_row("Requests/Sentence", DataType.STRING, "who asks for what, and why", is_list=True),
    _line_row("GuardHeard", DataType.DATE_TIME, "when the guard was heard last"),
    _line_row(
        "Comm/ClockOffset",
        DataType.DOUBLE,
        "how far the clock of SCADA is ahead of the guard's; NaN before it was measured",
        MILLISECOND,
    ),
    _line_row("CallsRefused", DataType.UINT32, "calls turned away since the start of this server"),
    _interlock_row("State", DataType.STRING, "mode in force"),
    _interlock_row("Wanted", DataType.STRING, "mode that was asked for"),
    _interlock_row("Reason", DataType.STRING, "why the mode is in force"),
    _interlock_row("Since", DataType.DOUBLE, "plant time since which it is in force"),
    _interlock_row("Who", DataType.STRING, "the person behind it; empty where there is none"),
    _interlock_row("FirstOut", DataType.STRING, "first cause of a trip; empty without one"),
    _interlock_row("FirstOutTime", DataType.DATE_TIME, "when it tripped, where that is known"),
    _interlock_row("LaterTrips", DataType.STRING, "causes that came after", is_list=True),
    _interlock_row("Holds", DataType.STRING, "causes of hold that stand", is_list=True),
    _interlock_row("Sheds", DataType.STRING, "causes of shed that stand", is_list=True),
    _interlock_row("Bypass", DataType.STRING, "checks left out for this cell", is_list=True),
    _interlock_row("Overrides", DataType.STRING, "who holds which setpoint", is_list=True),
    *_move_rows(),
)

FRONT_TABLE: Final = NodeTable(FRONT_URI, NODES, _OBJECT_TYPES)
LINE_TYPE: Final = _OBJECT_TYPES[0].name  # the methods stand there, and at the line
