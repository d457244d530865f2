"""The heat over a span of time, in steps that keep their error below what is tolerated."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial
from jax.typing import ArrayLike

from physics.fields.coarsening import Plan
from physics.fields.heat import HeatInputs, HeatSetting, HeatState
from physics.fields.heat_step import step_heat
from physics.fields.sdirk import NODES, RunStatus, judge_step

# A stage that cannot be solved in steps this short cannot be solved. Design value.
_SHORTEST_STEP_S = 1e-6


class HeatRun(NamedTuple):
    """Where a run ended, and how; all but the fields are scalars."""

    state: HeatState
    time_s: Array
    step_s: Array  # to try next
    status: Array  # of RunStatus
    steps: Array
    rejected: Array
    rounds: Array
    iterations: Array
    source_j: Array  # of the sources over the run
    outside_j: Array  # to the surroundings


def hold(inputs: HeatInputs) -> Callable[[Array], HeatInputs]:
    """Drive a run by inputs that stay as they are."""
    return Partial(_give, inputs)  # type: ignore[no-untyped-call]


def _give(inputs: HeatInputs, time_s: Array) -> HeatInputs:
    del time_s
    return inputs


@partial(jax.jit, static_argnames="plan")
def run_heat(
    setting: HeatSetting,
    state: HeatState,
    drive: Callable[[Array], HeatInputs],
    start_s: ArrayLike,
    end_s: ArrayLike,
    first_step_s: ArrayLike,
    tolerance_c: ArrayLike = 0.1,
    most_steps: ArrayLike = 10_000,
    plan: Plan | None = None,
) -> HeatRun:
    """Run from one time to another.

    Args:
        setting: of the domain.
        state: at the start.
        drive: gives the inputs at a time, s; a `jax.tree_util.Partial` of a function and the
            arrays that it needs (see `hold`), so that other arrays do not compile anew.
        start_s: time at the start.
        end_s: time at the end.
        first_step_s: to try first.
        tolerance_c: error of one step that is tolerated, K, root mean square over the boxes.
        most_steps: steps at most, rejected ones included.
        plan: how the linear solves coarsen, see `solve_stencil`.

    Returns:
        The run, as far as it came.
    """
    end = jnp.asarray(end_s, dtype=float)

    def goes_on(run: HeatRun) -> Array:
        return (run.time_s < end) & (run.status == int(RunStatus.MOST_STEPS_USED))

    def advance(run: HeatRun) -> HeatRun:
        left = end - run.time_s
        is_last = run.step_s >= left
        dt = jnp.where(is_last, left, run.step_s)
        times = run.time_s + jnp.asarray(NODES) * dt
        step = step_heat(setting, run.state, jax.vmap(drive)(times), dt, tolerance_c, plan)
        verdict = judge_step(step.error_norm, dt, step.is_solved)
        taken = verdict.is_accepted
        # the status stands at "used up" while the run goes on
        status = jnp.where(
            ~step.is_finite,
            int(RunStatus.NOT_FINITE),
            jnp.where(
                ~taken & (dt <= _SHORTEST_STEP_S),
                int(RunStatus.NOT_SOLVED),
                run.status,
            ),
        )
        return HeatRun(
            state=jax.tree.map(lambda new, old: jnp.where(taken, new, old), step.state, run.state),
            time_s=jnp.where(taken, jnp.where(is_last, end, run.time_s + dt), run.time_s),
            # the piece left before the end says nothing about how long a step may be
            step_s=jnp.where(
                taken & is_last, jnp.maximum(run.step_s, verdict.next_step_s), verdict.next_step_s
            ),
            status=status,
            steps=run.steps + taken,
            rejected=run.rejected + ~taken,
            rounds=run.rounds + step.rounds,
            iterations=run.iterations + step.iterations,
            source_j=run.source_j + jnp.where(taken, step.source_j, 0.0),
            outside_j=run.outside_j + jnp.where(taken, step.outside_j, 0.0),
        )

    none = jnp.asarray(0)
    last = jax.lax.while_loop(
        lambda run: goes_on(run) & (run.steps + run.rejected < most_steps),
        advance,
        HeatRun(
            state=state,
            time_s=jnp.asarray(start_s, dtype=float),
            step_s=jnp.asarray(first_step_s, dtype=float),
            status=jnp.asarray(int(RunStatus.MOST_STEPS_USED)),
            steps=none,
            rejected=none,
            rounds=none,
            iterations=none,
            source_j=jnp.asarray(0.0),
            outside_j=jnp.asarray(0.0),
        ),
    )
    is_done = (last.status == int(RunStatus.MOST_STEPS_USED)) & (last.time_s >= end)
    return last._replace(status=jnp.where(is_done, int(RunStatus.DONE), last.status))
