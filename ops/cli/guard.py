"""`potline guard`: the only process that writes to the plant."""

import typer

from ops.cli.flags import KafkaFlag, OpcuaFlag, addresses


def guard(context: typer.Context, kafka: KafkaFlag = None, opcua: OpcuaFlag = None) -> None:
    """Run the guard: it checks every move, writes it over OPC UA and reads it back.

    One guard runs per line. Cells start in the mode that guard.initial_mode names.
    """
    from ops.configuration import load_line
    from ops.guard import run_guard

    settings, line = load_line(addresses(kafka=kafka, opcua=opcua), file=context.obj)
    run_guard(settings, line)
