"""`potline current`: which current in which hour, for metal, power and price."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import PlantFlag


def current(
    context: typer.Context,
    prices: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="CSV, a row an hour: price_per_mwh and, where power is limited, limit_mw.",
        ),
    ],
    target_t: Annotated[
        float | None,
        typer.Option(
            "--target-t",
            min=0.0,
            help="Metal over all hours, t; left out, what the nominal current makes.",
        ),
    ] = None,
    now_ka: Annotated[
        float | None,
        typer.Option("--now-ka", min=0.0, help="Current in force; left out, nominal."),
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Running; left out, all of the line.")
    ] = None,
    plant: PlantFlag = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with pictures as well.")
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Share the metal of a day or two out over its hours, by price and limit of power.

    More current where power is cheap, less where it is dear or limited, and
    slowly enough for the cells: the mean of six hours stays within 3 % of the
    nominal current, an hour differs by at most 10 kA from the one before. The
    schedule comes with what the last tonne costs and what one more MW would
    save. Nothing is written to the plant.

        printf 'price_per_mwh,limit_mw\\n40,\\n90,290\\n45,\\n' > prices.csv
        potline current --prices prices.csv --page current.html
    """
    from ops.line_schedule import as_json_object, plan_current, print_schedule, read_market

    market = read_market(prices)
    from ops.plantfile import load_plant
    from physics.precision import require_x64

    require_x64()
    if plant is None:
        from ops.settings import load_settings

        plant = load_settings(file=context.obj).plant_file
    known = load_plant(plant)
    count = cells or known.line.cell_count
    _, target, plan = plan_current(known.design, count, market, target_t, now_ka)
    if page is not None and plan.status.has_schedule:
        from ops.line_schedule_page import schedule_page

        page.write_text(schedule_page(f"{known.name}, {count} cells", market, plan))
    if is_json:
        import json

        typer.echo(json.dumps(as_json_object(target, market, plan), indent=2))
    else:
        from rich.console import Console

        print_schedule(Console(), market, plan)
    if not plan.status.has_schedule:
        raise typer.Exit(1)
