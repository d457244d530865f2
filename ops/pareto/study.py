"""What `potline pareto` does, step by step: search, write, say."""

import json
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from control.rating import Rated
from ops.mistakes import OperationError
from ops.pareto.front import Front, Method, ParetoOptions, find_plant_front
from ops.pareto.page import draw_png, report_page
from ops.pareto.search import REMEDY, has_pymoo
from ops.pareto.words import (
    CAVEAT,
    COLUMNS,
    TARGET_WORDS,
    as_json_object,
    plant_lines,
    summary_sentences,
    table_csv,
)
from ops.plantfile import PlantFile

RESULT_FILE: Final = "pareto.json"
TABLE_FILE: Final = "pareto.csv"
PAGE_FILE: Final = "pareto.html"
PICTURE_FILE: Final = "pareto.png"
_LEAST_WIDTH: Final = 130  # of a console: what the table needs
_SHOWN: Final = ("energy_kwh_per_kg", "ghg_t_per_t", "anode_effects_per_pot_day", "superheat_c")
_METHOD_WORDS: Final = {Method.SWEEP: "convex sweep", Method.NSGA2: "NSGA-II"}


def study_front(
    plant: PlantFile, options: ParetoOptions, pick: str, folder: Path, is_json_wanted: bool
) -> Front:
    """Find the front, write it, and print it with the lines for the plant file.

    Args:
        plant: of the line.
        options: what is to be studied; NSGA-II is left out, and that is said, where pymoo is
            missing and it is not the only method.
        pick: which point the lines are for.
        folder: for the page, picture, table and JSON; is made.
        is_json_wanted: print one JSON object and nothing else.

    Raises:
        ConfigurationError: no such point.
        OperationError: pymoo is missing and nothing else was asked for.
    """
    console = Console(stderr=is_json_wanted)
    console.width = max(console.width, _LEAST_WIDTH)
    notes = []
    if Method.NSGA2 in options.methods and not has_pymoo():
        if options.methods == (Method.NSGA2,):
            raise OperationError(f"NSGA-II needs pymoo, which is not installed. {REMEDY}")
        notes.append(f"NSGA-II was left out: it needs pymoo, which is not installed. {REMEDY}.")
        options = replace(options, methods=(Method.SWEEP,))
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as bar:
        tasks = {m: bar.add_task(_METHOD_WORDS[m], total=None) for m in options.methods}
        front = find_plant_front(
            plant,
            options,
            lambda method, done, total: bar.update(tasks[method], completed=done, total=total),
        )
    picked = front.pick(pick)
    whole = json.dumps(as_json_object(front, picked), indent=2, allow_nan=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).write_text(whole + "\n", encoding="utf-8")
    (folder / TABLE_FILE).write_text(table_csv(front), encoding="utf-8")
    (folder / PAGE_FILE).write_text(report_page(front, picked), encoding="utf-8")
    if find_spec("matplotlib") is not None:
        draw_png(front, folder / PICTURE_FILE)
    else:
        notes.append(f"{PICTURE_FILE} was left out: it needs matplotlib (pip install matplotlib).")
    if is_json_wanted:
        print(whole)
    else:
        _print(console, front, picked)
        console.print(f"Report: {folder / PAGE_FILE}", soft_wrap=True, highlight=False)
    for note in notes:
        print(f"potline: {note}", file=sys.stderr)
    return front


def _print(console: Console, front: Front, picked: int) -> None:
    for sentence in summary_sentences(front):
        console.print(sentence, soft_wrap=True, highlight=False)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("point")
    shown = [column for column in COLUMNS if column[0] in _SHOWN]
    for word, unit, _ in TARGET_WORDS:
        table.add_column(f"{word}, {unit}", justify="right")
    for _, word, unit, _ in shown:
        table.add_column(f"{word}, {unit}", justify="right")
    rows: list[tuple[str, Rated, int]] = [("now", front.present, 0)]
    marks = {front.knee: "knee", picked: "picked"}
    if picked == front.knee:
        marks = {picked: "knee, picked"}
    ends = {front.best(name): "" for name in _SHOWN[:3]}
    for row in sorted({*ends, *marks}):
        words = f"{row + 1} {marks.get(row, '')}".rstrip()
        rows.append((words, front.points, row))
    for words, rated, at in rows:
        cells = [f"{rated.targets[at, k]:.{d}f}" for k, (_, _, d) in enumerate(TARGET_WORDS)]
        cells += [f"{rated.figures[name][at]:.{d}f}" for name, _, _, d in shown]
        table.add_row(words, *cells)
    console.print(table)
    console.print()
    console.print(plant_lines(front, picked), soft_wrap=True, highlight=False, markup=False)
    console.print(f"[dim]{CAVEAT}[/dim]", soft_wrap=True, highlight=False)
