"""Our edge and a stack that is not ours, both ways round, signed and encrypted."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from opcua.certificates import application_uri, make_certificates
from opcua.gateway import Gateway
from opcua.nodes import NAMESPACE_URI
from opcua.scada import open_scada
from opcua.security import Policy
from opcua.writer import Writer
from ops.plantfile import PlantFile, load_plant
from ops.ports import free_port
from stream.edge import SetpointWrite
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, Taker, follow, scada_settings
from tests.opcua.node_peer import ACME_PLANT, foreign_plant, require_node, run_client
from tests.opcua.peer_security import authority, opener, server_security

FEED = "alumina_feed_rate_kg_per_h"
CELLS = (1, 2)
# What the other stack calls our policies.
ITS_NAME = {Policy.BASIC256: "Basic256Sha256", Policy.AES256: "Aes256_Sha256_RsaPss"}


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js with node-opcua."""
    return require_node()


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    make_certificates(folder, ["localhost", "127.0.0.1"], key_bits=2048)
    return folder


@pytest.mark.parametrize("policy", list(Policy))
async def test_another_client_writes_as_the_optimiser_and_not_as_a_reader(
    node: str, plant: PlantFile, endpoint: str, folder: Path, tmp_path: Path, policy: Policy
) -> None:
    target = "L1.C001.SP.AluminaFeedRate.Target"
    settings = replace(scada_settings(plant, endpoint), certificates=folder)
    async with open_scada(settings):
        written = {}
        for name in ("guard", "gateway"):
            answer = await run_client(
                node,
                endpoint,
                tmp_path / name,
                {
                    "namespace": NAMESPACE_URI,
                    "security": {
                        "policy": ITS_NAME[policy],
                        "certificate": str(folder / name / "certificate.pem"),
                        "key": str(folder / name / "key.pem"),
                        "uri": application_uri(name),
                        **authority(folder),
                        "user": name,
                        "password": (folder / name / "password").read_text(),
                    },
                    "write": {target: {"type": "Double", "value": 181.0}},
                    "subscribe": "L1.Clock.ScanCounter",
                    "changes": 3,
                    "read": ["L1.Snapshot.CellVoltage"],
                },
            )
            written[name] = answer["written"][target]
            assert answer["changes"] == 3
            assert answer["read"]["L1.Snapshot.CellVoltage"]["status"] == "Good"
    assert written == {"guard": "Good", "gateway": "BadUserAccessDenied"}


@pytest.mark.parametrize("policy", list(Policy))
async def test_another_server_is_read_and_written_encrypted(
    node: str, folder: Path, tmp_path: Path, policy: Policy
) -> None:
    acme = load_plant(ACME_PLANT)
    taker = Taker()
    async with foreign_plant(node, free_port(), tmp_path, 0, server_security(folder)) as endpoint:
        writer = Writer(
            endpoint,
            acme.opcua,
            CELLS,
            acme.setpoints,
            readback_deadline_s=4.0,
            opener=opener(folder, "guard", policy),
        )
        async with writer:
            assert await writer.wait_connected(PATIENCE_S)
            await follow(writer, CELLS)
            wanted = SetpointWrite("1", 1, FEED, 63.0, time.time_ns() + 10**10)
            (result,) = await writer.write([wanted])
            assert (result.state, result.readback) == (MoveState.VERIFIED, pytest.approx(63.0))
        gateway = Gateway(
            endpoint,
            acme.opcua,
            (CELLS,),
            taker.publish,
            taker.report,
            scan_period_s=0.25,
            opener=opener(folder, "gateway", policy),
        )
        stop = asyncio.Event()
        reading = asyncio.create_task(gateway.run(stop))
        await taker.until(lambda it: it.scans >= 4)
        stop.set()
        await asyncio.wait_for(reading, PATIENCE_S)
    assert taker.events == []
