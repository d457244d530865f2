"""A what-if as one HTML file that needs nothing else: words, table, pictures."""

from html import escape
from typing import Any, Final

import numpy as np

from ops.report_shell import fill_page
from ops.whatif.run import CourseName, WhatIf
from ops.whatif.words import (
    QUANTITIES,
    TITLES,
    course_sentences,
    energy_sentence,
    interlock_sentences,
    risk_sentence,
    verdict,
)
from physics.signals import SETPOINTS
from ui.drawing import Range1d, Span, column, figure, row

COLOUR: Final = {
    CourseName.HOLD: "#8b959b",
    CourseName.OVERRIDE: "#c8640f",
    CourseName.MPC: "#1b3a57",
}
_HALF: Final = 552
_HEIGHT: Final = 210
_POINTS: Final = 400
_DRAWN: Final = ("alumina_wt_pct", "superheat_c", "acd_cm", "ledge_cm", "cell_voltage_v")
_WITH_BAND: Final = ("alumina_wt_pct", "superheat_c")  # the others' doubt is that of their level
_MOST_ENDED: Final = 0.5  # beyond, a band would tell of the lucky ones only


def report_page(found: WhatIf) -> str:
    """Return the page."""
    words = {name: (word, unit) for name, word, unit, _ in QUANTITIES}
    plots = [
        *(_course(found, name, *words[name]) for name in _DRAWN),
        _risk(found),
        *(
            _setpoint(found, name, title)
            for name, title in zip(SETPOINTS, ("feed, kg/h", "beam, mm"), strict=True)
        ),
    ]
    pictures = column(*(row(*plots[at : at + 2]) for at in range(0, len(plots), 2)))
    given = ", ".join(str(one) for one in found.given.values())
    return fill_page(
        _MAIN,
        title=f"What if {given}, cell {found.cell}",
        where=f"{found.plant.name} · cell {found.cell} · what if",
        pictures={"pictures": pictures},
        verdict=escape(verdict(found)),
        origin=escape(f"{found.hours[-1]:g} h on the twin, from {found.start.origin}."),
        said="".join(
            f"<p>{escape(sentence)}</p>"
            for sentence in (
                *interlock_sentences(found),
                energy_sentence(found),
                risk_sentence(found),
            )
        ),
        bounds="".join(
            f"<tr><td style='white-space:nowrap'><i style='background:{COLOUR[name]}'></i>"
            f"{escape(TITLES[name])}</td>"
            f"<td>{'<br>'.join(map(escape, course_sentences(found, name)))}</td></tr>"
            for name in CourseName
        ),
        heads="".join(f"<th class='num'>{escape(TITLES[name])}</th>" for name in CourseName),
        rows="".join(_rows(found)),
        mpc=escape(found.mpc_reason),
    )


def _rows(found: WhatIf) -> list[str]:
    rows = []
    for quantity, words, unit, digits in QUANTITIES:
        now = found.courses[CourseName.HOLD].shown[quantity][0]
        ends = [f"{found.courses[name].last(quantity):.{digits}f}" for name in CourseName]
        rows.append((f"{words} <span class='muted'>{unit}</span>", f"{now:.{digits}f}", *ends))
    courses = [found.courses[name] for name in CourseName]
    energy = [f"{course.energy_kwh_per_kg:.2f}" for course in courses]
    rows.append(("energy over the hours <span class='muted'>kWh/kg DC</span>", "", *energy))
    metal = [f"{course.metal_kg:.0f}" for course in courses]
    rows.append(("metal <span class='muted'>kg</span>", "", *metal))
    return [
        f"<tr><td>{cells[0]}</td>"
        + "".join(f"<td class='num'>{cell}</td>" for cell in cells[1:])
        + "</tr>"
        for cells in rows
    ]


def _thin(found: WhatIf) -> slice:
    return slice(None, None, max(len(found.hours) // _POINTS, 1))


def _course(found: WhatIf, quantity: str, words: str, unit: str) -> Any:
    plot = _plot(f"{words}, {unit}")
    thin = _thin(found)
    hours = found.hours[thin]
    seen = []
    for name in (CourseName.HOLD, CourseName.OVERRIDE):
        if quantity not in _WITH_BAND:
            continue
        course = found.courses[name]
        there = course.probability[thin] <= _MOST_ENDED
        band = [ends[quantity][thin][there] for ends in (course.low, course.high)]
        seen += band
        plot.varea(x=hours[there], y1=band[0], y2=band[1], fill_color=COLOUR[name], fill_alpha=0.13)
    for name in CourseName:
        values = found.courses[name].shown[quantity][thin]
        seen.append(values)
        plot.line(hours, values, color=COLOUR[name], line_width=2, legend_label=TITLES[name])
        _mark_end(plot, found, name, quantity)
    shown = np.concatenate(seen)
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    bounds = [bound.value for bound in found.bounds if bound.quantity == quantity]
    if quantity == "alumina_wt_pct":
        bounds.append(found.plant.cell.bath.anode_effect_alumina_wt_pct)
    for value in bounds:
        # Bounds that are far away would flatten what there is to be seen.
        if low - (high - low) <= value <= high + (high - low):
            low, high = min(low, value), max(high, value)
        plot.add_layout(
            Span(location=value, dimension="width", line_color="#a33", line_dash="dashed")
        )
    margin = 0.08 * (high - low) + 1e-6
    plot.y_range = Range1d(low - margin, high + margin)
    _tidy(plot)
    return plot


def _mark_end(plot: Any, found: WhatIf, name: CourseName, quantity: str) -> None:
    ends_h = found.courses[name].anode_effect_h
    if ends_h is not None:
        plot.scatter(
            x=[ends_h],
            y=[found.courses[name].last(quantity)],
            marker="x",
            size=11,
            line_width=3,
            color="#a33",
        )


def _risk(found: WhatIf) -> Any:
    plot = _plot("anode effect by then if nobody acts, %")
    thin = _thin(found)
    for name in (CourseName.HOLD, CourseName.OVERRIDE):
        plot.line(
            found.hours[thin],
            100.0 * found.courses[name].probability[thin],
            color=COLOUR[name],
            line_width=2,
            legend_label=TITLES[name],
        )
    plot.y_range.start = 0.0
    _tidy(plot)
    return plot


def _setpoint(found: WhatIf, setpoint: str, title: str) -> Any:
    plot = _plot(title)
    thin = slice(None, None, max(round(found.period_s / 3600.0 / found.hours[1]), 1))
    for name in CourseName:
        plot.step(
            found.hours[thin],
            found.courses[name].setpoints[setpoint][thin],
            mode="after",
            color=COLOUR[name],
            line_width=2,
            legend_label=TITLES[name],
        )
    _tidy(plot)
    return plot


def _plot(title: str) -> Any:
    return figure(width=_HALF, height=_HEIGHT, title=title, x_axis_label="hours", tools="")


def _tidy(plot: Any) -> None:
    legend = plot.legend[0]
    plot.add_layout(legend, "above")  # it would lie on the data inside
    legend.orientation = "horizontal"
    legend.background_fill_alpha = 0.0
    legend.border_line_color = None
    legend.label_text_font_size = "11px"
    legend.padding = 2


_MAIN: Final = """<h1>{verdict}</h1>
<section><p class="muted">{origin}</p>{said}</section>
<section><h2>Bounds</h2><table><tbody>{bounds}</tbody></table></section>
<section><h2>Courses</h2>
<p class="muted">Lines: the likeliest course. Pale bands: where nine of ten are, by how unsure the
estimate is, of those without an anode effect so far; drawn until half have had one. Dashed: bounds.
A cross: an anode effect, where the twin ends.</p>{pictures}</section>
<section><h2>At the end of the courses</h2>
<table><thead><tr><th></th><th class="num">now</th>{heads}</tr></thead>
<tbody>{rows}</tbody></table></section>
<section><h2>What the MPC says to its first move</h2><p>{mpc}</p></section>
"""
