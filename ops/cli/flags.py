"""Flags that several commands share: where Kafka, Redis and the plant's OPC UA server are."""

from typing import Annotated

import typer

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
