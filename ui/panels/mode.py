"""Who moves the selected cell, and the three buttons that ask the guard for something else.

A button arms, a second one confirms with a reason; while the guard has not answered, all are
disabled. What counts as the answer is the mode in the picture, never the click.
"""

from dataclasses import dataclass
from typing import Final

from control.modes import Mode
from stream.records import Command, Event
from ui.commands import Outcome, Refused
from ui.drawing import Button, Div, InlineStyleSheet, LayoutDOM, TextInput, column, row
from ui.markup import MODE_MEANING, chip, text
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk
from ui.snapshot import Snapshot

OFFERED: Final = (Mode.AUTO, Mode.ADVISORY, Mode.MANUAL)


@dataclass(frozen=True, slots=True)
class Said:
    """What the panel says about the last command, and whether that is bad news."""

    sentence: str = ""
    is_bad: bool = False


class ModePanel:
    """The mode of the selected cell, and how to change it."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._armed: Mode | None = None
        self._asking = False
        self._sent: Command | None = None
        self._said = Said()
        self._cell = desk.selection.cell
        self._snapshot: Snapshot | None = None
        controls = [InlineStyleSheet(css=CONTROLS_CSS)]
        sheet = [InlineStyleSheet(css=PANEL_CSS)]
        wide = "stretch_width"
        self._head = Div(text="", disable_math=True, sizing_mode=wide, stylesheets=sheet)
        self._status = Div(text="", disable_math=True, sizing_mode=wide, stylesheets=sheet)
        self.buttons = {
            mode: Button(label=mode.value, sizing_mode=wide, stylesheets=controls, name=mode.value)
            for mode in OFFERED
        }
        for mode, button in self.buttons.items():
            button.on_click(lambda mode=mode: self._arm(mode))
        self.reason = TextInput(
            title="Reason, for the journal", max_length=200, sizing_mode=wide,
            stylesheets=controls, name="reason",
        )  # fmt: skip
        self.confirm = Button(
            label="Confirm", button_type="primary", sizing_mode=wide, stylesheets=controls,
            name="confirm",
        )  # fmt: skip
        self.cancel = Button(label="Cancel", sizing_mode=wide, stylesheets=controls, name="cancel")
        self.confirm.on_click(self._confirm)
        self.cancel.on_click(self._disarm)
        self._second = column(
            self.reason,
            row(self.confirm, self.cancel, sizing_mode=wide, spacing=6),
            sizing_mode=wide,
            spacing=6,
            visible=False,
        )
        self._root: LayoutDOM = column(
            self._head,
            row(*self.buttons.values(), sizing_mode=wide, spacing=6),
            self._second,
            self._status,
            sizing_mode=wide,
            spacing=8,
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._cell != self._desk.selection.cell:
            self._cell = self._desk.selection.cell
            self._armed, self._sent, self._said = None, None, Said()
        self._look_for_answer(snapshot)
        self._draw(snapshot)

    def _look_for_answer(self, snapshot: Snapshot) -> None:
        sent = self._sent
        if sent is None:
            return
        if snapshot.modes[snapshot.layout.index[sent.cell]] is sent.mode:
            self._sent = None
            self._said = Said(f"Cell {sent.cell} is in {sent.mode}.")
            return
        for event in reversed(snapshot.line.journal):
            if _refuses(event, sent):
                self._sent = None
                self._said = Said(event.sentence, is_bad=True)
                return
        if snapshot.now_ns > sent.expires_ns:
            self._sent = None
            self._said = Said(
                f"The guard did not answer before the command ran out; cell {sent.cell} is as it "
                "was. Check that the guard runs, then ask again.",
                is_bad=True,
            )

    def _pending(self, snapshot: Snapshot) -> Command | None:
        """Return the command that waits for the guard, whoever gave it."""
        if self._sent is not None:
            return self._sent
        command = snapshot.line.commands.get(self._cell)
        if command is None or command.expires_ns < snapshot.now_ns:
            return None
        mode = snapshot.modes[snapshot.layout.index[self._cell]]
        refused = any(_refuses(event, command) for event in snapshot.line.journal)
        number, position = snapshot.layout.place[self._cell]
        section = snapshot.sections.get(number)
        changed = section is not None and section.mode_times_ns[position] >= command.t_issued_ns
        return None if refused or (changed and mode is command.mode) else command

    def _draw(self, snapshot: Snapshot) -> None:
        mode = snapshot.modes[snapshot.layout.index[self._cell]]
        pending = self._pending(snapshot)
        busy = self._asking or pending is not None
        head = (
            f"<h2>Who moves cell {self._cell}</h2><p>{chip(mode)} &nbsp;"
            f'<span class="muted">{MODE_MEANING[mode]}</span></p>'
        )
        _set(self._head, text=head)
        for offered, button in self.buttons.items():
            _set(button, disabled=busy or offered is mode)
        _set(self._second, visible=self._armed is not None and not busy)
        if self._armed is not None:
            _set(self.confirm, label=f"Put cell {self._cell} in {self._armed}")
        said = self._said
        if pending is not None:
            said = Said(
                f"{pending.issued_by} asked for {pending.mode}; waiting for the guard to obey."
            )
        kind = " bad" if said.is_bad else ""
        words = f'<div class="status{kind}" role="status">{text(said.sentence)}</div>'
        _set(self._status, text=words if said.sentence else "")

    def _arm(self, mode: Mode) -> None:
        self._armed, self._said = mode, Said()
        self._redraw()

    def _disarm(self) -> None:
        self._armed = None
        self._redraw()

    def _confirm(self) -> None:
        if self._armed is None or self._asking:
            return
        self._asking = True
        self._desk.ask_mode(self._cell, self._armed, self.reason.value, self._told)
        self._redraw()

    def _told(self, outcome: Outcome) -> None:
        self._asking = False
        if isinstance(outcome, Refused):
            self._said = Said(outcome.sentence, is_bad=True)
        else:
            self._sent, self._armed = outcome.command, None
            self.reason.value = ""
        self._redraw()

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _refuses(event: Event, command: Command) -> bool:
    return event.name == "command_refused" and event.details.get("command_id") == command.command_id


def _set(model: LayoutDOM, **wanted: object) -> None:
    """Set properties that differ, so that nothing is sent that does not change."""
    for name, value in wanted.items():
        if getattr(model, name) != value:
            setattr(model, name, value)
