"""What the simulated SCADA shows: writes scans, setpoints and modes into its nodes."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from asyncua import Server, ua

from opcua.address_space import AddressSpace
from opcua.line_control import LineControl
from opcua.nodes import CELL_QUANTITIES, LABORATORY_QUANTITIES, setpoints_of
from opcua.scan_history import ScanHistory
from opcua.scans import to_datetime
from opcua.simulation import LineScan
from opcua.write_log import News

_NODES_PER_TURN: Final = 50  # then others get the event loop
_HISTORY_SCANS: Final = 600


class Display:
    """Knows what was shown last, so that only changes are written."""

    def __init__(self, server: Server, space: AddressSpace, control: LineControl) -> None:
        self._server = server
        self._space = space
        self._control = control
        self._shown: dict[ua.NodeId, float] = {}
        self.history = ScanHistory(_HISTORY_SCANS)
        self.scans = 0

    async def show_scan(self, scan: LineScan, now_ns: int) -> None:
        """Write the arrays, then the clock and the counter, without letting anybody in between."""
        moment = to_datetime(now_ns)
        self.scans += 1
        values: dict[str, object] = {
            f"L1.Snapshot.{quantity.browse_name}": scan.cells[quantity.name].tolist()
            for quantity in CELL_QUANTITIES
        }
        values["L1.LineCurrent"] = scan.line_current_ka
        volts = float(scan.cells["cell_voltage_v"].sum())
        values["L1.LineVoltage"] = volts
        values["L1.LinePower"] = volts * scan.line_current_ka / 1e3
        values["L1.Snapshot.AnodeEffect"] = scan.anode_effect.astype(int).tolist()
        for quantity in LABORATORY_QUANTITIES:
            pattern = f"L1.Snapshot.Laboratory.{quantity.browse_name}"
            values[pattern] = scan.analysed[quantity.name].tolist()
        values["L1.Snapshot.Laboratory.Drawn"] = scan.drawn_plant_s.tolist()
        values["L1.Clock.PlantTime"] = scan.t_plant_s
        values["L1.Clock.ScanCounter"] = self.scans
        kept: dict[ua.NodeId, ua.DataValue] = {}
        for pattern, value in values.items():
            node_id = self._space.node_id(pattern)
            kept[node_id] = self._space.data_value(pattern, value, moment)
            await self._server.write_attribute_value(node_id, kept[node_id])
        self.history.add(moment, kept)
        await self._show_applied(moment)

    async def show_scalars(self, scan: LineScan, now_ns: int) -> None:
        """Refresh the scalars that have changed, a few at a time."""
        moment = to_datetime(now_ns)
        columns = [
            (f"L1.C{{cell:03d}}.PV.{quantity.browse_name}", scan.cells[quantity.name].tolist())
            for quantity in CELL_QUANTITIES
        ]
        columns += [
            (
                f"L1.C{{cell:03d}}.SP.{quantity.browse_name}.Working",
                scan.working[quantity.name].tolist(),
            )
            for quantity in setpoints_of(scan.working)
        ]
        columns.append(("L1.C{cell:03d}.State.AnodeEffect", scan.anode_effect.astype(int).tolist()))
        for pattern, value in self._control.columns():
            columns.append((pattern, value))
        await self._show_changed(columns, moment)

    async def _show_changed(self, columns: list[tuple[str, list[float]]], moment: datetime) -> None:
        written = 0
        for pattern, column in columns:
            for cell, value in enumerate(column, start=1):
                node_id = self._space.node_id(pattern, cell)
                if self._shown.get(node_id) == value:
                    continue
                self._shown[node_id] = value
                await self._server.write_attribute_value(
                    node_id, self._space.data_value(pattern, value, moment)
                )
                written += 1
                if written % _NODES_PER_TURN == 0:
                    await asyncio.sleep(0)

    async def show_constants(self, speed: float, timeout_s: float, now_ns: int) -> None:
        """Show what does not change. Limits are not among it: their nodes are built with them."""
        moment = to_datetime(now_ns)
        await self._space.write("L1.Clock.Speed", speed, moment)
        await self._space.write("L1.Comm.WatchdogTimeout_s", timeout_s, moment)

    async def show_writes(self, news: Sequence[News], now_ns: int) -> None:
        """Show who wrote setpoints, and what was refused."""
        moment = to_datetime(now_ns)
        for one in news:
            await self._space.write(one.pattern, one.value, moment, one.cell)

    async def _show_applied(self, moment: datetime) -> None:
        """Show what the cells have accepted: arrays always, scalars where they changed."""
        for pattern, values in self._control.arrays():
            await self._space.write(pattern, values, moment)
        await self._space.write("L1.Comm.WatchdogState", int(self._control.watchdog.state), moment)
        await self._space.write("L1.Interlock.Trip", int(self._control.is_tripped), moment)

    async def show_control(self, now_ns: int) -> None:
        """Show targets, modes and what was accepted, in arrays and scalars."""
        moment = to_datetime(now_ns)
        await self._show_applied(moment)
        await self._show_changed(self._control.columns(), moment)
