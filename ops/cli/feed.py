"""`potline feed`: the live picture."""

import typer


def feed(context: typer.Context) -> None:
    """Fold what moves on Kafka into the live picture in Redis, which the control room shows.

    It reads the last minutes again when it starts, so that a restart does not blank a page.
    """
    import asyncio

    from ops.plantfile import load_plant
    from ops.screens import run_feed_process
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)
    asyncio.run(run_feed_process(settings, load_plant(settings.plant_file, settings.cells)))
