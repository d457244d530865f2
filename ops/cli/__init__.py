"""The command `potline`: one file a command, each importing what it needs only when it runs.

A command takes `context: typer.Context`; `context.obj` is the settings file that was named, or
None, as `ops.settings.load_settings` takes it.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli import (
    audit,
    broker,
    calibrate,
    cell,
    certs,
    current,
    doctor,
    evaluate,
    feed,
    front,
    gateway,
    guard,
    laboratory,
    loop,
    pareto,
    people,
    plant,
    reduce,
    scada,
    settings,
    simulate_faults,
    solve,
    tail,
    ui,
    up,
    whatif,
)
from ops.mistakes import ConfigurationError, OperationError

app = typer.Typer(
    name="potline",
    help="A real-time optimising control loop for a smelting potline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("up")(up.up)
app.command("tail")(tail.tail)
app.command("doctor")(doctor.doctor)
app.command("cell")(cell.cell)
app.command("current")(current.current)
app.command("solve")(solve.solve)
app.command("reduce")(reduce.reduce)
app.command("evaluate")(evaluate.evaluate)
app.command("pareto")(pareto.pareto)
app.command("laboratory")(laboratory.laboratory)
app.command("whatif")(whatif.whatif)
app.command("simulate-faults")(simulate_faults.simulate_faults)
app.command("certs")(certs.certs)
app.command("people")(people.people)
app.command("settings")(settings.settings)
app.add_typer(plant.app, name="plant")
app.add_typer(broker.app, name="broker")
app.add_typer(audit.app, name="audit")
app.command("calibrate")(calibrate.calibrate)
app.command("scada")(scada.scada)
app.command("gateway")(gateway.gateway)
app.command("loop")(loop.loop)
app.command("guard")(guard.guard)
app.command("feed")(feed.feed)
app.command("ui")(ui.ui)
app.command("front")(front.front)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"potline {version('potline')}")
        raise typer.Exit


@app.callback()
def _before_any_command(
    context: typer.Context,
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            help="Read settings from FILE instead of potline.toml in this folder. The environment "
            "(POTLINE_...) wins over it, flags win over both.",
        ),
    ] = None,
    is_version_wanted: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    del is_version_wanted  # has been seen to, before anything else
    context.obj = settings_file


def main() -> None:
    """Run the command line; what a person can put right is printed without a traceback."""
    try:
        app()
    except ConfigurationError as error:
        for mistake in error.mistakes:
            typer.echo(f"potline: {mistake}", err=True)
        sys.exit(2)
    except (OperationError, ConnectionError) as error:
        typer.echo(f"potline: {error}", err=True)
        sys.exit(1)
