"""`potline gateway`: from the plant's OPC UA server to Kafka."""

import typer


def gateway(context: typer.Context) -> None:
    """Read every scan of the plant over OPC UA and publish it on `samples`.

    Which node is which signal stands in the plant file's [opcua] table. The gateway only reads.
    """
    import asyncio

    from ops.edge import run_gateway_process
    from ops.plantfile import load_plant
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)
    asyncio.run(run_gateway_process(settings, load_plant(settings.plant_file, settings.cells)))
