"""`potline reduce`: a cell in tens of numbers, learnt from its full-order fields."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import KafkaFlag, PlantFlag, addresses


def reduce(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="CELL.reduced", help="The file to write.")],
    plant: PlantFlag = None,
    grid: Annotated[
        str,
        typer.Option(metavar="NXxNYxNZ", help="Boxes of the full-order cell, as in potline solve."),
    ] = "16x29x20",
    trajectories: Annotated[
        int, typer.Option(min=3, metavar="N", help="So many are run and learnt from.")
    ] = 48,
    hours: Annotated[float, typer.Option(min=2.0, metavar="H", help="Of each trajectory.")] = 72.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the drives' random course.")] = 1,
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At once; left out, one a core.")
    ] = None,
    is_published: Annotated[
        bool,
        typer.Option("--publish", help="Put the file on record in the topic models as well."),
    ] = False,
    kafka: KafkaFlag = None,
) -> None:
    """Learn a reduced cell from full-order runs in which all drives move.

    The full-order cell is run along trajectories in which current, gap,
    alumina, AlF3 and ambient move over what a line allows. How many numbers it
    takes, and how far they err, is measured on a quarter of them at a time with
    what the rest teach; then all of them are learnt from.

        potline reduce --plant plants/reference-300ka.toml --out cell.reduced

    Finished trajectories are kept beside the file, in CELL.reduced.snapshots:
    an interrupted run goes on from there, and a further one with more
    trajectories makes only those that lack.
    """
    from rich.console import Console

    from ops.compute import keep_memory, prepare_jax

    keep_memory()
    prepare_jax()
    from ops.mistakes import OperationError
    from ops.plantfile import design_hash, load_plant
    from ops.reduce import ReduceOptions, reduce_cell

    connection = None
    if plant is None or is_published:
        from ops.settings import load_settings

        settings = load_settings(addresses(kafka=kafka), file=context.obj)
        plant = plant or settings.plant_file
        if is_published:  # asked before the hour of learning, not after it
            if settings.kafka.address is None:
                raise OperationError(
                    "Kafka has no address: the settings leave it to `potline up`, which prints it. "
                    "Remedy: potline reduce --publish --kafka kafka://host:port"
                )
            connection = settings.kafka.connection()
    loaded = load_plant(plant)
    reduce_cell(
        loaded.design,
        design_hash(loaded.design),
        ReduceOptions(out, grid, trajectories, hours, seed, processes),
        Console(stderr=True),
    )
    if connection is not None:
        import asyncio

        from ops.entry import silent
        from ops.publish import publish_reduced

        with silent("aiokafka"):
            record = asyncio.run(publish_reduced(connection, out))
        typer.echo(f"{record.model_id} is on record in the topic models.", err=True)
