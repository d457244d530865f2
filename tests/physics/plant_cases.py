"""Runs of the simulated line for tests: one number of cells, so that it compiles once."""

import numpy as np

from physics.design import PlantDesign
from physics.plant import (
    UNDISTURBED,
    Disturbances,
    PlantInputs,
    PlantOutputs,
    PlantParameters,
    PlantState,
    init_plant,
    make_inputs,
    step_plant,
)

CELLS = 8  # one size for all tests: each other size compiles anew


def start(
    design: PlantDesign, seed: int, disturbances: Disturbances = UNDISTURBED
) -> tuple[PlantParameters, PlantState]:
    return init_plant(design, CELLS, seed, disturbances)


def run(
    parameters: PlantParameters,
    state: PlantState,
    hours: float,
    inputs: PlantInputs | None = None,
    scan_s: float = 60.0,
) -> tuple[PlantState, list[PlantOutputs]]:
    """Run in scans; without inputs, what is in force at the start stays."""
    asked = make_inputs(state) if inputs is None else inputs
    scans = []
    for _ in range(round(hours * 3600.0 / scan_s)):
        state, outputs = step_plant(parameters, state, asked, scan_s)
        scans.append(outputs)
    return state, scans


def truths(scans: list[PlantOutputs], name: str) -> np.ndarray:
    """One column of the truth over all scans, (S, C)."""
    return np.stack([np.asarray(getattr(scan.truth, name)) for scan in scans])


def measurements(scans: list[PlantOutputs], name: str) -> np.ndarray:
    """One signal over all scans, (S, C)."""
    return np.stack([np.asarray(scan.measured[name]) for scan in scans])
