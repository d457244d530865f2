"""`potline plant`: looks at plant files."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look at plant files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at plant files."""


@app.command()
def check(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="The plant file; left out, the one that the settings name."),
    ] = None,
    cells: Annotated[
        int | None, typer.Option(help="Check it for this many cells (1 to 300).")
    ] = None,
) -> None:
    """Check a plant file and list all its mistakes; without any, say what it describes."""
    from ops.plantfile import load_plant, plant_hash
    from ops.settings import load_settings
    from physics.design import sections

    if file is None:
        file = load_settings(file=context.obj).plant_file
    plant = load_plant(file, cells)
    typer.echo(
        f"{file} is right: {plant.name}, {plant.metal}, {plant.line.cell_count} cells in "
        f"{len(sections(plant.line))} section(s) at {plant.line.current_ka:g} kA, "
        f"{len(plant.signals)} signals, {len(plant.setpoints)} setpoints, "
        f"hash {plant_hash(plant)}"
    )
