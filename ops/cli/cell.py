"""`potline cell`: the steady operating point of a cell, from any plant file."""

from typing import Annotated

import typer

from ops.cell_inputs import describe_inputs, read_overrides
from ops.cli.flags import PlantFlag


def cell(
    context: typer.Context,
    plant: PlantFlag = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=NUMBER",
            help=f"Set one input, as often as you like; the others are as the cell is designed. "
            f"Names: {describe_inputs()}.",
        ),
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; warnings go to standard error.")
    ] = False,
) -> None:
    """Compute voltage, liquidus, superheat, efficiency and energy of an operating point.

    The voltage comes with its breakdown, the heat with where it goes, and both
    with what they would do to the cell. Nothing is started and nothing is written.

    What if the cell ran leaner, with a longer gap?

        potline cell --set alumina_pct=2.2 --set acd_cm=4.5

    A figure for a script:

        potline cell --set current_ka=310 --json | jq .energy_kwh_per_kg
    """
    # Mistakes of the command line come first and quickly; a plant file takes a second to read.
    overrides = read_overrides(words or [])

    from ops.plantfile import load_plant
    from physics.precision import require_x64

    require_x64()
    from ops.cell_view import as_json_object, compute_point, notes_on, print_point

    if plant is None:
        from ops.settings import load_settings

        plant = load_settings(file=context.obj).plant_file
    design = load_plant(plant).design
    values, point = compute_point(design, overrides)
    if is_json:
        import json

        typer.echo(json.dumps(as_json_object(values, point), indent=2))
        for note in notes_on(values, point):
            typer.echo(f"potline: {note}", err=True)
    else:
        from rich.console import Console

        print_point(Console(), design, overrides, values, point)
