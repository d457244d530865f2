"""Requests to a server: what becomes of one whose task is told to end."""

import asyncio

import pytest
from asyncua import Client

from opcua.link import Link
from opcua.operation_limits import CAREFUL


async def test_a_task_that_is_told_to_end_as_the_answer_comes_ends() -> None:
    link = Link(Client("opc.tcp://127.0.0.1:4840"), "nobody", CAREFUL)
    answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    asking = asyncio.ensure_future(link._answers([answer], timeout_s=5.0))
    await asyncio.sleep(0.0)
    answer.set_result([1])
    await asyncio.sleep(0.0)  # the answer is there, and its task has not gone on
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
