"""`potline ui`: the control room."""

import typer


def ui(context: typer.Context) -> None:
    """Serve the control room to browsers and send what people ask for to the guard.

    Open the address that it prints. It shows what `potline feed` keeps in Redis.
    """
    import asyncio

    from ops.plantfile import load_plant
    from ops.screens import run_ui_process
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)
    asyncio.run(run_ui_process(settings, load_plant(settings.plant_file, settings.cells)))
