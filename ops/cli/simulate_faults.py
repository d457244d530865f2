"""`potline simulate-faults`: the edge under faults that seeds choose, and what must hold."""

from typing import Annotated

import typer

from ops.cli.flags import PlantFlag


def simulate_faults(
    context: typer.Context,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many runs.")] = 100,
    first_seed: Annotated[int, typer.Option(min=0, metavar="N", help="The others follow.")] = 1,
    replay: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEED", help="Run one seed again and show all of it."),
    ] = None,
    shorten: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="SEED", help="Find the fewest faults of a seed that still break a rule."
        ),
    ] = None,
    plant: PlantFlag = None,
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At once; left out, one a core.")
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Search for a sequence of faults under which the guard does what it must never do.

    The guard, the writer and the plant's own watchdog are the real ones; time,
    the broker, the wire and the machines are simulated, so that a second
    takes a hundredth of one and the same seed gives the same run. Processes
    crash and hang, connections break or fall silent, clocks jump, messages
    come late, twice or again, sensors and actuators stick, disks fill up,
    people say things. What must hold: no setpoint is ever sent that is not
    finite, in bounds, within its step and rate, fresh and permitted in that
    mode; each has an intent on record before it and a result after; no old
    one is ever taken; what falls silent is handed back; no trip is lost.

        potline simulate-faults --seeds 1000

    Ends with 1 where something was broken; the seed that broke it is named.
    """
    import json

    from rich.console import Console

    from ops.configuration import load_line
    from ops.plantfile import load_plant
    from ops.simulate.run import run_seed
    from ops.simulate.search import CELLS, run_lines, search, search_lines
    from ops.simulate.search import shorten as shorten_seed

    settings, _ = load_line({"plant_file": plant}, file=context.obj)
    if replay is not None or shorten is not None:
        result = (
            run_seed(load_plant(settings.plant_file, CELLS), replay)
            if replay is not None
            else shorten_seed(settings.plant_file, shorten or 0)
        )
        for line in run_lines(result):
            typer.echo(line)
        if result.violations:
            raise typer.Exit(1)
        return
    found = search(settings.plant_file, first_seed, seeds, processes, Console(stderr=True))
    if is_json:
        typer.echo(json.dumps(found.summary()))
    else:
        for line in search_lines(found):
            typer.echo(line)
    if found.broken:
        raise typer.Exit(1)
