"""`potline solve`: the full-order fields of a cell over hours, to a file and to pictures."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import PlantFlag


def solve(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="RUN.h5", help="The file to write.")],
    plant: PlantFlag = None,
    hours: Annotated[float, typer.Option(metavar="H", help="How long the cell is run.")] = 24.0,
    grid: Annotated[
        str,
        typer.Option(
            metavar="NXxNYxNZ",
            help="Boxes across a quarter of the cell, along it and upwards; 1 along makes a "
            "slice: quick, but without its ends it loses less heat and runs hotter.",
        ),
    ] = "20x32x24",
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=NUMBER",
            help="Hold a drive: line_current_ka, acd_cm, feed_kg_per_h, alf3_kg_per_h or "
            "ambient_temperature_c. As often as you like; the others are nominal.",
        ),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE.csv",
            help="Drives in time: a column t_h in hours and columns of drives, joined by straight "
            "lines.",
        ),
    ] = None,
    every_min: Annotated[
        float, typer.Option(metavar="MIN", help="A picture and a checkpoint so often.")
    ] = 60.0,
    settle_days: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            help="Let the cell stand at its first drives before, fed with what it uses, on a "
            "coarser grid; with 0 it begins with its ledge as designed and its lining warm. "
            "Left out: 4 for a quarter; 0 for a slice, which would melt its ledge.",
        ),
    ] = None,
    tolerance_c: Annotated[
        float,
        typer.Option(metavar="K", help="Error of a time step that is tolerated, mean over boxes."),
    ] = 0.5,
    is_plotted: Annotated[
        bool,
        typer.Option(
            "--plot", help="Draw the last picture (RUN.png) and the run in time (RUN-series.png)."
        ),
    ] = False,
    is_resumed: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run of the same kind was.")
    ] = False,
) -> None:
    """Solve heat, current and alumina of a cell on a grid, over hours.

    Temperature with the freezing ledge, potential with its electrodes and
    the dissolved alumina, coupled, in steps whose errors are controlled.

    A quarter of the reference cell, with pictures, in some minutes:

        potline solve --out run.h5 --hours 12 --plot

    The same in 200,000 boxes, and what a longer gap does:

        potline solve --grid 72x60x48 --out run.h5 --set acd_cm=4.5

    RUN.h5 holds every field with its unit; RUN.xdmf beside it opens in
    ParaView. Ctrl-C keeps what was computed: --resume goes on from there.
    """
    from rich.console import Console

    from ops.compute import keep_memory, prepare_jax

    keep_memory()
    prepare_jax()
    from ops.fields.solve import SolveOptions, solve_cell
    from ops.plantfile import design_hash, load_plant

    if plant is None:
        from ops.settings import load_settings

        plant = load_settings(file=context.obj).plant_file
    loaded = load_plant(plant)
    options = SolveOptions(
        out=out,
        hours=hours,
        grid=grid,
        settings=tuple(words or ()),
        inputs=inputs,
        every_min=every_min,
        settle_days=settle_days,
        tolerance_c=tolerance_c,
        is_plotted=is_plotted,
        is_resumed=is_resumed,
    )
    solve_cell(loaded.design, design_hash(loaded.design), options, Console(stderr=True))
