"""A cell over a stretch of time, in steps that keep their error below what is tolerated."""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coupled_step import (
    CoupledState,
    Tolerances,
    solve_instant,
    step_coupled,
)
from physics.fields.coupling import (
    CoupledSetting,
    Drives,
    compute_bath,
    compute_liquid_share,
    compute_reaction,
)
from physics.fields.heat_sorting import make_heat_state
from physics.fields.potential_solve import MOST_ROUNDS, TOLERANCE_V, init_potential
from physics.fields.sdirk import RunStatus, judge_step
from physics.fields.transport import TransportState, make_transport_state
from physics.precision import strengthen

SHORTEST_STEP_S: Final = 1e-4  # design value: nothing in a cell is as quick


class Ledger(NamedTuple):
    """What entered and left the boxes since the beginning; scalars."""

    source_j: Array
    outside_j: Array
    fed_kg: Array
    consumed_kg: Array
    alf3_added_kg: Array
    alf3_lost_kg: Array


class CoupledRun(NamedTuple):
    """A cell, how it came there, and how to go on."""

    state: CoupledState
    t_s: Array
    step_s: Array  # to try next
    status: Array  # of RunStatus, of the last stretch
    steps: Array
    rejected: Array
    ledger: Ledger


def begin_run(
    setting: CoupledSetting,
    temperature_c: Array,
    alumina_wt_pct: ArrayLike,
    excess_alf3_wt_pct: ArrayLike,
    drives: Drives,
    step_s: ArrayLike = 10.0,
) -> CoupledRun:
    """Begin with a cell at given temperatures and a mixed bath.

    Args:
        setting: of the cell.
        temperature_c: (nx, ny, nz); bath below its liquidus is frozen.
        alumina_wt_pct: dissolved, of the liquid.
        excess_alf3_wt_pct: of the liquid.
        drives: at the beginning.
        step_s: to try first.

    Returns:
        The run at time 0.
    """
    no_change = jnp.zeros(setting.transport.volume_m3.shape)
    mixed = make_transport_state(
        setting.transport,
        alumina_wt_pct,
        excess_alf3_wt_pct,
        jnp.where(setting.transport.is_bath, 1.0, 0.0),
    )
    all_liquid = jnp.where(setting.transport.is_bath, 1.0, 0.0)
    liquidus_c = compute_bath(setting, mixed, temperature_c, all_liquid, drives).liquidus_c
    heat = make_heat_state(setting.heat, temperature_c, liquidus_c)
    liquid_share = setting.window.cut(compute_liquid_share(setting, heat))
    solutes = mix_bath(setting, alumina_wt_pct, excess_alf3_wt_pct, liquid_share, drives)
    bath = compute_bath(setting, solutes, heat.temperature_c, liquid_share, drives)
    solution = solve_instant(
        setting,
        drives,
        bath,
        solutes,
        heat.temperature_c,
        liquid_share,
        init_potential(setting.potential),
        TOLERANCE_V,
        MOST_ROUNDS,
    )
    begun = CoupledRun(
        state=CoupledState(
            heat=heat,
            solutes=solutes,
            potential=solution.state,
            liquidus_c=liquidus_c,
            reaction=compute_reaction(setting, solution, bath.current_efficiency),
            cell_voltage_v=solution.cell_voltage_v,
            above_critical_share=solution.parts.above_critical_share,
            temperature_c_per_s=jnp.zeros_like(heat.temperature_c),
            liquid_share_per_s=no_change,
            consumption_per_s=no_change,
        ),
        t_s=jnp.zeros(()),
        step_s=jnp.asarray(step_s, dtype=float),
        status=jnp.asarray(int(RunStatus.DONE)),
        steps=jnp.asarray(0),
        rejected=jnp.asarray(0),
        ledger=Ledger(*([jnp.zeros(())] * len(Ledger._fields))),
    )
    return strengthen(begun)


def restart_ledger(run: CoupledRun) -> CoupledRun:
    """The same cell with its time, its counts and its ledger at 0."""
    none = jnp.zeros((), dtype=float)
    return run._replace(
        t_s=none,
        steps=jnp.asarray(0),
        rejected=jnp.asarray(0),
        ledger=Ledger(*([none] * len(Ledger._fields))),
    )


def mix_bath(
    setting: CoupledSetting,
    alumina_wt_pct: ArrayLike,
    excess_alf3_wt_pct: ArrayLike,
    liquid_share: Array,
    drives: Drives,
) -> TransportState:
    """A well-mixed bath that has been fed as it is now for long.

    Args:
        setting: of the cell.
        alumina_wt_pct: dissolved, of the liquid.
        excess_alf3_wt_pct: of the liquid.
        liquid_share: of the window's boxes.
        drives: as they have been.

    Returns:
        Masses: in suspension is what dissolves as fast as it falls in; there is no sludge.
    """
    transport, own = setting.transport, setting.parameters
    solutes = make_transport_state(transport, alumina_wt_pct, excess_alf3_wt_pct, liquid_share)
    slowly_kg_per_s = own.undissolved_fraction * drives.feed_kg_per_s * setting.feed_share
    leaving_per_s = own.dissolution_per_s + own.settling_per_s
    waiting_kg = jnp.sum(slowly_kg_per_s) / leaving_per_s
    liquid_m3 = jnp.where(transport.is_bath, liquid_share * transport.volume_m3, 0.0)
    return solutes._replace(undissolved_kg=waiting_kg * liquid_m3 / jnp.sum(liquid_m3))


def run_coupled(
    setting: CoupledSetting,
    run: CoupledRun,
    begin: Drives,
    end: Drives,
    duration_s: ArrayLike,
    tolerances: Tolerances,
    most_steps: ArrayLike = 10_000,
) -> CoupledRun:
    """Go on over a stretch in which every drive follows a straight line.

    Args:
        setting: of the cell.
        run: of `begin_run`, or the stretch before.
        begin: drives at the stretch's start.
        end: drives at its end.
        duration_s: of the stretch, above 0.
        tolerances: of each step's errors.
        most_steps: in this stretch, rejected ones included.

    Returns:
        The run at the stretch's end; where its status is not DONE, as far as it came.
    """
    # numbers of weak and of strong type would be compiled for apart
    given = strengthen((run, begin, end, tolerances))
    done: CoupledRun = _run(
        setting,
        *given,
        jnp.asarray(duration_s, dtype=float),
        jnp.asarray(most_steps, dtype=int),
    )
    return done


@jax.jit
def _run(
    setting: CoupledSetting,
    run: CoupledRun,
    begin: Drives,
    end: Drives,
    tolerances: Tolerances,
    duration_s: Array,
    most_steps: Array,
) -> CoupledRun:
    goal_s = run.t_s + duration_s
    start_s, used_before = run.t_s, run.steps + run.rejected
    going = int(RunStatus.MOST_STEPS_USED)

    def goes_on(now: CoupledRun) -> Array:
        used = now.steps + now.rejected - used_before
        return (now.t_s < goal_s) & (now.status == going) & (used < most_steps)

    def drives_at(t_s: Array) -> Drives:
        share = (t_s - start_s) / duration_s
        return Drives(*(a + share * (b - a) for a, b in zip(begin, end, strict=True)))

    def advance(now: CoupledRun) -> CoupledRun:
        left_s = goal_s - now.t_s
        # no crumb of a step at the end
        is_last = now.step_s >= left_s
        dt = jnp.where(is_last, left_s, jnp.minimum(now.step_s, jnp.maximum(0.5 * left_s, 1.0)))
        dt = jnp.where(is_last, dt, jnp.minimum(dt, left_s))
        first, last = drives_at(now.t_s), drives_at(now.t_s + dt)
        step = step_coupled(setting, now.state, first, last, dt, tolerances)
        judgement = judge_step(step.error_norm, dt, step.is_solved)
        good = judgement.is_accepted
        is_lost = ~good & (judgement.next_step_s < SHORTEST_STEP_S)
        lost = jnp.where(
            jnp.isfinite(step.error_norm), int(RunStatus.NOT_SOLVED), int(RunStatus.NOT_FINITE)
        )
        # a step cut short by the stretch's end says nothing against the one it was cut from
        next_s = jnp.where(
            good,
            jnp.maximum(judgement.next_step_s, jnp.where(is_last, now.step_s, 0.0)),
            judgement.next_step_s,
        )
        feed_kg = 0.5 * (first.feed_kg_per_s + last.feed_kg_per_s) * dt
        alf3_kg = 0.5 * (first.alf3_kg_per_s + last.alf3_kg_per_s) * dt
        booked = Ledger(
            step.source_j,
            step.outside_j,
            feed_kg * jnp.sum(setting.feed_share),
            step.consumed_kg,
            alf3_kg * jnp.sum(setting.alf3_share),
            step.alf3_lost_kg,
        )
        return CoupledRun(
            state=jax.tree.map(lambda new, old: jnp.where(good, new, old), step.state, now.state),
            t_s=jnp.where(good, jnp.where(is_last, goal_s, now.t_s + dt), now.t_s),
            step_s=next_s,
            status=jnp.where(is_lost, lost, going),
            steps=now.steps + good.astype(int),
            rejected=now.rejected + (~good).astype(int),
            ledger=jax.tree.map(
                lambda sum_, part: sum_ + jnp.where(good, part, 0.0), now.ledger, booked
            ),
        )

    last = jax.lax.while_loop(goes_on, advance, run._replace(status=jnp.asarray(going)))
    return last._replace(
        status=jnp.where(
            (last.status == going) & (last.t_s >= goal_s), int(RunStatus.DONE), last.status
        )
    )
