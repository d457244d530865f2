"""A what-if as text, and as one JSON object."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from control.whatif import Crossing
from ops.whatif.run import CourseName, CourseResult, WhatIf
from ops.whatif.words import (
    QUANTITIES,
    TITLES,
    course_sentences,
    energy_sentence,
    interlock_sentences,
    risk_sentence,
    sparkline,
    verdict,
)
from physics.filter_model import ESTIMATED
from physics.signals import SETPOINTS

_SPARK: Final = 14  # characters
_ROW_S: Final = 600.0  # of the series in JSON


def print_whatif(console: Console, found: WhatIf) -> None:
    """Print what comes of the override."""
    hours = found.hours[-1]
    console.print(
        f"[bold]Cell {found.cell} of {escape(found.plant.name)}[/bold], {hours:g} h from "
        f"{escape(found.start.origin)}",
        soft_wrap=True,
        highlight=False,
    )
    console.print()
    console.print(_table(found, has_blocks=console.encoding.startswith("utf")))
    console.print()
    for name in CourseName:
        said = " ".join(course_sentences(found, name))
        style = "bold red" if found.courses[name].anode_effect_h is not None else ""
        console.print(
            f"[bold]{TITLES[name]:10}[/bold]  {escape(said)}",
            style=style,
            soft_wrap=True,
            highlight=False,
        )
    console.print()
    sentences = [*interlock_sentences(found), energy_sentence(found), risk_sentence(found)]
    for sentence in sentences:
        console.print(escape(sentence), soft_wrap=True, highlight=False)
    console.print()
    console.print(f"[bold]{escape(verdict(found))}[/bold]", soft_wrap=True, highlight=False)


def _table(found: WhatIf, has_blocks: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("now", justify="right", no_wrap=True)
    for name in CourseName:
        table.add_column(TITLES[name], justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
    for quantity, words, unit, digits in QUANTITIES:
        courses = [found.courses[name].shown[quantity] for name in CourseName]
        low, high = float(np.nanmin(courses)), float(np.nanmax(courses))
        row = [f"{words}, {unit}", f"{courses[0][0]:.{digits}f}"]
        for name, values in zip(CourseName, courses, strict=True):
            row.append(f"{found.courses[name].last(quantity):.{digits}f}")
            row.append(sparkline(values, low, high, _SPARK) if has_blocks else "")
        table.add_row(*row)
    for setpoint, words in zip(SETPOINTS, ("feed, kg/h", "beam, mm"), strict=True):
        courses = [found.courses[name].setpoints[setpoint] for name in CourseName]
        low, high = float(np.min(courses)), float(np.max(courses))
        start = found.start
        row = [words, f"{(start.feed_kg_per_h, start.beam_mm)[SETPOINTS.index(setpoint)]:.1f}"]
        for values in courses:
            row.append(f"{values[-1]:.1f}")
            row.append(sparkline(values, low, high, _SPARK) if has_blocks else "")
        table.add_row(*row)
    table.add_row()
    _add_figures(table, found)
    return table


def _add_figures(table: Table, found: WhatIf) -> None:
    courses = found.courses
    rows = (
        ("energy, kWh/kg", {n: f"{c.energy_kwh_per_kg:.2f}" for n, c in courses.items()}),
        ("metal, kg", {n: f"{c.metal_kg:.0f}" for n, c in courses.items()}),
        (
            "anode effect, %",
            {n: f"{100.0 * c.probability[-1]:.0f}" for n, c in courses.items()}
            | {CourseName.MPC: "–"},
        ),
    )
    for words, values in rows:
        cells = [part for name in CourseName for part in (values[name], "")]
        table.add_row(words, "", *cells)


def as_json_object(found: WhatIf) -> dict[str, Any]:
    """Return everything under the names that scripts use; what is not a number is null."""
    start = found.start
    return {
        "plant": found.plant.name,
        "cell": found.cell,
        "hours": float(found.hours[-1]),
        "start": {
            "origin": start.origin,
            "is_running": start.is_running,
            "t_plant_s": start.t_plant_s,
            "states": {name: start.state(name) for name in ESTIMATED},
            "setpoints": dict(zip(SETPOINTS, (start.feed_kg_per_h, start.beam_mm), strict=True)),
            "current_ka": start.current_ka,
        },
        "overrides": {
            name: {"value": one.value, "is_relative": one.is_relative}
            for name, one in found.given.items()
        },
        "is_by_hand": found.is_by_hand,
        "interlock": {
            name: {
                "wanted": found.wanted.setpoints[name],
                "ruling": passage.first.ruling.value,
                "applied": passage.first.applied,
                "reasons": list(passage.first.reasons),
                "arrives_after_h": None
                if passage.arrived is None
                else passage.arrived * found.period_s / 3600.0,
            }
            for name, passage in found.passages.items()
        },
        "courses": {name.value: _course(found, course) for name, course in found.courses.items()},
        "mpc_reason": found.mpc_reason,
        "sentences": [
            verdict(found),
            *interlock_sentences(found),
            energy_sentence(found),
            risk_sentence(found),
        ],
    }


def _course(found: WhatIf, course: CourseResult) -> dict[str, Any]:
    step_s = 3600.0 * (found.hours[1] - found.hours[0])
    thin = slice(None, None, max(round(_ROW_S / step_s), 1))
    columns: Mapping[str, Any] = {"hours": found.hours, **course.shown, **course.setpoints}
    is_steered = course is found.courses[CourseName.MPC]
    return {
        "energy_kwh_per_kg": _number(course.energy_kwh_per_kg),
        "metal_kg": course.metal_kg,
        "anode_effect_h": course.anode_effect_h,
        "anode_effect_probability": None if is_steered else float(course.probability[-1]),
        "end": {name: course.last(name) for name in course.shown},
        "lowest": {name: float(np.nanmin(values)) for name, values in course.shown.items()},
        "highest": {name: float(np.nanmax(values)) for name, values in course.shown.items()},
        "crossings": [_crossing(crossing) for crossing in course.crossings],
        "series": {name: [_number(x) for x in values[thin]] for name, values in columns.items()},
    }


def _crossing(crossing: Crossing) -> dict[str, Any]:
    return {
        "bound": crossing.bound.words,
        "quantity": crossing.bound.quantity,
        "value": crossing.bound.value,
        "begins_h": crossing.begins_h,
        "ends_h": crossing.ends_h,
        "hours": crossing.hours,
        "worst": crossing.worst,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
