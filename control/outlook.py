"""A cell as one decision sees it: what it will do by itself, and the bounds in force."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective
from control.prediction import (
    ACD,
    ALUMINA,
    NAMES,
    VOLTAGE,
    CellModel,
    Prediction,
    Uncertainty,
)

Floats = NDArray[np.float64]
MOST_ASKED_V: Final = 0.5  # design value: of a change of voltage, for the sake of its bounds
SMALLEST_ROOM_CM: Final = 0.1  # design value: between a floor that a day plan sets and the ceiling


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a cell at a decision.

    Attributes:
        model: linear, around where it is.
        prediction: from the setpoints in force.
        applied: these, (2,).
        uncertainty: of the estimate.
        floors, ceilings: soft bounds of every output at every point, (P, Q).
    """

    model: CellModel
    prediction: Prediction
    applied: Floats
    uncertainty: Uncertainty
    floors: Floats
    ceilings: Floats


def make_outlook(
    objective: ControlObjective,
    model: CellModel,
    prediction: Prediction,
    applied: Floats,
    uncertainty: Uncertainty,
) -> Outlook:
    """Return the outlook with the bounds that hold for this cell now.

    Those of alumina and ACD are raised by their uncertainty, and that of the ACD to what the day
    plan asks for. Those of the voltage give way to a
    voltage that is far outside: it is made by something else than the gap (an anode effect, a bad
    contact), and the gap cannot make up for it.
    """
    pairs = np.array([objective.bounds(name) for name in NAMES])
    floors = np.repeat(pairs[None, :, 0], len(prediction.free), axis=0)
    ceilings = np.repeat(pairs[None, :, 1], len(prediction.free), axis=0)
    floors[:, ALUMINA] = objective.alumina_floor_wt_pct(uncertainty.alumina_sd_wt_pct)
    floors[:, ACD] = max(
        objective.acd_floor_cm(uncertainty.acd_sd_cm, uncertainty.noise_mv),
        min(uncertainty.acd_floor_cm, objective.acd_high_cm - SMALLEST_ROOM_CM),
    )
    free_v = prediction.free[:, VOLTAGE]
    floors[:, VOLTAGE] = np.minimum(floors[:, VOLTAGE], free_v + MOST_ASKED_V)
    ceilings[:, VOLTAGE] = np.maximum(ceilings[:, VOLTAGE], free_v - MOST_ASKED_V)
    return Outlook(model, prediction, applied, uncertainty, floors, ceilings)
