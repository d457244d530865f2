"""The report of a calibration as one HTML file that needs nothing else: words, table, pictures."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ops.calibration_words import digits, figure_sentence, summary_sentence
from ops.report_shell import fill_page
from physics.calibration.calibrate import Calibration
from physics.calibration.history import CHANNEL_NAMES, CHANNELS
from physics.calibration.verdicts import FigureResult, Verdict
from physics.calibration.windows import STATES
from ui.drawing import Range1d, Span, column, figure

F64 = NDArray[np.float64]

_COLOUR: Final = {
    Verdict.IDENTIFIED: "#1f6f4a",
    Verdict.NARROWED: "#2b6cb0",
    Verdict.NOT_IDENTIFIABLE: "#8b959b",
}
_MEASURED, _BEFORE, _FITTED = "#8b959b", "#c8640f", "#1b3a57"
_WIDTH: Final = 1120
_MANY: Final = 30  # readings from which on a channel is a trend and no set of samples
_MOST_SHOWN: Final = 2000  # points of a trend; more are averaged
_UNITS: Final = {"_v": "V", "_c": "°C", "_wt_pct": "wt%", "_cm": "cm", "_mv": "mV"}
_STATE_NAMES: Final = {
    "alumina_wt_pct": "alumina in the bath",
    "ledge_cm": "ledge",
    "acd_cm": "anode-cathode distance",
    "feeder_efficiency": "share of the feed that arrives",
}


def report_page(calibration: Calibration, about: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        calibration: that converged.
        about: what to say of it: `plant_name`, `cell`, `history` and `plant_file` as words.
    """
    pictures = {
        "intervals": _intervals(calibration.figures),
        "trends": column(
            *(part for name in CHANNEL_NAMES for part in _channel(calibration, name)),
        ),
        "states": column(*(_state(calibration, name) for name in _STATE_NAMES)),
    }
    offset = calibration.temperature_offset_c
    rows = "".join(_row(result) for result in calibration.figures)
    noisier = [
        f"{channel.meaning} {calibration.inflation[at]:.1f} times"
        for at, channel in enumerate(CHANNELS)
        if calibration.inflation[at] > 1.05  # a twentieth is not worth a word
    ]
    notes = [
        f"Thermocouple: reads {abs(offset):.1f} °C too {'high' if offset > 0.0 else 'low'} by this "
        f"fit, give or take {1.96 * calibration.temperature_offset_sd_c:.1f}.",
        (
            "The model follows the history less closely than the noise of the instruments would "
            f"allow, and the intervals have been widened for it: {'; '.join(noisier)}."
            if noisier
            else "The model follows the history as closely as the noise of the instruments allows."
        ),
    ]
    if calibration.held_bins:
        notes.append(
            f"{calibration.held_bins} bins of {len(calibration.t_plant_s)} lacked a reading of "
            "current, feed or beam, which was taken to be as before."
        )
    return fill_page(
        _MAIN,
        title=f"Calibration of cell {about['cell']} of {about['plant_name']}",
        where=f"{about['plant_name']} · cell {about['cell']}",
        pictures=pictures,
        cell=escape(str(about["cell"])),
        origin=escape(
            f"{calibration.hours:.1f} h of history from {about['history']}; before: "
            f"{about['plant_file']}"
        ),
        summary=escape(summary_sentence(calibration.figures)),
        notes="".join(f"<p>{escape(note)}</p>" for note in notes),
        rows=rows,
    )


def _row(result: FigureResult) -> str:
    spread = result.high - result.low
    cells = [
        f"<td><b>{escape(result.figure.meaning)}</b><br><code>cell.{escape(result.figure.key)}"
        "</code></td>",
        f'<td class="num">{result.before:g}</td>',
        f'<td class="num"><b>{digits(result.value, spread)}</b></td>',
        f'<td class="num">{digits(result.low, spread)} to {digits(result.high, spread)}</td>',
        f'<td><i style="background:{_COLOUR[result.verdict]}"></i>{escape(result.verdict.words)}'
        f'<br><span class="muted">{escape(figure_sentence(result))}</span></td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _intervals(results: tuple[FigureResult, ...]) -> Any:
    """Every figure's interval, as a share of the plant file's value, before and after."""
    names = [result.figure.meaning for result in results][::-1]
    plot = figure(
        y_range=names,
        width=_WIDTH,
        height=60 + 26 * len(names),
        x_axis_label="change from the plant file, %",
        tools="",
    )
    plot.ygrid.grid_line_color = None
    for result in results:
        at = result.figure.meaning
        half = 100.0 * (math.exp(1.96 * result.figure.prior_sd) - 1.0)
        plot.hbar(y=[at], left=[-half], right=[half], height=0.62, color="#dfe3e5", line_color=None)
        ends = sorted(100.0 * (end / result.before - 1.0) for end in (result.low, result.high))
        colour = _COLOUR[result.verdict]
        plot.hbar(
            y=[at], left=[ends[0]], right=[ends[1]], height=0.28, color=colour, line_color=None
        )
        middle = 100.0 * (result.value / result.before - 1.0)
        plot.scatter(
            x=[middle], y=[at], size=9, fill_color="white", line_color=colour, line_width=2
        )
    plot.add_layout(Span(location=0.0, dimension="height", line_color="#56626a", line_width=1))
    return plot


def _channel(calibration: Calibration, name: str) -> list[Any]:
    """What was measured, by the plant file and as fitted; and, for trends, what is left."""
    at = CHANNEL_NAMES.index(name)
    measured = calibration.measured[:, at]
    is_read = np.isfinite(measured)
    if not is_read.any():
        return []
    hours = (calibration.t_plant_s - calibration.t_plant_s[0]) / 3600.0
    is_trend = is_read.sum() > _MANY
    plot = figure(
        width=_WIDTH,
        height=250,
        title=CHANNELS[at].meaning,
        x_axis_label="" if is_trend else "hours",
        y_axis_label=_unit(name),
        tools="xpan,xwheel_zoom,reset",
        toolbar_location="right",
    )
    plot.toolbar.logo = None
    if is_trend:
        plot.line(*_thin(hours, measured), color=_MEASURED, line_width=3, legend_label="measured")
    else:
        plot.segment(
            x0=hours[is_read],
            x1=hours[is_read],
            y0=(measured - calibration.sd[:, at])[is_read],
            y1=(measured + calibration.sd[:, at])[is_read],
            color=_MEASURED,
        )
        plot.scatter(
            x=hours[is_read],
            y=measured[is_read],
            size=7,
            color=_MEASURED,
            legend_label="measured, with its sd",
        )
    plot.line(
        *_thin(hours, calibration.before[:, at]),
        color=_BEFORE,
        line_dash="dashed",
        legend_label="plant file, states fitted",
    )
    plot.line(*_thin(hours, calibration.fitted[:, at]), color=_FITTED, legend_label="fitted")
    lines = (calibration.before[:, at], calibration.fitted[:, at])
    shown = np.concatenate([measured[is_read], *lines])
    # The voltage of an anode effect would leave no room for the rest; a sample is always shown.
    low, high = np.quantile(shown, [0.002, 0.998] if is_trend else [0.0, 1.0])
    margin = 0.12 * (high - low) + 1e-9
    plot.y_range = Range1d(low - margin, high + 2.2 * margin)
    _tidy_legend(plot)
    if not is_trend:
        return [plot]
    left = figure(
        width=_WIDTH,
        height=150,
        x_range=plot.x_range,
        x_axis_label="hours",
        y_axis_label=f"left over, {_unit(name)}",
        tools="",
    )
    left.line(*_thin(hours, measured - calibration.before[:, at]), color=_BEFORE)
    left.line(*_thin(hours, measured - calibration.fitted[:, at]), color=_FITTED)
    left.add_layout(Span(location=0.0, dimension="width", line_color="#56626a", line_width=1))
    return [plot, left]


def _state(calibration: Calibration, name: str) -> Any:
    hours = (calibration.t_plant_s - calibration.t_plant_s[0]) / 3600.0
    plot = figure(
        width=_WIDTH,
        height=170,
        title=_STATE_NAMES[name],
        x_axis_label="hours",
        y_axis_label=_unit(name) or "share",
        tools="",
    )
    plot.line(*_thin(hours, calibration.states[:, STATES.index(name)]), color=_FITTED)
    return plot


def _tidy_legend(plot: Any) -> None:
    legend = plot.legend[0]
    legend.orientation = "horizontal"
    legend.location = "top_left"
    legend.background_fill_alpha = 0.0
    legend.border_line_color = None
    legend.label_text_font_size = "11px"
    legend.padding = 2


def _unit(name: str) -> str:
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def _thin(hours: F64, values: F64) -> tuple[F64, F64]:
    """Average neighbours, so that a history of weeks still makes a page of some megabytes."""
    group = math.ceil(len(hours) / _MOST_SHOWN)
    count = len(hours) // group * group
    return hours[:count].reshape(-1, group).mean(1), values[:count].reshape(-1, group).mean(1)


_MAIN: Final = """<h1>What the history says of cell {cell}</h1>
<section><p><b>{summary}</b></p><p class="muted">{origin}</p>{notes}</section>
<section><h2>Figures</h2>
<table><thead><tr><th>figure</th><th class="num">plant file</th><th class="num">fitted</th>
<th class="num">95 %</th><th>what this history can tell</th></tr></thead>
<tbody>{rows}</tbody></table></section>
<section><h2>Intervals</h2>
<p class="muted">Pale: what was held possible beforehand. Dark: what is left with the history, at
95 %. A figure whose dark bar fills its pale one has not been told.</p>{intervals}</section>
<section><h2>Measured, by the plant file, and fitted</h2>
<p class="muted">By the plant file: its figures, with the states of the cell fitted every hour, so
that what is seen is what the figures alone cannot follow.</p>{trends}</section>
<section><h2>States of the cell, as fitted</h2>{states}</section>
"""
