"""`potline up`: runs the whole line on this machine."""

import re
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import KafkaFlag, OpcuaFlag, RedisFlag, addresses

_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no duration; write 90s, 2m or 1h")
    return float(match[1]) * _UNIT_S[match[2] or "s"]


def up(
    context: typer.Context,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="90s|2m|1h",
            parser=_seconds,
            help="End by itself after this long; else with Ctrl-C.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what the run did, how fast and at what cost."),
    ] = None,
    is_browser_wanted: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the control room in a browser.")
    ] = True,
    plant: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The plant file: what is run.")
    ] = None,
    cells: Annotated[
        int | None, typer.Option(metavar="N", help="How many cells, 1 to 300; else as in the file.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(metavar="X", help="How fast the simulated plant lives, 1 to 600."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of the simulated plant's randomness.")
    ] = None,
    kafka: KafkaFlag = None,
    redis: RedisFlag = None,
    opcua: OpcuaFlag = None,
    is_kept: Annotated[
        bool, typer.Option("--keep", help="Keep the run's logs and data when it ends.")
    ] = False,
    run_folder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where logs and data go, and stay; a broker that ran there before goes on.",
        ),
    ] = None,
) -> None:
    """Run the whole line on this machine, from the plant to the control room.

    With nothing set, everything runs here: a simulated line of cells, an
    Apache Kafka, a Redis, the optimising loop that reads the cells and moves
    their setpoints, and the control room, whose address is printed. Ctrl-C
    ends it all in order and leaves nothing behind.

    An address in the settings (kafka.address, redis.address, opcua.endpoint)
    or as a flag (--kafka, --redis, --opcua) takes the place of the one that
    would be started: that is how the same loop runs your own plant.

    Try `potline up --cells 200 --speed 1`, or, for a measurement,
    `potline up --for 90s --no-browser --report run.json`.
    """
    import asyncio

    from rich.console import Console

    from ops.configuration import load_line
    from ops.entry import silent
    from ops.run import LineRun, RunOptions
    from ops.servers import launch_servers

    flags = {
        "plant_file": plant,
        "cells": cells,
        "speed": speed,
        "seed": seed,
        "run.folder": run_folder,
        **addresses(kafka=kafka, redis=redis, opcua=opcua),
    }
    settings, line = load_line(flags, file=context.obj)
    options = RunOptions(seconds, report, is_browser_wanted, is_kept)

    async def run() -> int:
        return await LineRun(settings, line, options, Console(), launch_servers).run()

    with silent("aiokafka"):
        status = asyncio.run(run())
    raise typer.Exit(status)
