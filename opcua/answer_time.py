"""When a server says that it answered: the time in the header of its response.

The client library gives back the values of a response and not its header, so this asks by itself.
"""

from datetime import datetime
from typing import Final

from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_from_binary

_SERVER_BEGAN: Final = ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)  # every server has it
_NO_TIME_YEAR: Final = 1601  # in which OPC UA begins to count; what was not filled in is that


async def answer_time(client: Client) -> datetime | None:
    """Return the time that a server puts on the answer to a short question; None where it puts
    none.

    Raises:
        ConnectionError: the connection is closed.
        ua.UaError: the server refused, or gave no answer in time.
    """
    protocol = client.uaclient.protocol
    if protocol is None:
        raise ConnectionError("the connection is closed")
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
    request.Parameters.NodesToRead = [
        ua.ReadValueId(NodeId=_SERVER_BEGAN, AttributeId=ua.AttributeIds.Value)
    ]
    data = await protocol.send_request(request)
    header = struct_from_binary(ua.ReadResponse, data).ResponseHeader
    header.ServiceResult.check()
    moment: datetime | None = header.Timestamp
    return None if moment is None or moment.year <= _NO_TIME_YEAR else moment
