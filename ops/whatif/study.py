"""What `potline whatif` does, step by step: where to start, what is asked, play, say."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ops.entry import silent
from ops.mistakes import ConfigurationError, Mistake
from ops.plantfile import PlantFile
from ops.settings import Settings
from ops.whatif.inputs import Given
from ops.whatif.newest import read_newest_estimate
from ops.whatif.page import report_page
from ops.whatif.run import WhatIf, run_whatif
from ops.whatif.start import Start, nominal_start, running_start, set_states
from ops.whatif.view import as_json_object, print_whatif
from ops.whatif.wanted import resolve
from physics.estimator_tuning import EstimatorTuning, FilterSetting, make_setting

RESULT_FILE: Final = "whatif.json"
PAGE_FILE: Final = "whatif.html"
_LEAST_WIDTH: Final = 120  # of a console: what the table needs


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks.

    Attributes:
        overrides, states: by name, as given.
        hours: to be played.
        is_nominal: start from the plant file though a system may be running.
        is_by_hand: the override comes at once, past the interlock.
    """

    cell: int
    overrides: Mapping[str, Given]
    states: Mapping[str, Given]
    hours: float
    is_nominal: bool = False
    is_by_hand: bool = False


def answer(
    question: Question,
    settings: Settings,
    plant: PlantFile,
    folder: Path | None,
    is_json_wanted: bool,
) -> WhatIf:
    """Play what was asked, print it, and write the report where one is wanted.

    Args:
        question: of a person.
        settings: for where a running system's Kafka is.
        plant: of the line.
        folder: for whatif.json and whatif.html; is made.
        is_json_wanted: print one JSON object and nothing else.

    Raises:
        ConfigurationError: the cell, or what is asked of it.
        OperationError: the running system knows too little of the cell.
        KafkaUnreachableError: Kafka has an address, and does not answer.
    """
    _check_cell(question.cell, plant)
    noise_sd = {row.name: row.noise_sd for row in plant.signals}
    setting = make_setting(plant.design, noise_sd, EstimatorTuning())
    start = set_states(_start(question, settings, plant, setting), question.states)
    wanted = resolve(question.overrides, start, plant, question.is_by_hand)
    console = Console(stderr=is_json_wanted)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("the MPC decides", total=None)
        found = run_whatif(
            plant,
            setting,
            start,
            question.cell,
            question.overrides,
            wanted,
            question.hours,
            question.is_by_hand,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    whole = as_json_object(found)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(whole, indent=2, allow_nan=False)
        (folder / RESULT_FILE).write_text(text + "\n", encoding="utf-8")
        (folder / PAGE_FILE).write_text(report_page(found), encoding="utf-8")
    if is_json_wanted:
        print(json.dumps(whole, indent=2, allow_nan=False))
        return found
    console.width = max(console.width, _LEAST_WIDTH)
    print_whatif(console, found)
    if folder is not None:
        console.print(f"Report: {folder / PAGE_FILE}", soft_wrap=True, highlight=False)
    return found


def _check_cell(cell: int, plant: PlantFile) -> None:
    if not 1 <= cell <= plant.line.cell_count:
        remedy = (
            f"is no cell of {plant.name}. Remedy: 1 to {plant.line.cell_count}, or another plant "
            "file with --plant, or more cells with --cells."
        )
        raise ConfigurationError([Mistake("cell", str(cell), remedy, "--cell")])


def _start(
    question: Question, settings: Settings, plant: PlantFile, setting: FilterSetting
) -> Start:
    if question.is_nominal or settings.kafka.address is None:
        return nominal_start(plant, setting)
    with silent("aiokafka"):
        frame = asyncio.run(
            read_newest_estimate(
                settings.kafka.connection(), settings.kafka.partitions, question.cell
            )
        )
    return running_start(frame, question.cell, settings.kafka.address)
