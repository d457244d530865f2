"""Who moves the selected cell, and the buttons that ask the guard for something else."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from control.modes import Mode
from stream.records import Command, CommandKind
from ui.answers import is_pending
from ui.commands import Wish
from ui.drawing import LayoutDOM, column, row
from ui.markup import MODE_MEANING, chip
from ui.panel import Desk, set_changed
from ui.panels.asking import WIDE, AskForm, button, words
from ui.picture import asked_of
from ui.snapshot import Snapshot

OFFERED: Final = (Mode.AUTO, Mode.ADVISORY, Mode.MANUAL)
# Kinds of command beside these -> button, what is confirmed, when it is offered.
_SPECIAL: Final[dict[CommandKind, tuple[str, str, Callable[[Mode | None], bool]]]] = {
    CommandKind.SWITCH_OFF: ("Switch off", "Switch {what} off", lambda m: m is not Mode.OFF),
    CommandKind.SWITCH_ON: ("Switch on", "Switch {what} on", lambda m: m is Mode.OFF),
    CommandKind.RESET_TRIP: (
        "Reset the trip",
        "Reset the trip of {what}",
        lambda m: m is Mode.TRIPPED,
    ),
}
SWITCHES: Final = {kind: label for kind, (label, _, _) in _SPECIAL.items()}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a click armed: a mode, or one of the special commands."""

    kind: CommandKind
    mode: Mode | None = None

    def label(self, what: str) -> str:
        """Return what the button says that confirms it for something."""
        if self.kind is CommandKind.SET_MODE:
            return f"Put {what} in {self.mode}"
        return _SPECIAL[self.kind][1].format(what=what)


class ModePanel:
    """The mode of the selected cell, and how to change it."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._armed = Choice(CommandKind.SET_MODE, Mode.MANUAL)
        self._cell = desk.selection.cell
        self._snapshot: Snapshot | None = None
        self._head = words()
        self.buttons = {mode: button(mode.value, mode.value) for mode in OFFERED}
        for mode, one in self.buttons.items():
            one.on_click(partial(self._arm, Choice(CommandKind.SET_MODE, mode)))
        self.special = {
            kind: button(label, kind.value, visible=False) for kind, label in SWITCHES.items()
        }
        for kind, one in self.special.items():
            one.on_click(partial(self._arm, Choice(kind)))
        self.form = AskForm(
            desk, "", _obeyed, make=self._wish, changed=self._redraw, subject=self._cell
        )
        self._root: LayoutDOM = column(
            self._head,
            row(*self.buttons.values(), sizing_mode=WIDE, spacing=6),
            row(*self.special.values(), sizing_mode=WIDE, spacing=6),
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

    def _pending(self, snapshot: Snapshot) -> Command | None:
        """Return the command that waits for the guard, whoever gave it, to the cell or to all."""
        section, _ = snapshot.layout.place[self._cell]
        asked = (snapshot.line.commands.get(key) for key in (self._cell, asked_of(section, 0)))
        return next((one for one in asked if one is not None and is_pending(one, snapshot)), None)

    def _draw(self, snapshot: Snapshot) -> None:
        at = snapshot.layout.index[self._cell]
        mode, is_old = snapshot.modes[at], bool(snapshot.is_mode_old[at])
        pending = self._pending(snapshot)
        meaning = MODE_MEANING[mode]
        if is_old and mode is not None:
            meaning = "This is what the guard said last; what is now is not known."
        head = (
            f"<h2>Who moves cell {self._cell}</h2><p>{chip(mode, is_old=is_old)} &nbsp;"
            f'<span class="muted">{meaning}</span></p>'
        )
        set_changed(self._head, text=head)
        for offered, one in self.buttons.items():
            may = pending is None and self.form.may(CommandKind.SET_MODE, offered)
            set_changed(one, disabled=not may or (offered is mode and not is_old))
        for kind, one in self.special.items():
            is_offered = mode is not None and _SPECIAL[kind][2](mode)
            may = pending is None and self.form.may(kind)
            set_changed(one, visible=is_offered, disabled=not may)
        self.form.draw(confirm=self._armed.label(f"cell {self._cell}"), pending=pending)

    def _arm(self, choice: Choice) -> None:
        self._armed = choice
        self.form.open()

    def _wish(self) -> Wish:
        return Wish(
            kind=self._armed.kind,
            cell=self._cell,
            reason=self.form.reason.value,
            mode=self._armed.mode,
        )

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _obeyed(command: Command, snapshot: Snapshot) -> str:
    number, position = snapshot.layout.place[command.cell]
    mode = snapshot.sections[number].modes[position] if number in snapshot.sections else None
    return f"The guard obeyed; it has cell {command.cell} in {mode}."
