"""One step of the heat in time: two implicit stages, and what they make of the boxes."""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coarsening import Plan
from physics.fields.grid import compute_volumes_m3
from physics.fields.heat import Contents, HeatInputs, HeatSetting, HeatState
from physics.fields.heat_balance import find_fronts
from physics.fields.heat_sorting import sort_boxes
from physics.fields.heat_stage import (
    HeatStage,
    make_scales,
    solve_stage,
)
from physics.fields.sdirk import GAMMA, WEIGHTS, compute_norm, estimate_error
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Stencil

# How far a front may go on in the next box within a step: the next learns of it only at the step's
# end. Design value, in boxes: what is more than one box would have to be passed on twice.
MOST_BEYOND: Final = 1.0
_FILTER_TOLERANCE = 1e-2  # of the error estimate: two figures are plenty
_STAGE_SHARE = 0.05  # of the tolerance, for what a stage leaves unsolved; design value


class HeatStep(NamedTuple):
    """A step in time."""

    state: HeatState  # at its end
    frozen_per_s: Array  # (nx, ny, nz), at its end, where a front stands in its box
    error_norm: Array  # scalar; 1 is what is tolerated
    is_solved: Array  # scalar, bool
    is_finite: Array  # scalar, bool, whether all that went in is
    source_j: Array  # scalar, of the sources in the step
    outside_j: Array  # scalar, to the surroundings
    rounds: Array  # scalar
    iterations: Array  # scalar


def step_heat(
    setting: HeatSetting,
    state: HeatState,
    inputs_at_stages: HeatInputs,
    step_s: ArrayLike,
    tolerance_c: ArrayLike,
    plan: Plan | None = None,
) -> HeatStep:
    """Step what the boxes hold.

    Args:
        setting: of the domain.
        state: at the step's start.
        inputs_at_stages: at the times of `sdirk.NODES`, stacked: every array has one more axis, of
            2, in front.
        step_s: dt.
        tolerance_c: error that is tolerated, K, root mean square over the boxes.
        plan: how the linear solves coarsen, see `solve_stencil`.

    Returns:
        The step. What it ends with is summed up from flows between boxes, so that no heat is lost
        however well the stages are solved.
    """
    dt = jnp.asarray(step_s)
    last_liquidus_c = inputs_at_stages.liquidus_c[1]
    scales = make_scales(setting, state, tolerance_c, last_liquidus_c)
    tight = jax.tree.map(lambda scale: _STAGE_SHARE * scale, scales)
    held = Contents(state.sensible_j_per_m3, state.ice_sensible_j_per_m3, state.frozen_share)

    fronts = find_fronts(setting, state)

    def add(rates: Contents, duration: ArrayLike, to: Contents) -> Contents:
        return Contents(*(a + duration * b for a, b in zip(to, rates, strict=True)))

    def solve(
        carry: tuple[Contents, HeatState], inputs: HeatInputs
    ) -> tuple[tuple[Contents, HeatState], HeatStage]:
        known, guess = carry
        stage = solve_stage(setting, known, guess, inputs, dt, tight, plan, fronts)
        return (add(stage.balance.rates, (1.0 - GAMMA) * dt, known), stage.state), stage

    (_, found), stages = jax.lax.scan(solve, (held, state), inputs_at_stages)
    early, late = (Contents(*(rate[number] for rate in stages.balance.rates)) for number in (0, 1))
    after = add(late, WEIGHTS[1] * dt, add(early, WEIGHTS[0] * dt, held))
    error = Contents(*(estimate_error(*pair, dt) for pair in zip(early, late, strict=True)))
    lasting_c = _filter(setting, error.sensible_j_per_m3, stages.operator, dt, plan)
    beyond = jnp.where(
        setting.can_freeze,
        jnp.abs(after.frozen_share - jnp.clip(after.frozen_share, 0.0, 1.0)),
        0.0,
    )
    error_norm = jnp.max(
        jnp.stack(
            [
                jnp.sqrt(jnp.mean(lasting_c**2)) / jnp.asarray(tolerance_c),
                compute_norm(error.frozen_share, scales.frozen_share),
                (jnp.max(beyond) / MOST_BEYOND) ** 2,  # the next step is chosen by its root
            ]
        )
    )
    ended = state._replace(
        sensible_j_per_m3=after.sensible_j_per_m3,
        ice_sensible_j_per_m3=after.ice_sensible_j_per_m3,
        frozen_share=after.frozen_share,
        temperature_c=found.temperature_c,
        ice_c=found.ice_c,
    )

    def add_up(both: Array) -> Array:
        return dt * (WEIGHTS[0] * both[0] + WEIGHTS[1] * both[1])

    return HeatStep(
        state=sort_boxes(setting, ended, last_liquidus_c),
        frozen_per_s=late.frozen_share,
        error_norm=error_norm,
        is_solved=jnp.all(stages.norm <= 1.0),
        is_finite=jnp.isfinite(jnp.sum(state.sensible_j_per_m3)) & _are_finite(inputs_at_stages),
        source_j=add_up(stages.balance.source_w),
        outside_j=add_up(stages.balance.outside_w),
        rounds=jnp.sum(stages.rounds),
        iterations=jnp.sum(stages.iterations),
    )


def _filter(
    setting: HeatSetting, error: Array, operators: Stencil, dt: Array, plan: Plan | None
) -> Array:
    """Error of the temperatures, K, without what conduction levels within the step.

    A box that begins a step out of balance with its neighbours, such as one that has just opened,
    is in balance at the step's end, however long the step is, while the stages' rates differ as if
    it mattered. So the estimate goes through the operator of the last stage once more.

    Source:
        Shampine 1984, for stiff systems: the filtered error estimate.
    """
    operator = jax.tree.map(lambda both: both[1], operators)
    right = compute_volumes_m3(setting.grid) / (GAMMA * dt) * error
    solution = solve_stencil(operator, right, jnp.zeros_like(right), _FILTER_TOLERANCE, plan=plan)
    lasting: Array = solution.field
    return lasting


def _are_finite(inputs: HeatInputs) -> Array:
    sums = [jnp.sum(leaf) for leaf in jax.tree_util.tree_leaves(inputs)]
    return jnp.isfinite(jnp.sum(jnp.stack(sums)))
