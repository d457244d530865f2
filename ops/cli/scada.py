"""`potline scada`: a simulated plant behind an OPC UA server."""

import typer

from ops.cli.flags import OpcuaFlag, addresses


def scada(context: typer.Context, opcua: OpcuaFlag = None) -> None:
    """Simulate the line of the plant file behind an OPC UA server, with its own local control.

    It runs `speed` times faster than the wall clock and listens on opcua.endpoint, by default
    opc.tcp://127.0.0.1:4840. Any OPC UA client may look at it.
    """
    import asyncio

    from ops.compute import prepare_jax

    prepare_jax()

    from ops.configuration import load_line
    from ops.edge import run_scada_process

    settings, line = load_line(addresses(opcua=opcua), file=context.obj)
    asyncio.run(run_scada_process(settings, line))
