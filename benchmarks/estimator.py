"""How well the estimator knows cells that differ from its model, and what a step of it costs.

    python benchmarks/estimator.py [--seeds 20] [--cells 12] [--hours 48] [--json]

Lines of perturbed cells run in closed loop under the tuned local control, with all operations,
faults and noise of the simulated plant and a laboratory that reports once a day, hours late. The
estimator sees what the control system sees. Errors count from the fourth hour on and outside anode
effects; an innovation is consistent if it is within its 95 % limit. The step is timed for 240 cells
against the same filter in plain NumPy: covariances in Joseph's form, cell by cell, with the
prediction and its Jacobians given to it.
"""

import argparse
import json
import time
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from control.baseline import TUNED, init_baseline, step_baseline
from ops.plantfile import PlantFile, load_plant
from ops.settings import DEFAULT_PLANT
from physics.estimator import Estimator
from physics.filter_model import ESTIMATED
from physics.hindsight import SAMPLED
from physics.lab_sample import SampleStatus
from physics.plant import Disturbances, init_plant, make_inputs, step_plant
from physics.precision import require_x64
from physics.signals import SIGNALS

F64 = NDArray[np.float64]
SCAN_S = 15.0
SCANS_PER_FRAME = 16
SETTLING_S = 4.0 * 3600.0
TOLD = ("alumina_wt_pct", "bath_temperature_c", "ledge_cm", "excess_alf3_wt_pct", "acd_cm")


class Report(NamedTuple):
    """A laboratory's analysis: when it came (scan), whose, when drawn, and (K,) of `SAMPLED`."""

    scan: int
    cell: int
    t_sampled_s: float
    values: F64


@dataclass(frozen=True)
class Record:
    """Scans of all cells of all lines: (S,), (S, C, signals), truth by name (S, C)."""

    t_plant_s: F64
    value: F64
    truth: dict[str, F64]
    anode_effect: NDArray[np.bool_]
    reports: list[Report]


def record_lines(plant: PlantFile, seeds: int, cells: int, hours: float, quiet: bool) -> Record:
    """Run a line of each seed under the tuned local control."""
    begun = [init_plant(plant.design, cells, seed) for seed in range(1, seeds + 1)]
    parameters, state = jax.tree.map(lambda *parts: jnp.stack(parts), *begun)
    step = jax.jit(jax.vmap(step_plant, in_axes=(0, 0, 0, None)))
    inputs = jax.vmap(make_inputs)(state)
    controls = [init_baseline(TUNED, beam, 0.0) for beam in np.asarray(state.beam_mm)]
    scans = round(hours * 3600.0 / SCAN_S)
    total = seeds * cells
    value = np.empty((scans, total, len(SIGNALS)))
    truth = {name: np.empty((scans, total)) for name in TOLD}
    sparks = np.empty((scans, total), dtype=bool)
    reports: list[Report] = []
    newest = np.full(total, -np.inf)
    for scan in track(range(scans), "lines", disable=quiet):
        t_s = (scan + 1) * SCAN_S
        state, shown = step(parameters, state, inputs, SCAN_S)
        shown = jax.device_get(shown)
        for k, name in enumerate(SIGNALS):
            measured = shown.measured[name].reshape(seeds, -1)
            value[scan, :, k] = np.broadcast_to(measured, (seeds, cells)).reshape(-1)
        for name in TOLD:
            truth[name][scan] = getattr(shown.truth, name).reshape(-1)
        sparks[scan] = shown.truth.anode_effect.reshape(-1)
        drawn = shown.laboratory.t_sampled_s.reshape(-1)
        analysed = np.stack([getattr(shown.laboratory, n).reshape(-1) for n in SAMPLED], axis=1)
        for cell in np.flatnonzero(drawn > newest):
            reports.append(Report(scan, int(cell), float(drawn[cell]), analysed[cell]))
            newest[cell] = drawn[cell]
        feed, beam = np.empty((seeds, cells)), np.empty((seeds, cells))
        of_lines = value[scan].reshape(seeds, cells, -1)
        for line, control in enumerate(controls):
            reading = dict(zip(SIGNALS, of_lines[line].T, strict=True))
            controls[line], feed[line], beam[line] = step_baseline(
                control,
                TUNED,
                t_s,
                reading["cell_voltage_v"],
                float(reading["line_current_ka"][0]),
                SCAN_S,
                reading["voltage_noise_mv"],
            )
        inputs = inputs._replace(feed_rate_kg_per_h=feed, beam_target_mm=beam)
    times = SCAN_S * np.arange(1, scans + 1)
    return Record(times, value, truth, sparks, reports)


@dataclass(frozen=True)
class Followed:
    """What the estimator said after each frame: (F,) scan, and by name (F, C)."""

    scan: NDArray[np.int64]
    told: dict[str, F64]
    within_95: F64  # share of scans of each cell
    samples_taken_in: int


def follow_lines(
    estimator: Estimator, record: Record, lab_sd: F64, columns: tuple[str, ...], quiet: bool
) -> Followed:
    """Let the estimator see the record frame by frame, and each report when it came."""
    state = estimator.init(record.value.shape[1])
    waiting = sorted(record.reports, key=lambda report: report.scan)
    scans, told = [], []
    within, counted, taken_in = 0.0, 0, 0
    for first in track(range(0, len(record.t_plant_s), SCANS_PER_FRAME), "filter", disable=quiet):
        frame = slice(first, first + SCANS_PER_FRAME)
        value = record.value[frame]
        state, said = estimator.step(
            state, record.t_plant_s[frame], value, np.ones(value.shape, dtype=bool)
        )
        last = first + len(value) - 1
        while waiting and waiting[0].scan <= last:
            report = waiting.pop(0)
            state, outcome = estimator.take_sample(
                state, report.cell, report.t_sampled_s, report.values, lab_sd
            )
            taken_in += int(outcome.status[0] == SampleStatus.TAKEN_IN)
        if record.t_plant_s[last] > SETTLING_S:
            scans.append(last)
            told.append({name: said[name] for name in columns})
            within, counted = within + said["innovation_within_95"], counted + 1
    return Followed(
        scan=np.array(scans),
        told={name: np.stack([row[name] for row in told]) for name in columns},
        within_95=within / counted,
        samples_taken_in=taken_in,
    )


def time_step(estimator: Estimator, record: Record, cells: int, repeats: int = 60) -> float:
    """Median wall time of one scan of so many cells, predicted and taken in, ms."""
    of_cells = np.arange(cells) % record.value.shape[1]
    state = estimator.init(cells)
    spent_ms = []
    for scan in range(repeats):
        value = record.value[scan : scan + 1, of_cells]
        begun = time.perf_counter()
        state, _ = estimator.step(
            state, record.t_plant_s[scan : scan + 1], value, np.ones(value.shape, dtype=bool)
        )
        spent_ms.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(spent_ms[5:]))


def time_peer(cells: int, repeats: int = 20) -> float:
    """Median wall time of the peer's predict and two updates, ms: covariances in plain NumPy."""
    rng = np.random.default_rng(1)
    count = len(ESTIMATED)
    F = np.eye(count) + 0.01 * rng.standard_normal((cells, count, count))
    rows = rng.standard_normal((2, cells, count))
    mean, covariance = np.zeros((cells, count)), np.tile(np.eye(count), (cells, 1, 1))
    Q, unit = 1e-3 * np.eye(count), np.eye(count)
    spent_ms = []
    for _ in range(repeats):
        begun = time.perf_counter()
        for cell in range(cells):
            x, P = F[cell] @ mean[cell], F[cell] @ covariance[cell] @ F[cell].T + Q
            for row in rows[:, cell]:
                spread = P @ row
                gain = spread / (row @ spread + 1.0)
                keep = unit - np.outer(gain, row)
                x = x - gain * (row @ x)
                P = keep @ P @ keep.T + np.outer(gain, gain)
            mean[cell], covariance[cell] = x, 0.5 * (P + P.T)
        spent_ms.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(spent_ms))


def compute_rmse(record: Record, followed: Followed) -> dict[str, float]:
    """Root mean square errors after settling and outside anode effects."""
    quiet = ~record.anode_effect[followed.scan]

    def rmse(name: str) -> float:
        error = followed.told[name] - record.truth[name][followed.scan]
        return float(np.sqrt(np.mean(error[quiet] ** 2)))

    return {
        "alumina_wt_pct": rmse("alumina_wt_pct"),
        "bath_temperature_c": rmse("bath_temperature_c"),
        "ledge_mm": 10.0 * rmse("ledge_cm"),
        "excess_alf3_wt_pct": rmse("excess_alf3_wt_pct"),
        "acd_mm": 10.0 * rmse("acd_cm"),
    }


def measure(seeds: int, cells: int, hours: float, quiet: bool) -> dict[str, object]:
    """Run everything and return the figures."""
    plant = load_plant(DEFAULT_PLANT)
    world = Disturbances()
    lab_sd = np.array(
        [
            world.sample_alumina_sd_wt_pct,
            world.sample_alf3_sd_wt_pct,
            world.sample_temperature_sd_c,
        ]
    )
    estimator = Estimator(plant.design, {row.name: row.noise_sd for row in plant.signals})
    record = record_lines(plant, seeds, cells, hours, quiet)
    followed = follow_lines(estimator, record, lab_sd, TOLD, quiet)
    step_ms, peer_ms = time_step(estimator, record, 240), time_peer(240)
    return {
        "rmse": compute_rmse(record, followed),
        "innovation_within_95": float(np.mean(followed.within_95)),
        "step_240_cells_ms": step_ms,
        "peer_240_cells_ms": peer_ms,
        "ratio_numpy": peer_ms / step_ms,
        "cells": seeds * cells,
        "seeds": seeds,
        "hours": hours,
        "samples_taken_in": followed.samples_taken_in,
        "samples_reported": len(record.reports),
        "cells_with_anode_effect": int(np.sum(np.any(record.anode_effect, axis=0))),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--cells", type=int, default=12, help="of each seed's line")
    parser.add_argument("--hours", type=float, default=48.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    require_x64()
    figures = measure(asked.seeds, asked.cells, asked.hours, quiet=asked.json)
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    Console().print_json(data=figures)


if __name__ == "__main__":
    main()
