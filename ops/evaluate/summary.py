"""What an evaluation found: `summary.json` and the table of the terminal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from control.kpis import FACTORS, compute_kpis
from ops.evaluate.options import ControllerName, EvaluateOptions
from ops.evaluate.record import ASTRAY, FOLLOWED, SOFT_BOUNDS, RunRecord
from ops.evaluate.statistics import Interval, change_pct, difference, interval_of
from ops.plantfile import PlantFile, plant_hash
from physics.parameters import make_parameters

F64 = NDArray[np.float64]
SCHEMA_VERSION: Final = 1
_FIRST_INTEREST: Final = 17  # rows of the table below that the terminal shows
# What is compared: name, what it is, unit, decimals.
COMPARED: Final = (
    ("energy_kwh_per_kg", "specific energy, direct current", "kWh/kg", 3),
    ("current_efficiency", "current efficiency", "", 4),
    ("throughput_kg_per_pot_day", "throughput", "kg per pot-day", 0),
    ("anode_effects_per_pot_day", "anode effects", "per pot-day", 3),
    ("anode_effect_minutes_per_pot_day", "anode-effect minutes", "per pot-day", 3),
    ("ghg_t_per_t", "greenhouse gases, electricity of the world", "t CO2e/t", 3),
    ("ghg_process_t_per_t", "of which carbon burnt", "t CO2e/t", 3),
    ("ghg_pfc_t_per_t", "of which CF4 and C2F6", "t CO2e/t", 3),
    ("ghg_electricity_t_per_t", "of which electricity", "t CO2e/t", 3),
    ("ghg_norway_t_per_t", "greenhouse gases, electricity of Norway", "t CO2e/t", 3),
    ("ghg_china_t_per_t", "greenhouse gases, electricity of China", "t CO2e/t", 3),
    ("beam_moves_per_pot_day", "beam moves", "per pot-day", 1),
    ("beam_travel_mm_per_pot_day", "beam travel", "mm per pot-day", 1),
    ("feed_changes_per_pot_day", "feed changes", "per pot-day", 0),
    ("feed_travel_kg_per_h_per_pot_day", "feed travel", "kg/h per pot-day", 0),
    ("alf3_kg_per_pot_day", "AlF3 added", "kg per pot-day", 1),
    ("heat_loss_kw", "heat loss of a cell", "kW", 0),
    *(
        (f"{name}_{kind}", f"{meaning}, {kind}", unit, 3)
        for name, (meaning, unit, _) in FOLLOWED.items()
        for kind in ("mean", "sd")
    ),
    *(
        (f"outside_{name}_share", f"pot time with {FOLLOWED[name][0]} beyond its bounds", "", 4)
        for name in SOFT_BOUNDS
    ),
)


@dataclass(frozen=True, slots=True)
class Findings:
    """Every compared figure of every controller by seed, and what follows from them.

    Attributes:
        options, plant: what was asked.
        records: all runs, by controller and seed.
        by_seed: controller -> figure -> (S,).
        absolute: controller -> figure -> interval.
        change: baseline -> figure -> change of the MPC, per cent.
        paired: baseline -> figure -> paired difference, in the figure's unit.
    """

    options: EvaluateOptions
    plant: PlantFile
    records: dict[ControllerName, list[RunRecord]]
    by_seed: dict[ControllerName, dict[str, F64]]
    absolute: dict[ControllerName, dict[str, Interval]]
    change: dict[ControllerName, dict[str, Interval]]
    paired: dict[ControllerName, dict[str, Interval]]

    @property
    def hard_violations(self) -> dict[ControllerName, int]:
        """Setpoints beyond their hard bounds, by controller."""
        return {name: sum(r.hard_violations for r in runs) for name, runs in self.records.items()}


def find(options: EvaluateOptions, plant: PlantFile, records: Sequence[RunRecord]) -> Findings:
    """Compare the controllers.

    Args:
        options: what was run.
        plant: of the runs.
        records: one for each controller and seed, in any order.
    """
    ordered = {
        name: sorted((r for r in records if r.controller is name), key=lambda r: r.seed)
        for name in options.controllers
    }
    by_seed = {
        name: _columns([figures_of(record, plant) for record in runs])
        for name, runs in ordered.items()
    }
    ours = by_seed[ControllerName.MPC]
    return Findings(
        options=options,
        plant=plant,
        records=ordered,
        by_seed=by_seed,
        absolute={
            name: {figure: interval_of(values) for figure, values in columns.items()}
            for name, columns in by_seed.items()
        },
        change={
            name: {figure: change_pct(ours[figure], by_seed[name][figure]) for figure in ours}
            for name in options.baselines
        },
        paired={
            name: {figure: difference(ours[figure], by_seed[name][figure]) for figure in ours}
            for name in options.baselines
        },
    )


def figures_of(record: RunRecord, plant: PlantFile) -> dict[str, float]:
    """Return every compared figure of one run, by name."""
    cell = make_parameters(plant.design)
    kpis = compute_kpis(record.production, 3.6e6 * float(cell.metal_kg_per_coulomb))
    volts = record.mean["cell_voltage_v"]
    external_v = 1e-3 * plant.line.current_ka * float(cell.external_resistance_uohm)
    reaction_v = float(cell.enthalpy_fixed_v) + float(cell.enthalpy_per_efficiency_v) * float(
        record.mean["current_efficiency"]
    )
    figures = {name: float(value) for name, value in kpis.items()}
    figures |= {
        "beam_moves_per_pot_day": record.beam_moves_per_pot_day,
        "beam_travel_mm_per_pot_day": record.beam_travel_mm_per_pot_day,
        "feed_changes_per_pot_day": record.feed_changes_per_pot_day,
        "feed_travel_kg_per_h_per_pot_day": record.feed_travel_kg_per_h_per_pot_day,
        "alf3_kg_per_pot_day": record.alf3_kg_per_pot_day,
        "heat_loss_kw": plant.line.current_ka * (volts - external_v - reaction_v),
    }
    figures |= {f"{name}_mean": value for name, value in record.mean.items()}
    figures |= {f"{name}_sd": value for name, value in record.sd.items()}
    figures |= {f"outside_{name}_share": value for name, value in record.outside_share.items()}
    return figures


def summarise(findings: Findings) -> dict[str, Any]:
    """Return `summary.json` as plain values."""
    options = findings.options

    def named(
        table: dict[ControllerName, dict[str, Interval]],
    ) -> dict[str, dict[str, dict[str, float | None]]]:
        return {
            name.value: {figure: found.as_dict() for figure, found in columns.items()}
            for name, columns in table.items()
        }

    return {
        "schema_version": SCHEMA_VERSION,
        "potline": version("potline"),
        "plant": findings.plant.name,
        "plant_hash": plant_hash(findings.plant),
        "cells": options.cells,
        "days": options.days,
        "burn_in_days": options.burn_in_days,
        "seeds": options.seeds,
        "first_seed": options.first_seed,
        "pot_days": options.pot_days,
        "control_period_s": options.control_period_s,
        "stress": {
            "shift_pct": options.stress.shift_pct,
            "noise_factor": options.stress.noise_factor,
            "missing_pct": options.stress.missing_pct,
        },
        "change_pct": named(findings.change),
        "difference": named(findings.paired),
        "absolute": named(findings.absolute),
        "by_seed": {
            name.value: {figure: values.tolist() for figure, values in columns.items()}
            for name, columns in findings.by_seed.items()
        },
        "start_voltage_v": {
            name.value: [run.start_voltage_v for run in runs]
            for name, runs in findings.records.items()
        },
        "daily_kwh_per_kg": {
            name.value: [r.daily_kwh_per_kg.tolist() for r in runs]
            for name, runs in findings.records.items()
        },
        "anode_effects": {
            name.value: {
                "count": int(sum(r.production.anode_effects for r in runs)),
                "within_3_h_of_a_feeder_fault": sum(r.anode_effects_after_faults for r in runs),
            }
            for name, runs in findings.records.items()
        },
        "hard_bound_violations": findings.hard_violations[ControllerName.MPC],
        "hard_bound_violations_of": {
            name.value: count for name, count in findings.hard_violations.items()
        },
        "estimate_error": find_estimate_errors(findings.records[ControllerName.MPC]),
        "decisions": {
            name.value: _added([record.counts for record in runs])
            for name, runs in findings.records.items()
        },
        "factors": [
            {"name": row.name, "value": row.value, "unit": row.unit, "source": row.source}
            for row in FACTORS
        ],
    }


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """Write the summary as indented JSON."""
    path.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def tabulate(findings: Findings) -> Table:
    """Return what is of the first interest, for the terminal; the rest is in the files."""
    table = Table(box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in findings.options.controllers:
        table.add_column(name.value, justify="right", no_wrap=True)
    for name in findings.options.baselines:
        table.add_column(f"mpc against {name.value}, %", justify="right", no_wrap=True)
    for figure, meaning, unit, digits in COMPARED[:_FIRST_INTEREST]:
        absolute = [findings.absolute[n][figure] for n in findings.options.controllers]
        change = [findings.change[n][figure] for n in findings.options.baselines]
        table.add_row(
            f"{meaning}, {unit}" if unit else meaning,
            *(spread(found, digits) for found in absolute),
            *(spread(found, 1, signed=True) for found in change),
        )
    return table


def table_csv(findings: Findings) -> str:
    """Return the table as comma-separated values, a row for each figure."""
    heads = ["figure", "unit"]
    heads += [f"{n.value}_{part}" for n in findings.options.controllers for part in _PARTS]
    heads += [f"change_pct_{n.value}_{part}" for n in findings.options.baselines for part in _PARTS]
    lines = [",".join(heads)]
    for figure, _, unit, _ in COMPARED:
        row = [figure, unit]
        for table in (findings.absolute, findings.change):
            for columns in table.values():
                parts = columns[figure].as_dict()
                row += ["" if parts[p] is None else f"{parts[p]:.6g}" for p in _PARTS]
        lines.append(",".join(row))
    return "\n".join(lines) + "\n"


def spread(found: Interval, digits: int, *, signed: bool = False) -> str:
    """Return an interval in words: the mean and, in brackets, low to high."""
    sign = "+" if signed else ""
    if found.mean is None:
        return "–"
    mean = f"{found.mean:{sign}.{digits}f}"
    if found.low is None or found.high is None:
        return mean
    return f"{mean} ({found.low:{sign}.{digits}f} to {found.high:{sign}.{digits}f})"


_PARTS: Final = ("mean", "low", "high")


def _columns(rows: Sequence[dict[str, float]]) -> dict[str, F64]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def find_estimate_errors(runs: Sequence[RunRecord]) -> dict[str, dict[str, float]]:
    """Return mean, root mean square and astray share of the estimates over all runs."""
    found = {}
    for name in runs[0].estimate_error:
        errors = [run.estimate_error[name] for run in runs]
        found[name] = {
            "mean": float(np.mean([e.mean for e in errors])),
            "rms": float(np.sqrt(np.mean([e.mean**2 + e.sd**2 for e in errors]))),
            "astray_beyond": ASTRAY[name],
            "astray_share": float(np.mean([e.astray_share for e in errors])),
        }
    return found


def _added(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    names = sorted({name for row in counts for name in row})
    return {name: sum(row.get(name, 0) for row in counts) for name in names}
