"""What a plan costs: the objective that the solver minimises, for any moves."""

import numpy as np
from numpy.typing import NDArray

from control.instance import Instance
from control.objective import ControlObjective
from control.prediction import ACD, ALUMINA, COUNT

Floats = NDArray[np.float64]


class PlanCost:
    """The objective in plain arithmetic, beside the program that is compiled of it.

    Args:
        objective: weights and blocks.
    """

    def __init__(self, objective: ControlObjective) -> None:
        self._blocks = np.array(objective.move_blocks, dtype=np.float64)
        self._alumina = objective.alumina_weight * self._blocks
        self._risk = objective.risk_weight * self._blocks
        self._energy = objective.energy_weight * self._blocks
        self._bounds = objective.bound_weight * np.repeat(self._blocks, COUNT)
        moves = [objective.feed_move_weight, objective.beam_move_weight]
        self._change = np.tile(moves, len(self._blocks))

    def of(self, instance: Instance, moves: Floats) -> float:
        """Return the objective of scaled moves, (M * 2,), with no more slack than they need.

        Energy counts from the gap of the free response on: only differences mean something.
        """
        outputs = instance.gain @ moves
        below = instance.offset - outputs
        slack = np.maximum(np.maximum(below, -below - instance.room), 0.0)
        alumina = outputs[ALUMINA::COUNT]
        change = moves.copy()
        change[2:] -= moves[:-2]
        return float(
            self._alumina @ (alumina + instance.miss) ** 2
            + self._risk @ np.maximum(instance.risk - alumina, 0.0) ** 2
            + self._energy @ outputs[ACD::COUNT]
            + self._change @ change**2
            + self._bounds @ (slack + slack**2)
        )

    def mean(self, values: Floats) -> float:
        """Return the mean over the horizon of one value a block, (P,)."""
        return float(self._blocks @ values / np.sum(self._blocks))
