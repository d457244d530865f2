"""How a plant file names several sensors of one signal, and what it may not say of them."""

import math
from collections.abc import Sequence

from opcua.addresses import Address


def check_channels(name: str, node: str, nodes: Sequence[str], tolerance: float | None) -> None:
    """Check that a signal has one node, or two and more with a tolerance.

    Args:
        name: of the signal.
        node, nodes, tolerance: as the row has them; "" and () where they are left out.

    Raises:
        ValueError: it has not; the message names the value and the remedy.
    """
    if bool(node) == bool(nodes):
        found = "both node and nodes are given" if node else "no node is given"
        raise ValueError(
            f"{name}: {found}; name one sensor in node, or two or more in nodes, with a tolerance"
        )
    if not nodes:
        if tolerance is not None:
            raise ValueError(
                f"{name}: tolerance {tolerance:g} is that between several sensors; name them in "
                f"nodes, or remove it"
            )
        return
    if len(nodes) == 1:
        raise ValueError(f"{name}: nodes has the one entry {nodes[0]!r}; name it in node")
    twice = next((one for one in nodes if nodes.count(one) > 1), None)
    if twice is not None:
        raise ValueError(
            f"{name}: {twice!r} stands in nodes more than once; one sensor has one vote"
        )
    if tolerance is None:
        raise ValueError(
            f"{name}: {len(nodes)} nodes need a tolerance; say how far apart sensors in order may "
            f"be, in the unit of the signal"
        )
    if not (math.isfinite(tolerance) and tolerance > 0.0):
        raise ValueError(
            f"{name}: tolerance {tolerance:g} must be a finite number above 0, in the unit of the "
            f"signal"
        )


def check_distinct(name: str, nodes: Sequence[str], addresses: Sequence[Address]) -> None:
    """Check that no two sensors are one node that is written in two ways.

    Args:
        name: of the signal.
        nodes: as written.
        addresses: of the nodes, for one cell.

    Raises:
        ValueError: two are; the message names both.
    """
    for at, address in enumerate(addresses):
        if address in addresses[:at]:
            raise ValueError(
                f"{name}: {nodes[addresses.index(address)]!r} and {nodes[at]!r} in nodes are the "
                f"same node; one sensor has one vote"
            )
