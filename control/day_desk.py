"""Which cells of a section get a new day plan now, and what stands of the plans made before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.day_plan import DayLinear, DayPlan, DayPlanner, Floats
from control.objective import GOLDEN_FRACTION
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.reduced.day_model import DAY_STATES, DayBeliefs, linearise_day

_HOURS_A_DAY: Final = 24.0


@dataclass(frozen=True, slots=True)
class DayStanding:
    """What stands of a cell's newest plan.

    Attributes:
        slot: the period it was made in; -1 before the first.
        alf3_kg_per_day: addition in force.
        acd_floor_cm: for the fast half; minus infinity where there is none.
        reason, figures: why, as the plan said; empty where there is no plan.
    """

    alf3_kg_per_day: float
    slot: int = -1
    acd_floor_cm: float = -np.inf
    reason: str = ""
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayDesk:
    """Plans the days of a section's cells, each at its own phase of the period.

    Attributes:
        planner: compiled.
        design: of the plant.
        standing: by cell number.
    """

    planner: DayPlanner
    design: PlantDesign
    standing: dict[int, DayStanding] = field(default_factory=dict)

    def plan_due(
        self,
        cells: tuple[int, ...],
        t_plant_s: float,
        values: Mapping[str, Floats],
        may_plan: NDArray[np.bool_] | None = None,
        most: int | None = None,
    ) -> dict[int, DayPlan]:
        """Plan for the cells whose period has begun, and remember what was planned.

        Args:
            cells: numbers of the section's cells.
            t_plant_s: plant time.
            values: columns of the section's estimate, each (C,).
            may_plan: (C,) for which cells; for all where left out. The others stay due.
            most: how many plans at once; the others stay due.

        Returns:
            The new plans by cell number. A cell whose estimate is not usable keeps what stands.
        """
        objective = self.planner.objective
        period_s = objective.day.period_h * 3600.0
        slots = {cell: int(t_plant_s / period_s + cell * GOLDEN_FRACTION) for cell in cells}
        due = [i for i, cell in enumerate(cells) if slots[cell] != self.of(cell).slot]
        if may_plan is not None:
            due = [i for i in due if may_plan[i]]
        due = due[:most]
        if not due:
            return {}
        state = np.column_stack([values[name] for name in DAY_STATES])
        inputs = np.column_stack(
            [values["acd_cm"], [self.of(cell).alf3_kg_per_day for cell in cells]]
        )
        alumina = np.full(len(cells), objective.alumina_target_wt_pct)
        # Added heat is what passes within hours (fresh anodes that warm up): not planned for days.
        beliefs = DayBeliefs(
            alumina,
            values["line_current_ka"],
            values["added_resistance_uohm"],
            np.zeros(len(cells)),
        )
        model = linearise_day(self.design, state, inputs, beliefs, objective.day.step_h * 3600.0)
        target = objective.day.alf3_target_wt_pct or self.design.cell.bath.excess_alf3_wt_pct
        plans: dict[int, DayPlan] = {}
        for i in due:
            linear = DayLinear(*(part[i] for part in model))
            plan = self.planner.plan(linear, inputs[i], target)
            plans[cells[i]] = plan
            self.standing[cells[i]] = DayStanding(
                plan.alf3_kg_per_day,
                slots[cells[i]],
                plan.acd_floor_cm,
                plan.reason if plan.status.has_plan else "",
                plan.figures,
            )
        return plans

    def of(self, cell: int) -> DayStanding:
        """Return what stands for a cell; before its first plan, what replaces the usual loss."""
        usual = DayStanding(usual_alf3_kg_per_day(self.design))
        return self.standing.get(cell, usual)


def usual_alf3_kg_per_day(design: PlantDesign) -> float:
    """Return the AlF3 that replaces what a nominal cell loses in a day, kg."""
    share = design.cell.bath.alf3_loss_kg_per_kg_alumina
    return _HOURS_A_DAY * share * nominal_feed_kg_per_h(design)
