"""`potline pareto`: the three-way trade-off of a plant, and lines for its plant file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import PlantFlag


class MethodChoice(StrEnum):
    """How points of the front are found."""

    BOTH = "both"
    SWEEP = "sweep"
    NSGA2 = "nsga2"


class GridChoice(StrEnum):
    """Whose electricity the greenhouse gases count."""

    WORLD = "world"
    NORWAY = "norway"
    CHINA = "china"


def pareto(
    context: typer.Context,
    report: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="For pareto.html, pareto.png, pareto.csv and .json."),
    ] = Path("pareto"),
    pick: Annotated[
        str,
        typer.Option(
            metavar="POINT",
            help="Print the plant-file lines of this point: knee, energy, gases, anode-effects or "
            "the number of a point.",
        ),
    ] = "knee",
    method: Annotated[
        MethodChoice,
        typer.Option(
            help="sweep: a convex program over all weights; nsga2: a genetic search, which also "
            "finds what no weights lead to (needs pymoo)."
        ),
    ] = MethodChoice.BOTH,
    grid: Annotated[
        GridChoice, typer.Option(help="Whose electricity the greenhouse gases count.")
    ] = GridChoice.WORLD,
    alf3_reach: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=3.0,
            metavar="WT%",
            help="How far from the plant file's excess AlF3 is studied; 0 keeps it.",
        ),
    ] = 1.0,
    weights: Annotated[
        int, typer.Option(min=2, max=40, metavar="N", help="Weights of the sweep, steps of 1/N.")
    ] = 8,
    generations: Annotated[
        int, typer.Option(min=1, max=5000, metavar="N", help="Of the genetic search.")
    ] = 120,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the genetic search.")] = 1,
    plant: PlantFlag = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Draw the front of energy, greenhouse gases and anode effects, and pick a point of it.

    Studied are the gap, the alumina target and its swing, and AlF3; each
    point is a steady cell of the plant file that keeps the bounds of
    [control]. Printed are the best points, the knee, where the plant file
    stands now, and the lines that bring it to the point that you pick.

    A minute, with everything in a folder:

        potline pareto --report out

    With hydro power, for the point with the fewest anode effects:

        potline pareto --grid norway --pick anode-effects

    Without pymoo:

        potline pareto --method sweep
    """
    from ops.compute import prepare_jax
    from ops.configuration import load_line

    settings, line = load_line({"plant_file": plant}, file=context.obj)
    del settings  # names the plant file, which has been read
    prepare_jax()
    from ops.pareto.front import Method, ParetoOptions
    from ops.pareto.study import study_front

    both = (Method.SWEEP, Method.NSGA2)
    methods = both if method is MethodChoice.BOTH else (Method(method.value),)
    options = ParetoOptions(methods, weights, generations, seed, grid.value, alf3_reach)
    study_front(line, options, pick, report, is_json)
