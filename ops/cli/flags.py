"""Flags that several commands share: which plant, and where Kafka, Redis and OPC UA are."""

from pathlib import Path
from typing import Annotated

import typer

PlantFlag = Annotated[
    Path | None,
    typer.Option("--plant", metavar="FILE", help="The plant file; left out, that of the settings."),
]
CellsFlag = Annotated[
    int | None,
    typer.Option("--cells", metavar="N", help="Cells of the line, as for `potline up`."),
]
KafkaFlag = Annotated[
    str | None,
    typer.Option(
        "--kafka", metavar="kafka://HOST:PORT", help="Kafka's address; else as the settings say."
    ),
]
RedisFlag = Annotated[
    str | None,
    typer.Option(
        "--redis", metavar="redis://HOST:PORT/0", help="Redis' address; else as the settings say."
    ),
]
OpcuaFlag = Annotated[
    str | None,
    typer.Option(
        "--opcua",
        metavar="opc.tcp://HOST:PORT",
        help="Endpoint of the plant's OPC UA server; else as the settings say.",
    ),
]


def addresses(
    *, kafka: str | None = None, redis: str | None = None, opcua: str | None = None
) -> dict[str, object]:
    """Return what was given as settings, by dotted key, for `ops.settings.load_settings`."""
    return {"kafka.address": kafka, "redis.address": redis, "opcua.endpoint": opcua}
