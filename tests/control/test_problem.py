"""The solver on our problem: what OSQP's own tests check.

The list is that of OSQP's unit tests (infeasible, unbounded, not finite, badly scaled, warm start,
update of matrices); how each ends is a status that an operator can read.
"""

import itertools
from dataclasses import replace

import numpy as np
import osqp
import pytest
from numpy.typing import NDArray

from control.cost import PlanCost
from control.instance import BEAM, Instance, MoveLimits, make_instance
from control.objective import ControlObjective
from control.outlook import make_outlook
from control.prediction import CellModel, Uncertainty, predict
from control.problem import CellProblem, SolverStatus
from tests.control.cases import SETPOINT_LIMITS, make_model, make_state

Floats = NDArray[np.float64]
OBJECTIVE = ControlObjective(acd_low_cm=3.9)
EXACT = replace(OBJECTIVE, tolerance=1e-8, max_iterations=100_000)
LIMITS = MoveLimits.of(OBJECTIVE, SETPOINT_LIMITS)
MODEL = make_model(OBJECTIVE.step_s)
STANDING = np.array([180.0, 200.0])
COST = PlanCost(OBJECTIVE)
STILL = np.zeros(len(OBJECTIVE.move_blocks) * 2)
AGREES = 1e-4  # scaled moves: two exact solves of one problem


def instance_of(
    alumina_wt_pct: float = 2.6, acd_cm: float = 4.4, model: CellModel = MODEL
) -> Instance:
    state = make_state(alumina_wt_pct, acd_cm, 7.0)
    prediction = predict(model, state, STANDING, LIMITS.step, OBJECTIVE)
    outlook = make_outlook(OBJECTIVE, model, prediction, STANDING, Uncertainty(0.05, 0.02, 15.0))
    return make_instance(OBJECTIVE, LIMITS, 1, outlook, 0.0)


@pytest.fixture(scope="module")
def problem() -> CellProblem:
    return CellProblem(OBJECTIVE)


@pytest.fixture(scope="module")
def exact() -> CellProblem:
    return CellProblem(EXACT)


def test_the_arrays_are_the_objective(exact: CellProblem) -> None:
    """What OSQP minimises differs from the objective by a constant, whatever the moves."""
    instance = instance_of()
    arrays = exact.program.arrays(instance)
    whole = arrays.P + arrays.P.T
    whole.setdiag(arrays.P.diagonal())
    rng = np.random.default_rng(3)
    differences = []
    for _ in range(5):
        moves = rng.uniform(-1.0, 1.0, len(STILL))
        point = exact.program.start(instance, moves)
        value = 0.5 * point @ whole @ point + arrays.q @ point
        differences.append(value - COST.of(instance, moves))
    assert np.ptp(differences) < 1e-9


def test_an_infeasible_problem_is_named(problem: CellProblem) -> None:
    """No objective makes one, the bounds of outputs are soft: only contradicting hard bounds do."""
    crossed = replace(instance_of(), low=np.full_like(STILL, 1.0), high=np.full_like(STILL, -1.0))
    solution = problem.solve("infeasible", crossed, STILL, 1.0)
    assert solution.status is SolverStatus.PRIMAL_INFEASIBLE


def test_an_unbounded_problem_is_named() -> None:
    """Of an objective that nobody should write, and without hard bounds: a gap that pays."""
    mistaken = replace(OBJECTIVE, energy_weight=-1e3, bound_weight=0.0, beam_move_weight=0.0)
    anything = np.full_like(STILL, np.inf)
    free = replace(instance_of(), low=-anything, high=anything, change=anything)
    solution = CellProblem(mistaken).solve("unbounded", free, STILL, 1.0)
    assert solution.status is SolverStatus.DUAL_INFEASIBLE


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *itertools.product(("gain", "offset", "miss"), (np.nan, np.inf, -np.inf, 1e300)),
        *itertools.product(("room",), (np.nan, -np.inf)),  # any amount of room is no bound
        *itertools.product(("risk", "change"), (np.nan,)),
    ],
)
def test_data_that_are_not_finite_are_named_and_leave_no_trace(
    exact: CellProblem, part: str, value: float
) -> None:
    good = instance_of()
    before = exact.solve(part, good, STILL, 60.0)
    spoilt = getattr(good, part).copy()
    spoilt.flat[-1] = value
    refused = exact.solve(part, replace(good, **{part: spoilt}), STILL, 60.0)
    assert refused.status is SolverStatus.BAD_DATA
    after = exact.solve(part, good, before.moves, 60.0)
    assert after.status is SolverStatus.SOLVED
    assert after.moves == pytest.approx(before.moves, abs=AGREES)


@pytest.mark.parametrize(
    "sides", [{"low": np.nan}, {"low": np.inf}, {"high": np.nan}, {"high": -np.inf}]
)
def test_bounds_that_are_not_are_named(problem: CellProblem, sides: dict[str, float]) -> None:
    bounds = {name: np.full_like(STILL, value) for name, value in sides.items()}
    solution = problem.solve("bounds", replace(instance_of(), **bounds), STILL, 1.0)
    assert solution.status is SolverStatus.BAD_DATA


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 30.0])
def test_a_badly_scaled_problem_is_solved_or_named(problem: CellProblem, factor: float) -> None:
    """As of a model that is wrong by so much in what the beam does."""
    good = instance_of()
    gain = good.gain.copy()
    gain[:, BEAM::2] *= factor
    scaled = replace(good, gain=gain)
    solution = problem.solve(f"scaled {factor}", scaled, STILL, 10.0)
    best = CellProblem(EXACT).solve(0, scaled, STILL, 60.0)
    assert best.status is SolverStatus.SOLVED
    if solution.status.has_plan:
        lost = COST.of(scaled, solution.moves) - COST.of(scaled, best.moves)
        gained = COST.of(scaled, STILL) - COST.of(scaled, best.moves)
        assert abs(lost) < 0.02 * gained
    else:
        assert solution.status is SolverStatus.ITERATION_LIMIT


def test_a_warm_start_takes_fewer_iterations(problem: CellProblem) -> None:
    cold = problem.solve("warm", instance_of(), STILL, 1.0)
    warm = problem.solve("warm", instance_of(2.61, 4.39), cold.moves, 1.0)
    assert cold.status is warm.status is SolverStatus.SOLVED
    assert warm.iterations < cold.iterations


def test_an_update_of_the_matrices_is_a_fresh_setup(exact: CellProblem) -> None:
    other = instance_of(3.1, 4.1, replace(MODEL, A=MODEL.A * 0.99, B=MODEL.B * 1.2))
    first = exact.solve("updated", instance_of(), STILL, 60.0)
    setups = exact.setups
    updated = exact.solve("updated", other, first.moves, 60.0)
    assert exact.setups == setups
    fresh = exact.solve("fresh", other, STILL, 60.0)
    assert exact.setups == setups + 1
    assert updated.moves == pytest.approx(fresh.moves, abs=AGREES)
    there, here = exact.prices(fresh), exact.prices(updated)
    for part in ("floor", "ceiling", "low", "high", "change"):
        assert getattr(here, part) == pytest.approx(getattr(there, part), abs=1e-3)


def test_ours_is_the_optimum_that_osqp_finds_by_itself(exact: CellProblem) -> None:
    """With OSQP's own scaling, step and polishing in place of our settings."""
    instance = instance_of(2.2, 4.6)
    ours = exact.solve("ours", instance, STILL, 60.0)
    arrays = exact.program.arrays(instance)
    bare = osqp.OSQP()
    bare.setup(
        arrays.P,
        arrays.q,
        arrays.matrix,
        arrays.l,
        arrays.u,
        verbose=False,
        eps_abs=EXACT.tolerance,
        eps_rel=EXACT.tolerance,
        max_iter=EXACT.max_iterations,
        polishing=True,
    )
    theirs = exact.program.moves(bare.solve(raise_error=True).x)
    assert ours.moves == pytest.approx(theirs, abs=AGREES)
