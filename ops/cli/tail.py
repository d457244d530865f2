"""`potline tail`: prints any topic of the table, decoded."""

from typing import Annotated

import typer

from ops.cli.flags import KafkaFlag, addresses


def tail(
    context: typer.Context,
    topic: Annotated[
        str, typer.Argument(help="A topic of the table, as samples, estimates, moves or events.")
    ],
    is_from_beginning: Annotated[
        bool,
        typer.Option(
            "--from-beginning", help="Print what is there already, not only what comes from now on."
        ),
    ] = False,
    cell: Annotated[
        int | None, typer.Option(min=1, help="Print only what concerns this cell.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="End after this many messages; else with Ctrl-C.")
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line, for jq and scripts.")
    ] = False,
    kafka: KafkaFlag = None,
) -> None:
    """Print the messages of a topic, decoded: a line a record, a line a cell for frames.

    A run started by `potline up` prints the address of its broker; give it
    with --kafka.
    """
    import asyncio

    from ops.entry import silent
    from ops.mistakes import OperationError
    from ops.settings import load_settings
    from ops.tail import print_topic
    from stream.topics import BY_NAME

    wanted = BY_NAME.get(topic)
    if wanted is None:
        raise typer.BadParameter(f"no topic {topic!r}; there are {', '.join(BY_NAME)}")
    settings = load_settings(addresses(kafka=kafka), file=context.obj)
    if settings.kafka.address is None:
        raise OperationError(
            "Kafka has no address: the settings leave it to `potline up`, which prints it. "
            "Remedy: potline tail TOPIC --kafka kafka://host:port"
        )
    try:
        with silent("aiokafka"):
            asyncio.run(
                print_topic(
                    settings.kafka.connection(),
                    wanted,
                    typer.echo,
                    is_from_beginning=is_from_beginning,
                    cell=cell,
                    limit=limit,
                    is_json=is_json,
                )
            )
    except KeyboardInterrupt:
        raise typer.Exit from None
