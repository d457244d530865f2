"""Shadow prices: each is what moving its limit does to the optimum."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from control.cost import PlanCost
from control.instance import BEAM, FEED, MoveLimits, make_instance
from control.objective import ControlObjective
from control.outlook import make_outlook
from control.prediction import ACD, NAMES, VOLTAGE, Uncertainty, predict
from control.prices import costly_limits, price_limits
from control.problem import CellProblem, SolverStatus
from tests.control.cases import SETPOINT_LIMITS, make_model, make_state

Floats = NDArray[np.float64]
OBJECTIVE = ControlObjective(
    acd_low_cm=3.9,
    ledge_high_cm=15.0,
    alumina_target_wt_pct=2.7,
    alumina_swing_wt_pct=0.2,
    tolerance=1e-11,  # differences of optima need them exact
    max_iterations=200_000,
)
LIMITS = MoveLimits.of(OBJECTIVE, SETPOINT_LIMITS)
SLOW_FEED = replace(LIMITS, block=LIMITS.block * np.where(np.arange(2) == FEED, 0.05, 1.0))
MODEL = make_model(OBJECTIVE.step_s)
MOVED = 1e-3  # of a scaled unit; the optimum is quadratic between changes of the active set
ACTIVE = 1e-6


@dataclass(frozen=True)
class Case:
    """A cell at one instant, with the limits that are in force."""

    state: Floats
    applied: Floats
    noise_mv: float
    cell: int
    objective: ControlObjective = OBJECTIVE
    limits: MoveLimits = LIMITS

    def solve(self, problem: CellProblem) -> tuple[float, Floats, dict[str, float]]:
        """Return the optimal value, which limits are active, and the price of each by name."""
        prediction = predict(MODEL, self.state, self.applied, self.limits.step, self.objective)
        known = Uncertainty(0.05, 0.02, self.noise_mv)
        outlook = make_outlook(self.objective, MODEL, prediction, self.applied, known)
        instance = make_instance(self.objective, self.limits, self.cell, outlook, 0.0)
        guess = np.zeros(len(self.objective.move_blocks) * 2)
        solution = problem.solve(self.cell, instance, guess, 60.0)
        assert solution.status is SolverStatus.SOLVED
        prices = problem.prices(solution)
        active = [
            *(prices.floor.ravel() > ACTIVE),
            *(prices.ceiling.ravel() > ACTIVE),
            *(prices.low.ravel() > ACTIVE),
            *(prices.high.ravel() > ACTIVE),
            *(prices.change.ravel() > ACTIVE),
            *(solution.slack > ACTIVE),
        ]
        value = PlanCost(self.objective).of(instance, solution.moves)
        return value, np.array(active), price_limits(prices, self.limits, self.applied)

    def eased(self, name: str, by: float) -> "Case":
        """Return the case with one limit eased by so many of its units."""
        what, _, which = name.partition("_")
        sign = -1.0 if which == "low" else 1.0
        if what in NAMES:
            field = next(n for n in self.objective.__slots__ if n.startswith(f"{name}_"))
            bound = getattr(self.objective, field) + sign * by
            return replace(self, objective=replace(self.objective, **{field: bound}))
        column = FEED if what == "feed" else BEAM
        field = {"low": "low", "high": "high", "rate": "block"}.get(which, "first")
        values = getattr(self.limits, field).copy()
        values[column] += sign * by
        return replace(self, limits=replace(self.limits, **{field: values}))


def random_cases(count: int, seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    for cell in range(1, count + 1):
        state = make_state(rng.uniform(1.7, 6.0), rng.uniform(3.6, 5.7), rng.uniform(3.5, 17.0))
        # often so near a hard bound that this binds, and not the rate
        beam_mm = rng.choice([20.1, 200.0, 379.9])
        state[-1] = beam_mm
        yield Case(
            state=state,
            applied=np.array([rng.uniform(90.0, 300.0), beam_mm]),
            noise_mv=rng.uniform(5.0, 60.0),
            cell=cell,
            limits=LIMITS if cell % 2 else SLOW_FEED,
        )


def check_prices(count: int, seed: int) -> set[str]:
    """Compare every price of random cases with a central difference; return those that cost."""
    problem = CellProblem(OBJECTIVE)
    seen = set()
    compared = 0
    for case in random_cases(count, seed):
        _, active, prices = case.solve(problem)
        for name, price in prices.items():
            if name.endswith("_first_up"):  # one limit goes both ways: priced together
                continue
            if name.endswith("_first_down"):
                price += prices[name.removesuffix("down") + "up"]
            unit = LIMITS.step[FEED] if name.startswith("feed") else 1.0
            step = MOVED * unit
            more, active_more, _ = case.eased(name, step).solve(problem)
            less, active_less, _ = case.eased(name, -step).solve(problem)
            if not (np.array_equal(active, active_more) and np.array_equal(active, active_less)):
                continue
            assert price == pytest.approx((less - more) / (2.0 * step), rel=1e-4, abs=2e-4 / unit)
            compared += 1
            seen |= {name} if price * unit > 1e-2 else set()
    assert compared > 0.8 * count * len(prices)
    return seen


def test_prices_are_slopes_of_the_optimum() -> None:
    assert {"acd_low", "feed_low", "beam_first_down", "beam_rate"} <= check_prices(8, seed=1)


@pytest.mark.slow
def test_every_kind_of_price_is_a_slope_of_the_optimum() -> None:
    _, _, prices = next(random_cases(1, seed=2)).solve(CellProblem(OBJECTIVE))
    assert check_prices(100, seed=2) == set(prices) - {"feed_first_up", "beam_first_up"}


def test_a_price_in_energy_is_what_the_gap_takes() -> None:
    """Where the floor of the gap alone stops the plan, its price is the energy of that gap."""
    case = Case(make_state(acd_cm=3.93, superheat_c=6.0), np.array([180.0, 200.0]), 15.0, 1)
    prediction = predict(MODEL, case.state, case.applied, LIMITS.step, OBJECTIVE)
    known = Uncertainty(0.05, 0.02, 15.0)
    outlook = make_outlook(OBJECTIVE, MODEL, prediction, case.applied, known)
    instance = make_instance(OBJECTIVE, LIMITS, 1, outlook, 0.0)
    problem = CellProblem(OBJECTIVE)
    prices = problem.prices(problem.solve(1, instance, np.zeros_like(instance.low), 60.0))
    rows = costly_limits(OBJECTIVE, MODEL, prices, LIMITS, case.applied)
    (floor,) = (row for row in rows if row.name == "acd_low")
    wider = MODEL.C[VOLTAGE] @ MODEL.C[ACD] * MODEL.kwh_per_kg_and_v  # of a gap wider by 1 cm
    assert floor.worth_kwh_per_kg == pytest.approx(wider, rel=0.01)
    assert floor.figure == "price_acd_low_per_cm"
    assert "worth" in str(floor)
