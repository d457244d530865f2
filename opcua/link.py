"""One connection to a plant's OPC UA server.

Nothing is ever queued across an outage: a `Link` belongs to one connection, every request on it
fails as soon as that is gone, and the next connection (`opcua.connector`) is a new `Link` with
nodes found anew.

Errors: `LinkError` (no connection, or it broke; try again) ── `opcua.resolve.ResolveError`
(connected, but the mapping names nodes that are not there).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from asyncua import Client, ua

from opcua.answer_time import answer_time
from opcua.certificates import CertificateError
from opcua.operation_limits import (
    CAREFUL,
    LIMIT_NODES,
    OperationLimits,
    limits_from,
    parts_of,
)
from opcua.security import ClientSecurity, secure_client
from opcua.subscription import Told, subscribed

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
# At INFO the library writes every value into the log; its client writes a traceback for every
# connection that breaks, which `LinkStatus` tells in a sentence.
logging.getLogger("asyncua").setLevel(logging.WARNING)
logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)

_SESSION_TIMEOUT_MS: Final = 15_000  # a client that died disappears from the server after this
_REQUEST_TIMEOUT_S: Final = 4.0


class LinkError(ConnectionError):
    """There is no usable connection to the plant; the message names the address and the reason."""


class Link:
    """One live connection."""

    def __init__(self, client: Client, address: str, limits: OperationLimits) -> None:
        self._client = client
        self._limits = limits
        self.address = address

    @property
    def client(self) -> Client:
        """The asyncua client, for what only one caller needs."""
        return self._client

    async def close(self) -> None:
        """Take leave of the server where it still listens, and free the socket."""
        try:
            async with asyncio.timeout(2.0):
                await self._client.disconnect()
        except (OSError, ua.UaError) as exc:
            _log.debug("%s did not hear the farewell: %s", self.address, describe(exc))
            self._client.disconnect_socket()

    async def read(
        self,
        node_ids: Sequence[ua.NodeId],
        attribute: ua.AttributeIds = ua.AttributeIds.Value,
        timeout_s: float = _REQUEST_TIMEOUT_S,
    ) -> list[ua.DataValue]:
        """Return one attribute of many nodes with both timestamps, in as few requests as may be.

        Raises:
            LinkError: no answer in time, or the connection broke.
        """
        requests = []
        for part in parts_of(node_ids, self._limits.reads):
            request = ua.ReadParameters()
            request.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.NodesToRead = [
                ua.ReadValueId(NodeId=node_id, AttributeId=attribute) for node_id in part
            ]
            requests.append(self._session.read(request))
        return await self._answers(requests, timeout_s)

    async def write(
        self,
        nodes: Sequence[tuple[ua.NodeId, ua.Variant]],
        timeout_s: float = _REQUEST_TIMEOUT_S,
    ) -> list[ua.StatusCode]:
        """Write all values, in as few requests as may be, without status or time stamps.

        Returns:
            One status for each, in order.

        Stamps are left out because many servers refuse a write that brings its own.

        Raises:
            LinkError: no answer in time, or the connection broke; the write may have happened.
        """
        requests = []
        for part in parts_of(nodes, self._limits.writes):
            request = ua.WriteParameters()
            request.NodesToWrite = [
                ua.WriteValue(
                    NodeId=node_id,
                    AttributeId=ua.AttributeIds.Value,
                    Value=ua.DataValue(
                        Value=variant, StatusCode=None, SourceTimestamp=None, ServerTimestamp=None
                    ),
                )
                for node_id, variant in part
            ]
            requests.append(self._session.write(request))
        return await self._answers(requests, timeout_s)

    async def read_history(
        self, node_ids: Sequence[ua.NodeId], start: datetime, end: datetime, limit: int
    ) -> list[list[ua.DataValue]]:
        """Return the raw history of each node from `start` to `end`; empty where there is none.

        Raises:
            LinkError: no answer in time, or the connection broke.
        """
        requests = []
        for part in parts_of(node_ids, self._limits.history_reads):
            request = ua.HistoryReadParameters()
            request.HistoryReadDetails = ua.ReadRawModifiedDetails(
                IsReadModified=False,
                StartTime=start,
                EndTime=end,
                NumValuesPerNode=limit,
                ReturnBounds=False,
            )
            request.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.NodesToRead = [ua.HistoryReadValueId(NodeId=node_id) for node_id in part]
            requests.append(self._session.history_read(request))
        return [
            list(result.HistoryData.DataValues)
            if result.StatusCode.is_good() and isinstance(result.HistoryData, ua.HistoryData)
            else []
            for result in await self._answers(requests, _REQUEST_TIMEOUT_S)
        ]

    @asynccontextmanager
    async def watch(self, node_id: ua.NodeId, told: Told, queue: int) -> AsyncIterator[None]:
        """Subscribe to a node while the block lasts; arguments as of `opcua.subscription`.

        Raises:
            LinkError: the server refuses, or the connection broke.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(subscribed(self._client, node_id, told, queue))
            except (OSError, ua.UaError) as exc:
                raise LinkError(f"{self.address}: {describe(exc)}") from exc
            yield

    async def translate(self, paths: list[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """Return where each browse path leads.

        Raises:
            LinkError: no answer in time, or the connection broke.
        """
        requests = [
            self._session.translate_browsepaths_to_nodeids(list(part))
            for part in parts_of(paths, self._limits.translations)
        ]
        return await self._answers(requests, _REQUEST_TIMEOUT_S)

    async def ask_time(self, timeout_s: float = _REQUEST_TIMEOUT_S) -> datetime | None:
        """Return what the server's clock showed as it answered; None where it does not say.

        Raises:
            LinkError: no answer in time, or the connection broke.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await answer_time(self._client)
        except (OSError, ua.UaError) as exc:
            raise LinkError(f"{self.address}: {describe(exc)}") from exc

    @property
    def _session(self) -> Any:
        return self._client.uaclient.session

    async def _answers(self, requests: list[Awaitable[list[_T]]], timeout_s: float) -> list[_T]:
        """Return the answers to the parts of what is one request where the server's limits allow.

        The parts are sent at once, not each when the one before is answered, so that they are as
        near in time as the server handles them. Still each is a moment of its own: a scan in two
        parts may hold the clock and counter of one scan of the plant and late signals of the next,
        and of a batch of setpoints one part may be taken and another not, which the read-back
        shows. A plant whose signals are arrays needs a single part whatever its size.
        """
        # Not `wait_for`: before Python 3.12 it loses a cancellation that comes with the answer, and
        # a task that was told to end would live on.
        try:
            async with asyncio.timeout(timeout_s):
                parts = await asyncio.gather(*requests)
        except (OSError, ua.UaError) as exc:
            raise LinkError(f"{self.address}: {describe(exc)}") from exc
        return [answer for part in parts for answer in part]


def describe(error: BaseException) -> str:
    """Return an error in words, also where its text is empty."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


async def open_link(
    endpoint: str,
    timeout_s: float = _REQUEST_TIMEOUT_S,
    security: ClientSecurity | None = None,
) -> Link:
    """Connect and return the link.

    Args:
        endpoint: `opc.tcp://host:port/path`.
        timeout_s: for the whole handshake and, later, each request.
        security: signs, encrypts and says who connects; None: a plain connection.

    Raises:
        LinkError: nobody there, or no agreement.
    """
    client = Client(endpoint, timeout=timeout_s, watchdog_intervall=1.0, auto_reconnect=False)
    client.name = "potline"
    client.description = "potline"
    client.application_uri = "urn:potline:edge"
    client.session_timeout = _SESSION_TIMEOUT_MS
    try:
        async with asyncio.timeout(timeout_s):
            if security is not None:
                await secure_client(client, security)
            await client.connect()
    except (OSError, ua.UaError, CertificateError) as exc:
        client.disconnect_socket()
        raise LinkError(f"{endpoint}: {describe(exc)}") from exc
    careful = Link(client, endpoint, CAREFUL)
    try:
        told = await careful.read(LIMIT_NODES)
    except LinkError:
        await careful.close()
        raise
    return Link(client, endpoint, limits_from(told))
