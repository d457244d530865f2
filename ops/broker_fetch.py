"""Fetches Kafka's jars while showing how far it is."""

import threading
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ops.broker_jars import Jar, fetch_jars, total_bytes


def fetch_showing_progress(
    jars: tuple[Jar, ...],
    console: Console,
    cache: Path | None = None,
    given_up: threading.Event | None = None,
) -> tuple[Path, ...]:
    """Fetch the jars with a progress bar on a terminal, with one line elsewhere.

    Args:
        jars: what `ops.broker_jars.read_lock` says.
        console: where to show it.
        cache: None for the user's.
        given_up: ends it, from another thread, once set.

    Returns:
        The path of every jar, checked.

    Raises:
        OperationError: they cannot be fetched, or are not the locked ones.
        FetchGivenUp: it was given up.
    """
    if not console.is_terminal:
        size_mb = total_bytes(jars) / 1e6
        console.print(f"Fetching Apache Kafka: {len(jars)} jars, {size_mb:.0f} MB ...")
        return fetch_jars(jars, cache, given_up=given_up)
    columns = (
        TextColumn("Fetching Apache Kafka"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("jars", total=total_bytes(jars))
        return fetch_jars(
            jars, cache, lambda count: progress.advance(bar, count), given_up=given_up
        )
