"""What is wrong now: the active events, most urgent first, each with what to do; then those that
went again before anybody acknowledged them, and those that are kept quiet.

It is the list that `potline front` shows to others, but for what is gone and was not urgent (LOW):
that is in the journal.
"""

from collections.abc import Iterable, Mapping

from control.events import Priority
from stream.alarm import Alarm
from stream.records import Event
from ui.grouping import EventGroup, group_events
from ui.markup import age, badge, text
from ui.panel import Desk, TextPanel
from ui.panels.quiet import quiet_counts, quiet_list
from ui.snapshot import Snapshot
from ui.standing import none_stands

_ORDER = list(Priority)
_SHOWN = 40
_RECENT = 6


class AlarmsPanel(TextPanel):
    """Active events with sentence, advice and age; what is gone unacknowledged, what is kept quiet;
    the newest of the journal if few are active."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def update(self, snapshot: Snapshot) -> None:
        told = {alarm.event.event_id: alarm for alarm in snapshot.told}
        groups = by_urgency_grouped(told.values())
        if groups:
            rows = "".join(
                _row(group, _done(group, told), snapshot.now_ns) for group in groups[:_SHOWN]
            )
            more = len(groups) - _SHOWN
            rest = f'<p class="muted">and {more} more</p>' if more > 0 else ""
            body = f'<div class="scroll tall"><table>{rows}</table>{rest}</div>'
        else:
            but = ", but for what is kept quiet" if quiet_counts(snapshot) else ""
            none = none_stands(snapshot, f"Nothing is active{but}.")
            body = f'<div class="none">{none}</div>'
        body += _gone(snapshot) + quiet_list(snapshot)
        past = [event for event in reversed(snapshot.line.journal) if not event.active]
        recent = group_events(past, snapshot.line.ended)[:_RECENT]
        if recent and len(told) < 4:
            rows = "".join(_past(group, snapshot) for group in recent)
            body += f'<h2 style="margin-top:12px">Lately</h2><table>{rows}</table>'
        self._show('<h2>Active events<small><a href="/events">all events</a></small></h2>' + body)


def by_urgency_grouped(alarms: Iterable[Alarm]) -> list[EventGroup]:
    """Return the lines in which alarms are drawn, the most urgent first."""
    return group_events(_by_urgency(alarms))


def _by_urgency(alarms: Iterable[Alarm]) -> list[Event]:
    """Return the newest event of each alarm, the most urgent first, then the newest."""
    return sorted(
        (alarm.event for alarm in alarms),
        key=lambda event: (_ORDER.index(event.priority), -event.t_event_ns),
    )


def _gone(snapshot: Snapshot) -> str:
    """Return what went again before anybody acknowledged it, marked as gone; "" for none."""
    returned = {alarm.event.event_id: alarm for alarm in snapshot.returned}
    if not returned:
        return ""
    rows = ""
    for group in by_urgency_grouped(returned.values()):
        times = "" if len(group.cells) > 1 else _times(returned[group.event.event_id])
        note = f"nobody has acknowledged it; {times}" if times else "nobody has acknowledged it"
        rows += (
            f'<tr class="gone"><td class="mark">{badge(group.event.priority)}</td>'
            f'<td class="muted"><b>gone:</b> {text(group.event.sentence)}{alike(group)}<br>'
            f"{note}</td>"
            f'<td class="time num">began {_since(group.event, snapshot.now_ns)}</td></tr>'
        )
    return (
        f'<h2 style="margin-top:12px">Gone, not acknowledged<small>{len(returned)}</small></h2>'
        f'<div class="scroll tall"><table>{rows}</table></div>'
    )


def _done(group: EventGroup, told: Mapping[str, Alarm]) -> str:
    """Return what people did about alarms, or how often they were told in vain; "" for none."""
    alarms = [told[event_id] for event_id in group.ids]
    seen = sum(one.state.is_acknowledged for one in alarms)
    if not seen:
        return _times(alarms[0]) if len(alarms) == 1 else ""
    if seen < len(alarms):
        return f"{seen} of {len(alarms)} acknowledged"
    by, *others = {one.acknowledged for one in alarms}
    return "acknowledged" if others or not by.who else f"acknowledged by {by.who}: {by.comment}"


def _times(alarm: Alarm) -> str:
    """Return how often people were told again; "" for never."""
    times = alarm.state.times_repeated
    return "" if not times else "told again once" if times == 1 else f"told again {times} times"


def _row(group: EventGroup, done: str, now_ns: int) -> str:
    event = group.event
    note = f" <i>{text(done)}.</i>" if done else ""
    return (
        f'<tr><td class="mark">{badge(event.priority)}</td>'
        f"<td><b>{text(event.sentence)}</b>{alike(group)}<br>"
        f'<span class="muted">{text(event.advice)}{note}</span></td>'
        f'<td class="time num">{_since(event, now_ns)}</td></tr>'
    )


def _past(group: EventGroup, snapshot: Snapshot) -> str:
    event = group.event
    kind, state = course(event, snapshot.line.ended)
    return (
        f'<tr{kind}><td class="mark">{badge(event.priority)}</td><td>{state}{text(event.sentence)}'
        f"{alike(group)}</td>"
        f'<td class="time num">{_since(event, snapshot.now_ns)}</td></tr>'
    )


def course(event: Event, ended: Mapping[str, int]) -> tuple[str, str]:
    """Return the class and the first words of an event's row: what began, what ended (and is grey),
    and what is neither but simply happened.

    Args:
        ended: as in the picture.
    """
    if event.active:
        return "", "<b>began:</b> "
    began_ns = ended.get(event.event_id)
    if began_ns is None:
        return "", ""
    return ' class="ended"', f"<b>ended</b> after {age((event.t_event_ns - began_ns) / 1e9)}: "


def alike(group: EventGroup) -> str:
    """Return which cells the same befell; empty where it is one."""
    if len(group.cells) < 2:
        return ""
    return (
        f' <span class="muted">The same for {len(group.cells)} cells: '
        f"{text(group.cells_in_words)}.</span>"
    )


def _since(event: Event, now_ns: int) -> str:
    # Whole tens of seconds: the table is sent again only when it says something else.
    seconds = max(now_ns - event.t_event_ns, 0) / 1e9
    return f"{age(seconds // 10 * 10)} ago" if seconds >= 10 else "just now"
