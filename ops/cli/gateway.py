"""`potline gateway`: from the plant's OPC UA server to Kafka."""

import typer

from ops.cli.flags import KafkaFlag, OpcuaFlag, addresses


def gateway(context: typer.Context, kafka: KafkaFlag = None, opcua: OpcuaFlag = None) -> None:
    """Read every scan of the plant over OPC UA and publish it on `samples`.

    Which node is which signal stands in the plant file's [opcua] table. The gateway only reads.
    """
    import asyncio

    from ops.configuration import load_line
    from ops.edge import run_gateway_process

    settings, line = load_line(addresses(kafka=kafka, opcua=opcua), file=context.obj)
    asyncio.run(run_gateway_process(settings, line))
