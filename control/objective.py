"""What the controller is asked to achieve: the [control] table of a plant file.

Outputs are kept between soft bounds (a bound that cannot be kept is missed by as little as can be),
alumina is drawn to a target, and the anode-cathode distance (ACD) is pushed down as far as
superheat, noise and its own floor allow, because that is where the energy goes.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from control.day_objective import DayObjective
from control.modes import ModePolicy

Floats = NDArray[np.float64]
GOLDEN_FRACTION = 0.6180339887498949  # spreads the phases of cells evenly, however many there are


@dataclass(frozen=True, slots=True)
class ControlObjective:
    """Targets, bounds, weights and solver limits; the defaults suit a 300 kA cell.

    Attributes:
        horizon_h, step_min: the prediction; `move_blocks`: how many steps each planned move stays.
        control_period_s: plant time between decisions, over which the first move is limited.
        alumina_target_wt_pct: mean of the target; it swings by `alumina_swing_wt_pct` with a period
            of `alumina_swing_period_h`, each cell at its own phase. The swing keeps alumina
            observable: a constant concentration tells nothing about itself through the voltage.
        alumina_low_wt_pct, alumina_high_wt_pct: soft bounds; the low one is raised by
            `certainty_factor` standard deviations of the estimate.
        superheat_low_c, superheat_high_c: soft bounds.
        ledge_low_cm, ledge_high_cm: soft bounds: a side wall without ledge is eaten by the bath.
        voltage_low_v, voltage_high_v: soft bounds.
        acd_low_cm, acd_high_cm: soft bounds; the low one is raised by `certainty_factor` standard
            deviations, and by `acd_lift_cm_per_mv` for voltage noise above `noise_limit_mv`.
        certainty_limit_wt_pct, certainty_limit_cm: most that an uncertain estimate raises a bound.
        risk_alumina_wt_pct: alumina below this level costs `risk_weight` per wt% squared and step,
            as the risk of an anode effect grows before the low bound is reached.
        alumina_weight: per wt% squared; `energy_weight`: per cm of ACD; both per step.
        feed_move_weight, beam_move_weight: per squared change, in units of a largest step.
        feed_deadband_kg_per_h, beam_deadband_mm: a first move smaller than this is left out (and
            never more than half of what the rate allows in a control period), so that the noise of
            the estimate does not wear out the beam and its travel. Feed in known shots needs none:
            see `control.shots`.
        feed_ripple_kg_per_h: how far a measured feed rate swings around a constant one, because it
            comes in shots.
        bound_weight: per step and unit of output beyond a soft bound: wt%, degC, cm, 0.1 V.
        max_iterations, tolerance: of the solver.
        plan_life_h: how long an old plan may stand in for a new one.
        modes: how cells start and come back.
        day: AlF3 and heat over days.
    """

    horizon_h: float = 6.0
    step_min: float = 15.0
    move_blocks: tuple[int, ...] = (1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4)
    control_period_s: float = 120.0
    alumina_target_wt_pct: float = 2.8
    alumina_swing_wt_pct: float = 0.5
    alumina_swing_period_h: float = 3.0
    alumina_low_wt_pct: float = 2.0
    alumina_high_wt_pct: float = 5.0
    superheat_low_c: float = 5.0
    superheat_high_c: float = 14.0
    acd_low_cm: float = 3.6
    acd_high_cm: float = 5.5
    ledge_low_cm: float = 3.0
    ledge_high_cm: float = 30.0
    voltage_low_v: float = 3.9
    voltage_high_v: float = 4.5
    certainty_factor: float = 1.5
    certainty_limit_wt_pct: float = 0.5
    certainty_limit_cm: float = 0.2
    noise_limit_mv: float = 30.0
    acd_lift_cm_per_mv: float = 0.01
    alumina_weight: float = 10.0
    risk_alumina_wt_pct: float = 2.3
    risk_weight: float = 5.0
    energy_weight: float = 1.0
    feed_move_weight: float = 1.0
    beam_move_weight: float = 0.05
    feed_deadband_kg_per_h: float = 5.0
    beam_deadband_mm: float = 0.2
    feed_ripple_kg_per_h: float = 12.0
    bound_weight: float = 5.0
    max_iterations: int = 4000
    tolerance: float = 1e-3
    plan_life_h: float = 1.0
    modes: ModePolicy = field(default_factory=ModePolicy)
    day: DayObjective = field(default_factory=DayObjective)

    def __post_init__(self) -> None:
        if sum(self.move_blocks) != self.steps or min(self.move_blocks, default=0) < 1:
            raise ValueError(
                f"move_blocks {list(self.move_blocks)} cover {sum(self.move_blocks)} steps, but "
                f"horizon_h {self.horizon_h:g} at step_min {self.step_min:g} has {self.steps}. "
                "Remedy: make them at least 1 each and add up to that"
            )
        for name in ("alumina", "superheat", "acd", "ledge", "voltage"):
            low, high = self.bounds(name)
            if not low < high:
                raise ValueError(
                    f"the soft bounds of {name}, {low:g} to {high:g}, leave nothing between them. "
                    "Remedy: set the low one below the high one"
                )
        if not self.alumina_low_wt_pct < self.alumina_target_wt_pct < self.alumina_high_wt_pct:
            raise ValueError(
                f"alumina_target_wt_pct {self.alumina_target_wt_pct:g} is not between its bounds. "
                "Remedy: set it inside them"
            )

    @property
    def steps(self) -> int:
        """Steps of the horizon."""
        return round(self.horizon_h * 60.0 / self.step_min)

    @property
    def step_s(self) -> float:
        """Length of one step, plant seconds."""
        return self.step_min * 60.0

    @property
    def block_starts(self) -> tuple[int, ...]:
        """First step of each planned move."""
        return tuple(sum(self.move_blocks[:block]) for block in range(len(self.move_blocks)))

    def bounds(self, name: str) -> tuple[float, float]:
        """Return the soft bounds of `alumina`, `superheat`, `acd`, `ledge` or `voltage`."""
        return {
            "alumina": (self.alumina_low_wt_pct, self.alumina_high_wt_pct),
            "superheat": (self.superheat_low_c, self.superheat_high_c),
            "acd": (self.acd_low_cm, self.acd_high_cm),
            "ledge": (self.ledge_low_cm, self.ledge_high_cm),
            "voltage": (self.voltage_low_v, self.voltage_high_v),
        }[name]

    def alumina_targets_wt_pct(self, cell: int, t_plant_s: Floats) -> Floats:
        """Return the alumina target of a cell at those plant times: a triangle around the mean."""
        turns = t_plant_s / (self.alumina_swing_period_h * 3600.0) + cell * GOLDEN_FRACTION
        triangle = 4.0 * np.abs(turns - np.floor(turns + 0.5)) - 1.0
        return self.alumina_target_wt_pct + self.alumina_swing_wt_pct * triangle

    def alumina_floor_wt_pct(self, sd_wt_pct: float) -> float:
        """Return the low bound of alumina for an estimate that is so uncertain."""
        margin = _margin(sd_wt_pct, self.certainty_factor, self.certainty_limit_wt_pct)
        return self.alumina_low_wt_pct + margin

    def acd_floor_cm(self, sd_cm: float, noise_mv: float) -> float:
        """Return the low bound of the ACD for so uncertain an estimate and so noisy a cell."""
        margin = _margin(sd_cm, self.certainty_factor, self.certainty_limit_cm)
        excess_mv = noise_mv - self.noise_limit_mv if math.isfinite(noise_mv) else 0.0
        lift = min(self.acd_lift_cm_per_mv * max(excess_mv, 0.0), self.acd_high_cm)
        return min(self.acd_low_cm + margin + lift, self.acd_high_cm)


def _margin(sd: float, factor: float, limit: float) -> float:
    return min(factor * max(sd, 0.0), limit) if math.isfinite(sd) else limit
