"""Which cell and how far back the trends go."""

from typing import Final

from ui.drawing import Button, Div, InlineStyleSheet, LayoutDOM, RadioButtonGroup, Select, row
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk
from ui.panels.trends import trend_legend
from ui.snapshot import Snapshot

WINDOWS_H: Final = (0.25, 1.0, 4.0, 12.0)
_STANDING: Final = (
    '<div class="status">The trends stand where you moved them. Choose a span to follow the plant '
    "again.</div>"
)


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
        self._legend = Div(
            text=trend_legend(),
            disable_math=True,
            align="center",
            sizing_mode="stretch_width",
            margin=(5, 5, 5, 24),
            stylesheets=[InlineStyleSheet(css=PANEL_CSS)],
        )
        self._root: LayoutDOM = row(
            before, self._select, after, self._window, self._legend, sizing_mode="stretch_width"
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, _snapshot: Snapshot) -> None:
        shown = str(self._desk.selection.cell)
        if self._select.value != shown:
            self._select.value = shown
        # Nothing chosen while the axis stands where a person moved it: so that every choice is one.
        follows = self._desk.selection.is_following
        span = WINDOWS_H.index(self._desk.selection.window_h) if follows else None
        if self._window.active != span:
            self._window.active = span
        words = trend_legend() if follows else _STANDING + trend_legend()
        if self._legend.text != words:
            self._legend.text = words

    def _span_chosen(self, _attr: str, _old: int | None, new: int | None) -> None:
        if new is not None:
            self._desk.selection.choose(window_h=WINDOWS_H[new])

    def _step(self, by: int) -> None:
        cells = self._desk.layout.cells
        at = self._desk.layout.index[self._desk.selection.cell]
        self._desk.selection.choose(cell=cells[(at + by) % len(cells)])
