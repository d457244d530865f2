"""From settings to a way of connecting: which process comes how to the plant's server."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from opcua.link import Link, open_link
from opcua.security import ClientSecurity, Policy, client_security
from ops.settings_groups import OpcuaSettings

_PLAIN: Final = "None"


def certificates_of(settings: OpcuaSettings) -> Path | None:
    """Return the folder of certificates that a connection needs; None where it is plain."""
    return None if settings.security == _PLAIN else settings.certificates


def plant_security(settings: OpcuaSettings, name: str) -> ClientSecurity | None:
    """Return how a process connects; None where connections are plain.

    Args:
        settings: checked, so that a policy comes with certificates.
        name: of the process, which is its folder among the certificates and its user name.
    """
    folder = certificates_of(settings)
    return None if folder is None else client_security(folder, name, Policy(settings.security))


def plant_opener(settings: OpcuaSettings, name: str) -> Callable[[str], Awaitable[Link]]:
    """Return what opens a connection for a process; see `plant_security`."""
    return partial(open_link, security=plant_security(settings, name))
