"""What a cell will do: its outputs over the horizon, as a linear function of the planned moves."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective

Floats = NDArray[np.float64]

OUTPUTS: Final = ("alumina_wt_pct", "superheat_c", "acd_cm", "ledge_cm", "cell_voltage_v")
NAMES: Final = ("alumina", "superheat", "acd", "ledge", "voltage")  # of their soft bounds
ALUMINA, SUPERHEAT, ACD, LEDGE, VOLTAGE = range(len(OUTPUTS))
COUNT: Final = len(OUTPUTS)
# What the optimiser reckons one unit of each: all of them of order one, so that the solver need not
# scale, and 0.1 V beyond a bound as bad as 1 wt% or 1 cm.
UNITS: Final = np.array([1.0, 1.0, 1.0, 1.0, 0.1])
# design values: outside, a state is no state
PLAUSIBLE_LOW: Final = np.array([0.0, -60.0, 0.5, -5.0, 0.0])
PLAUSIBLE_HIGH: Final = np.array([20.0, 120.0, 15.0, 200.0, 60.0])
PREDICTABLE: Final = 1.0e4  # design value: a free response beyond this is no prediction


@dataclass(frozen=True, slots=True)
class CellModel:
    """One cell, linear around where it is now, discrete at the step of the objective.

    x+ = A x + B u + c, y = C x + d, with inputs in the order of `physics.signals.SETPOINTS` and
    outputs in the order of `OUTPUTS`.

    Attributes:
        A: (N, N); B: (N, 2); c: (N,); C: (Q, N); d: (Q,), with Q outputs.
        kwh_per_kg_and_v: specific energy per volt; aluminium: 2.97998 / efficiency.
        shown: outputs of the present state, (Q,), where the linear model is not exact there (it may
            be that of where the cell is about to be); None where it is.
        critical_alumina_wt_pct: at which an anode effect begins.
        nominal_feed_kg_per_h: what the cell uses at its nominal point.
        shot_kg: what its feeders drop at once. Each of these three is NaN where it is not known.
    """

    A: Floats
    B: Floats
    c: Floats
    C: Floats
    d: Floats
    kwh_per_kg_and_v: float
    shown: Floats | None = None
    critical_alumina_wt_pct: float = math.nan
    nominal_feed_kg_per_h: float = math.nan
    shot_kg: float = math.nan


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How well a cell is known, and what the day plan asks of it.

    Attributes:
        alumina_sd_wt_pct, acd_sd_cm: standard deviations of the estimate.
        noise_mv: voltage noise.
        acd_floor_cm: the gap that a plan over days does not want to go below.
    """

    alumina_sd_wt_pct: float = 0.0
    acd_sd_cm: float = 0.0
    noise_mv: float = 0.0
    acd_floor_cm: float = -math.inf


@dataclass(frozen=True, slots=True)
class Prediction:
    """Outputs at the end of each planned block: `free + gain @ moves`.

    Attributes:
        free: outputs if the setpoints stay as they are, (P, Q).
        gain: per scaled move from the present setpoints, (P, Q, M * 2), blocks outermost.
        now: outputs of the present state, (Q,).
    """

    free: Floats
    gain: Floats
    now: Floats

    @property
    def is_plausible(self) -> bool:
        """Whether these are the outputs of a cell, and a response to compute with."""
        return bool(
            np.all(np.isfinite(self.now))
            and np.all(self.now >= PLAUSIBLE_LOW)
            and np.all(self.now <= PLAUSIBLE_HIGH)
            and np.all(np.abs(self.free) < PREDICTABLE)
            and np.all(np.abs(self.gain) < PREDICTABLE)
        )

    def outputs(self, moves: Floats) -> Floats:
        """Return the outputs, (P, Q), for scaled moves, (M * 2,)."""
        return np.asarray(self.free + self.gain @ moves)


def predict(
    model: CellModel, state: Floats, applied: Floats, scale: Floats, objective: ControlObjective
) -> Prediction:
    """Return the prediction of one cell.

    Args:
        model: of the cell.
        state: estimate, (N,).
        applied: present setpoints, (2,).
        scale: size of one scaled move of each setpoint, (2,).
        objective: gives the horizon and the blocks.
    """
    blocks, size = objective.move_blocks, len(state)
    # Columns: the free state, then its slope by each scaled move.
    columns = np.zeros((size, 1 + len(blocks) * 2))
    columns[:, 0] = state
    path = np.empty((len(blocks), COUNT, columns.shape[1]))
    step = np.eye(size + 3)  # of [state, scaled moves, 1]
    with np.errstate(all="ignore"):
        step[:size, :size] = model.A
        step[:size, size:-1] = model.B * scale
        step[:size, -1] = model.B @ applied + model.c
        held = {length: np.linalg.matrix_power(step, length)[:size] for length in set(blocks)}
        for block, length in enumerate(blocks):
            whole = held[length]
            columns = whole[:, :size] @ columns
            columns[:, 0] += whole[:, -1]
            columns[:, 1 + 2 * block : 3 + 2 * block] += whole[:, size:-1]
            path[block] = model.C @ columns
        now = model.C @ state + model.d if model.shown is None else model.shown
        return Prediction(free=path[:, :, 0] + model.d, gain=path[:, :, 1:], now=now)
