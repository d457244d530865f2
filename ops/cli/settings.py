"""`potline settings`: what is in force, and where each value came from."""

from typing import Annotated

import typer

from ops.cli.flags import KafkaFlag, OpcuaFlag, RedisFlag, addresses


def settings(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    kafka: KafkaFlag = None,
    redis: RedisFlag = None,
    opcua: OpcuaFlag = None,
) -> None:
    """Print every setting in force and where its value came from; secrets are masked."""
    from ops.settings import read_settings, settings_in_force

    flags = addresses(kafka=kafka, redis=redis, opcua=opcua)
    rows = settings_in_force(read_settings(flags, file=context.obj))
    if as_json:
        import json

        typer.echo(json.dumps({key: {"value": v, "origin": o} for key, v, o in rows}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "value", "from", box=None, header_style="bold")
    for key, value, origin in rows:
        table.add_row(key, value or "–", origin, style="dim" if origin == "default" else None)
    Console(soft_wrap=True).print(table)
