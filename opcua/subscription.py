"""A subscription to one node, with all its figures said: of the library's own, one lets a dead
server go unnoticed for the better part of an hour."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

from asyncua import Client, ua

_PUBLISHING_MS: Final = 50.0
_KEEP_ALIVE: Final = 20  # publishing intervals: a sign of life each second
_LIFETIME: Final = 600  # publishing intervals: 30 s


class Told(Protocol):
    """What asyncua calls with news of a node."""

    def datachange_notification(self, node: object, value: object, data: object) -> None:
        """Take a value."""

    def status_change_notification(self, status: ua.StatusChangeNotification) -> None:
        """Take the end of the subscription."""


@asynccontextmanager
async def subscribed(
    client: Client, node_id: ua.NodeId, told: Told, queue: int
) -> AsyncIterator[None]:
    """Subscribe to a node while the block lasts.

    Args:
        client: connected.
        node_id: of the node.
        told: what is told of its values, the present one first.
        queue: values that the server keeps between two messages; of more, the oldest are lost and
            most servers say nothing of it.

    Raises:
        OSError, asyncua.ua.UaError: the server refuses, or the connection broke.
    """
    parameters = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=_PUBLISHING_MS,
        RequestedLifetimeCount=_LIFETIME,
        RequestedMaxKeepAliveCount=_KEEP_ALIVE,
        MaxNotificationsPerPublish=0,
        PublishingEnabled=True,
        Priority=0,
    )
    handler: Any = told
    subscription = await client.create_subscription(parameters, handler)
    try:
        await subscription.subscribe_data_change(
            client.get_node(node_id), queuesize=queue, sampling_interval=_PUBLISHING_MS
        )
        yield
    finally:
        with suppress(OSError, ua.UaError):
            await subscription.delete()
