"""What a cell will do: its outputs over the horizon, as a linear function of the planned moves."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective

Floats = NDArray[np.float64]

OUTPUTS: Final = ("alumina_wt_pct", "superheat_c", "acd_cm", "cell_voltage_v")
ALUMINA, SUPERHEAT, ACD, VOLTAGE = range(len(OUTPUTS))
BOUNDED_NAMES: Final = ("alumina", "superheat", "acd")  # the first outputs: they have soft bounds
BOUNDED: Final = len(BOUNDED_NAMES)
PLAUSIBLE_LOW: Final = np.array(
    [0.0, -60.0, 0.5, 0.0]
)  # design value: outside, a state is no state
PLAUSIBLE_HIGH: Final = np.array([20.0, 120.0, 15.0, 60.0])
PREDICTABLE: Final = 1.0e4  # design value: a free response beyond this is no prediction


@dataclass(frozen=True, slots=True)
class CellModel:
    """One cell, linear around where it is now, discrete at the step of the objective.

    x+ = A x + B u + c, y = C x + d, with inputs in the order of `physics.signals.SETPOINTS` and
    outputs in the order of `OUTPUTS`.

    Attributes:
        A: (N, N); B: (N, 2); c: (N,); C: (4, N); d: (4,).
        kwh_per_kg_and_v: specific energy per volt; aluminium: 2.97998 / efficiency.
    """

    A: Floats
    B: Floats
    c: Floats
    C: Floats
    d: Floats
    kwh_per_kg_and_v: float


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
        free: outputs if the setpoints stay as they are, (P, 4).
        gain: per scaled move from the present setpoints, (P, 4, M * 2), blocks outermost.
        now: outputs of the present state, (4,).
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
        """Return the outputs, (P, 4), for scaled moves, (M * 2,)."""
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
    blocks = objective.move_blocks
    count = len(blocks)
    free_state = np.array(state, dtype=np.float64)
    sensitivity = np.zeros((len(free_state), count * 2))
    drift = model.B @ applied + model.c
    push = model.B * scale
    free = np.empty((count, len(OUTPUTS)))
    gain = np.empty((count, len(OUTPUTS), count * 2))
    with np.errstate(all="ignore"):
        for block, length in enumerate(blocks):
            for _ in range(length):
                free_state = model.A @ free_state + drift
                sensitivity = model.A @ sensitivity
                sensitivity[:, 2 * block : 2 * block + 2] += push
            free[block] = model.C @ free_state + model.d
            gain[block] = model.C @ sensitivity
        now = model.C @ state + model.d
    return Prediction(free=free, gain=gain, now=now)
