"""From settings to a way of connecting: which process comes how to the plant's server."""

from collections.abc import Awaitable, Callable
from functools import partial

from opcua.link import Link, open_link
from opcua.security import ClientSecurity, Policy, client_security
from ops.mistakes import ConfigurationError, Mistake
from ops.settings_groups import OpcuaSettings

PLAIN = "None"


def plant_security(settings: OpcuaSettings, name: str) -> ClientSecurity | None:
    """Return how a process connects; None where connections are plain.

    Args:
        name: of the process, which is its folder among the certificates and its user name.

    Raises:
        ConfigurationError: a policy is set and no folder of certificates.
    """
    if settings.security == PLAIN:
        return None
    if settings.certificates is None:
        raise ConfigurationError(
            [
                Mistake(
                    "opcua.certificates",
                    "",
                    "is not set, and connections are to be encrypted. Remedy: make them with "
                    "`potline certs FOLDER` and name the folder.",
                    "settings",
                )
            ]
        )
    return client_security(settings.certificates, name, Policy(settings.security))


def plant_opener(settings: OpcuaSettings, name: str) -> Callable[[str], Awaitable[Link]]:
    """Return what opens a connection for a process.

    Raises:
        ConfigurationError: a policy is set and no folder of certificates.
    """
    return partial(open_link, security=plant_security(settings, name))
