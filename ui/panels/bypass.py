"""Checks of the interlock that people leave out, how to ask for one more, and how to end one."""

from collections.abc import Iterable
from typing import Final

from control.bypasses import BYPASSABLE
from stream.records import Command, CommandKind, Event
from ui.commands import Wish
from ui.drawing import LayoutDOM, Select, column, row
from ui.markup import lasting, text
from ui.panel import Desk, set_changed
from ui.panels.asking import WIDE, AskForm, button, controls, words
from ui.snapshot import Snapshot
from ui.standing import left_s, none_stands, standing_bypasses

CHOOSE: Final = ""  # the value of a selector in which nothing is chosen yet
DURATIONS_S: Final = {"15 minutes": 900.0, "1 hour": 3600.0, "2 hours": 7200.0, "4 hours": 14400.0}
_CHOOSE_ALL: Final = "Choose a cell, a check, and for how long"


class BypassPanel:
    """The bypasses that stand, a form for another one, and a button that ends the chosen one."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._snapshot: Snapshot | None = None
        self._is_release = False
        self._meant = ""  # the bypass that was chosen when somebody began to end it
        self._standing: dict[str, Event] = {}  # by what the selector says of it
        self._list = words()
        self._cells = {str(number): number for number in desk.layout.cells}
        self.cell = _select("Cell", "choose a cell", self._cells, "bypass cell")
        self.check = _select("Check", "choose a check", sorted(BYPASSABLE), "bypass check")
        self.duration = _select("For", "choose for how long", DURATIONS_S, "bypass duration")
        self.chosen = Select(
            title="Bypass to end", options=[], value="", name="bypass chosen", sizing_mode=WIDE,
            stylesheets=controls(),
        )  # fmt: skip
        self.ask = button("Ask for a bypass", "bypass open")
        self.release = button("End this bypass", "bypass release", align="end")
        self._choices = (self.cell, self.check, self.duration)
        self._fields = row(*self._choices, sizing_mode=WIDE, spacing=6)
        self.form = AskForm(
            desk,
            "bypass",
            _obeyed,
            fields=[self._fields],
            make=self._wish,
            changed=self._redraw,
        )
        for one in self._choices:
            # What the button says is what is sent, from the first moment on.
            one.on_change("value", lambda _name, _old, _new: self._redraw())
        self.ask.on_click(lambda: self._open(is_release=False))
        self.release.on_click(lambda: self._open(is_release=True))
        self._ending = row(self.chosen, self.release, sizing_mode=WIDE, spacing=6)
        self._root: LayoutDOM = column(
            self._list,
            self._ending,
            self.ask,
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
        standing = standing_bypasses(snapshot)
        self._standing = {f"cell {e.cell}, {e.details.get('check', '')}": e for e in standing}
        self.form.look(snapshot)
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        set_changed(self._list, text=_table(tuple(self._standing.values()), snapshot))
        names = list(self._standing)
        set_changed(self.chosen, options=names)
        if self.chosen.value not in self._standing and not self.form.visible:
            # Nobody ends another one than they chose: while the form is open it stays what it was.
            set_changed(self.chosen, value=names[0] if names else "")
        set_changed(self._ending, visible=bool(names))
        is_open = self.form.visible
        set_changed(self.chosen, disabled=is_open)
        for one, kind in (
            (self.ask, CommandKind.REQUEST_BYPASS),
            (self.release, CommandKind.RELEASE_BYPASS),
        ):
            set_changed(one, disabled=is_open or not self.form.may(kind))
        set_changed(self._fields, visible=not self._is_release)
        self.form.draw(confirm=self._label())

    def _label(self) -> str:
        if self._is_release:
            return f"End the bypass of {self._meant}"
        cell, check, duration = (one.value for one in self._choices)
        if CHOOSE in (cell, check, duration):
            return _CHOOSE_ALL
        return f"Leave out {check} for cell {cell}, for {duration}"

    def _open(self, *, is_release: bool) -> None:
        self._is_release, self._meant = is_release, self.chosen.value
        for one in self._choices:
            set_changed(one, value=CHOOSE)
        self.form.open()

    def _wish(self) -> Wish | str:
        reason = self.form.reason.value
        if self._is_release:
            event = self._standing.get(self._meant)
            if event is None or event.cell is None:
                return "That bypass does not stand any more."
            check = str(event.details.get("check", ""))
            return Wish(CommandKind.RELEASE_BYPASS, event.cell, reason, check=check)
        duration_s = DURATIONS_S.get(self.duration.value)
        cell = self._cells.get(self.cell.value)
        if cell is None or duration_s is None or self.check.value not in BYPASSABLE:
            return f"{_CHOOSE_ALL}."
        return Wish(
            CommandKind.REQUEST_BYPASS,
            cell,
            reason,
            check=self.check.value,
            duration_s=duration_s,
        )

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _select(title: str, nothing: str, options: Iterable[str], name: str) -> Select:
    """Return a selector in which nothing is chosen: nobody leaves out the first of a list."""
    return Select(
        title=title, options=[(CHOOSE, f"{nothing} …"), *((one, one) for one in options)],
        value=CHOOSE, name=name, sizing_mode=WIDE, stylesheets=controls(),
    )  # fmt: skip


def _table(standing: tuple[Event, ...], snapshot: Snapshot) -> str:
    title = "<h2>Bypasses<small>checks of the interlock that are left out</small></h2>"
    if not standing:
        none = none_stands(snapshot, "The interlock is whole.")
        return f'{title}<div class="none">{none}</div>'
    rows = "".join(
        f'<tr><td><a href="/cell?cell={event.cell}">Cell {event.cell}</a></td>'
        f"<td>{text(event.details.get('check', ''))}</td>"
        f"<td>{text(event.details.get('who', ''))}</td>"
        f"<td>{text(event.details.get('reason', ''))}</td>"
        f'<td class="time num">{lasting(left_s(event, snapshot.now_ns))}</td></tr>'
        for event in standing
    )
    head = (
        "<tr><th>cell</th><th>check</th><th>owner</th><th>reason</th>"
        '<th class="num">time left</th></tr>'
    )
    return f'{title}<div class="scroll"><table>{head}{rows}</table></div>'


def _obeyed(command: Command, _snapshot: Snapshot) -> str:
    if command.kind is CommandKind.RELEASE_BYPASS:
        return f"The interlock looks at {command.check} of cell {command.cell} again."
    return f"The guard leaves out {command.check} for cell {command.cell}."
