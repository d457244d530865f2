"""A plant of two cells with nodes of any type: a bare OPC UA server that follows its targets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua

from control.limits import SetpointLimits
from opcua.mapping import HeartbeatNodes, Mapping, ModeNodes, SetpointNode, SignalNode

FEED = "alumina_feed_rate_kg_per_h"
LIMITS = SetpointLimits(FEED, "kg/h", 0.0, 200.0, 50.0, 1e6, 1e6, 1.0, 0.1, 0.5)
MAPPING = Mapping(
    signals=(SignalNode("cell_voltage_v", "ns=1;s=V{cell}"),),
    setpoints=(SetpointNode(FEED, "ns=1;s=T{cell}", "ns=1;s=R{cell}"),),
    heartbeats=HeartbeatNodes(optimiser="ns=1;s=Beat"),
    modes=ModeNodes("ns=1;s=M{cell}", "ns=1;s=A{cell}", remote=1, local=0),
)


@dataclass
class SmallPlant:
    """The server and what it was told.

    Attributes:
        beats: every value that the heartbeat node took.
    """

    server: Server
    beats: list[Any]

    async def value(self, name: str) -> Any:
        """Return what a node holds."""
        return await self.server.get_node(ua.NodeId(name, 1)).read_value()

    async def show(self, name: str, value: ua.DataValue) -> None:
        """Let a node hold a value with its own status and times."""
        await self.server.write_attribute_value(ua.NodeId(name, 1), value)


@asynccontextmanager
async def small_plant(
    endpoint: str,
    *,
    target: ua.VariantType = ua.VariantType.Double,
    beat: ua.VariantType = ua.VariantType.UInt32,
    mode: ua.VariantType = ua.VariantType.Int32,
) -> AsyncIterator[SmallPlant]:
    """Run the plant with nodes of these types; a read-back follows its target at once."""
    server = Server()
    await server.init()
    server.set_endpoint(endpoint)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    plant = SmallPlant(server, [])
    objects = server.nodes.objects

    async def add(name: str, kind: ua.VariantType, value: Any, *, may_write: bool = False) -> None:
        node = await objects.add_variable(ua.NodeId(name, 1), name, ua.Variant(value, kind))
        if may_write:
            await node.set_writable()

    await add("Beat", beat, ua.get_default_value(beat), may_write=True)
    for cell in (1, 2):
        await add(f"V{cell}", ua.VariantType.Double, 4.2)
        await add(f"T{cell}", target, ua.get_default_value(target), may_write=True)
        await add(f"R{cell}", ua.VariantType.Double, 0.0)
        await add(f"M{cell}", mode, ua.get_default_value(mode), may_write=True)
        await add(f"A{cell}", mode, ua.get_default_value(mode))

    class Follow:
        async def datachange_notification(self, node: Any, value: Any, _: Any) -> None:
            name = node.nodeid.Identifier
            if name == "Beat":
                plant.beats.append(value)
            elif name[0] == "T":
                shown = ua.DataValue(ua.Variant(float(value)), SourceTimestamp=datetime.now(UTC))
                await plant.show(f"R{name[1:]}", shown)
            else:
                await plant.show(f"A{name[1:]}", ua.DataValue(ua.Variant(value, mode)))

    async with server:
        watch = await server.create_subscription(10, Follow())
        names = ["Beat", "T1", "T2", "M1", "M2"]
        await watch.subscribe_data_change([server.get_node(ua.NodeId(name, 1)) for name in names])
        yield plant
        await watch.delete()
