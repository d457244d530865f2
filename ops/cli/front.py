"""`potline front`: potline's own OPC UA server."""

import typer

from ops.cli.flags import KafkaFlag, addresses


def front(context: typer.Context, kafka: KafkaFlag = None) -> None:
    """Show what potline does over OPC UA, and take what people ask.

    It listens on front.endpoint. What it shows is the guard's own state; what
    is asked by its methods goes to the guard, which obeys or refuses.

    Without front.certificates anybody on this machine may look, and nobody
    may ask; then the endpoint has to be on 127.0.0.1.
    """
    import asyncio

    from ops.configuration import load_line
    from ops.front import run_front_process

    settings, line = load_line(addresses(kafka=kafka), file=context.obj)
    asyncio.run(run_front_process(settings, line))
