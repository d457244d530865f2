"""The potential of a cell at a given line current, or at a given voltage: Newton's method.

The anode top has one unknown potential of its own. Each round solves two linear systems with the
same operator: the correction with the top held, and the answer of all boxes to one volt on the top;
from both follows by how much the top moves. The energy is convex, so a step along which its slope
has not turned far is never a step too long; else it is shortened.
"""

from functools import partial
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coarsening import Plan
from physics.fields.krylov import SolveStatus
from physics.fields.potential import (
    PotentialCurrents,
    PotentialInputs,
    PotentialSetting,
    PotentialTerm,
    compute_currents,
    compute_term,
    linearise,
)
from physics.fields.potential_parts import PotentialParts, compute_parts
from physics.fields.solver import solve_stencil
from physics.fields.stencil import compute_diagonal
from physics.parameters import CellParameters
from physics.voltage import VoltageParts

MOST_ROUNDS: Final = 40
TOLERANCE_V: Final = 1e-9
_LINEAR_TOLERANCE: Final = 1e-4  # design value: four figures a round, and Newton squares them
_TURNED: Final = 0.5  # design value: of the energy's slope, beyond the minimum along a step
_MOST_SHORTENINGS: Final = 12
_LEAST_OHM: Final = 1e-12  # a line without any resistance holds the voltage at the anode top


class PotentialState(NamedTuple):
    """What the next solve starts from."""

    potential_v: Array  # (nx, ny, nz)
    anode_top_v: Array  # scalar
    response: Array  # (nx, ny, nz), potential by that of the anode top
    anode_density: Array  # (m,), A/cm2 of each of the anodes' faces
    cathode_density: Array  # (m,), A/cm2


class Line(NamedTuple):
    """What stands behind the anode top: a source of current, and a conductance to 0 V beside it."""

    source_a: Array
    conductance_s: Array


class PotentialSolution(NamedTuple):
    """What a solve gives back."""

    state: PotentialState
    cell_voltage_v: Array  # scalar, with the external part
    current_a: Array  # scalar, through the boxes
    parts: PotentialParts
    status: Array  # scalar, of SolveStatus
    rounds: Array  # scalar
    iterations: Array  # scalar, of the linear solves together
    error_v: Array  # scalar, estimate of what the potential is still wrong by
    current_error: Array  # scalar: current at the collector bars over that at the top, less 1

    @property
    def voltage(self) -> VoltageParts:
        """The parts of the cell voltage."""
        return self.parts.voltage

    @property
    def has_anode_effect(self) -> Array:
        """Whether some of the anodes' face carries more than its critical current."""
        return self.parts.above_critical_share > 0.0


class TermSolution(NamedTuple):
    """What Newton's method gives back."""

    state: PotentialState
    currents: PotentialCurrents
    status: Array
    rounds: Array
    iterations: Array
    error_v: Array


def init_potential(setting: PotentialSetting) -> PotentialState:
    """A first guess: no potential anywhere, and no current."""
    shape = setting.grid.shape
    return PotentialState(
        potential_v=jnp.zeros(shape),
        anode_top_v=jnp.zeros(()),
        response=setting.is_anode.astype(float),
        anode_density=jnp.zeros(setting.anode.area_cm2.shape),
        cathode_density=jnp.zeros(setting.cathode.area_cm2.shape),
    )


@partial(jax.jit, static_argnames=("plan",))
def solve_potential(
    setting: PotentialSetting,
    parameters: CellParameters,
    inputs: PotentialInputs,
    line_current_ka: ArrayLike,
    start: PotentialState,
    tolerance_v: ArrayLike = TOLERANCE_V,
    most_rounds: ArrayLike = MOST_ROUNDS,
    plan: Plan | None = None,
) -> PotentialSolution:
    """Find the potential at a line current.

    Args:
        setting: of the cell.
        parameters: of the cell, with the bath's composition of this instant.
        inputs: of this instant.
        line_current_ka: through the whole cell, of which the boxes take their share.
        start: of `init_potential`, or of the solution before.
        tolerance_v: of the potential, V; 1e-6 does within a time stepper.
        most_rounds: of Newton's method, at most.
        plan: how the linear solves coarsen, see `solve_stencil`.

    Returns:
        The solution, and how it went.
    """
    source_a = jnp.asarray(line_current_ka) * 1e3 * setting.share
    line = Line(source_a, jnp.zeros_like(source_a))
    return _solve(setting, parameters, inputs, line, start, tolerance_v, most_rounds, plan)


@partial(jax.jit, static_argnames=("plan",))
def solve_potential_at_voltage(
    setting: PotentialSetting,
    parameters: CellParameters,
    inputs: PotentialInputs,
    cell_voltage_v: ArrayLike,
    start: PotentialState,
    tolerance_v: ArrayLike = TOLERANCE_V,
    most_rounds: ArrayLike = MOST_ROUNDS,
    plan: Plan | None = None,
) -> PotentialSolution:
    """Find the potential at a cell voltage, external part included; else as `solve_potential`."""
    external_ohm = parameters.external_resistance_uohm * 1e-6 / setting.share
    conductance_s = 1.0 / jnp.maximum(external_ohm, _LEAST_OHM)
    line = Line(conductance_s * jnp.asarray(cell_voltage_v), conductance_s)
    return _solve(setting, parameters, inputs, line, start, tolerance_v, most_rounds, plan)


def _solve(
    setting: PotentialSetting,
    parameters: CellParameters,
    inputs: PotentialInputs,
    line: Line,
    start: PotentialState,
    tolerance_v: ArrayLike,
    most_rounds: ArrayLike,
    plan: Plan | None,
) -> PotentialSolution:
    term = compute_term(setting, parameters, inputs)
    found = solve_term(term, line, start, tolerance_v, most_rounds, plan)
    state = found.state
    current_a = line.source_a - line.conductance_s * state.anode_top_v
    parts = compute_parts(
        setting,
        parameters,
        term,
        found.currents,
        state.potential_v,
        state.anode_top_v,
        current_a,
    )
    collected_a = jnp.sum(term.loss_s * state.potential_v)
    return PotentialSolution(
        state=state,
        cell_voltage_v=state.anode_top_v + parts.voltage.external_ohmic_v,
        current_a=current_a,
        parts=parts,
        status=found.status,
        rounds=found.rounds,
        iterations=found.iterations,
        error_v=found.error_v,
        current_error=(collected_a - current_a) / jnp.where(current_a == 0.0, 1.0, current_a),
    )


class _Round(NamedTuple):
    state: PotentialState
    currents: PotentialCurrents
    error_v: Array
    linear_status: Array
    rounds: Array
    iterations: Array


class _Tried(NamedTuple):
    share: Array  # of the step
    slope_w: Array  # of the energy along it, positive downhill
    tries: Array
    state: PotentialState
    currents: PotentialCurrents


def solve_term(
    term: PotentialTerm,
    line: Line,
    start: PotentialState,
    tolerance_v: ArrayLike,
    most_rounds: ArrayLike,
    plan: Plan | None = None,
) -> TermSolution:
    """Solve the equations of one instant.

    Args:
        term: of the instant.
        line: behind the anode top.
        start: first guess.
        tolerance_v: of the potential, V.
        most_rounds: at most.

    Returns:
        The solution, and how it went. A round is the last when what its own step would be wrong by
        is within the tolerance: the step's size times how far the equations' residual fell.
    """
    contact_s = jnp.sum(term.top_contact_s)

    def missing_at_top_a(state: PotentialState) -> Array:
        given_a = line.source_a - line.conductance_s * state.anode_top_v
        return given_a - jnp.sum(term.top_contact_s * (state.anode_top_v - state.potential_v))

    def evaluate(state: PotentialState) -> PotentialCurrents:
        return compute_currents(
            term,
            state.potential_v,
            state.anode_top_v,
            state.anode_density,
            state.cathode_density,
        )

    def goes_on(now: _Round) -> Array:
        # an error that is no number ends the rounds
        return (now.error_v > tolerance_v) & (now.rounds < most_rounds)

    def go_round(now: _Round) -> _Round:
        state, missing_a = now.state, now.currents.missing_a
        stencil = linearise(term, now.currents)
        # one after the other in one compilation
        pair = jax.lax.map(
            lambda given: solve_stencil(stencil, given[0], given[1], _LINEAR_TOLERANCE, plan=plan),
            (
                jnp.stack([missing_a, term.top_contact_s]),
                jnp.stack([jnp.zeros_like(missing_a), state.response]),
            ),
        )
        held_v, response = pair.field[0], pair.field[1]
        top_a = missing_at_top_a(state)
        stiffness_s = line.conductance_s + contact_s - jnp.sum(term.top_contact_s * response)
        top_v = (top_a + jnp.sum(term.top_contact_s * held_v)) / stiffness_s
        step_v = held_v + top_v * response
        downhill_w = jnp.vdot(missing_a, step_v) + top_a * top_v
        negligible_w = stiffness_s * jnp.asarray(tolerance_v) ** 2

        def is_too_long(tried: _Tried) -> Array:
            turned = tried.slope_w < -_TURNED * downhill_w
            return turned & (downhill_w > negligible_w) & (tried.tries <= _MOST_SHORTENINGS)

        def walk(tried: _Tried) -> _Tried:
            secant = downhill_w / (downhill_w - tried.slope_w)
            share = jnp.where(tried.tries > 0, tried.share * jnp.clip(secant, 0.1, 0.8), 1.0)
            moved = state._replace(
                potential_v=state.potential_v + share * step_v,
                anode_top_v=state.anode_top_v + share * top_v,
            )
            currents = evaluate(moved)
            slope_w = jnp.vdot(currents.missing_a, step_v) + missing_at_top_a(moved) * top_v
            return _Tried(share, slope_w, tried.tries + 1, moved, currents)

        untried = _Tried(jnp.ones(()), -jnp.inf * jnp.ones(()), jnp.asarray(0), state, now.currents)
        tried = jax.lax.while_loop(
            lambda tried: (tried.tries == 0) | is_too_long(tried), walk, untried
        )
        moved = tried.state._replace(
            response=response,
            anode_density=tried.currents.anode.density,
            cathode_density=tried.currents.cathode.density,
        )
        size_v = tried.share * jnp.maximum(jnp.max(jnp.abs(step_v)), jnp.abs(top_v))
        diagonal = compute_diagonal(stencil)
        weight = jnp.where(diagonal > 0.0, 1.0 / jnp.where(diagonal > 0.0, diagonal, 1.0), 0.0)
        before = jnp.sum(weight * missing_a**2)
        fall = jnp.sqrt(jnp.sum(weight * tried.currents.missing_a**2) / before)
        whole = (tried.share == 1.0) & (before > 0.0)
        return _Round(
            state=moved,
            currents=tried.currents,
            error_v=size_v * jnp.where(whole, jnp.minimum(fall, 1.0), 1.0),
            linear_status=jnp.max(pair.status),
            rounds=now.rounds + 1,
            iterations=now.iterations + jnp.sum(pair.iterations),
        )

    first = _Round(
        state=start,
        currents=evaluate(start),
        error_v=jnp.asarray(jnp.inf),
        linear_status=jnp.asarray(int(SolveStatus.SOLVED)),
        rounds=jnp.asarray(0),
        iterations=jnp.asarray(0),
    )
    last = jax.lax.while_loop(goes_on, go_round, first)
    is_finite = jnp.isfinite(last.state.anode_top_v) & jnp.all(
        jnp.isfinite(last.currents.missing_a)
    )
    unsolved = jnp.where(
        last.linear_status == int(SolveStatus.SOLVED),
        int(SolveStatus.NOT_CONVERGED),
        last.linear_status,
    )
    status = jnp.where(last.error_v <= tolerance_v, int(SolveStatus.SOLVED), unsolved)
    return TermSolution(
        state=last.state,
        currents=last.currents,
        status=jnp.where(is_finite, status, int(SolveStatus.NOT_FINITE)),
        rounds=last.rounds,
        iterations=last.iterations,
        error_v=last.error_v,
    )
