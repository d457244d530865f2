"""Which cell and how far back the trends go."""

from datetime import UTC, datetime
from typing import Final

from ui.drawing import Button, Div, InlineStyleSheet, LayoutDOM, RadioButtonGroup, Select, row
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk
from ui.panels.trends import trend_legend
from ui.snapshot import Snapshot

WINDOWS_H: Final = (0.25, 1.0, 4.0, 12.0)


class PickerPanel:
    """Cell before, cell after, any cell; the span of time in hours of the plant."""

    interval_s = 1.0

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        controls = [InlineStyleSheet(css=CONTROLS_CSS)]
        self._select = Select(
            options=[(str(number), f"Cell {number}") for number in desk.layout.cells],
            value=str(desk.selection.cell),
            width=120,
            stylesheets=controls,
        )
        before = Button(label="◀", width=48, stylesheets=controls, name="before")
        after = Button(label="▶", width=48, stylesheets=controls, name="after")
        before.on_click(lambda: self._step(-1))
        after.on_click(lambda: self._step(1))
        self._select.on_change("value", lambda _a, _o, new: desk.selection.choose(cell=int(new)))
        self._window = RadioButtonGroup(
            labels=["15 min", "1 h", "4 h", "12 h"],
            active=WINDOWS_H.index(desk.selection.window_h),
            stylesheets=controls,
        )
        self._window.on_change("active", self._span_chosen)
        self._t_plant_s = 0.0
        self._earlier = Button(label="earlier", width=76, stylesheets=controls, name="earlier")
        self._later = Button(
            label="later", width=64, stylesheets=controls, name="later", disabled=True
        )
        self._earlier.on_click(lambda: self._move(-0.5))
        self._later.on_click(lambda: self._move(0.5))
        self._legend = Div(
            text=trend_legend(),
            disable_math=True,
            align="center",
            sizing_mode="stretch_width",
            margin=(5, 5, 5, 5),
            min_width=300,
            stylesheets=[InlineStyleSheet(css=PANEL_CSS)],
        )
        self._root: LayoutDOM = row(
            before,
            self._select,
            after,
            self._window,
            row(self._earlier, self._later),
            self._legend,
            sizing_mode="stretch_width",
            styles={"flex-wrap": "wrap"},
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._t_plant_s = snapshot.t_plant_s
        shown = str(self._desk.selection.cell)
        if self._select.value != shown:
            self._select.value = shown
        # Nothing chosen while the axis stands: so that every choice is a change.
        selection = self._desk.selection
        stands_at_s = selection.stands_at_s
        span = WINDOWS_H.index(selection.window_h) if stands_at_s is None else None
        if self._window.active != span:
            self._window.active = span
        words = trend_legend()
        if stands_at_s is not None:
            until = datetime.fromtimestamp(stands_at_s, UTC).strftime("%d %b %H:%M")
            words = (
                f'<div class="status">The trends stand still, until {until} plant time. Choose a '
                f"span to follow the plant again.</div>{words}"
            )
        if self._later.disabled != (stands_at_s is None):
            self._later.disabled = stands_at_s is None
        if self._legend.text != words:
            self._legend.text = words

    def _span_chosen(self, _attr: str, _old: int | None, new: int | None) -> None:
        if new is not None:
            self._desk.selection.choose(window_h=WINDOWS_H[new])

    def _move(self, spans: float) -> None:
        """Let the trends end some spans later, within what is kept."""
        selection, newest_s = self._desk.selection, self._t_plant_s
        if newest_s <= 0.0:
            return  # nothing has come yet
        end_s = newest_s if selection.stands_at_s is None else selection.stands_at_s
        end_s += spans * selection.window_h * 3600.0
        end_s = max(end_s, newest_s - WINDOWS_H[-1] * 3600.0)
        selection.stand_at(end_s if end_s < newest_s else None)

    def _step(self, by: int) -> None:
        cells = self._desk.layout.cells
        at = self._desk.layout.index[self._desk.selection.cell]
        self._desk.selection.choose(cell=cells[(at + by) % len(cells)])
