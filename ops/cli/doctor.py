"""`potline doctor`: is everything that a run needs there?"""

from typing import Annotated

import typer

from ops.cli.flags import KafkaFlag, OpcuaFlag, RedisFlag, addresses


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    kafka: KafkaFlag = None,
    redis: RedisFlag = None,
    opcua: OpcuaFlag = None,
) -> None:
    """Look at everything that a run needs, and say what is wrong and how to put it right.

    What the settings name (Kafka, Redis, SCADA) is asked; what they leave to potline is looked at
    as a program to be run. Ends with 1 if anything is bad.
    """
    import asyncio

    from ops.doctor import Verdict, examine
    from ops.entry import silent
    from ops.settings import load_settings

    flags = addresses(kafka=kafka, redis=redis, opcua=opcua)
    settings = load_settings(flags, file=context.obj)
    with silent("aiokafka"):
        findings = asyncio.run(examine(settings))
    if as_json:
        import json

        rows = [{"what": f.what, "verdict": f.verdict, "text": f.text} for f in findings]
        typer.echo(json.dumps(rows, indent=2))
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        styles = {Verdict.GOOD: "green", Verdict.NOTE: "yellow", Verdict.BAD: "bold red"}
        table = Table("", "", "", box=None, show_header=False)
        for finding in findings:
            style = styles[finding.verdict]
            table.add_row(
                finding.what, f"[{style}]{finding.verdict}[/{style}]", escape(finding.text)
            )
        Console().print(table)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)
