"""What `potline evaluate` does, step by step: run, compare, write, say."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from ops.compute import prepare_jax
from ops.evaluate.options import ControllerName, EvaluateOptions
from ops.evaluate.page import report_page
from ops.evaluate.run import run_all
from ops.evaluate.summary import Findings, find, summarise, table_csv, tabulate, write_summary
from ops.plantfile import load_plant
from ops.pool import count_cores

SUMMARY_FILE: Final = "summary.json"
TABLE_FILE: Final = "table.csv"
PAGE_FILE: Final = "report.html"
_LEAST_WIDTH: Final = 190  # of a console: what the longest row of the table needs


@dataclass(frozen=True, slots=True)
class Output:
    """Where the result goes.

    Attributes:
        folder: for the three files; is made.
        processes: how many loops at once; one a core where None.
        is_json_wanted: whether the summary alone is printed.
    """

    folder: Path
    processes: int | None = None
    is_json_wanted: bool = False


def evaluate_line(options: EvaluateOptions, output: Output) -> Findings:
    """Run an evaluation and write what was found.

    Raises:
        ConfigurationError: the plant file.
        OperationError: a process ended early.
    """
    plant = load_plant(options.plant_file, options.cells)
    output.folder.mkdir(parents=True, exist_ok=True)
    shown = Console(stderr=output.is_json_wanted)
    shown.width = max(shown.width, _LEAST_WIDTH)
    prepare_jax()
    records = run_all(options, output.processes or count_cores(), shown)
    findings = find(options, plant, records)
    summary = summarise(findings)
    write_summary(summary, output.folder / SUMMARY_FILE)
    (output.folder / TABLE_FILE).write_text(table_csv(findings), encoding="utf-8")
    (output.folder / PAGE_FILE).write_text(report_page(findings), encoding="utf-8")
    if output.is_json_wanted:
        print(json.dumps(summary, indent=2, allow_nan=False))
        return findings
    shown.print(tabulate(findings), soft_wrap=True)
    violations = findings.hard_violations[ControllerName.MPC]
    shown.print(
        f"{options.pot_days:g} pot-days each; {violations} setpoints of the MPC beyond a hard "
        f"bound. Report: {output.folder / PAGE_FILE}",
        soft_wrap=True,
    )
    return findings
