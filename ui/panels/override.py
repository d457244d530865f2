"""What people hold by hand of the selected cell, and how to set a setpoint or give it back.

The guard decides: what stands is what its events say, never what was clicked.
"""

from functools import partial
from typing import Final

from stream.records import Command, CommandKind
from ui.commands import Wish
from ui.drawing import LayoutDOM, Select, TextInput, column, row
from ui.markup import text
from ui.panel import Desk, set_changed
from ui.panels.asking import WIDE, AskForm, button, controls, number_in, words
from ui.snapshot import Snapshot
from ui.standing import none_stands, setpoint_label, standing_overrides

DURATIONS_S: Final = {"15 minutes": 900.0, "1 hour": 3600.0, "4 hours": 14400.0, "8 hours": 28800.0}


class OverridePanel:
    """Overrides of the selected cell, each with a button that gives it back, and a form."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limits = {row.name: row for row in desk.setpoints}
        self._cell = desk.selection.cell
        self._snapshot: Snapshot | None = None
        self._head = words()
        self.release = {
            name: button(f"Give back {setpoint_label(name)}", f"release {name}", visible=False)
            for name in self._limits
        }
        for name, one in self.release.items():
            one.on_click(partial(self._release, name))
        self.setpoint = Select(
            title="Setpoint", options=[(name, setpoint_label(name)) for name in self._limits],
            value=next(iter(self._limits), ""), sizing_mode=WIDE, stylesheets=controls(),
            name="override setpoint",
        )  # fmt: skip
        self.value = TextInput(
            title="Value", sizing_mode=WIDE, stylesheets=controls(), name="override value"
        )
        self.duration = Select(
            title="For", options=list(DURATIONS_S), value="1 hour", sizing_mode=WIDE,
            stylesheets=controls(), name="override duration",
        )  # fmt: skip
        self.open = button("Set by hand", "override open")
        self.form = AskForm(
            desk,
            "override",
            _obeyed,
            fields=[row(self.setpoint, self.duration, sizing_mode=WIDE, spacing=6), self.value],
            texts=[self.value],
            make=self._wish,
            changed=self._redraw,
            subject=self._cell,
        )
        self.open.on_click(self.form.open)
        self.setpoint.on_change("value", lambda _name, _old, _new: self._redraw())
        self._root: LayoutDOM = column(
            self._head,
            *self.release.values(),
            self.open,
            self.form.form,
            self.form.status,
            sizing_mode=WIDE,
            spacing=8,
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._cell = self._desk.selection.cell
        self.form.turn_to(self._cell)
        self.form.look(snapshot)
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        standing = {
            str(event.details.get("setpoint", "")): event
            for event in standing_overrides(snapshot)
            if event.cell == self._cell
        }
        told = "".join(f"<p>{text(event.sentence)}</p>" for event in standing.values())
        none = f'<p class="muted">{none_stands(snapshot, "Nothing is held by hand.")}</p>'
        set_changed(self._head, text=f"<h2>Set by hand, cell {self._cell}</h2>{told or none}")
        for name, one in self.release.items():
            may = self.form.may(CommandKind.RELEASE_OVERRIDE)
            set_changed(one, visible=name in standing, disabled=not may)
        limits = self._limits.get(self.setpoint.value)
        if limits is not None:
            title = f"Value in {limits.unit}, {limits.low:g} to {limits.high:g}"
            set_changed(self.value, title=title)
        may = self.form.may(CommandKind.APPLY_OVERRIDE)
        set_changed(self.open, visible=not self.form.visible, disabled=not may)
        self.form.draw(confirm=f"Set it in cell {self._cell}")

    def _wish(self) -> Wish | str:
        value = number_in(self.value.value)
        if value is None:
            return f"“{self.value.value}” is not a number; write one such as 185.5."
        duration_s = DURATIONS_S.get(self.duration.value)
        if self.setpoint.value not in self._limits or duration_s is None:
            return "Choose a setpoint, and for how long."
        return Wish(
            kind=CommandKind.APPLY_OVERRIDE,
            cell=self._cell,
            reason=self.form.reason.value,
            setpoint=self.setpoint.value,
            value=value,
            duration_s=duration_s,
        )

    def _release(self, setpoint: str) -> None:
        # What stands in the form is the reason for something else.
        kind, reason = CommandKind.RELEASE_OVERRIDE, "given back"
        self.form.ask(Wish(kind=kind, cell=self._cell, reason=reason, setpoint=setpoint))

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _obeyed(command: Command, _snapshot: Snapshot) -> str:
    if command.kind is CommandKind.RELEASE_OVERRIDE:
        return "It was given back to the optimiser."
    return "The guard holds it."
