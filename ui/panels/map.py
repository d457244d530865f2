"""The line as a deviation map: a square per cell, grey while normal."""

from typing import Any, Final

import numpy as np
from bokeh.events import Tap

from control.events import Priority
from control.modes import Mode
from ui.drawing import (
    ColumnDataSource,
    Div,
    InlineStyleSheet,
    LayoutDOM,
    RadioButtonGroup,
    Range1d,
    column,
    figure,
    row,
)
from ui.layout import place_squares
from ui.markup import HIGH, LOW, MODE_LETTER, MUTED, NORMAL, PRIORITY_COLOUR, TEXT
from ui.panel import CONTROLS_CSS, PANEL_CSS, Desk
from ui.quantities import MAP_QUANTITIES, Quantity, band, deviation
from ui.snapshot import Snapshot

_STALE_FILL: Final = "#dfe3e4"
_MARKER: Final = {
    Priority.HIGH: "square",
    Priority.MEDIUM: "triangle",
    Priority.LOW: "circle",
}
_LARGE_UP_TO: Final = 14  # columns; more, and squares and their text are small
_SQUASH: Final = 0.86  # height of a large square by its width: all of the line fits one screen
_SQUARE_PX: Final = 74  # least width of a square whose text does not overlap
_SMALL_PX: Final = 34
_MOST_NEEDED_PX: Final = 880  # what a desk has
_URGENCY: Final = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)


class MapPanel:
    """Cell squares in their rows; a click selects the cell for the whole page."""

    interval_s = 1.0

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        squares = place_squares(len(desk.layout.cells))
        self._x, self._y = squares.x, squares.y
        count = len(desk.layout.cells)
        self.source = ColumnDataSource(
            {
                "x": squares.x,
                "y": squares.y,
                "number_x": squares.x - 0.40,
                "letter_x": squares.x + 0.31,
                "upper_y": squares.y + 0.30,
                "mark_x": squares.x - 0.29,
                "lower_y": squares.y - 0.29,
                "number": [str(number) for number in desk.layout.cells],
                "fill": [_STALE_FILL] * count,
                "ink": [TEXT] * count,
                "hatch": [" "] * count,
                "value": ["?"] * count,
                "letter": ["–"] * count,
                "letter_ink": [TEXT] * count,
                "letter_fill": ["#ffffff00"] * count,
                "letter_edge": ["#ffffff00"] * count,
                "mark": ["square"] * count,
                "mark_fill": ["#ffffff00"] * count,
                "mark_text": [""] * count,
                "mark_ink": ["#ffffff"] * count,
            }
        )
        self._ring = ColumnDataSource({"x": [], "y": []})
        self._choice = RadioButtonGroup(
            labels=[desk.quantity(name).short for name in MAP_QUANTITIES],
            active=MAP_QUANTITIES.index(desk.selection.quantity),
            stylesheets=[InlineStyleSheet(css=CONTROLS_CSS)],
        )
        self._choice.on_change("active", self._chosen)
        sheet = [InlineStyleSheet(css=PANEL_CSS)]
        self._title = Div(
            text="",
            disable_math=True,
            sizing_mode="stretch_width",
            align="center",
            min_width=220,
            stylesheets=sheet,
        )
        self._legend = Div(
            text=_legend(), disable_math=True, sizing_mode="stretch_width", stylesheets=sheet
        )
        self._root: LayoutDOM = column(
            row(
                self._title,
                self._choice,
                sizing_mode="stretch_width",
                styles={"flex-wrap": "wrap"},
            ),
            # On a narrow screen the line is moved sideways rather than made too small to read.
            row(
                self._draw(squares.columns, squares.height),
                sizing_mode="stretch_width",
                styles={"overflow-x": "auto"},
            ),
            self._legend,
            sizing_mode="stretch_width",
            spacing=6,
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        quantity = self._desk.quantity(self._desk.selection.quantity)
        value = snapshot.fresh(quantity.column)
        self._patch(self._columns(snapshot, quantity, value))
        low, high = band(quantity, value)
        about = f" (median of the line ± {quantity.text(quantity.high)})"
        title = (
            f"<h2>{quantity.title}, {quantity.unit}"
            f"<small>grey: {quantity.text(low)} to {quantity.text(high)}"
            f"{about if quantity.is_relative else ''}</small></h2>"
        )
        if title != self._title.text:
            self._title.text = title
        at = self._desk.layout.index[self._desk.selection.cell]
        ring = {"x": [self._x[at]], "y": [self._y[at]]}
        if ring != self._ring.data:
            self._ring.data = ring

    def _columns(
        self, snapshot: Snapshot, quantity: Quantity, value: np.ndarray
    ) -> dict[str, list[str]]:
        off = deviation(quantity, value)
        dead = ~np.isfinite(value)
        worst = _worst(snapshot)
        fills = [_STALE_FILL if dead[i] else colour_of(off[i]) for i in range(len(off))]
        old = snapshot.is_mode_old
        normal = [mode in {Mode.AUTO, None} for mode in snapshot.modes]
        return {
            "fill": fills,
            "ink": [
                "#ffffff" if not gone and abs(by) > 0.6 else TEXT
                for gone, by in zip(dead, off, strict=True)
            ],
            "hatch": ["/" if dead[i] else " " for i in range(len(off))],
            "value": ["?" if dead[i] else quantity.text(value[i]) for i in range(len(off))],
            "letter": [
                MODE_LETTER[mode] + ("?" if is_old and mode is not None else "")
                for mode, is_old in zip(snapshot.modes, old, strict=True)
            ],
            "letter_ink": [
                MUTED if mode is Mode.AUTO or is_old else TEXT
                for mode, is_old in zip(snapshot.modes, old, strict=True)
            ],
            "letter_fill": ["#ffffff00" if ok else "#ffffff" for ok in normal],
            "letter_edge": [
                "#ffffff00" if ok else MUTED if is_old else TEXT
                for ok, is_old in zip(normal, old, strict=True)
            ],
            "mark": [_MARKER[worst[n]] if n in worst else "square" for n in snapshot.layout.cells],
            "mark_fill": [
                PRIORITY_COLOUR[worst[n]] if n in worst else "#ffffff00"
                for n in snapshot.layout.cells
            ],
            "mark_ink": [
                TEXT if worst.get(n) is Priority.LOW else "#ffffff" for n in snapshot.layout.cells
            ],
            "mark_text": [
                str(_URGENCY.index(worst[n]) + 1) if n in worst else ""
                for n in snapshot.layout.cells
            ],
        }

    def _patch(self, columns: dict[str, list[str]]) -> None:
        """Send the entries that changed, and those only."""
        changes: dict[str, list[tuple[int, Any]]] = {}
        for name, fresh in columns.items():
            shown = self.source.data[name]
            changed = [(i, new) for i, new in enumerate(fresh) if new != shown[i]]
            if changed:
                changes[name] = changed
        if changes:
            self.source.patch(changes)

    def _draw(self, columns: int, height: float) -> Any:
        is_large = columns <= _LARGE_UP_TO
        squash = _SQUASH if is_large else 1.0
        plot = figure(
            sizing_mode="scale_width",
            width=100 * columns,
            min_width=min((_SQUARE_PX if is_large else _SMALL_PX) * columns, _MOST_NEEDED_PX),
            height=round(100 * height * squash),
            aspect_ratio=(columns + 0.1) / ((height + 0.1) * squash),
            x_range=Range1d(start=-0.05, end=columns + 0.05),
            y_range=Range1d(start=-0.05, end=height + 0.05),
            tools="",
            min_border=0,
            min_border_left=0,
            min_border_right=0,
        )
        plot.axis.visible = False
        plot.grid.visible = False
        big, small = ("20px", "13px") if is_large else ("13px", "10px")
        mark = 17 if is_large else 11
        plot.rect(
            "x", "y", 0.94, 0.94, source=self.source, fill_color="fill", line_color=None,
            hatch_pattern="hatch", hatch_color="#9aa3a9", hatch_alpha=0.7, hatch_scale=10,
            border_radius=3,
        )  # fmt: skip
        plot.rect(
            "x", "y", 0.94, 0.94, source=self._ring, fill_color=None, line_color="#11181d",
            line_width=3, border_radius=3,
        )  # fmt: skip
        plot.text(
            "x", "y", text="value", source=self.source, text_color="ink", text_font_size=big,
            text_font_style="bold", text_align="center", text_baseline="middle",
        )  # fmt: skip
        plot.text(
            "number_x", "upper_y", text="number", source=self.source, text_color="ink",
            text_font_size=small, text_alpha=0.85, text_align="left", text_baseline="middle",
        )  # fmt: skip
        plot.text(
            "letter_x", "upper_y", text="letter", source=self.source, text_color="letter_ink",
            text_font_size=small, text_font_style="bold", text_align="center",
            text_baseline="middle",
            background_fill_color="letter_fill", border_line_color="letter_edge",
            border_radius=2, padding=3,
        )  # fmt: skip
        plot.scatter(
            "mark_x", "lower_y", source=self.source, marker="mark", size=mark,
            fill_color="mark_fill", line_color=None,
        )  # fmt: skip
        plot.text(
            "mark_x", "lower_y", text="mark_text", source=self.source,
            text_font_size="11px" if is_large else "8px",
            text_color="mark_ink", text_font_style="bold", text_align="center",
            text_baseline="middle",
        )  # fmt: skip
        plot.on_event(Tap, self._tapped)
        return plot

    def _tapped(self, event: Any) -> None:
        if event.x is None or event.y is None:
            return
        distance = np.maximum(np.abs(self._x - event.x), np.abs(self._y - event.y))
        nearest = int(np.argmin(distance))
        if distance[nearest] <= 0.5:
            self._desk.selection.choose(cell=self._desk.layout.cells[nearest])

    def _chosen(self, _attr: str, _old: int, new: int) -> None:
        self._desk.selection.choose(quantity=MAP_QUANTITIES[new])


def colour_of(off: float) -> str:
    """Return the colour of a deviation in -1..1: blue below, grey within, orange above."""
    end = LOW if off < 0 else HIGH
    share = abs(float(off))
    start_rgb, end_rgb = _rgb(NORMAL), _rgb(end)
    mixed = (round(a + (b - a) * share) for a, b in zip(start_rgb, end_rgb, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _worst(snapshot: Snapshot) -> dict[int, Priority]:
    """Return the most urgent active event of each cell that has one; one that is kept quiet
    marks none."""
    worst: dict[int, Priority] = {}
    for event in (alarm.event for alarm in snapshot.told):
        if event.cell is None or event.priority not in _URGENCY:
            continue
        known = worst.get(event.cell)
        if known is None or _URGENCY.index(event.priority) < _URGENCY.index(known):
            worst[event.cell] = event.priority
    return worst


def _legend() -> str:
    order = tuple(mode for mode in MODE_LETTER if mode is not None)
    letters = "".join(f"<span><b>{MODE_LETTER[mode]}</b> {mode.lower()}</span>" for mode in order)
    scale = "".join(
        f'<rect x="{16 * i}" width="15" height="12" fill="{colour_of(off)}"/>'
        for i, off in enumerate((-1.0, -0.5, 0.0, 0.5, 1.0))
    )
    return (
        f'<div class="legend"><span><svg width="80" height="12">{scale}</svg>'
        "below – normal – above</span>"
        '<span><svg width="16" height="12"><rect width="16" height="12" fill="#dfe3e4"/>'
        '<path d="M0 12 12 0M6 12 16 2M0 6 6 0" stroke="#9aa3a9"/></svg>? no fresh value</span>'
        f"{letters}</div>"
    )
