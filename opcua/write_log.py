"""What each setpoint shows of the writes to it: who wrote it last, when, and what was refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from opcua.nodes import SETPOINT_QUANTITIES
from opcua.write_rules import Attempt

Shown = str | datetime
_BROWSE_NAMES: Final = {row.name: row.browse_name for row in SETPOINT_QUANTITIES}


@dataclass(frozen=True, slots=True)
class News:
    """A value that a node is to show: the row's node id, the cell, the value."""

    pattern: str
    cell: int
    value: Shown


class WriteLog:
    """Keeps of each setpoint what is to be shown next; what was shown is forgotten.

    However fast a client writes, there is never more to show than setpoints have nodes.
    """

    def __init__(self) -> None:
        self._news: dict[tuple[str, int], Shown] = {}

    def take(self, attempt: Attempt) -> None:
        """Note a write to a setpoint; those to other nodes are nobody's business here."""
        name = _BROWSE_NAMES.get(attempt.rule.meaning)
        if name is None:
            return
        cell, setpoint = attempt.rule.cell, f"L1.C{{cell:03d}}.SP.{name}"
        self._news[f"{setpoint}.RejectReason", cell] = attempt.refusal
        if not attempt.refusal:
            self._news[f"{setpoint}.LastWriter", cell] = attempt.who
            self._news[f"{setpoint}.LastWriteTime", cell] = attempt.at

    def news(self) -> list[News]:
        """Return what has come since the last call."""
        news, self._news = self._news, {}
        return [News(pattern, cell, value) for (pattern, cell), value in news.items()]
