"""One closed loop: one controller, one seed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from ops.evaluate.controllers import Baseline, LineController, start_voltage_v
from ops.evaluate.line import BLOCK_S, Orders, SimulatedLine
from ops.evaluate.mpc import MpcController
from ops.evaluate.options import ControllerName, EvaluateOptions
from ops.evaluate.record import Recorder, RunRecord
from ops.plantfile import PlantFile
from physics.plant.laboratory import compute_alf3_base_kg_per_day

DAY_S: Final = 86400.0
_TOLD_DAYS: Final = 0.1
_PILOTS: Final = 2  # design value: the second changes the voltage by some millivolts
_PILOT_DAYS: Final = 0.25  # that count, after as much that does not


def make_controller(name: ControllerName, plant: PlantFile, line: SimulatedLine) -> LineController:
    """Return a controller that takes over a line as it stands."""
    state = line.state
    start = Orders(
        np.asarray(state.feeder.rate_kg_per_h),
        np.asarray(state.beam_mm),
        np.full(len(state.beam_mm), np.nan),
    )
    if name is ControllerName.MPC:
        return MpcController(plant, start)
    # What the plant's routine would add without a correction is part of the plant's design.
    return Baseline(name, plant, start, float(compute_alf3_base_kg_per_day(line.parameters)))


def run_loop(
    plant: PlantFile,
    options: EvaluateOptions,
    name: ControllerName,
    seed: int,
    told: Callable[[float], None] | None = None,
) -> RunRecord:
    """Run a line under one controller, from where its cells would stand.

    The setpoint of local control tells its voltage. That of the MPC is found by runs of half a day,
    each from the voltage that the one before ended at: a line that is started elsewhere takes weeks
    to settle, meanwhile its ledge takes cryolite from the bath or gives it back.

    Args:
        plant: that the controller knows.
        options: how long, how many cells, which stress.
        name: of the controller.
        seed: of the line.
        told: called with the plant days gone by since it was called last.
    """
    control = replace(plant.control, control_period_s=options.control_period_s)
    plant = replace(plant, control=control)
    volts = start_voltage_v(name, plant.design)
    if name is ControllerName.MPC:
        days = min(_PILOT_DAYS, options.days)
        pilot = replace(options, days=days, burn_in_days=days)
        for _ in range(_PILOTS):
            volts = _run(plant, pilot, name, seed, volts, None).mean["cell_voltage_v"]
    return _run(plant, options, name, seed, volts, told)


def _run(
    plant: PlantFile,
    options: EvaluateOptions,
    name: ControllerName,
    seed: int,
    volts: float,
    told: Callable[[float], None] | None,
) -> RunRecord:
    line = SimulatedLine(plant.design, options.cells, seed, options.stress, volts)
    controller = make_controller(name, plant, line)
    burn_in = round(options.burn_in_days * DAY_S / BLOCK_S)
    blocks = burn_in + round(options.days * DAY_S / BLOCK_S)
    recorder = Recorder(blocks, burn_in, options.cells)
    orders = Orders(
        np.asarray(line.state.feeder.rate_kg_per_h),
        np.asarray(line.state.beam_mm),
        np.full(options.cells, np.nan),
    )
    reported = 0
    for number in range(blocks):
        block = line.run(orders)
        orders = controller.step(block.scans)
        recorder.add(block, controller, line)
        is_due = (number + 1 - reported) * BLOCK_S >= _TOLD_DAYS * DAY_S or number + 1 == blocks
        if told is not None and is_due:
            told((number + 1 - reported) * BLOCK_S / DAY_S)
            reported = number + 1
    limits = {row.name: row for row in plant.setpoints}
    return recorder.finish(name, seed, volts, limits, controller.counts)
