"""What each limit of a plan costs, by name: shadow prices in the units of the limits."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.instance import MoveLimits
from control.objective import ControlObjective
from control.prediction import ACD, NAMES, UNITS, VOLTAGE, CellModel
from control.problem import Prices

Floats = NDArray[np.float64]

LEAST_PRICE: Final = 0.05  # of the objective per scaled unit: fifty times the solver's tolerance
BOUND_WORDS: Final = {
    "alumina_low": "alumina at its low bound",
    "alumina_high": "alumina at its high bound",
    "superheat_low": "superheat at its low bound",
    "superheat_high": "superheat at its high bound",
    "acd_low": "ACD at its floor",
    "acd_high": "ACD at its ceiling",
    "ledge_low": "ledge at its least",
    "ledge_high": "ledge at its thickest",
    "voltage_low": "voltage at its low bound",
    "voltage_high": "voltage at its high bound",
}
_BOUND_UNITS: Final = dict(zip(NAMES, ("wt%", "degC", "cm", "cm", "V"), strict=True))
_MOVES: Final = (("feed", "kg/h"), ("beam", "mm"))  # in the order of SETPOINTS
_SLUGS: Final = {"wt%": "wt_pct", "degC": "c", "cm": "cm", "V": "v", "kg/h": "kg_per_h", "mm": "mm"}


@dataclass(frozen=True, slots=True)
class LimitPrice:
    """What one limit costs.

    Attributes:
        name: `acd_low`, `beam_first_down`, ...; `words`: for the operator; `unit`: of the limit.
        price: what the objective would gain per unit by which the limit is eased, all over the
            horizon where it holds for all of it.
        worth_kwh_per_kg: the same in specific energy per unit, at the rate of exchange that the
            weights set: what a gap wider by so much throughout the horizon would take. None for
            limits of alumina and feed, which are hardly paid for in energy.
    """

    name: str
    words: str
    unit: str
    price: float
    worth_kwh_per_kg: float | None

    @property
    def figure(self) -> str:
        """The name under which the price stands among figures."""
        return f"price_{self.name}_per_{_SLUGS[self.unit]}"

    def __str__(self) -> str:
        worth = self.worth_kwh_per_kg
        kwh = "" if worth is None else f", worth {worth:.3f} kWh/kg"
        return f"{self.price:.3g} per {self.unit}{kwh}"


def price_limits(prices: Prices, limits: MoveLimits, applied: Floats) -> dict[str, float]:
    """Return the price of every limit by name, in the objective per unit of the limit.

    Args:
        prices: of the plan.
        limits: of its moves.
        applied: setpoints in force, (2,), from which the first move goes.

    Returns:
        By name: each soft bound, over all points together (`acd_low`); the hard bounds of each
        setpoint, over all moves (`beam_high`); how far the first move may go (`beam_first_down`),
        where that is nearer than the hard bound; the change from move to move (`beam_rate`).
    """
    named: dict[str, float] = {}
    soft = np.stack([prices.floor.sum(axis=0), prices.ceiling.sum(axis=0)]) / UNITS
    for name, low, high in zip(NAMES, *soft.tolist(), strict=True):
        named[f"{name}_low"], named[f"{name}_high"] = low, high
    # The first move is bound by what is nearer: the hard bound, or how far it may go.
    reach_low, reach_high = limits.reach(applied)
    goes_down, goes_up = reach_low > limits.low, reach_high < limits.high
    first_down, first_up = prices.low[0] * goes_down, prices.high[0] * goes_up
    hard = {
        "low": prices.low.sum(axis=0) - first_down,
        "high": prices.high.sum(axis=0) - first_up,
        "first_down": first_down,
        "first_up": first_up,
        "rate": prices.change.sum(axis=0),
    }
    for which, scaled in hard.items():
        for (name, _), price in zip(_MOVES, (scaled / limits.step).tolist(), strict=True):
            named[f"{name}_{which}"] = price
    return named


def costly_limits(
    objective: ControlObjective,
    model: CellModel,
    prices: Prices,
    limits: MoveLimits,
    applied: Floats,
) -> tuple[LimitPrice, ...]:
    """Return the limits that cost something, the soft bounds first.

    Args:
        objective: sets the rate of exchange.
        model: gives the voltage per gap and the energy per volt.
        prices: of the plan.
        limits: of its moves.
        applied: setpoints in force, (2,).
    """
    kwh_per_kg_and_cm = float(model.C[VOLTAGE] @ model.C[ACD] * model.kwh_per_kg_and_v)
    cost_per_cm = objective.energy_weight * objective.steps
    scales = dict(zip((*NAMES, "feed", "beam"), (*UNITS, *limits.step), strict=True))
    units = _BOUND_UNITS | dict(_MOVES)
    costly = []
    for name, price in price_limits(prices, limits, applied).items():
        what, _, which = name.partition("_")
        if price * scales[what] < LEAST_PRICE:
            continue
        is_paid_in_energy = what not in ("alumina", "feed") and cost_per_cm > 0.0
        costly.append(
            LimitPrice(
                name=name,
                words=BOUND_WORDS.get(name) or f"{what} {_MOVE_WORDS[which]}",
                unit=units[what],
                price=price,
                worth_kwh_per_kg=(
                    price / cost_per_cm * kwh_per_kg_and_cm if is_paid_in_energy else None
                ),
            )
        )
    return tuple(costly)


_MOVE_WORDS: Final = {
    "low": "at its lowest",
    "high": "at its highest",
    "first_down": "going down as far as it may",
    "first_up": "going up as far as it may",
    "rate": "changing as fast as it may",
}
