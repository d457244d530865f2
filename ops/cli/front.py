"""`potline front`: potline's own OPC UA server."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import CellsFlag, KafkaFlag, addresses


def front(
    context: typer.Context,
    kafka: KafkaFlag = None,
    cells: CellsFlag = None,
    nodeset: Annotated[
        Path | None,
        typer.Option(
            "--export-nodeset",
            metavar="FILE",
            help="Write the server's nodes as NodeSet2 XML and end: no port is opened. One cell, "
            "unless --cells says otherwise.",
        ),
    ] = None,
) -> None:
    """Show what potline does over OPC UA, and take what people ask.

    It listens on front.endpoint. What it shows is the guard's own state; what
    is asked by its methods goes to the guard, which obeys or refuses.

    Without front.certificates anybody on this machine may look, and nobody
    may ask; then the endpoint has to be on 127.0.0.1.

    Which nodes and methods it has can be read without running it:

        potline front --export-nodeset front.NodeSet2.xml
    """
    from ops.configuration import load_line

    if nodeset is not None:
        from ops.nodeset_file import write_front_nodeset

        _, line = load_line({"cells": 1 if cells is None else cells}, file=context.obj)
        typer.echo(write_front_nodeset(nodeset, line))
        return

    import asyncio

    from ops.front import run_front_process

    settings, line = load_line({"cells": cells, **addresses(kafka=kafka)}, file=context.obj)
    asyncio.run(run_front_process(settings, line))
