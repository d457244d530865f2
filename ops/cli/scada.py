"""`potline scada`: a simulated plant behind an OPC UA server."""

import typer


def scada(context: typer.Context) -> None:
    """Simulate the line of the plant file behind an OPC UA server, with its own local control.

    It runs `speed` times faster than the wall clock and listens on opcua.endpoint, by default
    opc.tcp://127.0.0.1:4840. Any OPC UA client may look at it.
    """
    import asyncio

    from ops.compute import prepare_jax

    prepare_jax()

    from ops.edge import run_scada_process
    from ops.plantfile import load_plant
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)
    asyncio.run(run_scada_process(settings, load_plant(settings.plant_file, settings.cells)))
