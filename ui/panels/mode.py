"""Who moves the selected cell, and the three buttons that ask the guard for something else.

A button arms, a second one confirms with a reason; while the guard has not answered, all are
disabled. What counts as the answer is the mode in the picture, never the click.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from control.modes import Mode
from stream.records import Command, CommandKind
from ui.commands import Outcome, Refused, Wish
from ui.drawing import Button, Div, InlineStyleSheet, LayoutDOM, TextInput, column, row
from ui.markup import MODE_MEANING, chip, text
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk, Said, answer_to, set_changed
from ui.snapshot import Snapshot

OFFERED: Final = (Mode.AUTO, Mode.ADVISORY, Mode.MANUAL)
# Kinds of command beside these -> button, what is confirmed, when it is offered, when obeyed.
_SPECIAL: Final[dict[CommandKind, tuple[str, str, Callable[[Mode | None], bool]]]] = {
    CommandKind.SWITCH_OFF: ("Switch off", "Switch cell {cell} off", lambda m: m is not Mode.OFF),
    CommandKind.SWITCH_ON: ("Switch on", "Switch cell {cell} on", lambda m: m is Mode.OFF),
    CommandKind.RESET_TRIP: (
        "Reset the trip",
        "Reset the trip of cell {cell}",
        lambda m: m is Mode.TRIPPED,
    ),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a click armed: a mode, or one of the special commands."""

    kind: CommandKind
    mode: Mode | None = None

    def label(self, cell: int) -> str:
        """Return what the button says that confirms it."""
        if self.kind is CommandKind.SET_MODE:
            return f"Put cell {cell} in {self.mode}"
        return _SPECIAL[self.kind][1].format(cell=cell)


@dataclass(slots=True)
class Ask:
    """What was asked for one cell from this screen.

    Attributes:
        is_sending: it is on its way to Kafka.
        sent: it is there, and the guard has not been seen to answer.
        said: what came of it.
    """

    is_sending: bool = False
    sent: Command | None = None
    said: Said = field(default_factory=Said)


class ModePanel:
    """The mode of the selected cell, and how to change it."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._armed: Choice | None = None
        self._asks: dict[int, Ask] = {}  # by cell: an answer may come when another one is looked at
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
            button.on_click(partial(self._arm, Choice(CommandKind.SET_MODE, mode)))
        self.special = {
            kind: Button(
                label=label, sizing_mode=wide, stylesheets=controls, name=kind.value, visible=False
            )
            for kind, (label, _, _) in _SPECIAL.items()
        }
        for kind, button in self.special.items():
            button.on_click(partial(self._arm, Choice(kind)))
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
            row(*self.special.values(), sizing_mode=wide, spacing=6),
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
            self._leave()
        for ask in self._asks.values():
            _look_for_answer(ask, snapshot)
        self._draw(snapshot)

    def _leave(self) -> None:
        """Turn to the selected cell: nobody confirms for it what they chose for another."""
        ask = self._asks.get(self._cell)
        if ask is not None and ask.sent is None and not ask.is_sending:
            del self._asks[self._cell]  # its outcome has been shown
        self._cell = self._desk.selection.cell
        self._armed = None
        self.reason.value = ""

    def _pending(self, ask: Ask, snapshot: Snapshot) -> Command | None:
        """Return the command that waits for the guard, whoever gave it."""
        command = ask.sent or snapshot.line.commands.get(self._cell)
        if command is None or command.expires_ns < snapshot.now_ns:
            return None
        return command if _answer(command, snapshot) is None else None

    def _draw(self, snapshot: Snapshot) -> None:
        at = snapshot.layout.index[self._cell]
        mode, is_old = snapshot.modes[at], bool(snapshot.is_mode_old[at])
        ask = self._asks.get(self._cell, Ask())
        pending = self._pending(ask, snapshot)
        busy = ask.is_sending or pending is not None
        meaning = MODE_MEANING[mode]
        if is_old and mode is not None:
            meaning = "This is what the guard said last; what is now is not known."
        head = (
            f"<h2>Who moves cell {self._cell}</h2><p>{chip(mode, is_old=is_old)} &nbsp;"
            f'<span class="muted">{meaning}</span></p>'
        )
        set_changed(self._head, text=head)
        for offered, button in self.buttons.items():
            set_changed(button, disabled=busy or (offered is mode and not is_old))
        for kind, button in self.special.items():
            is_offered = mode is not None and _SPECIAL[kind][2](mode)
            set_changed(button, visible=is_offered, disabled=busy)
        set_changed(self._second, visible=self._armed is not None and not busy)
        if self._armed is not None:
            set_changed(self.confirm, label=self._armed.label(self._cell))
        said = ask.said
        if pending is not None:
            said = Said(
                f"{pending.issued_by} asked for {_asked_for(pending)}; waiting for the guard to "
                "obey."
            )
        look = " bad" if said.is_bad else ""
        words = f'<div class="status{look}" role="status">{text(said.sentence)}</div>'
        set_changed(self._status, text=words if said.sentence else "", visible=bool(said.sentence))

    def _arm(self, choice: Choice) -> None:
        self._armed = choice
        self._asks.setdefault(self._cell, Ask()).said = Said()
        self._redraw()

    def _disarm(self) -> None:
        self._armed = None
        self._redraw()

    def _confirm(self) -> None:
        if self._armed is None:
            return
        cell = self._cell
        ask = self._asks.setdefault(cell, Ask())
        if ask.is_sending:
            return
        ask.is_sending = True
        armed = self._armed
        wish = Wish(kind=armed.kind, cell=cell, reason=self.reason.value, mode=armed.mode)
        self._desk.ask(wish, partial(self._told, cell))
        self._redraw()

    def _told(self, cell: int, outcome: Outcome) -> None:
        ask = self._asks.setdefault(cell, Ask())
        ask.is_sending = False
        if isinstance(outcome, Refused):
            ask.said = Said(outcome.sentence, is_bad=True)
        else:
            ask.sent = outcome.command
            if cell == self._cell:
                self._armed = None
                self.reason.value = ""
        self._redraw()

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _look_for_answer(ask: Ask, snapshot: Snapshot) -> None:
    sent = ask.sent
    if sent is None:
        return
    answer = _answer(sent, snapshot)
    if answer is None and snapshot.now_ns > sent.expires_ns:
        if snapshot.link:
            # Not the guard's silence but ours: keep the question until the picture is back.
            ask.said = Said(
                f"Whether the guard obeyed for cell {sent.cell}, asked for {_asked_for(sent)}, is "
                "not known: the picture cannot be read.",
                is_bad=True,
            )
            return
        answer = Said(
            f"No answer of the guard was seen before the command ran out; cell {sent.cell} was "
            "last seen as shown above. Check that the guard runs, then ask again.",
            is_bad=True,
        )
    if answer is not None:
        ask.sent, ask.said = None, answer


def _answer(command: Command, snapshot: Snapshot) -> Said | None:
    """Return what the guard did about a command; None where the picture does not say."""
    answer = answer_to(command, snapshot)
    if answer is None:
        return None
    if answer.name == "command_refused":
        return Said(answer.sentence, is_bad=True)
    number, position = snapshot.layout.place[command.cell]
    mode = snapshot.sections[number].modes[position] if number in snapshot.sections else None
    return Said(f"The guard obeyed; it has cell {command.cell} in {mode}.")


def _asked_for(command: Command) -> str:
    return command.wish if command.mode is None else command.mode.value
