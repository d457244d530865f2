"""A hostile client: the server goes on serving those whom it trusts, and takes no more memory."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from asyncua import Client, ua

from opcua.certificates import make_certificates
from opcua.link import LinkError, open_link
from opcua.security import ClientSecurity, Policy, client_security, secure_client
from ops.ports import free_port
from tests.opcua.hostile import BAD_IDENTITIES, bad_messages, write_identity

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="module"),
]
HOSTS = ["localhost", "127.0.0.1"]
MESSAGES, SESSIONS = 1000, 200
MOST_GROWTH_MB = 24.0  # of some 450: what an allocator keeps, not what leaks


@dataclass
class Server:
    """The simulated SCADA in a process of its own."""

    endpoint: str
    port: int
    folder: Path
    others: Path
    process: psutil.Process

    def rss_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6

    def security(self, name: str = "guard") -> ClientSecurity:
        return client_security(self.folder, name, Policy.BASIC256)

    async def serves(self) -> None:
        """It answers one whom it trusts, within the time that a request may take."""
        link = await open_link(self.endpoint, security=self.security("gateway"))
        await link.close()


@pytest_asyncio.fixture(name="server", scope="module", loop_scope="module")
async def _server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder, others = tmp_path_factory.mktemp("certs"), tmp_path_factory.mktemp("others")
    for some in (folder, others):
        make_certificates(some, HOSTS, key_bits=2048)
    port = free_port()
    endpoint = f"opc.tcp://127.0.0.1:{port}"
    environment = os.environ | {
        "POTLINE_SETTINGS": "",
        "POTLINE_CELLS": "3",
        "POTLINE_OPCUA__ENDPOINT": endpoint,
        "POTLINE_OPCUA__SECURITY": "Basic256Sha256",
        "POTLINE_OPCUA__CERTIFICATES": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.cli", "scada", env=environment
    )
    server = Server(endpoint, port, folder, others, psutil.Process(process.pid))
    try:
        async with asyncio.timeout(120):
            while True:
                try:
                    await server.serves()
                except LinkError:
                    await asyncio.sleep(0.5)
                else:
                    break
        yield server
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def test_a_certificate_made_like_the_bad_ones_but_good_is_taken(
    server: Server, tmp_path: Path
) -> None:
    write_identity(tmp_path / "guard", server.folder)
    link = await open_link(
        server.endpoint, security=replace(server.security(), home=tmp_path / "guard")
    )
    await link.close()


async def test_who_leaves_the_certificate_out_of_the_request_is_asked_for_it_all_the_same(
    server: Server, tmp_path: Path
) -> None:
    """The library checks a field of the request; the connection's own certificate counts."""
    write_identity(tmp_path / "thief", server.folder, is_self_signed=True)
    client = Client(server.endpoint)
    await secure_client(client, replace(server.security(), home=tmp_path / "thief"))
    ask = client.uaclient.create_session

    async def ask_without(parameters: ua.CreateSessionParameters) -> object:
        parameters.ClientCertificate = None
        return await ask(parameters)

    client.uaclient.create_session = ask_without
    with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
        await client.connect()


@pytest.mark.parametrize("name", list(BAD_IDENTITIES))
async def test_a_bad_certificate_is_refused(name: str, server: Server, tmp_path: Path) -> None:
    BAD_IDENTITIES[name](tmp_path / "thief", server.folder, server.others)
    with pytest.raises(LinkError):
        await open_link(
            server.endpoint, security=replace(server.security(), home=tmp_path / "thief")
        )
    await server.serves()


async def test_bad_messages_cost_no_memory_and_nobody_his_service(server: Server) -> None:
    messages = bad_messages(MESSAGES, seed=1)
    for message in messages[:100]:
        await _say(server, message)
    await server.serves()
    before_mb = server.rss_mb()
    for number, message in enumerate(messages):
        await _say(server, message)
        if number % 100 == 0:
            await server.serves()
    await server.serves()
    grown_mb = server.rss_mb() - before_mb
    assert grown_mb < MOST_GROWTH_MB, f"{MESSAGES} messages: {grown_mb:.1f} MB more"


async def test_sessions_that_are_opened_and_dropped_cost_no_memory(server: Server) -> None:
    async def open_and_drop() -> None:
        link = await open_link(server.endpoint, security=server.security("doctor"))
        link.client.disconnect_socket()  # without a word

    for _ in range(20):
        await open_and_drop()
    await server.serves()
    before_mb = server.rss_mb()
    for _ in range(SESSIONS):
        await open_and_drop()
    await server.serves()
    grown_mb = server.rss_mb() - before_mb
    assert grown_mb < MOST_GROWTH_MB, f"{SESSIONS} sessions: {grown_mb:.1f} MB more"


async def _say(server: Server, message: bytes) -> None:
    """Send bytes on a connection of their own, hear what comes, and drop it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(message)
    try:
        await writer.drain()
        async with asyncio.timeout(0.05):
            await reader.read(1024)
    except (OSError, TimeoutError):
        pass
    writer.close()
