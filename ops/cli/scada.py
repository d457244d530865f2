"""`potline scada`: a simulated plant behind an OPC UA server."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import CellsFlag, OpcuaFlag, addresses


def scada(
    context: typer.Context,
    opcua: OpcuaFlag = None,
    cells: CellsFlag = None,
    nodeset: Annotated[
        Path | None,
        typer.Option(
            "--export-nodeset",
            metavar="FILE",
            help="Write the server's nodes as NodeSet2 XML and end: no plant is started, "
            "no port opened. One cell, unless --cells says otherwise.",
        ),
    ] = None,
) -> None:
    """Simulate the line of the plant file behind an OPC UA server.

    Its cells have their own local control. It runs `speed` times faster than
    the wall clock and listens on opcua.endpoint, by default
    opc.tcp://127.0.0.1:4840. Any OPC UA client may look at it.

    Which nodes it has can be read without running it, as a file for OPC UA
    modellers and other servers:

        potline scada --export-nodeset potline.NodeSet2.xml

    The file has the types (LineType, CellType, SetpointType) and a line with
    the units and ranges of the plant file, but no values: the same plant file
    gives the same file again.
    """
    from ops.configuration import load_line

    if nodeset is not None:
        from ops.nodeset_file import write_nodeset

        _, line = load_line({"cells": 1 if cells is None else cells}, file=context.obj)
        typer.echo(write_nodeset(nodeset, line))
        return

    import asyncio

    from ops.compute import prepare_jax

    prepare_jax()

    from ops.edge import run_scada_process

    settings, line = load_line({"cells": cells, **addresses(opcua=opcua)}, file=context.obj)
    asyncio.run(run_scada_process(settings, line))
