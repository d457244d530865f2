"""`potline loop`: one worker of the optimising loop."""

import typer


def loop(context: typer.Context) -> None:
    """Run one worker that screens samples, estimates cells and decides on setpoints.

    Start as many as you like against one Kafka: they share the sections of the line.
    """
    from ops.compute import prepare_jax
    from ops.plantfile import load_plant
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)
    prepare_jax()

    from ops.loop import run_loop

    run_loop(settings, load_plant(settings.plant_file, settings.cells))
