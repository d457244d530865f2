"""The node table: every node that the simulated SCADA shows, what it holds and who may write it.

A pattern with `{cell}` stands for one node per cell; cells count from 1. Node ids never change
between versions of this namespace; what breaks them gets a new namespace URI. Ranges are not here:
they come with the signals and setpoints of the plant file, so that a limit has one home.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from opcua.node_rows import (
    DataType,
    NodeRow,
    NodeTable,
    ObjectTypeRow,
    Quantity,
    SetpointPart,
    WrittenBy,
)
from opcua.units import (
    DEGREE_CELSIUS,
    KILOAMPERE,
    KILOGRAM,
    KILOGRAM_PER_DAY,
    KILOGRAM_PER_HOUR,
    MEGAWATT,
    MILLIMETRE,
    MILLIVOLT,
    PERCENT,
    SECOND,
    VOLT,
)
from physics.signals import ALF3_SETPOINT

NAMESPACE_URI: Final = "urn:potline:plant:1"
LINE: Final = "Line1"


class CellMode(IntEnum):
    """Who moves a cell, in the plant's own words (block modes of Foundation Fieldbus)."""

    MANUAL = 3
    AUTO = 4  # local control
    REMOTE_CASCADE = 6  # follows the optimiser's targets


class WatchdogState(IntEnum):
    """What the plant's own watchdog makes of the optimiser's heartbeat."""

    WAITING = 0  # none seen yet
    ALIVE = 1
    SHED = 2  # it stood still: all cells are back on local control
    LATE = 3  # a beat is missing; cells still follow


class LimitState(IntEnum):
    """Which limit of a setpoint an accepted value stands at (as in OPC Data Access)."""

    NONE = 0
    LOW = 1
    HIGH = 2


OBJECT_TYPES: Final = (
    ObjectTypeRow("LineType", LINE, "line of cells in series"),
    ObjectTypeRow("CellType", f"{LINE}/Cells/C{{cell:03d}}", "electrolysis cell"),
    ObjectTypeRow(
        "SetpointType",
        f"{LINE}/Cells/C{{cell:03d}}/SP/*",
        "setpoint of a cell: what is asked for, what is accepted, and within what",
    ),
)

CELL_QUANTITIES: Final = (
    Quantity("cell_voltage_v", "CellVoltage", VOLT, "cell voltage"),
    Quantity("bath_temperature_c", "BathTemperature", DEGREE_CELSIUS, "bath temperature"),
    Quantity("alumina_fed_kg", "AluminaFed", KILOGRAM, "running total of alumina dropped"),
    Quantity("beam_position_mm", "BeamPosition", MILLIMETRE, "anode beam, up is positive"),
    Quantity("voltage_noise_mv", "VoltageNoise", MILLIVOLT, "deviation of the voltage, 1 min"),
)
LABORATORY_QUANTITIES: Final = (
    Quantity("alumina_wt_pct", "Alumina", PERCENT, "alumina in the bath"),
    Quantity("excess_alf3_wt_pct", "ExcessAlF3", PERCENT, "excess of AlF3 in the bath"),
    Quantity("bath_temperature_c", "BathTemperature", DEGREE_CELSIUS, "bath temperature"),
)
SETPOINT_QUANTITIES: Final = (
    Quantity("alumina_feed_rate_kg_per_h", "AluminaFeedRate", KILOGRAM_PER_HOUR, "feed rate"),
    Quantity("beam_position_mm", "BeamPosition", MILLIMETRE, "absolute beam position"),
    Quantity(ALF3_SETPOINT, "AlF3Addition", KILOGRAM_PER_DAY, "AlF3 addition"),
)

_LINE_ROWS: Final = (
    NodeRow(
        f"{LINE}/LineCurrent",
        "L1.LineCurrent",
        DataType.DOUBLE,
        "line current",
        KILOAMPERE,
        signal="line_current_ka",
        is_historized=True,
    ),
    NodeRow(
        f"{LINE}/LineVoltage", "L1.LineVoltage", DataType.DOUBLE, "sum of all cell voltages", VOLT
    ),
    NodeRow(f"{LINE}/LinePower", "L1.LinePower", DataType.DOUBLE, "power of the line", MEGAWATT),
    NodeRow(
        f"{LINE}/Clock/PlantTime",
        "L1.Clock.PlantTime",
        DataType.DOUBLE,
        "plant time of the newest scan, seconds since 1970 where the speed is 1",
        SECOND,
        is_historized=True,
    ),
    NodeRow(
        f"{LINE}/Clock/Speed",
        "L1.Clock.Speed",
        DataType.DOUBLE,
        "plant seconds per second of wall time",
    ),
    NodeRow(
        f"{LINE}/Clock/ScanCounter",
        "L1.Clock.ScanCounter",
        DataType.UINT32,
        "number of the newest scan, from 1 at the start of the server",
        is_historized=True,
    ),
    NodeRow(
        f"{LINE}/Comm/HbOptimiser",
        "L1.Comm.HbOptimiser",
        DataType.UINT32,
        "heartbeat of the optimiser, one more each second",
        written_by=WrittenBy.OPTIMISER,
    ),
    NodeRow(
        f"{LINE}/Comm/WriterToken",
        "L1.Comm.WriterToken",
        DataType.UINT32,
        "token of the one writer, 0 before the first; only a greater one can be written, and "
        "whoever wrote it writes alone",
        written_by=WrittenBy.OPTIMISER,
    ),
    NodeRow(
        f"{LINE}/Comm/HbScada",
        "L1.Comm.HbScada",
        DataType.UINT32,
        "heartbeat of the plant, one more each second",
    ),
    NodeRow(
        f"{LINE}/Comm/WatchdogTimeout_s",
        "L1.Comm.WatchdogTimeout_s",
        DataType.DOUBLE,
        "standstill of HbOptimiser after which all cells go back to local control",
        SECOND,
    ),
    NodeRow(
        f"{LINE}/Comm/WatchdogState",
        "L1.Comm.WatchdogState",
        DataType.INT32,
        "0 waiting, 1 alive, 2 shed, 3 late",
    ),
    NodeRow(
        f"{LINE}/Interlock/Trip",
        "L1.Interlock.Trip",
        DataType.INT32,
        "1 while the plant's own protection, or a person there, has tripped the line: no cell "
        "follows targets",
        written_by=WrittenBy.OPERATOR,
    ),
    NodeRow(
        f"{LINE}/Snapshot/ModeActual",
        "L1.Snapshot.ModeActual",
        DataType.INT32,
        "mode of every cell: 3 manual, 4 auto, 6 remote cascade",
        is_array=True,
    ),
    NodeRow(
        f"{LINE}/Snapshot/AnodeEffect",
        "L1.Snapshot.AnodeEffect",
        DataType.INT32,
        "1 for a cell whose own control treats an anode effect, as it does in every mode",
        is_array=True,
    ),
)


def setpoints_of(names: Iterable[str]) -> tuple[Quantity, ...]:
    """Return the setpoints of a plant file that has these, in the order of the table."""
    known = set(names)
    return tuple(quantity for quantity in SETPOINT_QUANTITIES if quantity.name in known)


def _signal_rows(quantity: Quantity) -> tuple[NodeRow, NodeRow]:
    name = quantity.browse_name
    return (
        NodeRow(
            f"{LINE}/Snapshot/{name}",
            f"L1.Snapshot.{name}",
            DataType.DOUBLE,
            f"{quantity.holds} of every cell, one scan",
            quantity.unit,
            signal=quantity.name,
            is_array=True,
            is_historized=True,
        ),
        NodeRow(
            f"{LINE}/Cells/C{{cell:03d}}/PV/{name}",
            f"L1.C{{cell:03d}}.PV.{name}",
            DataType.DOUBLE,
            quantity.holds,
            quantity.unit,
            signal=quantity.name,
        ),
    )


SETPOINT_PARTS: Final = (
    SetpointPart(
        "Target",
        "{what} that the optimiser asks for",
        has_unit=True,
        has_range=True,
        written_by=WrittenBy.OPTIMISER,
    ),
    SetpointPart("Readback", "{what} that the cell has accepted", has_unit=True, has_range=True),
    SetpointPart(
        "Working",
        "{what} in force now, anode effect treatment included",
        has_unit=True,
        has_range=True,
    ),
    SetpointPart("HiLim", "highest target", has_unit=True, limit="high"),
    SetpointPart("LoLim", "lowest target", has_unit=True, limit="low"),
    SetpointPart(
        "RateUp",
        "largest rise of the {what} in an hour of plant time; the optimiser's to keep",
        limit="max_rate_per_h",
    ),
    SetpointPart(
        "RateDn",
        "largest fall of the {what} in an hour of plant time; the optimiser's to keep",
        limit="max_rate_per_h",
    ),
    SetpointPart(
        "DeltaMax",
        "largest step of the {what}; the optimiser's to keep",
        has_unit=True,
        limit="max_step",
    ),
    SetpointPart(
        "LimitState",
        "limit at which the accepted {what} stands: 0 none, 1 low, 2 high",
        DataType.INT32,
    ),
    SetpointPart(
        "LastWriter",
        "user whose write of Target was taken last; empty before the first",
        DataType.STRING,
    ),
    SetpointPart(
        "LastWriteTime",
        "when a write of Target was taken last; 1601 before the first",
        DataType.DATE_TIME,
    ),
    SetpointPart(
        "RejectReason",
        "why the newest write of Target was refused; empty where it was taken",
        DataType.STRING,
    ),
)


def _setpoint_rows(quantity: Quantity) -> tuple[NodeRow, ...]:
    name = quantity.browse_name
    path, node_id = f"{LINE}/Cells/C{{cell:03d}}/SP/{name}", f"L1.C{{cell:03d}}.SP.{name}"
    return (
        NodeRow(
            f"{LINE}/Snapshot/SP/{name}/Readback",
            f"L1.Snapshot.SP.{name}.Readback",
            DataType.DOUBLE,
            f"{quantity.holds} that each cell has accepted",
            quantity.unit,
            setpoint=quantity.name,
            belongs_to=quantity.name,
            is_array=True,
        ),
        *(part.row(quantity, path, node_id) for part in SETPOINT_PARTS),
    )


_LABORATORY_ROWS: Final = (
    NodeRow(
        f"{LINE}/Snapshot/Laboratory/Drawn",
        "L1.Snapshot.Laboratory.Drawn",
        DataType.DOUBLE,
        "plant time at which each cell's newest reported sample was drawn; NaN before the first",
        SECOND,
        is_array=True,
    ),
    *(
        NodeRow(
            f"{LINE}/Snapshot/Laboratory/{quantity.browse_name}",
            f"L1.Snapshot.Laboratory.{quantity.browse_name}",
            DataType.DOUBLE,
            f"{quantity.holds} of each cell's newest reported sample",
            quantity.unit,
            analysed=quantity.name,
            is_array=True,
        )
        for quantity in LABORATORY_QUANTITIES
    ),
)

_CELL_ROWS: Final = (
    NodeRow(
        f"{LINE}/Cells/C{{cell:03d}}/ModeTarget",
        "L1.C{cell:03d}.ModeTarget",
        DataType.INT32,
        "mode asked for: 3 manual, 4 auto, 6 remote cascade",
        written_by=WrittenBy.OPTIMISER,
    ),
    NodeRow(
        f"{LINE}/Cells/C{{cell:03d}}/ModeActual",
        "L1.C{cell:03d}.ModeActual",
        DataType.INT32,
        "mode in force: 3 manual, 4 auto, 6 remote cascade",
    ),
    NodeRow(
        f"{LINE}/Cells/C{{cell:03d}}/State/AnodeEffect",
        "L1.C{cell:03d}.State.AnodeEffect",
        DataType.INT32,
        "1 while the cell's own control treats an anode effect",
    ),
)

NODES: Final[tuple[NodeRow, ...]] = (
    *_LINE_ROWS,
    *(row for quantity in CELL_QUANTITIES for row in _signal_rows(quantity)),
    *(row for quantity in SETPOINT_QUANTITIES for row in _setpoint_rows(quantity)),
    *_LABORATORY_ROWS,
    *_CELL_ROWS,
)

PLANT: Final = NodeTable(NAMESPACE_URI, NODES, OBJECT_TYPES)
