"""A plant of three cells whose voltage has three sensors: a bare OPC UA server, ten times as fast
as the wall, whose sensors can be made to fail."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from asyncua import Server, ua

from opcua.mapping import Layout, Mapping, SignalNode
from opcua.scans import to_datetime
from stream.signals import SignalLimits

CELLS: Final = (1, 2, 3)
SENSORS: Final = ("A", "B", "C")
TRUE_V: Final = 4.2
TOLERANCE_V: Final = 0.05
LIMITS: Final = (
    SignalLimits("cell_voltage_v", "V", 0.0, 60.0, 3.5, 5.5, 0.01, 5.0, 20.0),
    SignalLimits("line_current_ka", "kA", 0.0, 500.0, 270.0, 315.0, 0.05, 5.0),
)
_SPEED: Final = 10
_EVERY_S: Final = 0.02
_MOVES_V: Final = 0.004
_BAD: Final = ua.StatusCode(ua.StatusCodes.BadSensorFailure)


def fast_clock_ns() -> int:
    """A wall clock that goes ten times as fast, for the plant and for who looks at it."""
    return 1_800_000_000_000_000_000 + _SPEED * time.monotonic_ns()


def mapping_of(layout: Layout, sensors: int = 3) -> Mapping:
    """The plant's mapping, by as many of the sensors."""
    suffix = "{cell}" if layout is Layout.SCALAR else ""
    nodes = tuple(f"ns=1;s={layout}.{name}{suffix}" for name in SENSORS[:sensors])
    return Mapping(
        signals=(
            SignalNode("cell_voltage_v", layout=layout, nodes=nodes, tolerance=TOLERANCE_V),
            SignalNode("line_current_ka", "ns=1;s=I", Layout.LINE),
        ),
        setpoints=(),
    )


@dataclass
class SensorPlant:
    """The server and what is wrong with its sensors.

    Attributes:
        stuck, bad, late: sensors that say the same for ever, are bad by their own word, are not
            read any more.
        off_v: sensor to how much it shows too much.
    """

    server: Server
    stuck: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    off_v: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Measure for ever."""
        for scan in count():
            moment = to_datetime(fast_clock_ns())
            await self._show("I", 300.0, moment=moment)
            for name in SENSORS:
                if name not in self.late:
                    moves = 0.0 if name in self.stuck else _MOVES_V * math.sin(scan)
                    volts = TRUE_V + moves + self.off_v.get(name, 0.0)
                    status = _BAD if name in self.bad else ua.StatusCode(0)
                    await self._show(f"array.{name}", [volts] * 3, status, moment)
                    for cell in CELLS:
                        await self._show(f"scalar.{name}{cell}", volts, status, moment)
            await asyncio.sleep(_EVERY_S)

    async def _show(
        self,
        name: str,
        value: float | list[float],
        status: ua.StatusCode | None = None,
        moment: object = None,
    ) -> None:
        shown = ua.DataValue(
            ua.Variant(value, ua.VariantType.Double),
            ua.StatusCode(0) if status is None else status,
            SourceTimestamp=moment,
        )
        await self.server.write_attribute_value(ua.NodeId(name, 1), shown)


@asynccontextmanager
async def sensor_plant(endpoint: str) -> AsyncIterator[SensorPlant]:
    """Run the plant with all sensors in order."""
    server = Server()
    await server.init()
    server.set_endpoint(endpoint)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    names: dict[str, float | list[float]] = {"I": 300.0}
    for name in SENSORS:
        names[f"array.{name}"] = [TRUE_V] * 3
        names |= {f"scalar.{name}{cell}": TRUE_V for cell in CELLS}
    for name, value in names.items():
        kind = ua.Variant(value, ua.VariantType.Double)
        await server.nodes.objects.add_variable(ua.NodeId(name, 1), name, kind)
    plant = SensorPlant(server)
    async with server:
        measuring = asyncio.create_task(plant.run())
        try:
            yield plant
        finally:
            measuring.cancel()
            await asyncio.gather(measuring, return_exceptions=True)
