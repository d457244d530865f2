"""The simulated server's history: the newest scans of some nodes, in memory."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from asyncua import ua
from asyncua.server.history import HistoryStorageInterface

_UNBOUNDED: Final = ua.get_win_epoch()  # how a client says "no such limit"


class ScanHistory(HistoryStorageInterface):
    """Keeps whole scans, so that all nodes of one scan are there or none."""

    def __init__(self, size: int) -> None:
        self._scans: deque[tuple[datetime, Mapping[ua.NodeId, ua.DataValue]]] = deque(maxlen=size)

    def add(self, moment: datetime, values: Mapping[ua.NodeId, ua.DataValue]) -> None:
        """Keep one scan."""
        self._scans.append((moment, values))

    async def read_node_history(
        self,
        node_id: ua.NodeId,
        start: datetime | None,
        end: datetime | None,
        nb_values: int,
    ) -> tuple[list[ua.DataValue], None]:
        """Return a node's values from `start` to `end`, both included, at most `nb_values`.

        As HistoryRead has it: with the start left out, or later than the end, newest first.
        """
        first = None if start in (None, _UNBOUNDED) else start
        last = None if end in (None, _UNBOUNDED) else end
        is_backwards = first is None or (last is not None and first > last)
        if first is not None and last is not None and first > last:
            first, last = last, first
        found = [
            values[node_id]
            for moment, values in self._scans
            if node_id in values
            and (first is None or moment >= first)
            and (last is None or moment <= last)
        ]
        if is_backwards:
            found.reverse()
        return (found[:nb_values] if nb_values else found), None

    async def init(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def new_historized_node(self, node_id: Any, period: Any, count: int = 0) -> None:
        """Scans bring their own nodes."""

    async def save_node_value(self, node_id: Any, datavalue: Any) -> None:
        """Scans are added whole."""

    async def new_historized_event(
        self, source_id: Any, evtypes: Any, period: Any, count: int = 0
    ) -> None:
        """No events are kept."""

    async def save_event(self, event: Any) -> None:
        """No events are kept."""

    async def read_event_history(self, *_: Any) -> tuple[list[Any], None]:
        """No events are kept."""
        return [], None
