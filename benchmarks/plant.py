"""How much of a core the simulated line takes, against the same cells stepped one by one.

    python benchmarks/plant.py [--cells 240] [--one-by-one 12] [--json]

The line runs 60 s of plant time in one call; at 60 times real time that is a second of wall time.
The peer is the same compiled step for a line of one cell, called for each cell in turn.
"""

import argparse
import json
from time import perf_counter

import jax
from rich.console import Console

from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from physics.design import PlantDesign
from physics.plant import PlantState, init_plant, make_inputs, step_plant
from physics.precision import require_x64

PLANT_S = 60.0
SPEED = 60.0
WARM_UP = 3
REPEATS = 20


def measure_ms(design: PlantDesign, cells: int, lines: int) -> float:
    """Best time of a call for each of some lines, ms together."""
    parameters, states = [], []
    for seed in range(lines):
        built, state = init_plant(design, cells, seed)
        parameters.append(built)
        states.append(state)

    def step_all(before: list[PlantState]) -> list[PlantState]:
        after = [
            step_plant(built, state, make_inputs(state), PLANT_S)[0]
            for built, state in zip(parameters, before, strict=True)
        ]
        return jax.block_until_ready(after)

    for _ in range(WARM_UP):
        states = step_all(states)
    best_s = float("inf")
    for _ in range(REPEATS):
        began_s = perf_counter()
        states = step_all(states)
        best_s = min(best_s, perf_counter() - began_s)
    return 1e3 * best_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=240)
    parser.add_argument("--one-by-one", type=int, default=12, help="cells that the peer steps")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    require_x64()
    design = load_plant(DEFAULT_PLANT).design
    together_ms = measure_ms(design, arguments.cells, 1)
    alone_ms = measure_ms(design, 1, arguments.one_by_one)
    scale = arguments.cells / arguments.one_by_one
    figures = {
        "cells": arguments.cells,
        "ms_per_60_s": together_ms,
        "share_of_a_core": together_ms / (1e3 * PLANT_S / SPEED),
        "one_by_one_ms": alone_ms * scale,
        "ratio_one_by_one": alone_ms * scale / together_ms,
        "device": jax.devices()[0].device_kind,
    }
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    console = Console()
    console.print(f"{arguments.cells} cells, 60 s of plant time: {together_ms:.1f} ms,")
    console.print(f"at {SPEED:g}x {100.0 * figures['share_of_a_core']:.1f} % of a core;")
    console.print(f"one by one {figures['ratio_one_by_one']:.0f} times as long")


if __name__ == "__main__":
    main()
