"""The trends of the selected cell: measured, estimated, asked for, applied."""

from typing import Any, Final

import numpy as np

from ui.drawing import (
    BoxAnnotation,
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    DatetimeTickFormatter,
    LayoutDOM,
    Range1d,
    Span,
    figure,
    row,
)
from ui.panel import Desk
from ui.picture import TrendRow
from ui.quantities import TREND_QUANTITIES, Quantity
from ui.snapshot import Snapshot
from ui.trend import COARSE, FINE, joined

ESTIMATE: Final = "#1f4e79"
BAND: Final = "#b8c7d6"
MEASURED: Final = "#8b959b"
APPLIED: Final = "#263038"
ASKED: Final = "#7a4a86"
_TWO_A_ROW: Final = {"flex": "1 1 45%", "min-width": "320px"}  # one on a narrow screen
_HOUR_MS: Final = 3_600_000.0
_MOST_SHOWN: Final = 2 * (FINE.length + COARSE.length)  # rows in the browser


class TrendsPanel:
    """Six plots on one axis of plant time; the newest rows are streamed, and all are sent again
    only for another cell, after a gap, and when the fine rows of the past have become too many.

    The axis is moved with the picker: a plot that could be dragged would keep the page of a
    telephone from scrolling.
    """

    interval_s = 1.0

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._quantities = [desk.quantity(name) for name in TREND_QUANTITIES]
        self._shown: tuple[int, int, int] | None = None  # cell, life, number of the newest row
        self.source = ColumnDataSource({name: [] for name in self._names()})
        self._x_range = Range1d(start=0.0, end=1.0)
        self._pointer = Span(dimension="height", line_color="#56626a", line_width=1)
        self._root: LayoutDOM = row(
            *(self._plot(quantity) for quantity in self._quantities),
            sizing_mode="stretch_width",
            styles={"flex-wrap": "wrap", "gap": "10px 6px"},
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        cell = self._desk.selection.cell
        section, position = snapshot.layout.place[cell]
        rows = snapshot.trends.get(section, ())
        past = snapshot.history.get(section, ())
        newest = rows[-1].number if rows else -1
        if self._shown is None or self._shown[:2] != (cell, snapshot.life):
            self.source.data = self._table(joined(past, rows), position)
        elif newest != self._shown[2]:
            fresh = tuple(row for row in rows if row.number > self._shown[2])
            is_gap = len(fresh) == len(rows) or fresh[0].number != self._shown[2] + 1
            if is_gap or len(self.source.data["t"]) + len(fresh) > _MOST_SHOWN:
                self.source.data = self._table(joined(past, rows), position)
            else:
                self.source.stream(self._table(fresh, position))
        self._shown = (cell, snapshot.life, newest)
        if rows:
            self._place(rows[-1].t_plant_s)

    def _place(self, newest_s: float) -> None:
        selection = self._desk.selection
        end = 1000.0 * (newest_s if selection.stands_at_s is None else selection.stands_at_s)
        start = end - selection.window_h * _HOUR_MS
        if (self._x_range.start, self._x_range.end) != (start, end):
            self._x_range.update(start=start, end=end)

    def _names(self) -> list[str]:
        names = ["t"]
        for quantity in self._quantities:
            names += [f"{quantity.name}.{kind}" for kind in _kinds(quantity)]
        return names

    def _table(self, rows: tuple[TrendRow, ...], position: int) -> dict[str, Any]:
        values = (
            np.stack([row.values[position] for row in rows]).astype(np.float64)
            if rows
            else np.zeros((0, len(self._desk.columns)))
        )
        at = {column: i for i, column in enumerate(self._desk.columns)}
        table: dict[str, Any] = {"t": np.array([row.t_plant_s * 1000.0 for row in rows])}
        for quantity in self._quantities:
            for kind, column in _kinds(quantity).items():
                if kind in {"lower", "upper"}:
                    middle = values[:, at[f"estimate.{quantity.estimated}"]]
                    spread = np.nan_to_num(2.0 * values[:, at[column]])
                    table[f"{quantity.name}.{kind}"] = (
                        middle - spread if kind == "lower" else middle + spread
                    )
                else:
                    table[f"{quantity.name}.{kind}"] = values[:, at[column]]
        return table

    def _plot(self, quantity: Quantity) -> Any:
        kinds = _kinds(quantity)
        plot = figure(
            height=232,
            sizing_mode="stretch_width",
            styles=_TWO_A_ROW,
            x_axis_type="datetime",
            x_range=self._x_range,
            y_range=DataRange1d(
                min_interval=quantity.smallest_span, range_padding=0.08, only_visible=True
            ),
            tools="",
            title=f"{quantity.title}, {quantity.unit}",
        )
        plot.add_tools(CrosshairTool(overlay=self._pointer, dimensions="height"))
        plot.xaxis.formatter = DatetimeTickFormatter(
            seconds="%H:%M:%S", minsec="%H:%M:%S", minutes="%H:%M", hourmin="%H:%M",
            hours="%H:%M", days="%d %b",
        )  # fmt: skip
        plot.xaxis.ticker.desired_num_ticks = 6
        plot.yaxis.ticker.desired_num_ticks = 5
        plot.xgrid.visible = False
        if not quantity.is_relative and quantity.setpoint is None:
            plot.add_layout(
                BoxAnnotation(
                    bottom=quantity.low, top=quantity.high, fill_color="#e3e8ea",
                    fill_alpha=1.0, line_color=None, level="underlay",
                )
            )  # fmt: skip
        name = quantity.name
        drawn = []
        if "lower" in kinds:
            drawn.append(
                plot.varea("t", f"{name}.lower", f"{name}.upper", source=self.source,
                           fill_color=BAND, fill_alpha=0.75)
            )  # fmt: skip
        if "measured" in kinds:
            drawn.append(
                plot.scatter("t", f"{name}.measured", source=self.source, size=3.5,
                             fill_color=MEASURED, line_color=None)
            )  # fmt: skip
        if "estimate" in kinds:
            drawn.append(
                plot.line("t", f"{name}.estimate", source=self.source, line_color=ESTIMATE,
                          line_width=2)
            )  # fmt: skip
        if "applied" in kinds:
            drawn.append(
                plot.step("t", f"{name}.applied", source=self.source, mode="after",
                          line_color=APPLIED, line_width=2)
            )  # fmt: skip
        if "asked" in kinds:
            drawn.append(
                plot.step("t", f"{name}.asked", source=self.source, mode="after",
                          line_color=ASKED, line_width=1.5, line_dash=[5, 4])
            )  # fmt: skip
        plot.y_range.renderers = drawn
        return plot


def _kinds(quantity: Quantity) -> dict[str, str]:
    """Return what is drawn of a quantity: kind -> column of the trend."""
    kinds: dict[str, str] = {}
    if quantity.estimated is not None:
        kinds["lower"] = kinds["upper"] = quantity.sd_column
        kinds["estimate"] = f"estimate.{quantity.estimated}"
    if quantity.measured is not None:
        kinds["measured"] = f"measured.{quantity.measured}"
    if quantity.setpoint is not None:
        kinds["asked"] = f"asked.{quantity.setpoint}"
        kinds["applied"] = f"applied.{quantity.setpoint}"
    return kinds


def trend_legend() -> str:
    """Return what the lines mean, once for all plots."""

    def entry(drawing: str, words: str) -> str:
        return f'<span><svg width="26" height="12">{drawing}</svg>{words}</span>'

    return (
        '<div class="legend">'
        + entry(
            "".join(f'<circle cx="{x}" cy="6" r="2" fill="{MEASURED}"/>' for x in (4, 13, 22)),
            "measured",
        )
        + entry(
            f'<rect width="26" height="12" fill="{BAND}"/>'
            f'<path d="M0 6h26" stroke="{ESTIMATE}" stroke-width="2"/>',
            "estimated ± 2 sd",
        )
        + entry(
            f'<path d="M0 6h26" stroke="{ASKED}" stroke-width="1.5" stroke-dasharray="5 4"/>',
            "asked",
        )
        + entry(f'<path d="M0 6h26" stroke="{APPLIED}" stroke-width="2"/>', "applied")
        + entry('<rect width="26" height="12" fill="#dde2e4"/>', "normal band")
        + "</div>"
    )
