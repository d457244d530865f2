"""What to do about an alarm: acknowledge it, shelve it, take it out of service, take it back.

One line of the list of alarms is treated at once, with all cells that it is the same for. Nobody
acknowledges what they did not see: the occurrence counts that was on the screen when they began.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from control.alarms import AlarmState
from stream.alarm import Alarm
from stream.alarm_deeds import LONGEST_COMMENT, AlarmDeed
from ui.answers import Said
from ui.drawing import LayoutDOM, Select, TextInput, column, row
from ui.grouping import EventGroup
from ui.panel import Desk, set_changed
from ui.panels.alarms import by_urgency_grouped
from ui.panels.asking import WIDE, button, controls, status_html, words
from ui.roles import deed_refusal
from ui.snapshot import Snapshot
from ui.treating import Treatment

_CHOOSE: Final = ""  # the value of the selector in which nothing is chosen
_SHELVES_S: Final = {"15 minutes": 900.0, "1 hour": 3600.0, "8 hours": 28800.0}
_LONGEST_LABEL: Final = 90
_ASKS: Final = {
    AlarmDeed.ACKNOWLEDGED: "Acknowledge",
    AlarmDeed.SHELVED: "Shelve for",
    AlarmDeed.UNSHELVED: "Take from the shelf",
    AlarmDeed.TAKEN_OUT: "Take out of service",
    AlarmDeed.PUT_BACK: "Put back in service",
}
_IS_LEFT: Final[dict[AlarmDeed, Callable[[AlarmState], bool]]] = {
    AlarmDeed.ACKNOWLEDGED: lambda state: not state.is_acknowledged,
    AlarmDeed.SHELVED: lambda state: state.shelf is None,
    AlarmDeed.UNSHELVED: lambda state: state.shelf is not None,
    AlarmDeed.TAKEN_OUT: lambda state: not state.is_out_of_service,
    AlarmDeed.PUT_BACK: lambda state: state.is_out_of_service,
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the list: alarms that are drawn as one."""

    label: str
    alarms: tuple[Alarm, ...]

    @property
    def key(self) -> str:
        """What stays the same while cells join: the alarm that began first."""
        return min(self.alarms, key=lambda one: (one.began_ns, one.subject)).subject

    def left_for(self, deed: AlarmDeed) -> tuple[Alarm, ...]:
        """Return those of its alarms that there is something of that kind to do about."""
        return tuple(one for one in self.alarms if _IS_LEFT[deed](one.state))


class TreatPanel:
    """A choice of alarms, a button for each thing that can be done, and a form that confirms."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lines: dict[str, _Line] = {}
        self._deed: AlarmDeed | None = None
        self._meant: _Line | None = None  # as it stood when somebody began
        self._is_sending = False
        self._said = Said()
        self.chosen = Select(
            title="Alarm", options=[], value=_CHOOSE, name="alarm chosen", sizing_mode=WIDE,
            stylesheets=controls(),
        )  # fmt: skip
        self.buttons = {
            deed: button(label.removesuffix(" for"), deed) for deed, label in _ASKS.items()
        }
        for deed, one in self.buttons.items():
            one.on_click(lambda deed=deed: self._open(deed))
        self.duration = Select(
            title="For", options=list(_SHELVES_S), value="1 hour", name="alarm duration",
            sizing_mode=WIDE, stylesheets=controls(),
        )  # fmt: skip
        self.comment = TextInput(
            title="Comment, for the journal", max_length=LONGEST_COMMENT, sizing_mode=WIDE,
            stylesheets=controls(), name="alarm comment",
        )  # fmt: skip
        self.confirm = button("Confirm", "alarm confirm", button_type="primary")
        self.cancel = button("Cancel", "alarm cancel")
        self.confirm.on_click(self._confirm)
        self.cancel.on_click(self._close)
        self.chosen.on_change("value", lambda _name, _old, _new: self._draw())
        self.duration.on_change("value", lambda _name, _old, _new: self._draw())
        self.form = column(
            self.duration,
            self.comment,
            row(self.confirm, self.cancel, sizing_mode=WIDE, spacing=6),
            sizing_mode=WIDE,
            spacing=6,
            visible=False,
        )
        self._title, self.status = words(), words()
        set_changed(self._title, text="<h2>What to do about an alarm</h2>")
        self._root: LayoutDOM = column(
            self._title,
            self.chosen,
            self.buttons[AlarmDeed.ACKNOWLEDGED],
            row(
                self.buttons[AlarmDeed.SHELVED],
                self.buttons[AlarmDeed.UNSHELVED],
                sizing_mode=WIDE,
                spacing=6,
            ),
            row(
                self.buttons[AlarmDeed.TAKEN_OUT],
                self.buttons[AlarmDeed.PUT_BACK],
                sizing_mode=WIDE,
                spacing=6,
            ),
            self.form,
            self.status,
            sizing_mode=WIDE,
            spacing=8,
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._lines = {line.key: line for line in _lines(snapshot)}
        none = "choose an alarm …" if self._lines else "there is no alarm"
        options = [(_CHOOSE, none), *((key, line.label) for key, line in self._lines.items())]
        if self.form.visible and self._meant is not None and self._meant.key not in self._lines:
            options.append((self._meant.key, self._meant.label))  # it stays what somebody meant
        set_changed(self.chosen, options=options)
        if self.chosen.value not in dict(options):
            set_changed(self.chosen, value=_CHOOSE)
        self._draw()

    def _draw(self) -> None:
        line, is_open = self._lines.get(self.chosen.value), bool(self.form.visible)
        is_busy = is_open or self._is_sending
        set_changed(self.chosen, disabled=is_busy)
        for deed, one in self.buttons.items():
            denied = bool(deed_refusal(self._desk.who(), deed))
            set_changed(one, disabled=is_busy or denied or line is None or not line.left_for(deed))
        set_changed(self.duration, visible=self._deed == AlarmDeed.SHELVED)
        label = "Confirm" if self._deed is None else _ASKS[self._deed]
        if self._deed == AlarmDeed.SHELVED:
            label = f"{label} {self.duration.value}"
        set_changed(self.confirm, label=label, disabled=self._is_sending)
        html = status_html(self._said)
        set_changed(self.status, text=html, visible=bool(html))

    def _open(self, deed: AlarmDeed) -> None:
        line = self._lines.get(self.chosen.value)
        if line is None or self._is_sending:
            return
        self._deed, self._meant, self._said = deed, line, Said()
        set_changed(self.form, visible=True)
        self._draw()

    def _close(self) -> None:
        set_changed(self.form, visible=False)
        self._deed = None
        self._draw()

    def _confirm(self) -> None:
        if self._deed is None or self._meant is None or self._is_sending:
            return
        seen = tuple((one.subject, one.state.event_id) for one in self._meant.left_for(self._deed))
        duration_s = _SHELVES_S[self.duration.value]
        self._is_sending = True
        self._desk.treat(Treatment(self._deed, seen, self.comment.value, duration_s), self._told)
        self._draw()

    def _told(self, said: Said) -> None:
        self._is_sending, self._said = False, said
        if not said.is_bad:
            self.comment.value = ""
            self._close()
        self._draw()


def _lines(snapshot: Snapshot) -> Iterable[_Line]:
    """Yield the lines of the list: what is active, what is gone, what is put away."""
    every = snapshot.alarms.alarms.values()
    put_away = tuple(one for one in every if one.state.is_put_away)
    for note, alarms in (("", snapshot.told), ("gone: ", snapshot.returned), ("quiet: ", put_away)):
        known = {one.event.event_id: one for one in alarms}
        for group in by_urgency_grouped(alarms):
            members = tuple(known[event_id] for event_id in group.ids)
            yield _Line(_label(note, group, members), members)


def _label(note: str, group: EventGroup, alarms: tuple[Alarm, ...]) -> str:
    cells = f" ({len(group.cells)} cells)" if len(group.cells) > 1 else ""
    done = ", acknowledged" if all(one.state.is_acknowledged for one in alarms) else ""
    sentence = group.event.sentence
    if len(sentence) > _LONGEST_LABEL:
        sentence = f"{sentence[:_LONGEST_LABEL]}…"
    return f"{group.event.priority.upper()}{done} · {note}{sentence}{cells}"
