"""Transport in time: a step of two implicit stages, which loses nothing and ends above nothing."""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coarsening import Plan
from physics.fields.sdirk import GAMMA, WEIGHTS, estimate_error
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Stencil
from physics.fields.transport import (
    TransportInputs,
    TransportSetting,
    TransportState,
    compute_liquid_m3,
    compute_open_conductances,
    stack_solutes,
)
from physics.fields.transport_stage import TransportStage, measure_wt_pct, solve_transport_stage

_FILTER_TOLERANCE: Final = 1e-2  # of the error estimate: two figures are plenty


# How much an error of dissolved alumina, undissolved alumina and AlF3 counts. Design values: where
# ice melts, bath has no AlF3 until it has mixed, and 0.1 wt% of it moves a liquidus by 0.5 K.
SOLUTE_WEIGHTS: Final = (1.0, 1.0, 0.1)


class TransportStep(NamedTuple):
    """A step in time; flows are means over it, (nx, ny, nz)."""

    state: TransportState  # at its end
    error_norm: Array  # scalar; 1 is what is tolerated
    is_solved: Array  # scalar, bool
    rounds: Array  # scalar
    dissolving_kg_per_s: Array  # alumina into solution, which takes heat from the bath
    shortfall_kg_per_s: Array  # consumption that found no alumina
    alf3_lost_kg_per_s: Array


class _Flows(NamedTuple):
    dissolving: Array
    used: Array
    alf3_lost: Array


def step_transport(
    setting: TransportSetting,
    state: TransportState,
    inputs: TransportInputs,
    step_s: ArrayLike,
    tolerance_wt_pct: ArrayLike = 1e-2,
    plan: Plan | None = None,
) -> TransportStep:
    """Advance the masses by one step.

    Args:
        setting: of the bath.
        state: masses at the start.
        inputs: at both stages, (2, ...) each.
        step_s: dt.
        tolerance_wt_pct: error of the step that is tolerated, root mean square over the bath.
        plan: how the linear solves coarsen, see `solve_stencil`.

    Returns:
        The step. No mass ends below 0: what lies below counts as an error of the step like any
        other, over the bath, and what is small enough to be tolerated is taken from the other
        boxes, or from what was used.
    """
    dt = jnp.asarray(step_s)
    guess = stack_solutes(state) / compute_liquid_m3(setting, inputs.liquid_share[0])[None]

    def advance(
        before: tuple[TransportState, Array], stage: tuple[Array, TransportInputs]
    ) -> tuple[tuple[TransportState, Array], TransportStage]:
        rate, start = before
        weight, now = stage
        known = advance_masses(state, rate, weight * dt)
        found = solve_transport_stage(setting, known, start, now, dt, tolerance_wt_pct, plan)
        return (found.rate, found.concentration_kg_per_m3), found

    still = jax.tree.map(jnp.zeros_like, state)
    weights = jnp.asarray([0.0, WEIGHTS[0]])
    _, stages = jax.lax.scan(advance, (still, guess), (weights, inputs))
    return finish_transport_step(setting, state, stages, inputs, dt, tolerance_wt_pct, plan)


def finish_transport_step(
    setting: TransportSetting,
    state: TransportState,
    stages: TransportStage,
    inputs: TransportInputs,
    step_s: ArrayLike,
    tolerance_wt_pct: ArrayLike,
    plan: Plan | None = None,
) -> TransportStep:
    """Put two stages together; of `step_transport`, for who solves other fields between them.

    Args:
        setting: of the bath.
        state: masses at the start.
        stages: both stages, (2, ...) each.
        inputs: at both stages, (2, ...) each.
        step_s: dt.
        tolerance_wt_pct: as the stages had it.

    Returns:
        The step, as `step_transport` gives it.
    """
    dt = jnp.asarray(step_s)

    def mean(field: Array) -> Array:
        return WEIGHTS[0] * field[0] + WEIGHTS[1] * field[1]

    moved = advance_masses(state, jax.tree.map(mean, stages.rate), dt)
    error_wt_pct = _measure_error(setting, moved, stages.rate, inputs.liquid_share[1], dt, plan)
    exchange, shortfall = stages.terms.exchange, stages.terms.shortfall_kg_per_s
    flows = _Flows(
        dissolving=mean(exchange.dissolving_kg_per_s + exchange.returning_kg_per_s),
        used=mean(inputs.consumption_kg_per_s - shortfall),
        alf3_lost=mean(stages.terms.alf3_lost_kg_per_s),
    )
    moved, flows = _make_good(moved, flows, dt)
    return TransportStep(
        state=moved,
        error_norm=error_wt_pct / jnp.asarray(tolerance_wt_pct),
        is_solved=jnp.all(stages.is_solved),
        rounds=jnp.sum(stages.rounds),
        dissolving_kg_per_s=flows.dissolving,
        shortfall_kg_per_s=mean(inputs.consumption_kg_per_s) - flows.used,
        alf3_lost_kg_per_s=flows.alf3_lost,
    )


def advance_masses(
    state: TransportState, rate: TransportState, time_s: ArrayLike
) -> TransportState:
    """Masses after a time at a rate."""
    time = jnp.asarray(time_s)
    moved: TransportState = jax.tree.map(lambda mass, one: mass + time * one, state, rate)
    return moved


def _measure_error(
    setting: TransportSetting,
    moved: TransportState,
    rates: TransportState,
    liquid_share: Array,
    dt: Array,
    plan: Plan | None,
) -> Array:
    """Error of a step, wt%, without what diffuses away within it.

    A box at the front that begins a step out of balance with its neighbours is in balance at the
    step's end, however long the step is, while the stages' rates differ as if it mattered. The
    estimate goes through the operator of a stage once more, which leaves of it what lasts.

    Source:
        Shampine 1984, for stiff systems: the filtered error estimate.
    """
    solutes = jnp.stack(rates[:3], axis=1)  # (2, 3, nx, ny, nz)
    error_kg = estimate_error(solutes[0], solutes[1], dt)
    volume_m3 = compute_liquid_m3(setting, liquid_share)
    conductance = compute_open_conductances(setting, liquid_share)
    stencil = Stencil(volume_m3 / (GAMMA * dt), conductance)

    def settle(right: Array) -> Array:
        solution = solve_stencil(
            stencil, right, jnp.zeros_like(right), _FILTER_TOLERANCE, plan=plan
        )
        still: Array = solution.field
        return still

    lasting_kg = volume_m3[None] * jax.lax.map(settle, error_kg / (GAMMA * dt))
    missing_kg = jnp.maximum(-stack_solutes(moved), 0.0)
    errors = jnp.stack([measure_wt_pct(setting, kg) for kg in (lasting_kg, missing_kg)])
    return jnp.max(errors * jnp.asarray(SOLUTE_WEIGHTS)[None])


def _make_good(state: TransportState, flows: _Flows, dt: Array) -> tuple[TransportState, _Flows]:
    # a reservoir that is used up ends a little below 0: it has given more than it had, and what it
    # gave to takes less
    undissolved, owed_undissolved = _level(state.undissolved_kg)
    sludge, owed_sludge = _level(state.sludge_kg)
    owed = owed_undissolved + owed_sludge
    dissolved, unused = _level(state.dissolved_kg, owed)
    alf3, kept = _level(state.alf3_kg)
    return TransportState(dissolved, undissolved, alf3, sludge), _Flows(
        dissolving=_lessen(flows.dissolving, owed / dt),
        used=_lessen(flows.used, unused / dt),
        alf3_lost=_lessen(flows.alf3_lost, kept / dt),
    )


def _level(mass_kg: Array, owed_kg: ArrayLike = 0.0) -> tuple[Array, Array]:
    # what is below 0, and what is owed, comes from what is above in proportion; and what is lacking
    above = jnp.maximum(mass_kg, 0.0)
    sum_above, left = jnp.sum(above), jnp.sum(mass_kg) - jnp.asarray(owed_kg)
    share = jnp.maximum(left, 0.0) / jnp.where(sum_above > 0.0, sum_above, 1.0)
    return above * share, jnp.maximum(-left, 0.0)


def _lessen(flow: Array, by: Array) -> Array:
    total = jnp.sum(flow)
    return flow * (1.0 - by / jnp.where(total > 0.0, total, 1.0))
