"""The schedule of a line's current as one HTML file that needs nothing else."""

from html import escape
from typing import Any, Final

import numpy as np

from control.line_current import LineSchedule
from ops.line_schedule import Market
from ops.report_shell import fill_page
from ui.drawing import column, figure

_WIDTH: Final = 1080


def schedule_page(title: str, market: Market, plan: LineSchedule) -> str:
    """Return the page.

    Args:
        title: of the line.
        market: price and limit of every hour.
        plan: with a schedule.
    """
    return fill_page(
        _MAIN,
        title=title,
        where=title,
        pictures={"div": _pictures(market, plan)},
        reason=escape(plan.reason),
        price=f"{plan.metal_price_per_t:.0f}",
    )


def _pictures(market: Market, plan: LineSchedule) -> Any:
    edges = np.arange(len(plan.current_ka) + 1, dtype=np.float64)
    current = _plot("line current, kA")
    _steps(current, edges, plan.current_ka, "#1b3a57", "planned")
    power = _plot("power, MW", current.x_range)
    _steps(power, edges, plan.power_mw, "#1b3a57", "planned")
    limited = np.flatnonzero(np.isfinite(market.limit_mw))
    if len(limited):
        at = market.limit_mw[limited]
        power.segment(
            x0=edges[limited], x1=edges[limited + 1], y0=at, y1=at,
            line_color="#b3261e", line_width=3, legend_label="limit",
        )  # fmt: skip
    price = _plot("price per MWh", current.x_range)
    _steps(price, edges, market.price_per_mwh, "#c8640f", "price")
    price.xaxis.axis_label = "hour from now"
    return column(current, power, price)


def _plot(label: str, x_range: Any = None) -> Any:
    shared = {} if x_range is None else {"x_range": x_range}
    return figure(width=_WIDTH, height=210, y_axis_label=label, tools="", **shared)


def _steps(plot: Any, edges: Any, values: Any, colour: str, name: str) -> None:
    plot.step(
        x=edges, y=[*values, values[-1]], mode="after", line_color=colour, line_width=2,
        legend_label=name,
    )  # fmt: skip
    plot.add_layout(plot.legend[0], "right")


_MAIN: Final = """<h1>Current of the line</h1>
<section><p>{reason}</p><p class="muted">The last tonne costs {price}. Nothing is written: the
current is set by the rectifier's operator.</p></section>
<section>{div}</section>
"""
