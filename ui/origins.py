"""The names under which browsers reach the control room: where its pages may be from.

A bare name stands for the server's own scheme and port. Where a proxy is in between, browsers have
the pages from the proxy: its name is then a whole origin, `https://name` or `https://name:port`.

Errors::

    OriginError  what stands there is no name and no origin
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

_ORIGIN: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?"
    r"(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_EXAMPLE: Final = "write it like controlroom.example or https://controlroom.example:8443"


class OriginError(ValueError):
    """What stands there is no name and no origin; the message says why."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a browser may have a page from.

    Attributes:
        scheme: `http` or `https`; "" for the server's own.
        host: name or IPv4 address, in lower case.
        port: 0 for the server's own.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}" if self.scheme else self.host

    @property
    def is_here(self) -> bool:
        """Whether only browsers of this machine mean the server by it."""
        return is_loopback(self.host)


def read_origin(words: str) -> Origin:
    """Return a name, or an origin, as people write it.

    Raises:
        OriginError: it is neither.
    """
    found = _ORIGIN.fullmatch(words.strip().lower())
    if found is None:
        raise OriginError(f"{words!r} is no name and no origin. Remedy: {_EXAMPLE}")
    scheme, host, port = found["scheme"] or "", found["host"], found["port"]
    if not scheme and port is not None:
        raise OriginError(f"{words!r} has a port and no scheme. Remedy: {_EXAMPLE}")
    number = _USUAL_PORTS.get(scheme, 0) if port is None else int(port)
    if scheme and not 0 < number <= 65_535:
        raise OriginError(f"{words!r} has no port that there is. Remedy: {_EXAMPLE}")
    return Origin(scheme, host, number)


def read_origins(words: str) -> tuple[Origin, ...]:
    """Return names and origins with commas between them.

    Raises:
        OriginError: one of them is neither.
    """
    return tuple(read_origin(name.strip()) for name in words.split(",") if name.strip())


def checked_host(host: str) -> str:
    """Return a host where a server is to listen, if it can.

    Raises:
        OriginError: it is no name and no address, or one of IPv6.
    """
    remedy = "Remedy: 127.0.0.1, 0.0.0.0 for every network, or an IPv4 address of this machine"
    try:
        is_new = ip_address(host.strip("[]")).version == 6
    except ValueError:
        is_new = False
    if is_new:
        raise OriginError(f"{host!r} is of IPv6, and the control room listens at IPv4. {remedy}")
    if _ORIGIN.fullmatch(f"http://{host.lower()}") is None or ":" in host:
        raise OriginError(f"{host!r} is no name and no address. {remedy}")
    return host


def is_proxied(host: str, names: Iterable[Origin]) -> bool:
    """Whether browsers of other machines come through a server that stands before this one.

    Args:
        host: where this one listens.
        names: further ones under which browsers reach it.
    """
    return any(not name.is_here and (name.scheme != "" or is_loopback(host)) for name in names)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def allowed_origins(origins: Iterable[Origin], scheme: str, port: int) -> list[str]:
    """Return who may open a channel, as the web server compares it: `host:port` in lower case.

    A browser leaves out the port that is usual for its scheme, and the web server takes 80 for
    whatever is left out, over TLS too.

    Args:
        scheme, port: of the server.
    """
    allowed = set()
    for origin in origins:
        of_scheme, of_port = origin.scheme or scheme, origin.port or port
        allowed.add(f"{origin.host}:{80 if _USUAL_PORTS[of_scheme] == of_port else of_port}")
    return sorted(allowed)
