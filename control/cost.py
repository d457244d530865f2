"""What a plan costs: the objective that the solver minimises, and its energy, for any moves."""

import numpy as np
from numpy.typing import NDArray

from control.instance import Instance
from control.objective import ControlObjective
from control.prediction import ACD, ALUMINA, COUNT, VOLTAGE, CellModel, Prediction

Floats = NDArray[np.float64]


def cost_of(objective: ControlObjective, instance: Instance, moves: Floats) -> float:
    """Return the objective of scaled moves, (M * 2,), with no more slack than they need.

    The energy counts from the gap of the free response on: only differences mean something.
    """
    blocks = np.array(objective.move_blocks, dtype=np.float64)
    outputs = instance.gain @ moves
    below = instance.offset - outputs
    slack = np.maximum(np.maximum(below, -below - instance.room), 0.0)
    miss = outputs[ALUMINA::COUNT] + instance.miss
    lean = np.maximum(instance.risk - outputs[ALUMINA::COUNT], 0.0)
    change = moves - np.concatenate([np.zeros(2), moves[:-2]])
    weights = np.tile(
        [objective.feed_move_weight, objective.beam_move_weight], len(objective.move_blocks)
    )
    return float(
        objective.alumina_weight * (blocks @ miss**2)
        + objective.risk_weight * (blocks @ lean**2)
        + objective.energy_weight * (blocks @ outputs[ACD::COUNT])
        + weights @ change**2
        + objective.bound_weight * (np.repeat(blocks, COUNT) @ (slack + slack**2))
    )


def mean_energy_kwh_per_kg(
    objective: ControlObjective, model: CellModel, prediction: Prediction, moves: Floats
) -> float:
    """Return the specific energy of scaled moves, mean over the horizon."""
    blocks = np.array(objective.move_blocks, dtype=np.float64)
    voltage = prediction.outputs(moves)[:, VOLTAGE]
    return float(blocks @ voltage / np.sum(blocks) * model.kwh_per_kg_and_v)
