"""What people hold by hand of the selected cell, and how to set a setpoint or give it back.

The guard decides: what stands is what its events say, never what was clicked.
"""

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from control.limits import SetpointLimits
from stream.records import Command, CommandKind, Event
from ui.commands import Outcome, Refused, Wish
from ui.drawing import Button, Div, InlineStyleSheet, LayoutDOM, Select, TextInput, column, row
from ui.markup import text
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk, Said, answer_to, set_changed
from ui.snapshot import Snapshot

DURATIONS_S: Final = {"15 minutes": 900.0, "1 hour": 3600.0, "4 hours": 14400.0, "8 hours": 28800.0}
_WIDE: Final = "stretch_width"


@dataclass(slots=True)
class Asked:
    """What was asked for one cell from this screen, until the guard has answered."""

    sent: Command | None = None
    is_sending: bool = False
    said: Said = field(default_factory=Said)


class OverridePanel:
    """Overrides of the selected cell, each with a button that gives it back, and a form."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limits = {row.name: row for row in desk.setpoints}
        self._cell = desk.selection.cell
        self._snapshot: Snapshot | None = None
        self._asked: dict[int, Asked] = {}  # by cell: an answer may come for another one
        controls = [InlineStyleSheet(css=CONTROLS_CSS)]
        sheet = [InlineStyleSheet(css=PANEL_CSS)]
        self._head = Div(text="", disable_math=True, sizing_mode=_WIDE, stylesheets=sheet)
        self._status = Div(text="", disable_math=True, sizing_mode=_WIDE, stylesheets=sheet)
        self.release = {
            name: Button(
                label=f"Give back {_label(limits)}",
                sizing_mode=_WIDE,
                stylesheets=controls,
                name=f"release {name}",
                visible=False,
            )
            for name, limits in self._limits.items()
        }
        for name, button in self.release.items():
            button.on_click(partial(self._release, name))
        self.setpoint = Select(
            title="Setpoint", options=[(name, _label(row)) for name, row in self._limits.items()],
            value=next(iter(self._limits), ""), sizing_mode=_WIDE, stylesheets=controls,
            name="override setpoint",
        )  # fmt: skip
        self.value = TextInput(
            title="Value", sizing_mode=_WIDE, stylesheets=controls, name="override value"
        )
        self.duration = Select(
            title="For", options=list(DURATIONS_S), value="1 hour", sizing_mode=_WIDE,
            stylesheets=controls, name="override duration",
        )  # fmt: skip
        self.reason = TextInput(
            title="Reason, for the journal", max_length=200, sizing_mode=_WIDE,
            stylesheets=controls, name="override reason",
        )  # fmt: skip
        self.open = Button(
            label="Set by hand", sizing_mode=_WIDE, stylesheets=controls, name="override open"
        )
        self.confirm = Button(
            label="Confirm", button_type="primary", sizing_mode=_WIDE, stylesheets=controls,
            name="override confirm",
        )  # fmt: skip
        self.cancel = Button(
            label="Cancel", sizing_mode=_WIDE, stylesheets=controls, name="override cancel"
        )
        self.open.on_click(partial(self._show_form, True))
        self.cancel.on_click(partial(self._show_form, False))
        self.confirm.on_click(self._confirm)
        self.setpoint.on_change("value", lambda _name, _old, _new: self._redraw())
        self.form = column(
            row(self.setpoint, self.duration, sizing_mode=_WIDE, spacing=6),
            self.value,
            self.reason,
            row(self.confirm, self.cancel, sizing_mode=_WIDE, spacing=6),
            sizing_mode=_WIDE,
            spacing=6,
            visible=False,
        )
        self._root: LayoutDOM = column(
            self._head,
            *self.release.values(),
            self.open,
            self.form,
            self._status,
            sizing_mode=_WIDE,
            spacing=8,
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._cell != self._desk.selection.cell:
            self._cell = self._desk.selection.cell
            self.value.value = self.reason.value = ""
            set_changed(self.form, visible=False)
        for asked in self._asked.values():
            _look_for_answer(asked, snapshot)
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        asked = self._asked.get(self._cell, Asked())
        busy = asked.is_sending or asked.sent is not None
        standing = _standing(snapshot, self._cell)
        words = "".join(f"<p>{text(event.sentence)}</p>" for event in standing.values())
        none = '<p class="muted">Nothing is held by hand.</p>'
        set_changed(self._head, text=f"<h2>Set by hand, cell {self._cell}</h2>{words or none}")
        for name, button in self.release.items():
            set_changed(button, visible=name in standing, disabled=busy)
        limits = self._limits.get(self.setpoint.value)
        if limits is not None:
            title = f"Value in {limits.unit}, {limits.low:g} to {limits.high:g}"
            set_changed(self.value, title=title)
        set_changed(self.open, visible=not self.form.visible, disabled=busy)
        set_changed(self.confirm, label=f"Set it in cell {self._cell}", disabled=busy)
        said = asked.said
        if asked.sent is not None and not said.is_bad:
            said = Said("Asked for; waiting for the guard to obey.")
        kind = " bad" if said.is_bad else ""
        status = f'<div class="status{kind}" role="status">{text(said.sentence)}</div>'
        shown = bool(said.sentence)
        set_changed(self._status, text=status if shown else "", visible=shown)

    def _show_form(self, visible: bool) -> None:
        self._asked.setdefault(self._cell, Asked()).said = Said()
        set_changed(self.form, visible=visible)
        self._redraw()

    def _confirm(self) -> None:
        value = _number(self.value.value)
        if value is None:
            sentence = f"“{self.value.value}” is not a number; write one such as 185.5."
            self._asked.setdefault(self._cell, Asked()).said = Said(sentence, is_bad=True)
            self._redraw()
            return
        self._ask(
            Wish(
                kind=CommandKind.APPLY_OVERRIDE,
                cell=self._cell,
                reason=self.reason.value,
                setpoint=self.setpoint.value,
                value=value,
                duration_s=DURATIONS_S[self.duration.value],
            )
        )

    def _release(self, setpoint: str) -> None:
        kind, reason = CommandKind.RELEASE_OVERRIDE, self.reason.value.strip() or "given back"
        self._ask(Wish(kind=kind, cell=self._cell, reason=reason, setpoint=setpoint))

    def _ask(self, wish: Wish) -> None:
        asked = self._asked.setdefault(wish.cell, Asked())
        if asked.is_sending or asked.sent is not None:
            return
        asked.is_sending = True
        self._desk.ask(wish, partial(self._told, wish.cell))
        self._redraw()

    def _told(self, cell: int, outcome: Outcome) -> None:
        asked = self._asked.setdefault(cell, Asked())
        asked.is_sending = False
        if isinstance(outcome, Refused):
            asked.said = Said(outcome.sentence, is_bad=True)
        else:
            asked.sent = outcome.command
            if cell == self._cell:
                set_changed(self.form, visible=False)
                self.value.value = self.reason.value = ""
        self._redraw()

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _standing(snapshot: Snapshot, cell: int) -> dict[str, Event]:
    """Return the overrides of a cell that stand, by setpoint."""
    return {
        str(event.details.get("setpoint", "")): event
        for event in snapshot.line.active.values()
        if event.name == "override_active" and event.cell == cell
    }


def _look_for_answer(asked: Asked, snapshot: Snapshot) -> None:
    """Take what the guard did about a command; when that has run out, say that nothing was seen."""
    command = asked.sent
    if command is None:
        return
    answer = _answer(command, snapshot)
    if answer is None and snapshot.now_ns > command.expires_ns and snapshot.link:
        # Not the guard's silence but ours: keep the question until the picture is back.
        asked.said = Said("What came of it is not known: the picture cannot be read.", is_bad=True)
        return
    if answer is None and snapshot.now_ns > command.expires_ns:
        answer = Said(
            "No answer of the guard was seen before the command ran out. Check that the guard "
            "runs, then ask again.",
            is_bad=True,
        )
    if answer is not None:
        asked.sent, asked.said = None, answer


def _answer(command: Command, snapshot: Snapshot) -> Said | None:
    answer = answer_to(command, snapshot)
    if answer is None:
        return None
    if answer.name == "command_refused":
        return Said(answer.sentence, is_bad=True)
    if command.kind is CommandKind.RELEASE_OVERRIDE:
        return Said("It was given back to the optimiser.")
    return Said("The guard holds it.")


def _label(limits: SetpointLimits) -> str:
    """Return a setpoint's name as people read it: its unit stands beside it."""
    return limits.name.removesuffix(_suffix(limits.name)).replace("_", " ")


def _suffix(name: str) -> str:
    return next((end for end in ("_kg_per_h", "_kg_per_day", "_mm") if name.endswith(end)), "")


def _number(words: str) -> float | None:
    try:
        value = float(words.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
