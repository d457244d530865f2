"""How far the reduced cell errs on unseen trajectories, and how much faster than full order it is.

    python benchmarks/reduced.py [--artefact cell.reduced | --learn] [--unseen 3]
                                 [--first-seed 9101] [--hours 72] [--json]

The reduced cell is the one beside the plant file, that `potline reduce` made of it; with --learn
one is learnt first as `potline reduce` does by default, in an hour or so on two cores, and kept
with its trajectories in the user's cache, so that a second run tests at once. It is tested on
trajectories of the full-order cell as the code has it now, whose drives have other shapes and seeds
than those that it learnt from: sums of sines instead of straight lines. Errors are root mean
squares over a trajectory, the worst of the trajectories counts. All five drives move.

    speedup              wall seconds of full order for an hour of a cell, over those of the reduced
                         cell in a step of 240 cells; same machine, full order on the grid named
    step_240_cells_ms    median of a step of 300 s of 240 cells with drives of their own
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from platformdirs import user_cache_path
from rich.console import Console

from ops.compute import keep_memory, prepare_jax
from ops.plantfile import PlantFile, design_hash, load_plant
from ops.reduce import ReduceOptions, make_trajectories, reduce_cell
from ops.reduced_file import load_reduced
from ops.snapshots import EVERY_S, Plan, make_full_cell
from physics.reduced.replay import BARS, encode, measure_errors, step_cells

CELLS: Final = 240
REPEATS: Final = 200
GRID: Final = "16x29x20"  # these three as `potline reduce` has them
TRAJECTORIES: Final = 48
HOURS: Final = 72.0
FIRST_SEED: Final = 9101  # of the unseen; `potline reduce` counts up from its --seed


def main() -> int:
    """Test a reduced cell and print what was found."""
    options = _read_options()
    keep_memory()
    prepare_jax()
    loaded = load_plant(options.plant)
    console = Console(stderr=True)
    artefact = options.artefact or options.plant.with_suffix(".reduced")
    if options.is_learnt:
        artefact = _learn(loaded, console)
    reduced, about = load_reduced(artefact, design_hash(loaded.design))
    x, y, z = (int(count) for count in about.grid.split("x"))
    cell = make_full_cell(loaded.design, (x, y, z))
    own = f"{about.plant_hash[:12]}-{about.grid}-{options.hours:g}h"
    folder = _cache() / (artefact.name + ".snapshots") / own
    if options.artefact is not None:  # beside it, where `potline reduce` keeps its own
        folder = artefact.with_name(artefact.name + ".snapshots") / own
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(options.first_seed, options.first_seed + options.unseen)
    plans = [Plan("sines", seed, options.hours) for seed in seeds]
    # One after the other: their time is what the speed-up is of.
    unseen = make_trajectories(cell, plans, folder, 1, console)
    each = [
        {
            name: float(error)
            for name, error in measure_errors(reduced, run.samples, jnp.asarray(EVERY_S))
            ._asdict()
            .items()
        }
        for run in unseen
    ]
    step_s = _time_step(reduced, unseen[0].samples)
    full_s = sum(run.wall_s for run in unseen) / sum(run.hours for run in unseen)
    reduced_s = step_s / (CELLS * EVERY_S / 3600.0)
    report: dict[str, Any] = {
        "error": {name: max(errors[name] for errors in each) for name in each[0]},
        "bar": BARS,
        "error_of_each": each,
        "error_cross_validated": about.errors,
        "speedup": full_s / reduced_s,
        "step_240_cells_ms": 1e3 * step_s,
        "full_order_s_per_cell_hour": full_s,
        "reduced_s_per_cell_hour": reduced_s,
        "grid": about.grid,
        "hours": options.hours,
        "states": int(encode(reduced, unseen[0].samples).shape[1]),
        "trained": about.trained,
        "device": str(jax.devices()[0]),
    }
    if options.is_json:
        json.dump(report, sys.stdout, indent=2)
        print()
        return 0
    for name, error in report["error"].items():
        wanted = f"wanted {BARS[name]:g} or less" if name in BARS else ""
        print(f"{name:24s} {error:10.4g}   {wanted}")
    print(f"step of {CELLS} cells: {1e3 * step_s:.2f} ms; {report['speedup']:.0f} times as fast as")
    print(f"full order on {about.grid} boxes, which takes {full_s:.3g} s for an hour of a cell")
    return 0


def _cache() -> Path:
    return user_cache_path("potline") / "reduced"


def _learn(loaded: PlantFile, console: Console) -> Path:
    """A reduced cell of this plant, learnt here, or before and kept."""
    own = design_hash(loaded.design)
    out = _cache() / f"{own[:12]}-{GRID}-{TRAJECTORIES}.reduced"
    if out.exists():
        console.print(f"tested is {out}, learnt before; remove it to learn anew")
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"learning from {TRAJECTORIES} trajectories of {GRID} boxes ...")
    begun_s = time.perf_counter()
    learnt = ReduceOptions(out, GRID, TRAJECTORIES, HOURS, 1)
    reduce_cell(loaded.design, own, learnt, console)
    console.print(f"learnt in {time.perf_counter() - begun_s:.0f} s")
    return out


def _time_step(reduced: Any, samples: Any) -> float:
    """Median seconds of a step of all cells, each at another instant of a trajectory."""
    places = np.linspace(0, len(samples.drives) - 2, CELLS).astype(int)
    states = encode(reduced, samples)[places]
    before, after = samples.drives[places], samples.drives[places + 1]
    every_s = jnp.asarray(EVERY_S)
    step_cells(reduced, states, before, after, every_s).block_until_ready()
    taken_s = []
    for _ in range(REPEATS):
        begun_s = time.perf_counter()
        step_cells(reduced, states, before, after, every_s).block_until_ready()
        taken_s.append(time.perf_counter() - begun_s)
    return float(np.median(taken_s))


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plant", type=Path, default=Path("plants/reference-300ka.toml"))
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--artefact", type=Path, help="left out: beside the plant file")
    which.add_argument("--learn", action="store_true", dest="is_learnt", help="learn one first")
    parser.add_argument("--unseen", type=int, default=3, help="trajectories to test on")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="of these")
    parser.add_argument("--hours", type=float, default=72.0, help="of each")
    parser.add_argument("--json", action="store_true", dest="is_json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
