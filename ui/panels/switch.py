"""One switch for a section or the whole line: a mode, off or on, and the reset of trips.

Each section is asked by a command of its own and answers for itself.
"""

from functools import partial
from typing import Final

from stream.records import WHOLE_SECTION, Command, CommandKind
from ui.answers import is_pending
from ui.commands import Wish
from ui.drawing import LayoutDOM, Select, column, row
from ui.layout import LineLayout
from ui.markup import chip
from ui.panel import Desk, set_changed
from ui.panels.asking import WIDE, AskForm, button, controls, words
from ui.panels.mode import OFFERED, SWITCHES, Choice
from ui.picture import asked_of
from ui.snapshot import Snapshot

LINE: Final = "the whole line"


class SwitchPanel:
    """Which cells, what of them, and what came of it in every section."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._armed = Choice(CommandKind.SWITCH_OFF)
        self._meant = LINE
        self._snapshot: Snapshot | None = None
        self._places = _places(desk.layout)
        self._head = words()
        self.place = Select(
            title="Cells", options=[(name, _place_words(name, desk)) for name in self._places],
            value=LINE, sizing_mode=WIDE, stylesheets=controls(), name="switch place",
        )  # fmt: skip
        self.buttons = {
            Choice(CommandKind.SET_MODE, mode): button(mode.value, f"switch {mode.value}")
            for mode in OFFERED
        } | {
            Choice(kind): button(label, f"switch {kind.value}") for kind, label in SWITCHES.items()
        }
        for choice, one in self.buttons.items():
            one.on_click(partial(self._arm, choice))
        self.form = AskForm(desk, "switch", _obeyed, make=self._wish, changed=self._redraw)
        modes, others = list(self.buttons.values())[:3], list(self.buttons.values())[3:]
        self._root: LayoutDOM = column(
            self._head,
            self.place,
            row(*modes, sizing_mode=WIDE, spacing=6),
            row(*others, sizing_mode=WIDE, spacing=6),
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
        self.form.look(snapshot)
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        sections = self._places.get(self.place.value, ())
        set_changed(self._head, text=_head(snapshot, sections))
        pending = self._pending(snapshot, sections)
        is_open = self.form.visible
        set_changed(self.place, disabled=is_open)
        for choice, one in self.buttons.items():
            may = pending is None and self.form.may(choice.kind, choice.mode)
            set_changed(one, disabled=is_open or not may)
        self.form.draw(confirm=self._armed.label(_cells(self._meant, self._desk)), pending=pending)

    def _pending(self, snapshot: Snapshot, sections: tuple[int, ...]) -> Command | None:
        commands = snapshot.line.commands
        asked = (commands.get(asked_of(section, WHOLE_SECTION)) for section in sections)
        return next((one for one in asked if one is not None and is_pending(one, snapshot)), None)

    def _arm(self, choice: Choice) -> None:
        """Ask for the reason; what is meant is what is chosen now."""
        self._armed, self._meant = choice, self.place.value
        self.form.open()

    def _wish(self) -> Wish | str:
        sections = self._places.get(self._meant)
        if sections is None:
            return "Choose a section, or the whole line."
        return Wish(
            self._armed.kind,
            WHOLE_SECTION,
            self.form.reason.value,
            mode=self._armed.mode,
            sections=sections,
        )

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _places(layout: LineLayout) -> dict[str, tuple[int, ...]]:
    """Return what can be meant, and which sections that is."""
    numbers = range(len(layout.sections))
    return {LINE: tuple(numbers)} | {f"section {number}": (number,) for number in numbers}


def _place_words(name: str, desk: Desk) -> str:
    if name == LINE:
        return f"The whole line, {len(desk.layout.cells)} cells"
    cells = desk.layout.sections[int(name.removeprefix("section "))]
    return f"Section {name.removeprefix('section ')}, cells {cells[0]} to {cells[-1]}"


def _cells(name: str, desk: Desk) -> str:
    if name == LINE:
        return f"all {len(desk.layout.cells)} cells"
    return f"all cells of {name}"


def _head(snapshot: Snapshot, sections: tuple[int, ...]) -> str:
    cells = [cell for number in sections for cell in snapshot.layout.sections[number]]
    counts: dict[str, int] = {}
    for cell in cells:
        at = snapshot.layout.index[cell]
        shown = chip(snapshot.modes[at], is_old=bool(snapshot.is_mode_old[at]))
        counts[shown] = counts.get(shown, 0) + 1
    told = " &nbsp; ".join(f"{number} {shown}" for shown, number in counts.items())
    return f"<h2>Many cells at once</h2><p>{told}</p>"


def _obeyed(command: Command, snapshot: Snapshot) -> str:
    cells = snapshot.layout.sections[command.section]
    modes = [snapshot.modes[snapshot.layout.index[cell]] for cell in cells]
    told = ", ".join(
        f"{modes.count(mode)} in {mode or 'no mode yet'}" for mode in dict.fromkeys(modes)
    )
    return f"The guard obeyed; of {len(cells)} cells it has {told}."
