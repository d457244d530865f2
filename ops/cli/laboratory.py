"""`potline laboratory`: samples of the bath from a file to a running line."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import CellsFlag, KafkaFlag, PlantFlag, addresses


def laboratory(
    context: typer.Context,
    samples: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="A row a sample; columns as below.")
    ],
    reported_by: Annotated[
        str | None,
        typer.Option("--by", metavar="NAME", help="Who reports; left out, the file's name."),
    ] = None,
    is_only_checked: Annotated[
        bool, typer.Option("--check", help="Read the file and say what is wrong; send nothing.")
    ] = False,
    plant: PlantFlag = None,
    cells: CellsFlag = None,
    kafka: KafkaFlag = None,
) -> None:
    """Report a laboratory's samples to a running line.

    The estimate takes each in at the time at which it was drawn, up to a day
    ago; from a cell's first sample on its AlF3 addition is planned. A sample
    that is reported again counts once. The first line names the columns:

        cell                its number in the control room
        drawn_at            when it was drawn, with the zone; or
        drawn_plant_s       in plant time, s: `potline tail samples --json`
        alumina_wt_pct, excess_alf3_wt_pct, bath_temperature_c
                            one of them or more; empty where not analysed

    For example:

        cell,drawn_at,excess_alf3_wt_pct,bath_temperature_c
        7,2026-03-01T06:30:00+01:00,11.4,958
        8,2026-03-01T06:40:00+01:00,12.1,

    What became of them: `potline tail events`, or `potline tail rejects`.
    At a simulated line faster than the wall clock give drawn_plant_s.
    """
    import asyncio
    import time

    from ops.configuration import load_line
    from ops.entry import needed, silent
    from ops.laboratory_file import publish_samples, read_samples

    settings, line = load_line(
        {"plant_file": plant, "cells": cells, **addresses(kafka=kafka)}, file=context.obj
    )
    reports = read_samples(samples, line, reported_by or samples.name, time.time_ns())
    if is_only_checked:
        typer.echo(f"{len(reports)} samples can be reported.")
        return
    connection = settings.kafka.connection(needed(settings.kafka.address, "kafka.address"))
    with silent("aiokafka"):
        asyncio.run(publish_samples(connection, settings.kafka.partitions, reports))
    typer.echo(f"{len(reports)} samples reported.")
