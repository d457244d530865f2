"""The gateway as a process of its own: its signals are heard whatever else is away."""

import asyncio
import os
import signal
import sys

import pytest

from ops.ports import free_port


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_gateway_without_kafka_ends_when_it_is_told_to(number: signal.Signals) -> None:
    """Exit 0 within its grace; the broker has never been there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.cli",
        "gateway",
        stderr=asyncio.subprocess.PIPE,
        env={name: v for name, v in os.environ.items() if not name.startswith("POTLINE_")}
        | {
            "POTLINE_SETTINGS": "",
            "POTLINE_KAFKA__ADDRESS": f"kafka://127.0.0.1:{free_port()}",
            "POTLINE_OPCUA__ENDPOINT": f"opc.tcp://127.0.0.1:{free_port()}",
        },
    )
    assert process.stderr is not None
    try:
        said = ""
        async with asyncio.timeout(60):
            while "No Kafka at" not in said:
                line = (await process.stderr.readline()).decode()
                assert line, said
                said += line
        process.send_signal(number)
        async with asyncio.timeout(10):
            _, rest = await process.communicate()
        assert process.returncode == 0, said + rest.decode()
        assert "Traceback" not in rest.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
