"""A recorded run of the simulated line, as frames and truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.plant import Disturbances, PlantInputs, init_plant, step_plant
from physics.signals import SIGNALS

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class LineRecord:
    """Scans of a line: (S,), (S, C, K), and truth by name (S, C)."""

    t_plant_s: F64
    value: F64
    truth: dict[str, F64]

    @property
    def valid(self) -> NDArray[np.bool_]:
        return np.ones(self.value.shape, dtype=bool)


def record_line(
    design: PlantDesign,
    cells: int,
    hours: float,
    seed: int,
    disturbances: Disturbances | None = None,
    scan_s: float = 15.0,
) -> LineRecord:
    """Run a line fed 78 % and 128 % by turns of an hour, every other cell out of step.

    The mean is 3 % above nominal: crusts hold alumina back, and cells differ in what they use.
    """
    parameters, state = init_plant(design, cells, seed, disturbances)
    nominal, beam = nominal_feed_kg_per_h(design), np.asarray(state.beam_mm)
    times, values, truths = [], [], []
    for scan in range(round(hours * 3600.0 / scan_s)):
        turn = (int(scan * scan_s / 3600.0) + np.arange(cells)) % 2
        feed = nominal * np.where(turn == 0, 0.78, 1.28)
        state, outputs = step_plant(parameters, state, PlantInputs(feed, beam), scan_s)
        measured = outputs.measured
        values.append(
            np.stack([np.broadcast_to(measured[name], (cells,)) for name in SIGNALS], axis=1)
        )
        times.append(float(state.t_s))
        truths.append({name: np.asarray(x) for name, x in outputs.truth._asdict().items()})
    truth = {name: np.stack([row[name] for row in truths]) for name in truths[0]}
    return LineRecord(np.array(times), np.stack(values), truth)
