"""Transport over a span of time, in steps that keep their error below what is tolerated."""

from collections.abc import Callable
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial
from jax.typing import ArrayLike

from physics.fields.sdirk import NODES, RunStatus, judge_step
from physics.fields.transport import TransportInputs, TransportSetting, TransportState
from physics.fields.transport_step import step_transport
from physics.precision import strengthen

# A stage that cannot be solved in steps this short cannot be solved. Design value.
_SHORTEST_STEP_S: Final = 1e-6


class TransportRun(NamedTuple):
    """Where a run ended, how, and what happened on the way."""

    state: TransportState
    time_s: Array  # scalar
    step_s: Array  # scalar, to try next
    status: Array  # scalar, of RunStatus
    steps: Array  # scalar
    rejected: Array  # scalar
    rounds: Array  # scalar
    dissolved_kg: Array  # (nx, ny, nz), alumina gone into solution
    shortfall_kg: Array  # (nx, ny, nz), consumption that found no alumina
    alf3_lost_kg: Array  # (nx, ny, nz)


def lead_inputs(
    begin: TransportInputs, end: TransportInputs, start_s: ArrayLike, end_s: ArrayLike
) -> Callable[[Array], TransportInputs]:
    """Drive a run by inputs that change linearly in time, from `begin` to `end`.

    What is switched on or off within a run could be stepped over: begin a new run there.
    """
    arrays = strengthen((begin, end, jnp.asarray(start_s, float), jnp.asarray(end_s, float)))
    return Partial(_mix, *arrays)  # type: ignore[no-untyped-call]


def _mix(
    begin: TransportInputs, end: TransportInputs, start_s: Array, end_s: Array, time_s: Array
) -> TransportInputs:
    share = (time_s - start_s) / (end_s - start_s)
    mixed: TransportInputs = jax.tree.map(lambda a, b: a + (b - a) * share, begin, end)
    return mixed


def run_transport(
    setting: TransportSetting,
    state: TransportState,
    drive: Callable[[Array], TransportInputs],
    start_s: ArrayLike,
    end_s: ArrayLike,
    first_step_s: ArrayLike,
    tolerance_wt_pct: ArrayLike = 1e-2,
    most_steps: ArrayLike = 10_000,
) -> TransportRun:
    """Run from one time to another.

    Args:
        setting: of the bath.
        state: masses at the start.
        drive: gives the inputs at a time, s; a `jax.tree_util.Partial` of a function and the
            arrays that it needs (see `lead_inputs`), so that other arrays do not compile anew.
        start_s: time at the start.
        end_s: time at the end.
        first_step_s: to try first.
        tolerance_wt_pct: error of one step that is tolerated, root mean square over the bath.
        most_steps: steps at most, rejected ones included.

    Returns:
        The run, as far as it came.
    """
    times = (jnp.asarray(one, dtype=float) for one in (start_s, end_s, first_step_s))
    run: TransportRun = run_compiled(
        setting,
        strengthen(state),
        drive,
        *times,
        jnp.asarray(tolerance_wt_pct, dtype=float),
        jnp.asarray(most_steps, dtype=int),
    )
    return run


@jax.jit
def run_compiled(
    setting: TransportSetting,
    state: TransportState,
    drive: Callable[[Array], TransportInputs],
    start_s: Array,
    end_s: Array,
    first_step_s: Array,
    tolerance_wt_pct: Array,
    most_steps: Array,
) -> TransportRun:
    """What `run_transport` runs, with arrays for all arguments; it compiles once for a shape."""

    def goes_on(run: TransportRun) -> Array:
        # the status stands at "used up" while the run goes on
        is_open = run.status == int(RunStatus.MOST_STEPS_USED)
        return is_open & (run.steps + run.rejected < most_steps)

    def advance(run: TransportRun) -> TransportRun:
        left_s = end_s - run.time_s
        is_last = run.step_s >= left_s
        dt_s = jnp.where(is_last, left_s, run.step_s)
        inputs = jax.vmap(drive)(run.time_s + jnp.asarray(NODES) * dt_s)
        step = step_transport(setting, run.state, inputs, dt_s, tolerance_wt_pct)
        verdict = judge_step(step.error_norm, dt_s, step.is_solved)
        taken = verdict.is_accepted

        def take(new: Array, old: Array) -> Array:
            return jnp.where(taken, new, old)

        status = jnp.select(
            [
                ~jnp.isfinite(step.error_norm),
                ~taken & (dt_s <= _SHORTEST_STEP_S),
                taken & is_last,
            ],
            [
                jnp.asarray(int(one), dtype=int)
                for one in (RunStatus.NOT_FINITE, RunStatus.NOT_SOLVED, RunStatus.DONE)
            ],
            run.status,
        )
        return TransportRun(
            state=jax.tree.map(take, step.state, run.state),
            time_s=take(jnp.where(is_last, end_s, run.time_s + dt_s), run.time_s),
            # the piece left before the end says nothing about how long a step may be
            step_s=jnp.where(
                taken & is_last, jnp.maximum(run.step_s, verdict.next_step_s), verdict.next_step_s
            ),
            status=status,
            steps=run.steps + jnp.where(taken, 1, 0),
            rejected=run.rejected + jnp.where(taken, 0, 1),
            rounds=run.rounds + step.rounds,
            dissolved_kg=take(run.dissolved_kg + dt_s * step.dissolving_kg_per_s, run.dissolved_kg),
            shortfall_kg=take(run.shortfall_kg + dt_s * step.shortfall_kg_per_s, run.shortfall_kg),
            alf3_lost_kg=take(run.alf3_lost_kg + dt_s * step.alf3_lost_kg_per_s, run.alf3_lost_kg),
        )

    none = jnp.asarray(0, dtype=int)
    nothing = jnp.zeros_like(state.dissolved_kg)
    last: TransportRun = jax.lax.while_loop(
        goes_on,
        advance,
        TransportRun(
            state=state,
            time_s=start_s,
            step_s=first_step_s,
            status=jnp.asarray(int(RunStatus.MOST_STEPS_USED), dtype=int),
            steps=none,
            rejected=none,
            rounds=none,
            dissolved_kg=nothing,
            shortfall_kg=nothing,
            alf3_lost_kg=nothing,
        ),
    )
    return last
