"""`potline guard`: the only process that writes to the plant."""

import typer


def guard(context: typer.Context) -> None:
    """Run the guard: it checks every move, writes it over OPC UA and reads it back.

    One guard runs per line. Cells start in the mode that guard.initial_mode names.
    """
    from ops.guard import run_guard
    from ops.plantfile import load_plant
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)
    run_guard(settings, load_plant(settings.plant_file, settings.cells))
