"""The line as one: how much current in which hour, for metal, power and price.

All cells of a line are in series, so current is one number for all of them. Over a day or two it
may go where power is cheap and keep away from where it is scarce, as long as the metal is made and
the cells, whose ledge evens heat out over some hours, do not notice.

    min   sum_h price_h P(I_h) + wear sum_h (I_h - I_{h-1})^2 + shortfall and surplus
    P(I)  = cells (E I + R I^2)                     power, convex in current
    metal = sum_h cells k I_h                       within its tolerance, soft with an exact penalty
    I_low <= I_h <= min(I_high, P^-1(limit_h)),  |I_h - I_{h-1}| <= ramp
    low <= mean of I over every thermal window <= high
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_KG_PER_T: Final = 1000.0
_PENALTY_SHARE: Final = 3.0  # a tonne short costs three times what it takes: metal before price


class LineStatus(Enum):
    """How a schedule ended; the value is the operator's sentence."""

    PLANNED = "the schedule keeps production, power and heat"
    SHORT = "the limits leave less metal than was asked for"
    SURPLUS = "the limits leave more metal than was asked for"
    INFEASIBLE = "a power limit is below what the line takes at its lowest current"
    BAD_INPUT = "prices, limits or the present current are not usable"
    UNSOLVED = "the solver found no schedule"

    @property
    def has_schedule(self) -> bool:
        """Whether there is something to act on."""
        return self in (LineStatus.PLANNED, LineStatus.SHORT, LineStatus.SURPLUS)


@dataclass(frozen=True, slots=True)
class LineLimits:
    """What current may do.

    Attributes:
        low_ka, high_ka: hard.
        ramp_ka_per_h: most that an hour may differ from the one before.
        thermal_window_h: over so long the cells even heat out.
        thermal_share: the mean of a window stays within this share of the nominal current.
        tolerance_share: production may miss its target by this share before it counts.
        ramp_share: of an hour's mean bill, for each kA squared of change between hours; keeps a
            schedule from chattering for pennies.
    """

    low_ka: float
    high_ka: float
    ramp_ka_per_h: float = 10.0
    thermal_window_h: int = 6
    thermal_share: float = 0.03
    tolerance_share: float = 0.002
    ramp_share: float = 1e-4


@dataclass(frozen=True, slots=True)
class LineNature:
    """What the line makes and takes.

    Attributes:
        cells: running.
        counter_voltage_v, resistance_uohm: of one cell, V = E + R I.
        metal_kg_per_ka_h: of one cell: 0.3356 times the current efficiency for aluminium.
        nominal_ka: that the heat balance was built for.
    """

    cells: int
    counter_voltage_v: float
    resistance_uohm: float
    metal_kg_per_ka_h: float
    nominal_ka: float

    def power_mw(self, current_ka: Floats) -> Floats:
        """Return the power of the line at a current, MW."""
        volts = self.counter_voltage_v + 1e-3 * self.resistance_uohm * current_ka
        return np.asarray(1e-3 * self.cells * volts * current_ka)

    def current_at_ka(self, power_mw: Floats) -> Floats:
        """Return the current that takes so much power, kA."""
        volts, ohms = self.counter_voltage_v, 1e-3 * self.resistance_uohm
        each = 1e3 * np.asarray(power_mw) / self.cells  # kW of a cell
        return np.asarray(2.0 * each / (volts + np.sqrt(volts**2 + 4.0 * ohms * each)))

    def metal_t(self, current_ka: Floats) -> Floats:
        """Return the metal of an hour at a current, t."""
        return np.asarray(self.cells * self.metal_kg_per_ka_h * current_ka / _KG_PER_T)


@dataclass(frozen=True, slots=True)
class LineSchedule:
    """Current of every hour, and why.

    Attributes:
        status: how it ended; without a schedule the arrays are empty.
        current_ka, power_mw, metal_t: (H,).
        cost: of the power, in the money of the prices; `flat_cost`: of the same metal at one
            constant current, limits left aside.
        metal_price_per_t: what one more tonne of the target adds to the objective: the shadow price
            of production.
        power_limit_worth: (H,) what one more MW in that hour would save.
        objective: what was minimised: the bill, wear of changes, and what was missed.
        reason: a sentence.
    """

    status: LineStatus
    current_ka: Floats
    power_mw: Floats
    metal_t: Floats
    cost: float
    flat_cost: float
    metal_price_per_t: float
    power_limit_worth: Floats
    objective: float
    reason: str


def schedule_current(
    nature: LineNature,
    limits: LineLimits,
    now_ka: float,
    target_t: float,
    price_per_mwh: Floats,
    limit_mw: Floats,
) -> LineSchedule:
    """Share metal out over the hours to come.

    Args:
        nature: of the line.
        limits: of its current.
        now_ka: in force.
        target_t: metal wanted over all hours.
        price_per_mwh: (H,) price of power in every hour, not below 0.
        limit_mw: (H,) most power in every hour; inf where there is none.
    """
    hours = len(price_per_mwh)
    is_usable = (
        hours > 0
        and len(limit_mw) == hours
        and np.all(np.isfinite([now_ka, target_t, *price_per_mwh]))
        and not np.any(np.isnan(limit_mw))
        and np.all(price_per_mwh >= 0.0)
    )
    if not is_usable:
        return _no_schedule(LineStatus.BAD_INPUT)
    ceiling = np.full(hours, float(limits.high_ka))
    is_limited = np.isfinite(limit_mw)
    by_power = nature.current_at_ka(np.maximum(limit_mw[is_limited], 0.0))
    ceiling[is_limited] = np.minimum(limits.high_ka, by_power)
    if np.any(ceiling < limits.low_ka):
        return _no_schedule(LineStatus.INFEASIBLE)
    return _solve(nature, limits, now_ka, target_t, price_per_mwh, ceiling)


def _solve(
    nature: LineNature,
    limits: LineLimits,
    now_ka: float,
    target_t: float,
    price: Floats,
    ceiling: Floats,
) -> LineSchedule:
    hours = len(price)
    per_ka_h = float(nature.metal_t(np.ones(1))[0])
    linear = 1e-3 * nature.cells * nature.counter_voltage_v * price
    square = 1e-6 * nature.cells * nature.resistance_uohm * price
    current = cp.Variable(hours, name="current_ka")
    short, surplus, cold, hot = (cp.Variable(nonneg=True) for _ in range(4))
    change = current - cp.hstack([np.array([now_ka]), current[:-1]])
    tonne = _PENALTY_SHARE * float(np.mean(linear + 2.0 * square * nature.nominal_ka)) / per_ka_h
    metal = per_ka_h * cp.sum(current)
    bill = float(np.mean(price)) * float(nature.power_mw(np.array([nature.nominal_ka]))[0])
    makes = metal + short - surplus == target_t
    slack_t = limits.tolerance_share * target_t
    under = current <= ceiling
    window = min(limits.thermal_window_h, hours)
    means = sum(np.eye(hours - window + 1, hours, k) for k in range(window)) / window
    allowed_ka = limits.thermal_share * nature.nominal_ka
    rate = cp.Variable(hours, nonneg=True)  # a present current far away is not an infeasible line
    cost = (
        linear @ current
        + square @ cp.square(current)
        + limits.ramp_share * bill * cp.sum_squares(change)
        + tonne * (cp.pos(short - slack_t) + cp.pos(surplus - slack_t))
        + 0.01 * tonne * (short + surplus)
        + 10.0 * tonne * per_ka_h * hours * (cold + hot + cp.sum(rate))
    )
    problem = cp.Problem(
        cp.Minimize(cost),
        [
            makes,
            under,
            current >= limits.low_ka,
            cp.abs(change) <= limits.ramp_ka_per_h + rate,
            means @ current >= nature.nominal_ka - allowed_ka - cold,
            means @ current <= nature.nominal_ka + allowed_ka + hot,
        ],
    )
    try:
        problem.solve(solver=cp.CLARABEL)
    except cp.error.SolverError:
        return _no_schedule(LineStatus.UNSOLVED)
    if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        return _no_schedule(LineStatus.UNSOLVED)
    chosen = np.clip(np.asarray(current.value), limits.low_ka, ceiling)
    made = nature.metal_t(chosen)
    power = nature.power_mw(chosen)
    flat = np.full(hours, float(np.sum(made)) / (per_ka_h * hours))
    missed = float(np.sum(made)) - target_t
    status = LineStatus.PLANNED
    if abs(missed) > slack_t * 1.01 + 1e-6 * target_t:
        status = LineStatus.SHORT if missed < 0.0 else LineStatus.SURPLUS
    cost_here, flat_cost = float(price @ power), float(price @ nature.power_mw(flat))
    slope = (
        1e-3 * nature.cells * (nature.counter_voltage_v + 2e-3 * nature.resistance_uohm * chosen)
    )  # MW per kA
    return LineSchedule(
        status=status,
        current_ka=chosen,
        power_mw=power,
        metal_t=made,
        cost=cost_here,
        flat_cost=flat_cost,
        metal_price_per_t=-float(makes.dual_value),
        power_limit_worth=np.maximum(np.asarray(under.dual_value), 0.0) / slope,
        objective=float(problem.value),
        reason=_words(status, chosen, price, made, target_t, cost_here, flat_cost),
    )


def _words(
    status: LineStatus,
    chosen: Floats,
    price: Floats,
    made: Floats,
    target_t: float,
    bill: float,
    flat_bill: float,
) -> str:
    saved = flat_bill - bill
    cheap, dear = int(np.argmin(price)), int(np.argmax(price))
    return (
        f"{status.value.capitalize()}: {np.sum(made):.1f} t of {target_t:.1f} t in "
        f"{len(chosen)} h at {np.min(chosen):.1f} to {np.max(chosen):.1f} kA, "
        f"{chosen[cheap]:.1f} kA where power is cheapest (hour {cheap + 1}) and {chosen[dear]:.1f} "
        f"kA where it is dearest (hour {dear + 1}); power costs {bill:.0f}, {abs(saved):.0f} "
        f"{'less' if saved >= 0.0 else 'more'} than at one constant current."
    )


def _no_schedule(status: LineStatus) -> LineSchedule:
    nothing = np.empty(0)
    return LineSchedule(
        status=status,
        current_ka=nothing,
        power_mw=nothing,
        metal_t=nothing,
        cost=float("nan"),
        flat_cost=float("nan"),
        metal_price_per_t=float("nan"),
        power_limit_worth=nothing,
        objective=float("nan"),
        reason=f"{status.value}; the current stays.".capitalize(),
    )
