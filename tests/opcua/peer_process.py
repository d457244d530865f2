"""Servers on stacks that are not ours, each a process that ends with its standard input."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

START_S = 60.0


@asynccontextmanager
async def served_by(*command: str, folder: Path) -> AsyncIterator[None]:
    """Run a server until the block is left; it has said "ready" on a line by then."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            while (line := await process.stdout.readline()) != b"ready\n":
                assert line, "the server ended before it was ready"
        yield
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10.0)
        except TimeoutError:
            process.kill()
            await process.wait()
