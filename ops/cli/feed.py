"""`potline feed`: the live picture."""

import typer

from ops.cli.flags import KafkaFlag, RedisFlag, addresses


def feed(context: typer.Context, kafka: KafkaFlag = None, redis: RedisFlag = None) -> None:
    """Fold what moves on Kafka into the live picture in Redis, which the control room shows.

    It reads the last minutes again when it starts, so that a restart does not blank a page.
    """
    import asyncio

    from ops.configuration import load_line
    from ops.screens import run_feed_process

    settings, line = load_line(addresses(kafka=kafka, redis=redis), file=context.obj)
    asyncio.run(run_feed_process(settings, line))
