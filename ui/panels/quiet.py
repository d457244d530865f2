"""Alarms that are kept quiet: suppressed by a cause, shelved, out of service. All of them listed,
so that nothing is hidden that nobody knows of."""

from collections.abc import Iterable, Iterator

from control.events import Priority
from stream.alarm import Alarm
from ui.grouping import EventGroup
from ui.markup import age, badge, text
from ui.snapshot import Snapshot

_ORDER = list(Priority)
_Row = tuple[tuple[int, int], str]  # how urgent, and the row


def quiet_counts(snapshot: Snapshot) -> str:
    """Return how many alarms are kept quiet, in words; "" for none."""
    every = snapshot.alarms.alarms.values()
    counts = (
        (sum(one.state.is_suppressed for one in every), "suppressed"),
        (sum(one.state.shelf is not None for one in every), "shelved"),
        (sum(one.state.is_out_of_service for one in every), "out of service"),
    )
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def quiet_list(snapshot: Snapshot) -> str:
    """Return all alarms that are kept quiet, the most urgent first whoever keeps them so; "" for
    none. None is left out: a long list scrolls."""
    every = tuple(snapshot.alarms.alarms.values())
    put_away = [one for one in every if one.state.is_put_away]
    rows: list[_Row] = [(_urgency(one), _put_away_row(one, snapshot.now_ns)) for one in put_away]
    rows += [
        (_urgency(one), _suppressed_row(cause, group, snapshot))
        for one, cause, group in _by_cause(every)
    ]
    if not rows:
        return ""
    rows.sort(key=lambda row: row[0])
    return (
        f'<h2 style="margin-top:12px">Kept quiet<small>{quiet_counts(snapshot)}</small></h2>'
        f'<div class="scroll tall"><table class="quiet">{"".join(row for _, row in rows)}</table>'
        "</div>"
    )


def _by_cause(every: Iterable[Alarm]) -> Iterator[tuple[Alarm, str, EventGroup]]:
    """Yield what is suppressed, all cells with the same event and cause in one: the newest of them,
    the cause, and all."""
    found: dict[tuple[str, str], list[Alarm]] = {}
    for one in sorted(every, key=_urgency):
        if one.state.is_suppressed and not one.state.is_put_away:
            found.setdefault((one.cause, one.event.name), []).append(one)
    for (cause, _), alarms in found.items():
        cells = sorted({one.event.cell for one in alarms if one.event.cell is not None})
        yield alarms[0], cause, EventGroup(alarms[0].event, tuple(cells))


def _suppressed_row(cause: str, group: EventGroup, snapshot: Snapshot) -> str:
    because = snapshot.alarms.alarms.get(cause)
    reason = "a cause that is over" if because is None else because.event.sentence
    cells = ""
    if len(group.cells) > 1:
        cells = f" The same for {len(group.cells)} cells: {text(group.cells_in_words)}."
    return (
        f'<tr><td class="mark">{badge(group.event.priority)}</td>'
        f'<td>{text(group.event.sentence)}<span class="muted">{cells}</span><br>'
        f'<span class="muted">suppressed; follows from: {text(reason)}</span></td></tr>'
    )


def _put_away_row(alarm: Alarm, now_ns: int) -> str:
    state, said = alarm.state, []
    if state.outage is not None:
        said.append(f"out of service by {state.outage.owner}: {state.outage.reason}")
    if state.shelf is not None:
        # Whole minutes: the list is sent again only when it says something else.
        minutes = max(0, state.shelf.until_ns - now_ns) // 60_000_000_000 + 1
        said.append(
            f"shelved by {state.shelf.owner} for {age(60.0 * minutes)} more: {state.shelf.reason}"
        )
    word = "active" if state.is_active else "not active"
    return (
        f'<tr><td class="mark">{badge(alarm.event.priority)}</td>'
        f"<td>{text(alarm.event.sentence)}<br>"
        f'<span class="muted">{word}; {text("; ".join(said))}</span></td></tr>'
    )


def _urgency(alarm: Alarm) -> tuple[int, int]:
    return _ORDER.index(alarm.event.priority), -alarm.event.t_event_ns
