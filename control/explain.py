"""Why a plan is what it is, in words and numbers for the operator."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.cost import PlanCost
from control.instance import Instance, MoveLimits
from control.objective import ControlObjective
from control.outlook import Outlook
from control.prediction import (
    ACD,
    ALUMINA,
    LEDGE,
    NAMES,
    SUPERHEAT,
    VOLTAGE,
)
from control.prices import BOUND_WORDS, LimitPrice, costly_limits
from control.problem import Prices

Floats = NDArray[np.float64]

# wt%, degC, cm, cm, V: closer than this is at a bound
ACTIVE_WITHIN: Final = np.array([0.02, 0.1, 0.01, 0.1, 0.005])
LEAST_RISK: Final = 0.01  # a smaller probability is not worth a word


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a plan is expected to do.

    Attributes:
        now, end: outputs in the order of `control.prediction.OUTPUTS`, (Q,).
        lowest_alumina_wt_pct: within the horizon.
        critical_alumina_wt_pct: at which an anode effect begins; NaN where it is not known.
        anode_effect_risk: probability that alumina is below that within the horizon, 0 to 1, as the
            estimate may be wrong by its standard deviation, by the same all along; no other doubt
            is in it. NaN where it cannot be told.
        energy_now_kwh_per_kg, energy_end_kwh_per_kg: specific energy.
        floors: low bounds in force, (Q,).
        active: names of the soft bounds that the plan runs along.
        prices: of the limits that cost something.
        hold_cost: by how much the objective would be higher if the setpoints stayed as they are.
        hold_energy_kwh_per_kg: by how much the energy would, mean over the horizon.
        noise_mv: voltage noise of the cell.
    """

    now: Floats
    end: Floats
    lowest_alumina_wt_pct: float
    critical_alumina_wt_pct: float
    anode_effect_risk: float
    energy_now_kwh_per_kg: float
    energy_end_kwh_per_kg: float
    floors: Floats
    active: tuple[str, ...]
    prices: tuple[LimitPrice, ...]
    hold_cost: float
    hold_energy_kwh_per_kg: float
    noise_mv: float


class Expecter:
    """Tells what a plan will do.

    Args:
        objective: weights and horizon.
        limits: of the moves.
    """

    def __init__(self, objective: ControlObjective, limits: MoveLimits) -> None:
        self._objective = objective
        self._limits = limits
        self._cost = PlanCost(objective)

    def expect(
        self, outlook: Outlook, instance: Instance, values: Floats, prices: Prices
    ) -> Expectation:
        """Return what a plan will do.

        Args:
            outlook: of the cell.
            instance: the numbers of its problem.
            values: setpoints of the plan, (M, 2), as they are proposed.
            prices: of the optimum.
        """
        model, prediction = outlook.model, outlook.prediction
        moves = ((values - outlook.applied) / self._limits.step).ravel()
        held = np.zeros_like(moves)
        outputs, free = prediction.outputs(moves), prediction.free
        lowest = float(min(prediction.now[ALUMINA], np.min(outputs[:, ALUMINA])))
        saved_v = self._cost.mean(free[:, VOLTAGE] - outputs[:, VOLTAGE])
        return Expectation(
            now=prediction.now,
            end=outputs[-1],
            lowest_alumina_wt_pct=lowest,
            critical_alumina_wt_pct=model.critical_alumina_wt_pct,
            anode_effect_risk=_probability_below(
                model.critical_alumina_wt_pct, lowest, outlook.uncertainty.alumina_sd_wt_pct
            ),
            energy_now_kwh_per_kg=float(prediction.now[VOLTAGE] * model.kwh_per_kg_and_v),
            energy_end_kwh_per_kg=float(outputs[-1, VOLTAGE] * model.kwh_per_kg_and_v),
            floors=outlook.floors[0],
            active=_bounds_along(outlook, outputs),
            prices=costly_limits(self._objective, model, prices, self._limits, outlook.applied),
            hold_cost=self._cost.of(instance, held) - self._cost.of(instance, moves),
            hold_energy_kwh_per_kg=saved_v * model.kwh_per_kg_and_v,
            noise_mv=outlook.uncertainty.noise_mv,
        )


def _bounds_along(outlook: Outlook, outputs: Floats) -> tuple[str, ...]:
    """Return the names of the soft bounds that the cell is at now or will be."""
    now = outlook.prediction.now
    at_low = np.any(outputs <= outlook.floors + ACTIVE_WITHIN, axis=0)
    at_low |= now <= outlook.floors[0] + ACTIVE_WITHIN
    at_high = np.any(outputs >= outlook.ceilings - ACTIVE_WITHIN, axis=0)
    at_high |= now >= outlook.ceilings[0] - ACTIVE_WITHIN
    return tuple(
        f"{name}_{side}"
        for at, name in enumerate(NAMES)
        for side, flags in (("low", at_low), ("high", at_high))
        if flags[at]
    )


def explain(
    objective: ControlObjective, chosen: Floats, applied: Floats, expected: Expectation
) -> tuple[str, dict[str, float]]:
    """Return the reason in two sentences, and the figures behind it.

    Args:
        objective: gives the horizon.
        chosen: setpoints of the first move, (2,): feed rate and beam.
        applied: setpoints in force, (2,).
        expected: what the plan will do.
    """
    feed_change = chosen[0] - applied[0]
    beam_change = chosen[1] - applied[1]
    now, end = expected.now, expected.end
    sentence = (
        f"Feed {_change(feed_change, 0.5, 'kg/h', '.0f')} to {chosen[0]:.0f} kg/h "
        f"and beam {_change(beam_change, 0.005, 'mm', '.2f')}: "
        f"in {objective.horizon_h:g} h alumina goes from {now[ALUMINA]:.2f} to "
        f"{end[ALUMINA]:.2f} wt%, superheat from {now[SUPERHEAT]:.1f} to "
        f"{end[SUPERHEAT]:.1f} degC, ACD from {now[ACD]:.2f} to {end[ACD]:.2f} cm, "
        f"energy from {expected.energy_now_kwh_per_kg:.2f} to "
        f"{expected.energy_end_kwh_per_kg:.2f} kWh/kg; {_limits_in_words(expected)}"
        f"{_risk_in_words(expected)}. "
        f"To hold would cost {_figure(expected.hold_cost)} more"
        f"{_energy_of_holding(expected.hold_energy_kwh_per_kg)}."
    )
    figures = {
        "alumina_now_wt_pct": float(now[ALUMINA]),
        "alumina_end_wt_pct": float(end[ALUMINA]),
        "alumina_lowest_wt_pct": expected.lowest_alumina_wt_pct,
        "alumina_floor_wt_pct": float(expected.floors[ALUMINA]),
        "alumina_critical_wt_pct": expected.critical_alumina_wt_pct,
        "anode_effect_risk": expected.anode_effect_risk,
        "superheat_now_c": float(now[SUPERHEAT]),
        "superheat_end_c": float(end[SUPERHEAT]),
        "acd_now_cm": float(now[ACD]),
        "acd_end_cm": float(end[ACD]),
        "acd_floor_cm": float(expected.floors[ACD]),
        "ledge_now_cm": float(now[LEDGE]),
        "ledge_end_cm": float(end[LEDGE]),
        "voltage_now_v": float(now[VOLTAGE]),
        "voltage_end_v": float(end[VOLTAGE]),
        "energy_now_kwh_per_kg": expected.energy_now_kwh_per_kg,
        "energy_end_kwh_per_kg": expected.energy_end_kwh_per_kg,
        "feed_change_kg_per_h": float(feed_change),
        "beam_change_mm": float(beam_change),
        "bounds_active": float(len(expected.active)),
        "hold_cost": expected.hold_cost,
        "hold_energy_kwh_per_kg": expected.hold_energy_kwh_per_kg,
        "noise_mv": expected.noise_mv,
    }
    for row in expected.prices:
        figures[row.figure] = row.price
        if row.worth_kwh_per_kg is not None:
            figures[f"{row.figure}_kwh_per_kg"] = row.worth_kwh_per_kg
    return sentence, {name: value for name, value in figures.items() if np.isfinite(value)}


def _limits_in_words(expected: Expectation) -> str:
    """Every bound that the plan runs along, and every limit that costs, with its price."""
    costly = {row.name: row for row in expected.prices}
    words = {name: BOUND_WORDS[name] for name in expected.active}
    words |= {name: f"{row.words} ({row})" for name, row in costly.items()}
    return ", ".join(words.values()) if words else "no bound is reached"


def _risk_in_words(expected: Expectation) -> str:
    """The anode-effect risk where there is one to speak of."""
    if not expected.anode_effect_risk >= LEAST_RISK:
        return ""
    return (
        f"; alumina is below {expected.critical_alumina_wt_pct:.2f} wt% within that time with a "
        f"probability of {expected.anode_effect_risk:.0%}"
    )


def _probability_below(level: float, value: float, sd: float) -> float:
    """Return how probably a normal variable is below a level; NaN if anything is not known."""
    if not (math.isfinite(level) and sd > 0.0):
        return math.nan
    return 0.5 * math.erfc((value - level) / (sd * math.sqrt(2.0)))


def _figure(number: float) -> str:
    """Three digits, and no powers of ten where a cell far from its bounds costs thousands."""
    return f"{number:.3g}" if abs(number) < 1000.0 else f"{number:,.0f}"


def _energy_of_holding(more_kwh_per_kg: float) -> str:
    """In words, what of the cost of holding is energy."""
    if abs(more_kwh_per_kg) < 0.0005:
        return ", none of it energy"
    return f", energy {more_kwh_per_kg:+.3f} kWh/kg"


def _change(change: float, least: float, unit: str, digits: str) -> str:
    if abs(change) < least:
        return "unchanged"
    return f"{'up' if change > 0 else 'down'} {abs(change):{digits}} {unit}"
