"""What a full-order cell does while all its drives move: the samples a reduced cell learns from.

A plan says where current, gap, AlF3 and ambient go and which alumina is wanted. The feed follows a
simple rule on the cell's own alumina, for an open-loop feed leaves every range within a shift.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.efficiency import compute_oxide_use_kg_per_s
from physics.fields.coupled_run import CoupledRun, run_coupled
from physics.fields.coupled_step import Tolerances
from physics.fields.coupled_summary import measure_ledge_m, summarise
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.heat import compute_temperature_c
from physics.fields.sdirk import RunStatus

_FEED_RETURN_S: Final = 3600.0  # design value: so soon the feed makes up what alumina lacks
_MOST_FEED: Final = 2.0  # design value, of what is consumed: both feeders at their quickest
_NARROWEST: Final = 0.5  # design value: a plan moves over this share of each range at least
_SINES: Final = 3
_PERIODS_H: Final = (3.0, 48.0)  # design value: from a feeding cycle to a change of shift crew


class PlanRanges(NamedTuple):
    """Lowest and highest of what a plan asks for; (2,) each."""

    line_current_ka: Array
    acd_cm: Array
    alumina_wt_pct: Array
    alf3_kg_per_h: Array
    ambient_temperature_c: Array


class Samples(NamedTuple):
    """Of a full-order cell at S instants, S first; the fields are flat."""

    drives: Array  # (S, 5), in the order of field_cell.DRIVES
    masses_kg: Array  # (S, 4), in the order of field_cell.MASSES
    alumina_wt_pct: Array
    excess_alf3_wt_pct: Array
    bath_temperature_c: Array
    cell_voltage_v: Array
    ledge_m: Array  # (S, M)
    temperature_c: Array  # (S, N)
    status: Array  # of RunStatus


def plan_lines(key: Array, ranges: PlanRanges, t_s: Array, knot_s: ArrayLike) -> Array:
    """Straight lines between knots that fill every range evenly (Latin hypercube).

    Args:
        key: of the random numbers.
        ranges: what is asked for.
        t_s: (S,) rising from 0.
        knot_s: between knots; each drive has its own phase.

    Returns:
        (S, 5) in the order of `PlanRanges`.
    """
    count = int(jnp.ceil(t_s[-1] / jnp.asarray(knot_s))) + 2
    knots_s = jnp.arange(count) * jnp.asarray(knot_s)

    def one(key: Array) -> Array:
        order, inside, phase, width = jax.random.split(key, 4)
        stratum = jax.random.permutation(order, count)
        level = (stratum + jax.random.uniform(inside, (count,))) / count
        begin_s = jax.random.uniform(phase) * jnp.asarray(knot_s)
        return _narrow(width, jnp.interp(t_s + begin_s, knots_s, level))

    return _scale(ranges, jax.vmap(one)(jax.random.split(key, len(ranges))).T)


def plan_sines(key: Array, ranges: PlanRanges, t_s: Array) -> Array:
    """Sums of sines of random periods and phases: other shapes than `plan_lines`, to test with.

    Args:
        key: of the random numbers.
        ranges: what is asked for.
        t_s: (S,) rising from 0.

    Returns:
        (S, 5) in the order of `PlanRanges`.
    """

    def one(key: Array) -> Array:
        period, phase, size, width = jax.random.split(key, 4)
        low_s, high_s = (3600.0 * hours for hours in _PERIODS_H)
        period_s = low_s * (high_s / low_s) ** jax.random.uniform(period, (_SINES,))
        turns = t_s[:, None] / period_s[None, :] + jax.random.uniform(phase, (1, _SINES))
        share = jax.random.uniform(size, (_SINES,), minval=0.3)
        wave = jnp.sin(2.0 * jnp.pi * turns) @ (share / share.sum())
        return _narrow(width, 0.5 + 0.5 * wave)

    return _scale(ranges, jax.vmap(one)(jax.random.split(key, len(ranges))).T)


@jax.jit
def sample_run(
    setting: CoupledSetting,
    run: CoupledRun,
    drives: Drives,
    plan: Array,
    every_s: ArrayLike,
    tolerances: Tolerances,
) -> tuple[CoupledRun, Drives, Samples]:
    """Run a full-order cell along a plan, one sample at the end of each interval.

    Args:
        setting: of the cell.
        run: at the plan's beginning.
        drives: there.
        plan: (S, 5) at the ends of the intervals, in the order of `PlanRanges`.
        every_s: length of an interval.
        tolerances: of each step.

    Returns:
        The run and the drives at the end, and the samples; from the first whose status is not DONE
        on they mean nothing.
    """

    def go_on(
        carried: tuple[CoupledRun, Drives], wanted: Array
    ) -> tuple[tuple[CoupledRun, Drives], Samples]:
        run, before = carried
        after = _follow(setting, run, before, wanted)
        moved = run_coupled(setting, run, before, after, every_s, tolerances)
        failed = (run.status != int(RunStatus.DONE)) | (moved.status != int(RunStatus.DONE))
        status = jnp.where(run.status != int(RunStatus.DONE), run.status, moved.status)
        moved = moved._replace(status=jnp.where(failed, status, int(RunStatus.DONE)))
        return (moved, after), take_sample(setting, moved, after)

    (run, drives), samples = jax.lax.scan(go_on, (run, drives), plan)
    return run, drives, samples


def take_sample(setting: CoupledSetting, run: CoupledRun, drives: Drives) -> Samples:
    """What a reduced cell learns of one instant."""
    figures = summarise(setting, run, drives)
    temperature_c = compute_temperature_c(setting.heat, run.state.heat)
    return Samples(
        drives=jnp.stack(
            [
                drives.line_current_ka,
                drives.acd_cm,
                3600.0 * drives.feed_kg_per_s,
                3600.0 * drives.alf3_kg_per_s,
                drives.ambient_temperature_c,
            ]
        ),
        masses_kg=jnp.stack(
            [
                figures.dissolved_kg,
                figures.undissolved_kg,
                figures.sludge_kg,
                figures.excess_alf3_kg,
            ]
        ),
        alumina_wt_pct=figures.alumina_wt_pct,
        excess_alf3_wt_pct=figures.excess_alf3_wt_pct,
        bath_temperature_c=figures.bath_temperature_c,
        cell_voltage_v=figures.cell_voltage_v,
        ledge_m=measure_ledge_m(setting, run).ravel(),
        temperature_c=temperature_c.ravel(),
        status=run.status,
    )


def _follow(setting: CoupledSetting, run: CoupledRun, before: Drives, wanted: Array) -> Drives:
    """Drives at an interval's end: as planned, and the feed that brings alumina to its goal."""
    figures = summarise(setting, run, before)
    current_ka, acd_cm, alumina, alf3_kg_per_h, ambient_c = wanted
    use = compute_oxide_use_kg_per_s(setting.parameters, current_ka, figures.current_efficiency)
    lacking_kg = 0.01 * figures.liquid_bath_kg * (alumina - figures.alumina_wt_pct)
    feed = jnp.clip(use + lacking_kg / _FEED_RETURN_S, 0.0, _MOST_FEED * use)
    return Drives(current_ka, acd_cm, feed, alf3_kg_per_h / 3600.0, ambient_c)


def _narrow(key: Array, level: Array) -> Array:
    """A level from 0 to 1, moved into a random part of that range."""
    width, place = jax.random.uniform(key, (2,))
    share = _NARROWEST + (1.0 - _NARROWEST) * width
    moved: Array = (1.0 - share) * place + share * level
    return moved


def _scale(ranges: PlanRanges, level: Array) -> Array:
    bounds = jnp.stack(list(ranges))
    low = jnp.broadcast_to(bounds[None, :, 0], level.shape)
    span = jnp.broadcast_to((bounds[:, 1] - bounds[:, 0])[None, :], level.shape)
    return low + level * span
