"""The pictures of an evaluation's report, in Bokeh."""

from typing import Any, Final

import numpy as np

from ops.evaluate.line import BLOCK_S
from ops.evaluate.options import ControllerName
from ops.evaluate.record import FOLLOWED, SOFT_BOUNDS
from ops.evaluate.summary import Findings
from physics.signals import SETPOINTS
from ui.drawing import BoxAnnotation, Span, column, figure, row

COLOUR: Final = {
    ControllerName.MPC: "#1b3a57",
    ControllerName.TUNED: "#1f6f4a",
    ControllerName.LEGACY: "#c8640f",
}
_WIDTH: Final = 1120
_HALF: Final = 552
_CHANGES: Final = (
    ("energy_kwh_per_kg", "specific energy"),
    ("current_efficiency", "current efficiency"),
    ("throughput_kg_per_pot_day", "throughput"),
    ("ghg_t_per_t", "greenhouse gases"),
    ("anode_effects_per_pot_day", "anode effects"),
    ("anode_effect_minutes_per_pot_day", "anode-effect minutes"),
)
_BY_SEED: Final = (
    ("energy_kwh_per_kg", "specific energy, kWh/kg"),
    ("current_efficiency", "current efficiency"),
    ("anode_effects_per_pot_day", "anode effects per pot-day"),
    ("throughput_kg_per_pot_day", "throughput, kg per pot-day"),
)
_GASES: Final = (
    ("ghg_electricity_t_per_t", "electricity (world)", "#7d98b3"),
    ("ghg_process_t_per_t", "carbon burnt", "#56626a"),
    ("ghg_pfc_t_per_t", "CF4 and C2F6", "#c8640f"),
)
_EXAMPLE_S: Final = 300.0


def draw_pictures(findings: Findings) -> dict[str, Any]:
    """Return every picture of the page by its name there."""
    return {
        "changes": _changes(findings),
        "seeds": _pairs([_by_seed(findings, *one) for one in _BY_SEED]),
        "gases": _gases(findings),
        "distributions": _pairs([_distribution(findings, name) for name in FOLLOWED]),
        "hours": _pairs([_hours(findings, name) for name in FOLLOWED]),
        "example": column(*(_example(findings, name) for name in _example_names())),
    }


def _pairs(plots: list[Any]) -> Any:
    return column(*(row(*plots[at : at + 2]) for at in range(0, len(plots), 2)))


def _changes(findings: Findings) -> Any:
    """Change of every headline figure against each baseline, with its interval."""
    baselines = findings.options.baselines
    rows = [(word, name.value) for _, word in _CHANGES for name in baselines]
    labels = [f"{word}, against {name}" for word, name in rows][::-1]
    plot = figure(
        y_range=labels, width=_WIDTH, height=70 + 26 * len(labels), x_axis_label="%", tools=""
    )
    plot.ygrid.grid_line_color = None
    for figure_name, word in _CHANGES:
        for name in baselines:
            found = findings.change[name][figure_name]
            if found.mean is None:
                continue
            at = [f"{word}, against {name.value}"]
            if found.low is not None and found.high is not None:
                plot.hbar(
                    y=at, left=[found.low], right=[found.high], height=0.3, color=COLOUR[name]
                )
            plot.scatter(x=[found.mean], y=at, size=9, fill_color="white", line_color=COLOUR[name])
    plot.add_layout(Span(location=0.0, dimension="height", line_color="#56626a", line_width=1))
    return plot


def _by_seed(findings: Findings, name: str, title: str) -> Any:
    plot = figure(width=_HALF, height=230, title=title, x_axis_label="seed", tools="")
    first = findings.options.first_seed
    for controller, columns in findings.by_seed.items():
        seeds = np.arange(first, first + len(columns[name]))
        plot.scatter(
            seeds, columns[name], size=7, color=COLOUR[controller], legend_label=controller.value
        )
    plot.xaxis[0].ticker.min_interval = 1.0
    _tidy(plot)
    return plot


def _gases(findings: Findings) -> Any:
    names = [name.value for name in findings.options.controllers]
    plot = figure(y_range=names[::-1], width=_WIDTH, height=190, x_axis_label="t CO2e/t", tools="")
    left = np.zeros(len(names))
    for figure_name, word, colour in _GASES:
        values = [
            findings.absolute[name][figure_name].mean or 0.0
            for name in findings.options.controllers
        ]
        right = left + values
        plot.hbar(y=names, left=left, right=right, height=0.6, color=colour, legend_label=word)
        left = right
    _tidy(plot)
    return plot


def _distribution(findings: Findings, name: str) -> Any:
    meaning, unit, edges = FOLLOWED[name]
    plot = figure(
        width=_HALF, height=230, title=meaning, x_axis_label=unit, y_axis_label="share", tools=""
    )
    shown = np.zeros(len(edges) - 1)
    for controller, runs in findings.records.items():
        counts = np.sum([run.histogram[name] for run in runs], axis=0)
        share = counts / max(counts.sum(), 1)
        shown = np.maximum(shown, share)
        plot.step(
            edges[:-1],
            share,
            mode="after",
            color=COLOUR[controller],
            line_width=2,
            legend_label=controller.value,
        )
    seen = np.flatnonzero(shown > 1e-4)
    if len(seen):
        plot.x_range.start, plot.x_range.end = edges[seen[0]], edges[seen[-1] + 1]
    for bound in SOFT_BOUNDS.get(name, ()):
        if np.isfinite(bound):
            plot.add_layout(
                Span(location=bound, dimension="height", line_color="#a33", line_dash="dashed")
            )
    _tidy(plot)
    return plot


def _hours(findings: Findings, name: str) -> Any:
    meaning, unit, _ = FOLLOWED[name]
    plot = figure(
        width=_HALF, height=210, title=meaning, x_axis_label="hours", y_axis_label=unit, tools=""
    )
    burn_in_h = 24.0 * findings.options.burn_in_days
    plot.add_layout(BoxAnnotation(left=0.0, right=burn_in_h, fill_color="#c2c9cc", fill_alpha=0.4))
    for controller, runs in findings.records.items():
        values = np.mean([run.hourly[name] for run in runs], axis=0)
        plot.line(
            np.arange(len(values)) + 0.5,
            values,
            color=COLOUR[controller],
            line_width=2,
            legend_label=controller.value,
        )
    _tidy(plot)
    return plot


def _example_names() -> tuple[str, ...]:
    return ("cell_voltage_v", "alumina_wt_pct", "acd_cm", "superheat_c", "ledge_cm", *SETPOINTS)


def _example(findings: Findings, name: str) -> Any:
    if name in FOLLOWED:
        title, unit, _ = FOLLOWED[name]
    else:
        title, unit = name.replace("_", " "), ""
    plot = figure(width=_WIDTH, height=190, title=title, y_axis_label=unit, tools="")
    for controller, runs in findings.records.items():
        values = runs[0].example[name]
        if name == "cell_voltage_v":
            values = np.minimum(values, 6.0)  # an anode effect would leave no room for the rest
        hours = np.arange(len(values)) * max(_EXAMPLE_S, BLOCK_S) / 3600.0
        plot.line(hours, values, color=COLOUR[controller], legend_label=controller.value)
    _tidy(plot)
    return plot


def _tidy(plot: Any) -> None:
    legend = plot.legend[0]
    plot.add_layout(legend, "above")  # it would lie on the data inside
    legend.orientation = "horizontal"
    legend.background_fill_alpha = 0.0
    legend.border_line_color = None
    legend.label_text_font_size = "11px"
    legend.padding = 2
