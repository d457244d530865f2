"""`potline ui`: the control room."""

import typer

from ops.cli.flags import KafkaFlag, RedisFlag, addresses


def ui(context: typer.Context, kafka: KafkaFlag = None, redis: RedisFlag = None) -> None:
    """Serve the control room to browsers and send what people ask for to the guard.

    Open the address that it prints. It shows what `potline feed` keeps in Redis.
    """
    import asyncio

    from ops.configuration import load_line
    from ops.screens import run_ui_process

    settings, line = load_line(addresses(kafka=kafka, redis=redis), file=context.obj)
    asyncio.run(run_ui_process(settings, line))
