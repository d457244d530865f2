"""How a plant file names a node: a node id, or a browse path below Root.

Node ids follow OPC UA's own text form, `ns=2;s=Pot17.U` or `nsu=urn:acme:line;s=Pot17.U`. A browse
path begins with "/": `/Objects/2:Line/2:Pot17/2:U`. Both may use a short name of the mapping's
`namespaces` table in place of an index: `ns=acme;s=Pot17.U`, `/Objects/acme:Line/acme:Pot17`.
A name that holds "/" or ":" writes "&" before it. A path part without prefix is of namespace 0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NODE_ID: Final = re.compile(r"^(?:(ns|nsu)=(.+?);)?([isgb])=(.+)$", re.DOTALL)
_PART: Final = re.compile(r"(?:[^/&]|&.)+")
_PREFIX: Final = re.compile(r"^((?:[^:&]|&.)*?):(.*)$", re.DOTALL)
_ESCAPED: Final = re.compile(r"&(.)")


class AddressError(ValueError):
    """The text names no node; the message holds it and the remedy."""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A node id; the namespace as an index or a URI."""

    namespace: int | str
    kind: str  # i, s, g or b
    identifier: str


@dataclass(frozen=True, slots=True)
class PathAddress:
    """A browse path below Root; each part with the index or URI of its namespace."""

    parts: tuple[tuple[int | str, str], ...]


Address = NodeAddress | PathAddress


def parse_address(text: str, namespaces: Mapping[str, str]) -> Address:
    """Return what `text` names.

    Args:
        text: a node id or a browse path.
        namespaces: short name to namespace URI.

    Raises:
        AddressError: neither of the two, an unknown short name, an index that is no number.
    """
    if text.startswith("/"):
        return _parse_path(text, namespaces)
    found = _NODE_ID.match(text)
    if found is None:
        raise AddressError(
            f"{text!r} is no node: write a node id as 'ns=2;s=Name' or 'nsu=URI;s=Name', "
            f"or a browse path as '/Objects/2:Name/2:Name'"
        )
    prefix, where, kind, identifier = found.groups()
    if kind == "i" and not identifier.isdigit():
        raise AddressError(f"{text!r}: the identifier after 'i=' is not a number")
    if prefix is None:
        return NodeAddress(0, kind, identifier)
    return NodeAddress(
        where if prefix == "nsu" else _namespace(where, namespaces, text), kind, identifier
    )


def _parse_path(text: str, namespaces: Mapping[str, str]) -> PathAddress:
    parts = _PART.findall(text)
    if not parts or "/" + "/".join(parts) != text:
        raise AddressError(f"{text!r} is no browse path: write '/Objects/2:Name/2:Name'")
    read: list[tuple[int | str, str]] = []
    for part in parts:
        found = _PREFIX.match(part)
        namespace, name = found.groups() if found else ("0", part)
        if not name:
            raise AddressError(f"{text!r}: a part of the path has no name after ':'")
        read.append((_namespace(namespace, namespaces, text), _ESCAPED.sub(r"\1", name)))
    return PathAddress(tuple(read))


def _namespace(name: str, namespaces: Mapping[str, str], text: str) -> int | str:
    if name.isdigit():
        return int(name)
    if name in namespaces:
        return namespaces[name]
    known = ", ".join(namespaces) or "none"
    raise AddressError(
        f"{text!r}: namespace {name!r} is neither an index nor in opcua.namespaces ({known})"
    )
