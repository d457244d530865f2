"""A plant that is not ours on a stack that is not ours: open62541, by way of o6.

A program of its own: `python o6_plant.py PORT [SECURITY]`. It says "ready" and runs until its
standard input ends. Two pots, 11 and 12, as in node/server.js, with the heartbeats that those lack.

SECURITY, as JSON {certificate, key, uri, users: {name: password}, authority, revoked}: encrypted
connections only.

Nobody imports this file, and nobody should import o6 into a longer life than a test's: without a
credential it ends its process after ten minutes.
"""

import asyncio
import json
import math
import sys
from base64 import b64decode
from typing import Any, Final

import o6
from o6.ns import ns0

NAMESPACE_URI: Final = "urn:acme:smelter"
o6.ns.namespace("acme", uri=NAMESPACE_URI)

MOVES_EVERY_S: Final = 0.1
MILLIVOLTS_PER_MM: Final = 2.0  # far below a real pot's, so that a test knows what it will see
POTS: Final = (11, 12)


class ThisMachineOnly(asyncio.SelectorEventLoop):
    """o6 listens at every address and has no setting for that; this plant is nobody else's."""

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> asyncio.Server:
        """Listen at this machine's own address, whatever is asked for."""
        del host
        return await super().create_server(protocol_factory, "127.0.0.1", port, **options)


class Passwords(o6.AccessControl):
    """Lets in who has a name and its password."""

    def __init__(self, users: dict[str, str]) -> None:
        super().__init__(anonymous=False, username=True)
        self._users = users

    def activateSession(  # the library's name
        self, endpoint: Any, remoteCertificate: bytes, session: Any, userIdentityToken: Any
    ) -> None:
        """Refuse whoever is not known."""
        del endpoint, remoteCertificate, session
        token = userIdentityToken
        is_named = isinstance(token, ns0.datatypes.UserNameIdentityToken)
        if not is_named or self._users.get(str(token.userName)) != bytes(token.password).decode():
            raise o6.StatusCodeError(o6.StatusCode.BAD_IDENTITY_TOKEN_REJECTED)


class Plant:
    """The nodes of the plant, and how its pots follow what they are told."""

    def __init__(self, server: o6.Server) -> None:
        self._server = server
        self._index = 0  # of our names; a name in text wants a number, a node id takes "acme"
        self._fed_t = dict.fromkeys(POTS, 2.5)

    async def build(self) -> None:
        """Add all nodes."""
        self._index = list(await self._server.read("i=2255")).index(NAMESPACE_URI)
        smelter = "ns=acme;s=SMELTER"
        await self._folder("Smelter", self._server.objectsNode, smelter)
        await self._add("Amps", smelter, "LINE.I", o6.Double(118500.0))
        await self._add("HostBeat", smelter, "HB.HOST", o6.UInt32(0), may_write=True)
        await self._add("OwnBeat", smelter, "HB.OWN", o6.UInt32(0))
        for number in POTS:
            pot, own = f"ns=acme;s=POT{number}", f"POT{number}"
            await self._folder(f"Pot{number}", smelter, pot)
            await self._add("Tension", pot, f"{own}.MV", o6.Int32(4400 + number))
            await self._add("Bath K", pot, f"{own}.TK", o6.Float(1233.15))
            await self._add("OxideT", pot, f"{own}.OX", o6.Double(2.5))
            await self._add("NoiseV", pot, f"{own}.NV", o6.Double(0.012))
            await self._add("BridgeCm", pot, f"{own}.BR", o6.Double(20.5))
            await self._add("FeedSet", pot, f"{own}.FS", o6.Float(20.0), may_write=True)
            await self._add("FeedIs", pot, f"{own}.FI", o6.Float(20.0))
            await self._add("BridgeSet", pot, f"{own}.BS", o6.Int32(205), may_write=True)
            await self._add("BridgeIs", pot, f"{own}.BI", o6.Double(20.5))
            await self._add("ModeSet", pot, f"{own}.MS", "POT", may_write=True)
            await self._add("ModeIs", pot, f"{own}.MI", "POT")

    async def move(self, step: int) -> None:
        """Let the pots do what they were told, and show it in nodes other than those it came by."""
        wave = 10.0 * math.sin(step)
        shown: dict[str, Any] = {"LINE.I": o6.Double(118500.0 + wave)}
        shown["HB.OWN"] = o6.UInt32(await self._read("HB.HOST"))
        for number in POTS:
            own = f"POT{number}"
            feed_g_per_s = float(await self._read(f"{own}.FS"))
            bridge_mm = int(await self._read(f"{own}.BS"))
            self._fed_t[number] += feed_g_per_s * MOVES_EVERY_S / 1e6
            lift_mv = MILLIVOLTS_PER_MM * (bridge_mm - 205)
            shown |= {
                f"{own}.MV": o6.Int32(round(4400 + number + lift_mv + wave)),
                f"{own}.TK": o6.Float(1233.15 + wave / 10.0),
                f"{own}.OX": o6.Double(self._fed_t[number]),
                f"{own}.NV": o6.Double(0.012),
                f"{own}.BR": o6.Double(bridge_mm / 10.0),
                f"{own}.FI": o6.Float(feed_g_per_s),
                f"{own}.BI": o6.Double(bridge_mm / 10.0),
                f"{own}.MI": str(await self._read(f"{own}.MS")),
            }
        for name, value in shown.items():
            await self._server.write(f"ns=acme;s={name}", value)

    async def _read(self, name: str) -> Any:
        return await self._server.read(f"ns=acme;s={name}")

    async def _folder(self, name: str, parent: Any, node_id: str) -> None:
        await self._server.addObject(name, parent, nodeId=node_id, ns=self._index)

    async def _add(
        self, name: str, parent: str, identifier: str, value: Any, *, may_write: bool = False
    ) -> None:
        node_id = f"ns=acme;s={identifier}"
        await self._server.addVariable(
            name, parent, value, nodeId=node_id, writable=may_write, ns=self._index
        )


def _options(security: dict[str, Any] | None) -> dict[str, Any]:
    if security is None:
        return {}
    return {
        "certificate": security["certificate"],
        "privateKey": security["key"],
        "trustList": [b64decode(security["authority"])],
        "revocationList": [b64decode(security["revoked"])],
        "secureOnly": True,
        "applicationUri": security["uri"],
        "accessControl": Passwords(security["users"]),
    }


async def main(port: int, security: dict[str, Any] | None) -> None:
    """Run the plant until standard input ends."""
    server = o6.Server(port=port, **_options(security))
    server.ns.append(sys.modules[__name__])
    plant = Plant(server)
    await plant.build()
    ending = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    async with server:
        print("ready", flush=True)
        step = 0
        while not (await asyncio.wait({ending}, timeout=MOVES_EVERY_S))[0]:
            step += 1
            await plant.move(step)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=ThisMachineOnly) as runner:
        runner.run(main(int(sys.argv[1]), json.loads(sys.argv[2]) if len(sys.argv) > 2 else None))
