"""One line for one cause: what befell many cells at once is shown once.

Two hundred cells that change mode together are one thing that happened, and a list of two hundred
lines hides the next one.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from stream.records import Event

_TOGETHER_NS: Final = 5_000_000_000


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events alike that came together.

    Attributes:
        event: the newest of them.
        cells: all the cells that they concern, in order.
        ids: of all events, newest first.
    """

    event: Event
    cells: tuple[int, ...]
    ids: tuple[str, ...] = ()
    _oldest_ns: int = 0

    @property
    def cells_in_words(self) -> str:
        """The cells, runs drawn together: "1–12, 17"; empty for none."""
        runs: list[list[int]] = []
        for cell in self.cells:
            if runs and cell == runs[-1][1] + 1:
                runs[-1][1] = cell
            else:
                runs.append([cell, cell])
        return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)


def group_events(events: Iterable[Event], ended: Collection[str] = ()) -> list[EventGroup]:
    """Return the events, newest first as they came, those alike and together drawn into one.

    Args:
        events: newest first.
        ended: ids of those that ended something; they are unlike those that did not.

    Returns:
        Groups in order of their newest event. Events are alike if nothing but their cell differs,
        together if each follows the one before within 5 s.
    """
    groups: dict[tuple[object, ...], int] = {}
    found: list[EventGroup] = []
    for event in events:
        alike = (
            event.name,
            event.active,
            event.event_id in ended,
            event.origin,
            tuple(sorted(event.details.items(), key=str)),
        )
        own = () if event.cell is None else (event.cell,)
        at = groups.get(alike)
        known = None if at is None or event.cell is None else found[at]
        if (
            at is not None
            and known is not None
            and (known._oldest_ns - event.t_event_ns <= _TOGETHER_NS)
        ):
            found[at] = replace(
                known,
                cells=tuple(sorted({*known.cells, *own})),
                ids=(*known.ids, event.event_id),
                _oldest_ns=event.t_event_ns,
            )
        else:
            groups[alike] = len(found)
            found.append(EventGroup(event, own, (event.event_id,), event.t_event_ns))
    return found
