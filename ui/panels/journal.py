"""The journal: what happened, newest first, with a choice of what to show."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from control.events import Priority
from ui.drawing import Div, InlineStyleSheet, LayoutDOM, RadioButtonGroup, column
from ui.grouping import EventGroup, group_events
from ui.markup import badge, text
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk
from ui.panels.alarms import alike, course
from ui.snapshot import Snapshot

_CHOICES: Final = (
    ("Everything", frozenset(Priority)),
    ("Without journal entries", frozenset(Priority) - {Priority.JOURNAL}),
    ("High and medium", frozenset({Priority.HIGH, Priority.MEDIUM})),
)
_ROOMY: Final = ' class="roomy"'  # left out, or put elsewhere, on a narrow screen


class JournalPanel:
    """The last events as a table."""

    interval_s = 1.0

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._snapshot: Snapshot | None = None
        self._choice = RadioButtonGroup(
            labels=[label for label, _ in _CHOICES],
            active=0,
            stylesheets=[InlineStyleSheet(css=CONTROLS_CSS)],
        )
        self._choice.on_change("active", self._chosen)
        self._table = Div(
            text="",
            disable_math=True,
            sizing_mode="stretch_width",
            stylesheets=[InlineStyleSheet(css=PANEL_CSS)],
        )
        self._root: LayoutDOM = column(
            self._choice, self._table, sizing_mode="stretch_width", spacing=8
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        wanted = _CHOICES[self._choice.active][1]
        events = [e for e in reversed(snapshot.line.journal) if e.priority in wanted]
        head = "".join(
            f"<th{kind}>{name}</th>"
            for name, kind in (
                ("", ""),
                ("wall time UTC", ""),
                ("cell", ""),
                ("what", ""),
                ("what to do", _ROOMY),
                ("seen by", _ROOMY),
            )
        )
        ended = snapshot.line.ended
        rows = "".join(_row(group, ended) for group in group_events(events, ended))
        body = rows or '<tr><td colspan="6" class="none">Nothing to show.</td></tr>'
        html = (
            '<div class="scroll journal" style="max-height:calc(100vh - 250px)">'
            f"<table><tr>{head}</tr>{body}</table></div>"
        )
        if html != self._table.text:
            self._table.text = html

    def _chosen(self, _attr: str, _old: int, _new: int) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)


def _row(group: EventGroup, ended: Mapping[str, int]) -> str:
    event = group.event
    when = datetime.fromtimestamp(event.t_event_ns / 1e9, UTC).strftime("%m-%d %H:%M:%S")
    cell = ""
    if event.cell is not None and len(group.cells) == 1:
        cell = f'<a href="/cell?cell={event.cell}">{event.cell}</a>'
    kind, state = course(event, ended)
    return (
        f'<tr{kind}><td>{badge(event.priority)}</td><td class="time">{when}</td>'
        f'<td class="num">{cell}</td><td>{state}{text(event.sentence)}'
        f"{alike(group)}"
        f'<div class="advice narrow">{text(event.advice)}</div></td>'
        f'<td class="advice roomy">{text(event.advice)}</td>'
        f'<td class="time roomy">{text(event.origin)}</td></tr>'
    )
