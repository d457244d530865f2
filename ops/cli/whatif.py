"""`potline whatif`: an override or a setpoint on the twin of a cell, before anyone commits."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import CellsFlag, KafkaFlag, PlantFlag, addresses
from ops.whatif.inputs import OVERRIDES, STATES, describe, read_words


def whatif(
    context: typer.Context,
    cell: Annotated[int, typer.Option(metavar="N", help="Which cell of the line.")] = 1,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--override",
            metavar="NAME=NUMBER",
            help="What to play, as often as you like; +NUMBER and -NUMBER are changes from now "
            f"(not of feed). Names: {describe(OVERRIDES)}.",
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option(min=0.1, max=72.0, metavar="H", help="How long to play.")
    ] = 8.0,
    states: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=NUMBER",
            help=f"What the cell is like at the start, as often as you like; the rest is as "
            f"estimated or nominal. Names: {describe(STATES)}.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write whatif.html (pictures) and whatif.json there."),
    ] = None,
    is_by_hand: Annotated[
        bool,
        typer.Option(
            "--by-hand",
            help="Play the override at once and past the interlock's limits, as a person at the "
            "plant could do it.",
        ),
    ] = False,
    is_nominal: Annotated[
        bool,
        typer.Option(
            "--nominal", help="Start from the plant file, even where a system is running."
        ),
    ] = False,
    plant: PlantFlag = None,
    cells: CellsFlag = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    kafka: KafkaFlag = None,
) -> None:
    """Play an override on the twin of a cell and show its next hours; no plant is written to.

    Three courses start from the same state: the cell left alone, with the
    override, and under the MPC. The text says which bounds are crossed and
    when, how likely an anode effect is, what it costs in energy, and what
    the interlock would say. A setpoint goes through the interlock as it
    would in a line, step by step.

    The twin starts from a running system's estimate where Kafka has an
    address (settings, or --kafka as `potline up` prints it), else from the
    plant file's nominal state; --set changes either.

    A fifth less feed, on a lean cell:

        potline whatif --cell 17 --override feed=0.8 --set alumina_pct=2.4

    Two millimetres down and 5 kA more, with pictures:

        potline whatif --override beam_mm=-2 --override current_ka=+5 --report out

    A feeder that loses half of its dose:

        potline whatif --override feed=1.0 --set feeder_efficiency=0.5
    """
    # Mistakes of the command line come first and quickly; a plant file takes a second to read.
    wanted = read_words(overrides or [], OVERRIDES, "--override")
    given = read_words(states or [], STATES, "--set")
    if not wanted:
        raise typer.BadParameter(
            "nothing to play. Remedy: name at least one, as in --override feed=0.8",
            param_hint="--override",
        )
    from ops.compute import prepare_jax
    from ops.configuration import load_line

    settings, line = load_line(
        {"plant_file": plant, "cells": cells, **addresses(kafka=kafka)}, file=context.obj
    )
    prepare_jax()
    from ops.whatif.study import Question, answer

    question = Question(cell, wanted, given, hours, is_nominal, is_by_hand)
    answer(question, settings, line, report, is_json)
