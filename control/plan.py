"""A plan of setpoints: what a decision leaves behind for the next one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Absolute setpoints, one row a block of the objective.

    Attributes:
        t_plant_s: plant time at which the first block begins.
        values: (M, 2), in the order of `physics.signals.SETPOINTS`.
    """

    t_plant_s: float
    values: Floats

    def as_lists(self) -> tuple[float, list[list[float]]]:
        """Return the plan as plain numbers, for a table."""
        return self.t_plant_s, [[float(value) for value in row] for row in self.values]

    @classmethod
    def from_lists(cls, t_plant_s: float, values: Sequence[Sequence[float]]) -> "Plan":
        """Return the plan that `as_lists` gave."""
        return cls(t_plant_s, np.array(values, dtype=np.float64).reshape(-1, 2))

    def is_usable(self, objective: ControlObjective, t_plant_s: float) -> bool:
        """Whether the plan is whole, of this objective's shape and young enough."""
        age_s = t_plant_s - self.t_plant_s
        return bool(
            self.values.shape == (len(objective.move_blocks), 2)
            and np.all(np.isfinite(self.values))
            and 0.0 <= age_s <= objective.plan_life_h * 3600.0
        )

    def shifted(self, objective: ControlObjective, t_plant_s: float) -> Floats:
        """Return the setpoints, (M, 2), that this plan holds for blocks beginning now."""
        starts_s = np.array(objective.block_starts) * objective.step_s
        asked_s = starts_s + (t_plant_s - self.t_plant_s)
        rows = np.searchsorted(starts_s, asked_s, side="right") - 1
        return np.asarray(self.values[np.clip(rows, 0, len(self.values) - 1)])
