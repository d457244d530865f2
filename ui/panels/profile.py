"""The whole line in one curve: every cell's figure against the normal band."""

import numpy as np

from ui.drawing import (
    BoxAnnotation,
    ColumnDataSource,
    DataRange1d,
    Div,
    FixedTicker,
    InlineStyleSheet,
    LayoutDOM,
    NoOverlap,
    Range1d,
    Span,
    Whisker,
    column,
    figure,
)
from ui.markup import HIGH, LOW, MUTED, TEXT
from ui.panel import PANEL_CSS, Desk
from ui.quantities import Quantity, band
from ui.snapshot import Snapshot

_ALL_TICKS_UP_TO = 40  # cells; above, every tenth is labelled


class ProfilePanel:
    """A dot per cell with two standard deviations, the selected cell ringed."""

    interval_s = 1.0

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.source = ColumnDataSource(
            {name: [] for name in ("cell", "value", "lower", "upper", "colour")}
        )
        self._ring = ColumnDataSource({"cell": [], "value": []})
        self._normal = BoxAnnotation(
            fill_color="#dde2e4", fill_alpha=1.0, line_color=None, level="underlay"
        )
        self._here = Span(dimension="height", line_color="#9aa3a9", line_width=1)
        self._title = Div(text="", disable_math=True, stylesheets=[InlineStyleSheet(css=PANEL_CSS)])
        cells = desk.layout.cells
        self._y_range = DataRange1d(range_padding=0.25)
        plot = figure(
            height=210,
            sizing_mode="stretch_width",
            tools="",
            x_range=Range1d(start=cells[0] - 0.6, end=cells[-1] + 0.6),
            y_range=self._y_range,
        )
        ticks = cells if len(cells) <= _ALL_TICKS_UP_TO else [n for n in cells if n % 10 == 0]
        plot.xaxis.ticker = FixedTicker(ticks=list(ticks))
        plot.xaxis.major_label_policy = NoOverlap(min_distance=4)
        plot.xaxis.axis_label = "cell"
        plot.xgrid.visible = False
        plot.add_layout(self._normal)
        plot.add_layout(self._here)
        plot.add_layout(
            Whisker(
                base="cell", lower="lower", upper="upper", source=self.source,
                line_color="#9aa3a9", upper_head=None, lower_head=None, level="underlay",
            )
        )  # fmt: skip
        dots = plot.scatter(
            "cell", "value", source=self.source, size=8, fill_color="colour", line_color=None
        )
        plot.scatter(
            "cell", "value", source=self._ring, size=15, fill_color=None, line_color="#11181d",
            line_width=2,
        )  # fmt: skip
        self._y_range.renderers = [dots]
        self._axis = plot.yaxis[0]
        self._root: LayoutDOM = column(self._title, plot, sizing_mode="stretch_width", spacing=0)

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        quantity = self._desk.quantity(self._desk.selection.quantity)
        value = snapshot.fresh(quantity.column)
        low, high = band(quantity, value)
        spread = self._spread(snapshot, quantity)
        self.source.data = {
            "cell": np.asarray(snapshot.layout.cells),
            "value": value,
            "lower": value - spread,
            "upper": value + spread,
            "colour": [LOW if v < low else HIGH if v > high else TEXT for v in value],
        }
        cell = self._desk.selection.cell
        here = value[snapshot.layout.index[cell]]
        self._ring.data = {"cell": [cell], "value": [here]}
        self._here.location = cell
        self._normal.bottom, self._normal.top = _or_none(low), _or_none(high)
        if self._axis.axis_label != quantity.unit:
            self._axis.axis_label = quantity.unit
            self._y_range.min_interval = quantity.smallest_span
        worst = self._worst(value, low, high)
        note = "whiskers: ± 2 standard deviations of the estimate" if spread.any() else ""
        title = f"<h2>{quantity.title} along the line<small>{worst}{note}</small></h2>"
        if title != self._title.text:
            self._title.text = title

    def _spread(self, snapshot: Snapshot, quantity: Quantity) -> np.ndarray:
        if quantity.measured is not None:
            return np.zeros(len(snapshot.layout.cells))
        return np.nan_to_num(2.0 * snapshot.value(quantity.sd_column))

    def _worst(self, value: np.ndarray, low: float, high: float) -> str:
        outside = int(((value < low) | (value > high)).sum())
        if not outside:
            return ""
        return f'<span style="color:{MUTED}">{outside} outside the normal band · </span>'


def _or_none(figure_: float) -> float | None:
    return figure_ if np.isfinite(figure_) else None
