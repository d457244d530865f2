"""A plan of setpoints: what a decision leaves behind for the next one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective

Floats = NDArray[np.float64]
PlainPlan = tuple[float, list[list[float]], float, float, bool]
"""A plan as plain numbers: the fields of `Plan` in their order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Absolute setpoints, one row a block of the objective.

    Attributes:
        t_plant_s: plant time at which the first block begins.
        values: (M, 2), in the order of `physics.signals.SETPOINTS`.
        wanted_feed_kg_per_h: first feed rate before it was rounded to shots; NaN if it was
            not.
        owed_kg: alumina that has been wanted until then and not been fed.
        is_baseline: whether it is nominal feed that stood in for a plan.
    """

    t_plant_s: float
    values: Floats
    wanted_feed_kg_per_h: float = math.nan
    owed_kg: float = 0.0
    is_baseline: bool = False

    def as_plain(self) -> PlainPlan:
        """Return the plan as plain numbers, for a table."""
        rows = [[float(value) for value in row] for row in self.values]
        return self.t_plant_s, rows, self.wanted_feed_kg_per_h, self.owed_kg, self.is_baseline

    @classmethod
    def from_plain(
        cls,
        t_plant_s: float,
        rows: Sequence[Sequence[float]],
        wanted_feed_kg_per_h: float,
        owed_kg: float,
        is_baseline: bool,
    ) -> "Plan":
        """Return the plan that `as_plain` gave."""
        values = np.array(rows, dtype=np.float64).reshape(-1, 2)
        return cls(t_plant_s, values, wanted_feed_kg_per_h, owed_kg, is_baseline)

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
        return np.asarray(self.values[rows])  # a usable plan is of the past: no row below 0
