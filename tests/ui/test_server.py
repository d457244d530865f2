"""The server of the screens: its health, its ports, and that closed pages leave nothing behind."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.websocket import websocket_connect

from stream.kafka import KafkaConnection
from tests.ui.conftest import until
from tests.ui.test_panels import LAYOUT, told
from ui.pages import PAGES
from ui.roles import Person, Role
from ui.server import ScreenSettings, free_port, run_ui
from ui.store import PREFIX, PictureWriter

NO_KAFKA = KafkaConnection("kafka://127.0.0.1:1")


@asynccontextmanager
async def serving(redis_address: str, **changes: object) -> AsyncIterator[str]:
    """A server that runs for as long as the block does; gives its address."""
    stop = asyncio.Event()
    announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    options: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 0,
        "redis_address": redis_address,
        "kafka": NO_KAFKA,
        "layout": LAYOUT,
        "partitions": 3,
        "look_interval_s": 0.1,
        "session_grace_s": 0.5,
    }
    settings = ScreenSettings(**(options | changes))  # type: ignore[arg-type]
    task = asyncio.create_task(run_ui(settings, stop, announced.set_result))
    await asyncio.wait({announced, task}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield announced.result()
    finally:
        stop.set()
        await task


async def get(address: str) -> HTTPResponse:
    return await AsyncHTTPClient().fetch(address, raise_error=False)


async def health(address: str) -> tuple[int, dict[str, object]]:
    answer = await get(f"{address}healthz")
    return answer.code, json.loads(answer.body)


async def test_every_route_is_served_with_its_own_files_only(database: str) -> None:
    async with serving(database) as address:
        for page in PAGES:
            answer = await get(address + page.route.lstrip("/"))
            text = answer.body.decode()
            assert answer.code == 200
            assert page.question.split(",")[0][:20] in text
            assert "https://" not in text
        for name in ("potline.css", "potline.js", "potline.svg"):
            assert (await get(f"{address}theme/{name}")).code == 200
        assert (await get(f"{address}theme/../server.py")).code in {403, 404}
        assert (await get(f"{address}nowhere")).code == 404


async def test_health_says_why_screens_get_no_news(database: str) -> None:
    async with serving(database) as address, Redis.from_url(database) as redis:

        async def says(code: int, words: str) -> bool:
            status, body = await health(address)
            return status == code and words in str(body["reason"])

        await until(lambda: says(503, "no picture yet"))
        await PictureWriter(redis, life=1).write(told(1), time.time_ns())
        await until(lambda: says(200, ""))
        await PictureWriter(redis, life=2).write(told(1), time.time_ns() - 60_000_000_000)
        await until(lambda: says(503, "feed has written nothing for 60 s"))
        await redis.set(f"{PREFIX}:line", b"\x93 of another version")
        await redis.hset(f"{PREFIX}:index", mapping={"life": 3})
        await until(lambda: says(503, "another version"))
        await PictureWriter(redis, life=4).write(told(1), time.time_ns())
        await until(lambda: says(200, ""))


async def test_no_redis_is_one_sentence_and_the_pages_open_all_the_same() -> None:
    async with serving(f"redis://me:geheim@127.0.0.1:{free_port('127.0.0.1', 0)}/0") as address:

        async def says_why() -> bool:
            reason = str((await health(address))[1]["reason"])
            assert "geheim" not in reason
            return "No Redis at redis://me:********@127.0.0.1" in reason

        await until(says_why)
        assert (await get(address)).code == 200


@pytest.mark.slow
async def test_thirty_screens_opened_and_closed_leave_no_listener(database: str) -> None:
    async with serving(database, session_grace_s=2.0) as address:
        codes = [(await get(f"{address}events")).code for _ in range(30)]
        assert codes == [200] * 30

        async def screens() -> int:
            return int((await health(address))[1]["screens"])  # type: ignore[call-overload]

        assert await screens() > 0

        async def all_gone() -> bool:
            return await screens() == 0

        await until(all_gone, 110.0)


async def test_a_taken_port_is_left_alone(database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serving(database, port=port) as address:
            assert f":{port}/" not in address
            assert (await get(address)).code == 200


async def test_a_page_of_another_site_may_not_open_a_channel(database: str) -> None:
    from tornado.httpclient import HTTPClientError, HTTPRequest

    async with serving(database) as address:
        request = HTTPRequest(
            address.replace("http", "ws") + "ws", headers={"Origin": "http://evil.example"}
        )
        try:
            await websocket_connect(request, subprotocols=["bokeh", "token"])
        except HTTPClientError as refused:
            code = refused.code
        assert code == 403


async def test_a_role_sees_the_pages_that_are_for_it(database: str) -> None:
    pages = (PAGES[0],)
    async with serving(database, pages=pages, person=Person("viv", Role.VIEWER)) as address:
        assert (await get(address)).code == 200
        assert (await get(f"{address}events")).code == 404
