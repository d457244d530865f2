"""`potline evaluate`: closed loops on the simulated line, the controller against the baselines."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import PlantFlag


def evaluate(
    context: typer.Context,
    report: Annotated[
        Path, typer.Option(metavar="FOLDER", help="For summary.json, table.csv and report.html.")
    ] = Path("evaluation"),
    cells: Annotated[int, typer.Option(min=1, max=300, metavar="N", help="Cells of a line.")] = 24,
    days: Annotated[float, typer.Option(min=0.05, help="Of plant time that count.")] = 7.0,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Lines: each seed is another.")
    ] = 20,
    baseline: Annotated[
        str, typer.Option(metavar="NAMES", help="What the MPC is compared with.")
    ] = "legacy,tuned",
    plant: PlantFlag = None,
    burn_in: Annotated[
        float, typer.Option(min=0.0, metavar="DAYS", help="Run first, and not counted.")
    ] = 1.0,
    first_seed: Annotated[int, typer.Option(min=0, metavar="N", help="The others follow.")] = 1,
    shift: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=30.0,
            metavar="PERCENT",
            help="The plant's uncertain figures are off the plant file by so much, up or down.",
        ),
    ] = 0.0,
    noise: Annotated[
        float,
        typer.Option(min=1.0, max=10.0, metavar="TIMES", help="The noise of all instruments."),
    ] = 1.0,
    missing: Annotated[
        float,
        typer.Option(min=0.0, max=50.0, metavar="PERCENT", help="Samples that never come."),
    ] = 0.0,
    control_period: Annotated[
        float,
        typer.Option(
            min=60.0, max=900.0, metavar="S", help="Plant time between decisions of the MPC."
        ),
    ] = 240.0,
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At once; left out, one a core.")
    ] = None,
    is_json_wanted: Annotated[
        bool, typer.Option("--json", help="Print summary.json as well, and nothing else.")
    ] = False,
) -> None:
    """Prove the controller: the same line, seeds and faults under it and under the baselines.

    Estimator, optimiser and interlock run as they do in a line, against
    the independent simulator of the plant, without Kafka and OPC UA. The
    baselines are local control with two settings: legacy, a cautious older
    line, and tuned, good practice. Each begins in its own steady state;
    the burn-in is not counted. Seeds are paired, intervals are 95 %.

    Try `potline evaluate --cells 4 --days 1 --seeds 2`, a matter of minutes;
    `--shift 10 --noise 2 --missing 5` makes it hard for all of them.
    """
    from ops.evaluate.options import EvaluateOptions, Stress, read_baselines

    try:
        baselines = read_baselines(baseline)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--baseline") from error
    from ops.configuration import load_line

    settings, _ = load_line({"plant_file": plant}, file=context.obj)
    from ops.evaluate.evaluation import Output, evaluate_line

    evaluate_line(
        EvaluateOptions(
            plant_file=settings.plant_file,
            cells=cells,
            days=days,
            seeds=seeds,
            burn_in_days=burn_in,
            first_seed=first_seed,
            baselines=baselines,
            stress=Stress(shift, noise, missing),
            control_period_s=control_period,
        ),
        Output(report, processes, is_json_wanted),
    )
