"""What is wanted over days: the [control.day] table of a plant file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DayObjective:
    """Horizon, weights and bounds of AlF3 and heat; the defaults suit a 300 kA cell.

    Bounds of gap, superheat and ledge are those of [control].

    Attributes:
        horizon_h, step_h: the prediction; each step is also a planned move.
        period_h: plant time between plans of a cell.
        alf3_target_wt_pct: wanted excess of AlF3; 0: that of [cell.bath].
        alf3_low_kg_per_day, alf3_high_kg_per_day: hard bounds of the addition.
        alf3_step_kg_per_day: most that it changes from plan to plan.
        alf3_resolution_kg_per_day: what can be dosed.
        alf3_weight: per wt% squared and step. Much heavier, and the plan widens the gap to melt
            ledge for the sake of what is left in the bath.
        energy_weight: per cm of gap and step. Only the gap counts as energy: by conductivity alone
            the bath would have no AlF3, by current efficiency far too much, and neither law holds
            that far.
        alf3_move_weight: per (10 kg/day) squared; `acd_move_weight`: per mm squared.
        bound_weight: per degC or cm beyond a soft bound.
        acd_rate_cm: most that the planned gap changes in a step.
    """

    horizon_h: float = 72.0
    step_h: float = 4.0
    period_h: float = 4.0
    alf3_target_wt_pct: float = 0.0
    alf3_low_kg_per_day: float = 0.0
    alf3_high_kg_per_day: float = 100.0
    alf3_step_kg_per_day: float = 25.0
    alf3_resolution_kg_per_day: float = 0.5
    alf3_weight: float = 0.2
    energy_weight: float = 10.0
    alf3_move_weight: float = 0.2
    acd_move_weight: float = 0.05
    bound_weight: float = 10.0
    acd_rate_cm: float = 0.2

    def __post_init__(self) -> None:
        if not (self.step_h > 0.0 and self.horizon_h >= self.step_h and self.period_h > 0.0):
            raise ValueError(
                f"horizon_h {self.horizon_h:g}, step_h {self.step_h:g} and period_h "
                f"{self.period_h:g} make no plan. Remedy: give a step above 0 and a horizon of one "
                "step or more"
            )
        if not 0.0 <= self.alf3_low_kg_per_day < self.alf3_high_kg_per_day:
            raise ValueError(
                f"an AlF3 addition of {self.alf3_low_kg_per_day:g} to "
                f"{self.alf3_high_kg_per_day:g} kg/day leaves nothing to choose. Remedy: set the "
                "low bound to 0 or more and the high one above it"
            )
        if min(self.alf3_step_kg_per_day, self.alf3_resolution_kg_per_day) <= 0.0:
            raise ValueError(
                f"alf3_step_kg_per_day {self.alf3_step_kg_per_day:g} and "
                f"alf3_resolution_kg_per_day {self.alf3_resolution_kg_per_day:g} must be above 0. "
                "Remedy: give kg/day"
            )

    @property
    def steps(self) -> int:
        """Steps of the horizon."""
        return round(self.horizon_h / self.step_h)
