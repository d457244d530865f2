"""`potline loop`: one worker of the optimising loop."""

import typer

from ops.cli.flags import KafkaFlag, addresses


def loop(context: typer.Context, kafka: KafkaFlag = None) -> None:
    """Run one worker that screens samples, estimates cells and decides on setpoints.

    Start as many as you like against one Kafka: they share the sections of the line.
    """
    from ops.compute import prepare_jax
    from ops.configuration import load_line

    settings, line = load_line(addresses(kafka=kafka), file=context.obj)
    prepare_jax()

    from ops.loop import run_loop

    run_loop(settings, line)
