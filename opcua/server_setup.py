"""What every server of ours is before it has nodes of its own."""

from asyncua import Server, ua
from asyncua.server.internal_server import InternalServer

from opcua.uncollected import uncollected


async def prepare_server(
    iserver: InternalServer,
    endpoint: str,
    title: str,
    application_uri: str,
    session_timeout_ms: tuple[float, float],
) -> Server:
    """Return a server with the standard's nodes that takes plain connections of anybody.

    Args:
        iserver: its inner part, with who vouches for users.
        endpoint: `opc.tcp://host:port/path`.
        title: what people read.
        application_uri: what it calls itself.
        session_timeout_ms: shortest and longest that a client may ask for.
    """
    server = Server(iserver=iserver)
    with uncollected():
        await server.init()
    server.set_endpoint(endpoint)
    server.set_server_name(title)
    await server.set_application_uri(application_uri)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.set_identity_tokens([ua.AnonymousIdentityToken])
    server.allow_remote_admin(False)
    iserver.min_session_timeout_ms, iserver.max_session_timeout_ms = session_timeout_ms
    return server
