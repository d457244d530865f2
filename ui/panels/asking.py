"""The one form by which people ask the guard for something: reason, confirm, cancel, and what came
of it.

A click arms, a second one confirms with a reason. What counts as the answer is what the guard says,
never the click. What is asked belongs to a subject, a cell or a section: an answer may come when
another one is looked at.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from control.modes import Mode
from stream.records import Command, CommandKind
from ui.answers import (
    NOTHING_SEEN,
    Obeyed,
    Said,
    Seen,
    is_pending,
    is_settled,
    keep_answers,
    what_came_of,
)
from ui.commands import Outcome, Refused, Wish
from ui.drawing import Button, Div, InlineStyleSheet, LayoutDOM, TextInput, column, row
from ui.markup import text
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk, set_changed
from ui.roles import refusal
from ui.snapshot import Snapshot

WIDE: Final = "stretch_width"
_AS_WIDE_AS_WIDGETS: Final = ":host { box-sizing: border-box; padding: 0 5px; }"


@dataclass(slots=True)
class _Asked:
    """What was asked about one subject from this screen.

    Attributes:
        is_sending: it is on its way to Kafka.
        sent: it is there, and more may be seen of it.
        seen: how the guard answered so far.
        unsent: what is to be said of the sections that it did not reach.
        said: what came of it.
    """

    is_sending: bool = False
    sent: tuple[Command, ...] = ()
    seen: Seen = field(default_factory=dict)
    unsent: str = ""
    said: Said = field(default_factory=Said)


class AskForm:
    """Fields, a reason, two buttons and a line that says what came of it.

    Attributes:
        form: what opens and closes.
        status: what came of the last command about the subject.
    """

    def __init__(
        self,
        desk: Desk,
        name: str,
        obeyed: Obeyed,
        *,
        fields: Sequence[LayoutDOM] = (),
        texts: Sequence[TextInput] = (),
        make: Callable[[], Wish | str],
        changed: Callable[[], None],
        subject: Hashable = None,
    ) -> None:
        """Make one that is closed.

        Args:
            name: tells its widgets from those of other forms of a page.
            obeyed: says what an obeyed command led to.
            fields: that stand above the reason.
            texts: of these, what is emptied when the form has done its work.
            make: the wish in the fields, or what is wrong with them as a sentence.
            changed: told when the panel has to be drawn again.
            subject: what is looked at first.
        """
        self._desk = desk
        self._obeyed = obeyed
        self._texts = texts
        self._make = make
        self._changed = changed
        self._subject = subject
        self._asked: dict[Hashable, _Asked] = {}
        self._snapshot: Snapshot | None = None
        prefix = f"{name} " if name else ""
        self.reason = TextInput(
            title="Reason, for the journal", max_length=200, sizing_mode=WIDE,
            stylesheets=controls(), name=f"{prefix}reason",
        )  # fmt: skip
        self.confirm = button("Confirm", f"{prefix}confirm", button_type="primary")
        self.cancel = button("Cancel", f"{prefix}cancel")
        self.confirm.on_click(self._confirm)
        self.cancel.on_click(self.close)
        self.form = column(
            *fields,
            self.reason,
            row(self.confirm, self.cancel, sizing_mode=WIDE, spacing=6),
            sizing_mode=WIDE,
            spacing=6,
            visible=False,
        )
        self.status = words(visible=False)

    @property
    def visible(self) -> bool:
        """Whether it is open."""
        return bool(self.form.visible)

    @property
    def is_busy(self) -> bool:
        """Whether something about the subject is on its way, or waits for the guard."""
        asked = self._asked.get(self._subject, _Asked())
        if asked.is_sending or self._snapshot is None:
            return asked.is_sending
        snapshot = self._snapshot
        return any(is_pending(command, snapshot, asked.seen) for command in asked.sent)

    def may(self, kind: CommandKind, mode: Mode | None = None) -> bool:
        """Whether whoever sits here may ask for something, and nothing is on its way.

        This is what buttons show; what holds is judged anew when the command is made.
        """
        return not self.is_busy and not refusal(self._desk.who(), kind, mode)

    def turn_to(self, subject: Hashable) -> None:
        """Look at another subject: nobody confirms for it what they chose for this one."""
        if subject == self._subject:
            return
        asked = self._asked.get(self._subject)
        if asked is not None and not asked.sent and not asked.is_sending:
            del self._asked[self._subject]  # its outcome has been shown
        self._subject = subject
        self._shut()

    def open(self) -> None:
        """Ask for the reason; what was said of the last command is over."""
        self._asked.setdefault(self._subject, _Asked()).said = Said()
        self._asked[self._subject].unsent = ""
        set_changed(self.form, visible=True)
        self._changed()

    def close(self) -> None:
        """Forget what was chosen, but for the words of the reason."""
        set_changed(self.form, visible=False)
        self._changed()

    def ask(self, wish: Wish, *, is_filled_in: bool = False) -> None:
        """Ask the guard for something about the subject, unless something is on its way.

        Args:
            is_filled_in: it is what the form says, so that the form has done its work when it is
                sent. What somebody fills in for something else stays.
        """
        asked = self._asked.setdefault(self._subject, _Asked())
        if self.is_busy:
            return
        asked.is_sending, asked.sent, asked.unsent = True, (), ""
        self._desk.ask(wish, partial(self.told, self._subject, is_filled_in=is_filled_in))
        self._changed()

    def told(self, subject: Hashable, outcome: Outcome, *, is_filled_in: bool = True) -> None:
        """Hear whether what was asked about a subject was sent; arguments as of `ask`."""
        asked = self._asked.setdefault(subject, _Asked())
        asked.is_sending = False
        if isinstance(outcome, Refused):
            asked.said = Said(outcome.sentence, is_bad=True)
        else:
            asked.sent, asked.seen = outcome.commands, NOTHING_SEEN
            asked.unsent = "".join(
                f"\nSection {section}: {fault}" for section, fault in outcome.unsent.items()
            )
            if subject == self._subject and is_filled_in:
                self._shut()
        self._changed()

    def look(self, snapshot: Snapshot) -> None:
        """See what came of what was asked."""
        self._snapshot = snapshot
        for asked in self._asked.values():
            if not asked.sent:
                continue
            asked.seen = keep_answers(asked.seen, asked.sent, snapshot)
            said = what_came_of(asked.sent, snapshot, self._obeyed, asked.seen)
            asked.said = Said(said.sentence + asked.unsent, said.is_bad or bool(asked.unsent))
            if is_settled(asked.sent, snapshot, asked.seen):
                asked.sent = ()

    def draw(self, *, confirm: str, pending: Command | None = None) -> None:
        """Show the form as it stands.

        Args:
            confirm: what the button says that confirms.
            pending: of somebody else, which waits for the guard; None where there is none.
        """
        label = confirm if self.visible else "Confirm"
        set_changed(self.confirm, label=label, disabled=self.is_busy or pending is not None)
        asked = self._asked.get(self._subject, _Asked())
        said = asked.said
        if asked.sent and self._snapshot is not None:
            said = what_came_of(asked.sent, self._snapshot, self._obeyed, asked.seen)
            said = Said(said.sentence + asked.unsent, said.is_bad or bool(asked.unsent))
        elif pending is not None and self._snapshot is not None:
            said = what_came_of((pending,), self._snapshot, self._obeyed)
        html = status_html(said)
        set_changed(self.status, text=html, visible=bool(html))

    def _confirm(self) -> None:
        if not self.visible:
            return
        wish = self._make()
        if isinstance(wish, str):
            self._asked.setdefault(self._subject, _Asked()).said = Said(wish, is_bad=True)
            self._changed()
            return
        self.ask(wish, is_filled_in=True)

    def _shut(self) -> None:
        set_changed(self.form, visible=False)
        for field_ in (self.reason, *self._texts):
            field_.value = ""


def controls() -> list[InlineStyleSheet]:
    """Return how widgets look."""
    return [InlineStyleSheet(css=CONTROLS_CSS)]


def button(label: str, name: str, **more: object) -> Button:
    """Return a button as wide as its place."""
    return Button(label=label, name=name, sizing_mode=WIDE, stylesheets=controls(), **more)


def words(*, visible: bool = True) -> Div:
    """Return a place for HTML, as wide as the widgets above and below it."""
    return Div(
        text="", disable_math=True, sizing_mode=WIDE, visible=visible, margin=(5, 0),
        stylesheets=[InlineStyleSheet(css=PANEL_CSS + _AS_WIDE_AS_WIDGETS)],
    )  # fmt: skip


def status_html(said: Said) -> str:
    """Return what came of something, each line in its own; "" where there is nothing to say."""
    look = " bad" if said.is_bad else ""
    lines = "<br>".join(text(line) for line in said.sentence.split("\n"))
    return f'<div class="status{look}" role="status">{lines}</div>' if lines else ""


def number_in(words: str) -> float | None:
    """Return the number that somebody wrote, with point or comma; None where it is none."""
    try:
        value = float(words.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
