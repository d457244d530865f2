"""`potline broker`: the embedded Apache Kafka."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Fetch, pin or run the embedded Apache Kafka.", no_args_is_help=True)


@app.command()
def fetch() -> None:
    """Fetch the jars of Apache Kafka into the user's cache, so that a start needs no network.

    Each is compared with the SHA-256 of the lock file; one that was changed is replaced.
    """
    from rich.console import Console

    from ops.broker_fetch import fetch_showing_progress
    from ops.broker_jars import jars_folder, read_lock

    jars = read_lock()
    fetch_showing_progress(jars, Console())
    typer.echo(f"{len(jars)} jars of Apache Kafka are in {jars_folder(jars)}, each as locked.")


@app.command()
def lock(
    file: Annotated[
        Path | None, typer.Option(help="Write it there instead of into the package.")
    ] = None,
) -> None:
    """Ask Maven Central for the jars of Apache Kafka and pin them; for developers of potline."""
    from ops.broker_jars import LOCK_FILE, read_lock, resolve_lock

    target = file or LOCK_FILE
    target.write_text(resolve_lock(), encoding="utf-8")
    typer.echo(f"{len(read_lock(target))} jars are pinned in {target}.")


@app.command()
def run(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="For its log; used again, it goes on from there.")],
    port: Annotated[
        int | None, typer.Option(help="To listen on, at 127.0.0.1; else 9092 or a free one.")
    ] = None,
) -> None:
    """Run the embedded Apache Kafka by itself, until Ctrl-C."""
    import asyncio

    from rich.console import Console

    from ops.broker import run_broker
    from ops.settings import load_settings

    settings = load_settings(file=context.obj)

    def announce(address: str) -> None:
        typer.echo(f"Kafka listens at {address}. Ctrl-C ends it.")

    asyncio.run(run_broker(folder, settings.java, port, announce, Console()))
