"""Encrypted connections: who is let in, who is not, and what each may do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua

from opcua.certificates import (
    make_certificates,
)
from opcua.link import Link, LinkError, open_link
from opcua.mapping import Mapping
from opcua.scada import Scada, open_scada
from opcua.security import ClientSecurity, Policy, client_security
from opcua.writer import Writer
from ops.plantfile import PlantFile
from ops.ports import free_port
from tests.opcua.lines import PATIENCE_S, scada_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")
FEED_SHOWN = "L1.C001.SP.AluminaFeedRate"
FEED_TARGET = f"{FEED_SHOWN}.Target"
HOSTS = ["localhost", "127.0.0.1"]


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    make_certificates(folder, HOSTS, key_bits=2048)
    return folder


@pytest.fixture(name="others", scope="module")
def _others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of an authority that the server does not trust."""
    folder = tmp_path_factory.mktemp("others")
    make_certificates(folder, HOSTS, key_bits=2048)
    return folder


@pytest_asyncio.fixture(name="scada", scope="module", loop_scope="module")
async def _scada(plant: PlantFile, folder: Path) -> AsyncIterator[Scada]:
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/potline"
    settings = replace(scada_settings(plant, endpoint), certificates=folder)
    async with open_scada(settings) as scada:
        yield scada


async def opened(scada: Scada, security: ClientSecurity | None) -> Link:
    return await open_link(scada.settings.endpoint, security=security)


def node(scada: Scada, name: str) -> ua.NodeId:
    return scada._space.node_id(name)


async def until_shown(link: Link, node_id: ua.NodeId, wanted: str) -> None:
    """Wait until a node holds a word."""
    async with asyncio.timeout(PATIENCE_S):
        while (await link.read([node_id]))[0].Value.Value != wanted:  # noqa: ASYNC110 - remote
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("is_pinned", [True, False])
async def test_who_is_trusted_reads_with_every_policy(
    scada: Scada, folder: Path, policy: Policy, is_pinned: bool
) -> None:
    security = client_security(folder, "gateway", policy)
    if not is_pinned:
        security = replace(security, server_certificate=None)
    link = await opened(scada, security)
    try:
        (value,) = await link.read([node(scada, "L1.LineCurrent")])
        assert value.Value.Value > 0.0
        assert link.client.security_policy.Mode is ua.MessageSecurityMode.SignAndEncrypt
        assert policy.value in link.client.security_policy.URI.replace("_", "")
    finally:
        await link.close()


async def test_a_plain_connection_is_refused(scada: Scada) -> None:
    with pytest.raises(LinkError):
        await opened(scada, None)


async def test_a_certificate_of_another_authority_is_refused_on_both_sides(
    scada: Scada, folder: Path, others: Path
) -> None:
    stranger = client_security(others, "guard", Policy.BASIC256)
    pinned = replace(stranger, server_certificate=folder / "scada" / "certificate.pem")
    with pytest.raises(LinkError):
        await opened(scada, replace(pinned, trusted=folder / "trusted"))
    own = client_security(folder, "guard", Policy.BASIC256)
    with pytest.raises(LinkError, match=r"[Uu]ntrusted"):
        await opened(scada, replace(own, trusted=others / "trusted"))
    with pytest.raises(LinkError):
        await opened(scada, replace(own, server_certificate=stranger.server_certificate))


@pytest.mark.parametrize("user", ["guard", "nobody", ""])
async def test_a_wrong_password_is_refused(
    scada: Scada, folder: Path, tmp_path: Path, user: str
) -> None:
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_bytes((folder / "guard" / name).read_bytes())
    (tmp_path / "password").write_text("guess")
    security = client_security(folder, "guard", Policy.BASIC256)
    with pytest.raises(LinkError):
        await opened(scada, replace(security, home=tmp_path, user=user))


async def test_the_reader_cannot_write_and_the_optimiser_can(scada: Scada, folder: Path) -> None:
    value = ua.Variant(200.0, ua.VariantType.Double)
    mode = ua.Variant(6, ua.VariantType.Int32)
    wanted = [(node(scada, FEED_TARGET), value), (node(scada, "L1.C001.ModeTarget"), mode)]
    reader = await opened(scada, client_security(folder, "gateway", Policy.AES256))
    try:
        statuses = await reader.write(wanted)
        assert {status.name for status in statuses} == {"BadUserAccessDenied"}
        denied = "BadUserAccessDenied: gateway is Observer, who does not write this node"
        await until_shown(reader, node(scada, f"{FEED_SHOWN}.RejectReason"), denied)
    finally:
        await reader.close()
    optimiser = await opened(scada, client_security(folder, "guard", Policy.AES256))
    try:
        assert all(status.is_good() for status in await optimiser.write(wanted))
        await until_shown(optimiser, node(scada, f"{FEED_SHOWN}.LastWriter"), "guard")
        await until_shown(optimiser, node(scada, f"{FEED_SHOWN}.RejectReason"), "")
    finally:
        await optimiser.close()


async def test_the_writer_works_encrypted(scada: Scada, folder: Path, plant: PlantFile) -> None:
    async def open_as_guard(endpoint: str) -> Link:
        return await open_link(endpoint, security=client_security(folder, "guard", Policy.AES256))

    mapping: Mapping = plant.opcua
    writer = Writer(
        scada.settings.endpoint,
        mapping,
        range(1, scada.settings.cells + 1),
        plant.setpoints,
        readback_deadline_s=4.0,
        opener=open_as_guard,
    )
    async with writer:
        assert await writer.wait_connected(10.0)
        assert writer.readback(1, "alumina_feed_rate_kg_per_h") is not None


async def test_a_missing_password_names_the_file_and_the_remedy(
    scada: Scada, folder: Path, tmp_path: Path
) -> None:
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_bytes((folder / "guard" / name).read_bytes())
    security = replace(client_security(folder, "guard", Policy.BASIC256), home=tmp_path)
    with pytest.raises(LinkError, match=r"password cannot be read.*Remedy"):
        await opened(scada, security)
