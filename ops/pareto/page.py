"""A front as one HTML file that needs nothing else, and as a PNG."""

from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

from control.rating import GAP, OBJECTIVES, TARGETS, Rated
from ops.pareto.front import Front, Method
from ops.pareto.words import CAVEAT, COLUMNS, TARGET_WORDS, plant_lines, summary_sentences
from ops.report_shell import fill_page
from ui.drawing import column, figure, row

_COLOUR: Final = {Method.SWEEP: "#c8640f", Method.NSGA2: "#7d98b3"}
_TITLE: Final = {Method.SWEEP: "convex sweep", Method.NSGA2: "NSGA-II"}
_PRESENT, _KNEE = "#11181d", "#1f6f4a"
_AXIS: Final = {
    "energy_kwh_per_kg": "energy, kWh/kg DC",
    "ghg_t_per_t": "greenhouse gases, t CO2e/t",
    "anode_effects_per_pot_day": "anode effects per pot-day",
}
_ENERGY, _GASES, _EFFECTS = OBJECTIVES
_PAIRS: Final = ((_ENERGY, _EFFECTS), (_ENERGY, _GASES), (_GASES, _EFFECTS))
_HALF: Final = 552


def report_page(front: Front, picked: int) -> str:
    """Return the page."""
    plots = [_pair(front, *pair) for pair in _PAIRS]
    targets = [_target(front, at) for at in range(len(TARGETS))]
    pictures = {
        "pairs": column(row(plots[0], plots[1]), row(plots[2], targets[0])),
        "targets": column(row(targets[1], targets[2]), row(targets[3], _superheat(front))),
    }
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in summary_sentences(front))
    return fill_page(
        _MAIN,
        title=f"Trade-off of {front.plant.name}",
        where=f"{front.plant.name} · trade-off",
        pictures=pictures,
        summary=sentences,
        caveat=escape(CAVEAT),
        origin=escape(
            f"Electricity of {front.options.grid}. "
            + " ".join(
                f"{_TITLE[method]}: {count} points that keep every bound."
                for method, count in front.tried.items()
            )
        ),
        heads="".join(f"<th class='num'>{escape(word)}</th>" for word in _heads(front, picked)),
        rows="".join(_rows(front, picked)),
        lines=escape(plant_lines(front, picked)),
    )


def _chosen(front: Front, picked: int) -> dict[str, tuple[Rated, int]]:
    chosen = {
        "now": (front.present, 0),
        "nominal gap": (front.nominal, 0),
        "knee": (front.points, front.knee),
        "least energy": (front.points, front.best(_ENERGY)),
        "least gases": (front.points, front.best(_GASES)),
        "fewest anode effects": (front.points, front.best(_EFFECTS)),
    }
    if picked != front.knee:
        chosen["picked"] = (front.points, picked)
    return chosen


def _heads(front: Front, picked: int) -> list[str]:
    return [
        f"{word} ({at + 1})" if rated is front.points else word
        for word, (rated, at) in _chosen(front, picked).items()
    ]


def _rows(front: Front, picked: int) -> list[str]:
    chosen = _chosen(front, picked).values()
    rows = []
    for at, (word, unit, digits) in enumerate(TARGET_WORDS):
        cells = [f"{rated.targets[point, at]:.{digits}f}" for rated, point in chosen]
        rows.append((word, unit, cells))
    for name, word, unit, digits in COLUMNS:
        cells = [f"{rated.figures[name][point]:.{digits}f}" for rated, point in chosen]
        rows.append((word, unit, cells))
    return [
        f"<tr><td>{escape(word)} <span class='muted'>{escape(unit)}</span></td>"
        + "".join(f"<td class='num'>{cell}</td>" for cell in cells)
        + "</tr>"
        for word, unit, cells in rows
    ]


def _pair(front: Front, first: str, second: str) -> Any:
    plot = _plot(_AXIS[first], _AXIS[second], 330)
    figures = front.points.figures
    for method in front.options.methods:
        of_it = np.array([name is method for name in front.methods])
        if of_it.any():
            plot.scatter(
                figures[first][of_it],
                figures[second][of_it],
                size=7 if method is Method.SWEEP else 5,
                color=_COLOUR[method],
                legend_label=_TITLE[method],
            )
    _mark(plot, front, lambda rated, at: (rated.figures[first][at], rated.figures[second][at]))
    _tidy(plot)
    return plot


def _target(front: Front, at: int) -> Any:
    word, unit, _ = TARGET_WORDS[at]
    plot = _plot(_AXIS[_ENERGY], f"{word}, {unit}", 330 if at == GAP else 230)
    _draw(plot, front, front.points.targets[:, at])
    _mark(
        plot, front, lambda rated, point: (rated.figures[_ENERGY][point], rated.targets[point, at])
    )
    _tidy(plot)
    return plot


def _superheat(front: Front) -> Any:
    plot = _plot(_AXIS[_ENERGY], "superheat, degC", 230)
    _draw(plot, front, front.points.figures["superheat_c"])
    _mark(
        plot,
        front,
        lambda rated, at: (rated.figures[_ENERGY][at], rated.figures["superheat_c"][at]),
    )
    _tidy(plot)
    return plot


def _draw(plot: Any, front: Front, values: np.ndarray) -> None:
    colours = [_COLOUR[method] for method in front.methods]
    plot.scatter(front.points.figures[_ENERGY], values, size=5, color=colours)


def _mark(plot: Any, front: Front, place: Any) -> None:
    marks = (
        (front.present, 0, "square", _PRESENT, "now"),
        (front.points, front.knee, "star", _KNEE, "knee"),
    )
    for rated, at, marker, colour, word in marks:
        x, y = place(rated, at)
        plot.scatter(
            [x],
            [y],
            marker=marker,
            size=15 if marker == "star" else 10,
            color=colour,
            line_color="white",
            legend_label=word,
        )


def _plot(x: str, y: str, height: int) -> Any:
    return figure(
        width=_HALF, height=height, x_axis_label=x, y_axis_label=y, tools="xpan,xwheel_zoom,reset"
    )


def _tidy(plot: Any) -> None:
    legend = plot.legend[0]
    plot.add_layout(legend, "above")  # it would lie on the data inside
    legend.orientation = "horizontal"
    legend.background_fill_alpha = 0.0
    legend.border_line_color = None
    legend.label_text_font_size = "11px"
    legend.padding = 2


def draw_png(front: Front, path: Path) -> None:
    """Draw the front for a report: energy and anode effects, coloured by greenhouse gases."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use("Agg")
    drawing = Figure(figsize=(13, 4.6), layout="constrained")
    figures, present = front.points.figures, front.present.figures
    for axes, (first, second) in zip(drawing.subplots(1, 3), _PAIRS, strict=True):
        (third,) = set(OBJECTIVES) - {first, second}
        dots = axes.scatter(figures[first], figures[second], c=figures[third], s=14, cmap="viridis")
        drawing.colorbar(dots, ax=axes, label=_AXIS[third])
        axes.scatter(present[first], present[second], marker="s", s=50, color=_PRESENT, label="now")
        knee = front.knee
        axes.scatter(
            figures[first][knee],
            figures[second][knee],
            marker="*",
            s=150,
            color=_KNEE,
            label="knee",
        )
        axes.set(xlabel=_AXIS[first], ylabel=_AXIS[second])
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    drawing.suptitle(f"Trade-off of {front.plant.name}, electricity of {front.options.grid}")
    drawing.savefig(path, dpi=110)


_MAIN: Final = """<h1>Energy, greenhouse gases and anode effects against each other</h1>
<section>{summary}<p class="muted">{origin}</p><p class="muted">{caveat}</p></section>
<section><h2>The front</h2>{pairs}</section>
<section><h2>What is set along it</h2>{targets}</section>
<section><h2>Points</h2>
<p class="muted">In brackets: the number of the point, for --pick and the table.</p>
<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></section>
<section><h2>For the plant file</h2><pre>{lines}</pre></section>
"""
