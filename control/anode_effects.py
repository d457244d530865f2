"""How often a cell has an anode effect, by where its alumina is in the mean and how it is seen.

Anode effects come in two ways, and both rates are models with design values (`Disturbances`), not
measurements of a plant:

- a deviate that wanders down to the limit by itself: Rice's rate of a normal process;
- a feeder that loses part of its dose until somebody notices: alumina falls at a steady pace, for a
  time that is evenly spread between two ends, and on for as long as what is then fed takes to
  dissolve, which it does the faster the more superheat there is.
"""

from dataclasses import dataclass
from typing import Final

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.stats import norm

HOURS_PER_DAY: Final = 24.0
SWING_NODES: Final = 7  # of Gauss and Legendre


@dataclass(frozen=True, slots=True)
class Disturbances:
    """What makes anode effects, and what one costs; design values.

    Attributes:
        faults_per_pot_day: how often a feeder begins to lose `fault_lost_share` of its dose.
        noticed_after_h: shortest and longest time until that is noticed, the second the longer.
        correlation_h: of the deviate of alumina.
        seen_sd_wt_pct: of the deviate, where the swing shows the controller what it does;
            `blind_sd_wt_pct`: what comes beside it where it shows nothing. What it shows grows with
            how much the slope of voltage by alumina differs along it (a level could be the gap's);
            `slope_half_v_per_wt_pct`: the sd of that slope that takes half of the variance away.
        duration_min: of an anode effect; `voltage_v`: of the cell during it.
    """

    faults_per_pot_day: float = 0.15
    fault_lost_share: float = 0.5
    noticed_after_h: tuple[float, float] = (0.25, 1.5)
    correlation_h: float = 3.0
    seen_sd_wt_pct: float = 0.15
    blind_sd_wt_pct: float = 1.0
    slope_half_v_per_wt_pct: float = 0.0064
    duration_min: float = 3.0
    voltage_v: float = 30.0


def anode_effect_rate(
    disturbances: Disturbances,
    margin_wt_pct: Array,
    swing_wt_pct: Array,
    deviate_wt_pct: Array,
    fall_wt_pct_per_h: Array,
    delay_h: Array,
) -> Array:
    """Anode effects per pot-day of a cell whose mean alumina is `margin_wt_pct` above the limit.

    Args:
        disturbances: rates and times.
        margin_wt_pct: mean alumina above that of the anode effect.
        swing_wt_pct: half of what the swing spans.
        deviate_wt_pct: sd beside the swing.
        fall_wt_pct_per_h: how fast alumina falls while a feeder is at fault.
        delay_h: for which it falls on after that has been noticed.

    Source:
        Crossings of a level by a normal process: Rice 1945, here with a mean square of the slope of
        one variance a correlation time squared.
    """
    nodes, weights = (jnp.asarray(x) for x in np.polynomial.legendre.leggauss(SWING_NODES))
    margins = margin_wt_pct + swing_wt_pct * nodes  # over the swing
    wander_per_day = HOURS_PER_DAY / (2.0 * jnp.pi * disturbances.correlation_h)
    # Below the limit in the mean there is no rate of crossings to speak of: it only falls on.
    wander = wander_per_day * jnp.exp(-0.5 * (jnp.maximum(margins, 0.0) / deviate_wt_pct) ** 2)
    first_h, last_h = disturbances.noticed_after_h

    def passed(noticed_h: float) -> Array:
        """The normal distribution function's integral over the fall until then, per deviate."""
        z = (fall_wt_pct_per_h * (noticed_h + delay_h) - margins) / deviate_wt_pct
        return z * norm.cdf(z) + norm.pdf(z)

    spread_wt_pct = fall_wt_pct_per_h * (last_h - first_h)
    reaches = deviate_wt_pct / spread_wt_pct * (passed(last_h) - passed(first_h))
    per_day = wander + disturbances.faults_per_pot_day * reaches
    mean: Array = jnp.sum(0.5 * weights * per_day)
    return mean


def compute_deviate_wt_pct(disturbances: Disturbances, slope_variance: Array) -> Array:
    """Sd of alumina beside its swing: what is not excited is not seen, and then it strays."""
    blind = disturbances.blind_sd_wt_pct**2
    seen = 1.0 + slope_variance / disturbances.slope_half_v_per_wt_pct**2
    return jnp.sqrt(disturbances.seen_sd_wt_pct**2 + blind / seen)
