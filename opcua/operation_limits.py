"""How many nodes one request to a server may name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from asyncua import ua

_T = TypeVar("_T")
_UNTOLD: Final = 1000  # what is asked of a server that tells no limit; all that we know grant it
_NODES: Final = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
)
LIMIT_NODES: Final = tuple(ua.NodeId(number) for number in _NODES)
"""The nodes in which a server tells its limits, in the order of the fields below."""


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """The most nodes that one request of a kind may name."""

    reads: int = _UNTOLD
    writes: int = _UNTOLD
    history_reads: int = _UNTOLD
    translations: int = _UNTOLD


CAREFUL: Final = OperationLimits(1, 1, 1, 1)
"""What any server grants: to ask for its limits with."""


def limits_from(answers: Sequence[ua.DataValue]) -> OperationLimits:
    """Return the limits in the answers to a Read of `LIMIT_NODES`; 0 or nothing tells none."""
    told = [
        answer.Value.Value
        if answer.Value is not None
        and isinstance(answer.Value.Value, int)
        and answer.Value.Value > 0
        else _UNTOLD
        for answer in answers
    ]
    return OperationLimits(*told)


def parts_of(items: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    """Yield the items in order, at most so many at a time."""
    for begin in range(0, len(items), most):
        yield items[begin : begin + most]
